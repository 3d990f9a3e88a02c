//! A large language model: a published checkpoint, and the adapter that is in service.
//!
//! The checkpoint never changes. What `improve` learns is a model file of its own, `NAME.tidemill` beside the checkpoint, which
//! holds an adapter and names its base by hashes; older ones are kept in `versions`, as those of any model.

mod base;
mod describe;
mod file;
mod held;
mod place;

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_core::{Error, Result, State};
use tidemill_language::{Adapter, Model, Precision};

pub use base::Base;
pub use describe::{Described, DescribedAdapter, describe};
pub use file::{Origin, write};
pub use place::Place;

use super::Learned;
use crate::files::sha256;

/// The kind of the state in a model file that holds an adapter.
pub(crate) const KIND: &str = "language_model";
const VERSION: u32 = 1;

/// What language models say their task is.
pub const GENERATION: &str = "generation";

/// A language model that is ready to run.
pub struct Opened {
    /// Where its parts lie.
    pub place: Place,
    /// The checkpoint.
    pub base: Arc<Base>,
    /// The checkpoint's weights.
    pub model: Arc<Model>,
    /// What was learned beside it.
    pub adapter: Option<Adapter>,
    /// SHA-256 of what names this version: the manifest of its model file, else the hashes of its parts.
    pub hash: String,
    /// The version that it was improved from.
    pub parent: Option<String>,
    /// What its file says of it.
    pub about: Value,
}

impl Opened {
    /// Opens what is in service at a place.
    ///
    /// # Errors
    /// When a file is missing or damaged, or the base is not the one that an adapter was tuned on.
    pub fn open(path: &Path) -> Result<Self> {
        Self::open_as(path, Precision::Float32)
    }

    /// The same with weights in this precision.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub fn open_as(path: &Path, precision: Precision) -> Result<Self> {
        let place = Place::of(path)?;
        let unpacked = if place.holds_base() { Some(held::unpack(&place.file)?) } else { None };
        let from = unpacked.as_ref().map_or(place.base.as_path(), |unpacked| &unpacked.path);
        let base = Base { path: place.base.clone(), ..Base::of(from)? };
        let model = Model::open_as(from, precision)?;
        Self::of(place, Arc::new(base), Arc::new(model))
    }

    /// What is in service now on the same base.
    ///
    /// # Errors
    /// As [`Opened::open`].
    pub fn again(&self) -> Result<Self> {
        Self::of(self.place.clone(), self.base.clone(), self.model.clone())
    }

    fn of(place: Place, base: Arc<Base>, model: Arc<Model>) -> Result<Self> {
        let named = json!({ "task": GENERATION, "family": base.family, "base": { "files": base.files } });
        if place.file.exists() {
            return Self::improved(place, base, model);
        }
        let (adapter, hash) = match &place.adapter {
            None => (None, base.hash()),
            Some(folder) => {
                let adapter = Adapter::load(folder, model.config())?;
                let tensors = adapter_hash(&adapter);
                (Some(adapter), sha256(format!("{}{tensors}", base.hash()).as_bytes()))
            }
        };
        Ok(Opened { place, base, model, adapter, hash, parent: None, about: named })
    }

    /// The version in the model file of a place.
    fn improved(place: Place, base: Arc<Base>, model: Arc<Model>) -> Result<Self> {
        let (package, info) = tidemill_package::open(&place.file)?;
        let about = package.manifest.about;
        let state = adapter_of(package.state)?;
        base.check(&about["base"], &place)?;
        let adapter = Adapter::of_state(state, model.config())?;
        let parent = about["parent"].as_str().map(String::from);
        Ok(Opened { place, base, model, adapter: Some(adapter), hash: info.sha256, parent, about })
    }

    /// The timestamp of the newest feedback that it rests on, in microseconds since 1970.
    pub fn through(&self) -> i64 {
        self.learned().through
    }

    /// What feedback it was made with.
    pub fn learned(&self) -> Learned {
        Learned::of_language(&self.about)
    }
}

/// The hash of what is in service at a place, without reading weights into memory; empty for an adapter's folder, whose hash is
/// that of its numbers.
///
/// # Errors
/// When a file cannot be read.
pub fn hash_at(place: &Place) -> Result<String> {
    if place.file.exists() {
        return Ok(tidemill_package::open(&place.file)?.1.sha256);
    }
    if place.adapter.is_some() { Ok(String::new()) } else { Ok(Base::of(&place.base)?.hash()) }
}

/// The adapter's part of a model file.
fn adapter_of(mut state: State) -> Result<State> {
    if (state.kind.as_str(), state.version) != (KIND, VERSION) {
        return Err(Error::state(KIND, format!("it is '{}', version {}", state.kind, state.version)));
    }
    state.children.pop().ok_or_else(|| Error::state(KIND, "it holds no adapter"))
}

/// A hash of the settings and numbers of an adapter.
fn adapter_hash(adapter: &Adapter) -> String {
    let state = adapter.state();
    let mut bytes = state.params.to_string().into_bytes();
    for (name, tensor) in &state.tensors {
        bytes.extend_from_slice(name.as_bytes());
        if let tidemill_core::TensorData::F32(values) = &tensor.data {
            bytes.extend(values.iter().flat_map(|x| x.to_le_bytes()));
        }
    }
    sha256(&bytes)
}
