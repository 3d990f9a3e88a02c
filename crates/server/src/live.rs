//! Models in service. A newer file in a model's place is loaded, tried and swapped in while requests run; a file that
//! cannot be loaded changes nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use tidemill_core::{Context, Result};
use tidemill_engine::language::{BatchLimits, Precision};
use tidemill_engine::serve::answer::Answering;
use tidemill_engine::serve::serving::{Part, Serving};
use tidemill_store::Store;

use crate::batcher::Batcher;
use crate::error::Error;
use crate::rows::Columns;
use crate::telemetry::{ModelFigures, Telemetry};
use crate::trouble::{Repeated, StoreHealth};

/// One version of a model, with everything a request needs found beforehand.
pub struct Version {
    /// The model, and what its answers are recorded by.
    pub model: Answering,
    /// Answers small requests together, where that is quicker.
    pub batcher: Option<Batcher>,
    /// Its columns, ready for reading rows.
    pub columns: Columns,
    /// Its figures.
    pub figures: ModelFigures,
    /// When it went into service, in microseconds since 1970.
    pub since: i64,
}

/// What models are loaded by.
pub(crate) struct Loader {
    /// Numbers their versions.
    pub(crate) store: Store,
    /// Whether the store keeps rows.
    pub(crate) store_health: Arc<StoreHealth>,
    /// Has their figures.
    pub(crate) telemetry: Arc<Telemetry>,
    /// The secret of hashed columns.
    pub(crate) hash_key: Option<String>,
    /// In how many bits language models are held.
    pub(crate) precision: Precision,
    /// What their answers may take.
    pub(crate) together: BatchLimits,
    /// What is built-in, and how many threads there are.
    pub(crate) context: Context,
}

impl Loader {
    /// Whether a model could not be loaded because the store refuses; notes and says that it does.
    pub(crate) fn is_for_the_store(&self, e: &tidemill_core::Error) -> bool {
        static LINE: Repeated = Repeated::new();
        let is_store = e.code().starts_with("store");
        if is_store {
            self.store_health.refuse();
            if let Some(held_back) = LINE.due() {
                tracing::error!(error = %e, held_back, "no model can go into service while the store refuses");
            }
        }
        is_store
    }
}

/// A model in service.
pub struct Live {
    /// Its name.
    pub name: String,
    /// Its file.
    pub path: PathBuf,
    /// Whether it came from a watched folder, and goes with its file.
    pub watched: bool,
    version: ArcSwap<Version>,
    /// The file as it was when last looked at.
    seen: Mutex<Option<Stamp>>,
}

/// What changes when a file is replaced.
pub(crate) type Stamp = (SystemTime, u64, u64);

pub(crate) fn stamp(path: &Path) -> Option<Stamp> {
    let found = std::fs::metadata(path).ok()?;
    #[cfg(unix)]
    let inode = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let inode = 0;
    Some((found.modified().ok()?, found.len(), inode))
}

/// The longest name of a model, in characters.
const LONGEST_NAME: usize = 200;

/// Refuses a name that no address of the API can hold.
pub(crate) fn check_name(name: &str) -> Result<(), Error> {
    let odd = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let sound = !name.is_empty()
        && name.chars().count() <= LONGEST_NAME
        && name.trim() == name
        && !name.contains(odd)
        && !matches!(name, "." | "..");
    if sound { Ok(()) } else { Err(Error::Name { name: tidemill_core::escaped(name).into_owned() }) }
}

impl Live {
    /// Loads a model and records its version.
    pub(crate) fn open(path: &Path, name: Option<&str>, loader: &Loader) -> Result<Self> {
        let seen = Mutex::new(stamp(path));
        let serving = Serving::open(path, name, loader.hash_key.as_deref(), &loader.context)?;
        let name = serving.name.clone();
        check_name(&name)?;
        let version = ArcSwap::from_pointee(Version::new(serving, loader)?);
        Ok(Live { name, path: path.into(), watched: false, version, seen })
    }

    /// The same, its file named by another path.
    pub(crate) fn seen_at(self, path: PathBuf) -> Self {
        Live { path, ..self }
    }

    /// The same, found in a watched folder.
    pub(crate) fn of_folder(self) -> Self {
        Live { watched: true, ..self }
    }

    /// The version that answers now.
    pub fn version(&self) -> arc_swap::Guard<Arc<Version>> {
        self.version.load()
    }

    /// Looks whether there is a newer file, and puts it into service if it loads. Whether it did.
    pub(crate) fn refresh(&self, loader: &Loader) -> bool {
        // Held to the end: who looks while another loads wants to know how that ended, not that it began.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = stamp(&self.path);
        // What was not seen waits for the store.
        let waits = seen.is_none() && loader.store_health.refuses();
        if found.is_none() || *seen == found || waits {
            return false;
        }
        *seen = found;
        let loaded = Serving::open(&self.path, Some(&self.name), loader.hash_key.as_deref(), &loader.context);
        let version = loaded.and_then(|serving| Version::new(serving, loader));
        match version {
            Ok(version) if version.serving().hash == self.version().serving().hash => false,
            Ok(version) => {
                tracing::info!(model = self.name, version = version.short(), "a new version is in service");
                if let Some(how) = asks_otherwise(self.version().serving(), version.serving()) {
                    tracing::warn!(
                        model = self.name,
                        "requests to the former version do not fit the new one: {how}"
                    );
                }
                self.version.store(Arc::new(version));
                true
            }
            Err(e) => {
                // A broken file stays broken until it changes; of a store that is away this is said once, and tried again when it is back.
                match loader.is_for_the_store(&e) {
                    true => *seen = None,
                    false => tracing::error!(
                        model = self.name,
                        code = e.code(),
                        "the new model file cannot be used; the old version stays: {e}"
                    ),
                }
                false
            }
        }
    }
}

/// Why requests to the former version of a model do not fit the new one, where they do not.
fn asks_otherwise(former: &Serving, new: &Serving) -> Option<String> {
    if former.target() != new.target() {
        return Some(format!("it predicts '{}' instead of '{}'", new.target(), former.target()));
    }
    let is_known = |name: &str| former.columns.iter().any(|column| column.name == name);
    let asked = new.columns.iter().filter(|column| column.required && !is_known(&column.name));
    let asked: Vec<String> = asked.map(|column| format!("'{}'", column.name)).collect();
    (!asked.is_empty()).then(|| format!("it needs {} as well", asked.join(", ")))
}

impl Version {
    fn new(serving: Serving, loader: &Loader) -> Result<Self> {
        let columns = Columns::of(&serving);
        let model = Answering::new(serving, &loader.store)?;
        let serving = &model.serving;
        let figures = loader.telemetry.of_model(&serving.name, short(&serving.hash), &counted(serving));
        let batcher = serving.gains_by_batches().then(|| Batcher::start(serving.clone())).transpose()?;
        Ok(Version { model, batcher, columns, figures, since: crate::clock::now() })
    }

    /// The model itself.
    pub fn serving(&self) -> &Serving {
        &self.model.serving
    }

    /// The first digits of the hash: what people call the version.
    pub fn short(&self) -> &str {
        short(&self.serving().hash)
    }
}

/// What predictions are counted by: the classes; of several targets each as `target=class`.
fn counted(serving: &Serving) -> Vec<String> {
    if serving.parts.is_empty() {
        return serving.classes.clone();
    }
    let of_part = |part: &Part| {
        let target = part.serving.target().to_string();
        match part.serving.classes.as_slice() {
            [] => vec![target],
            classes => classes.iter().map(|class| format!("{target}={class}")).collect(),
        }
    };
    serving.parts.iter().flat_map(of_part).collect()
}

fn short(hash: &str) -> &str {
    &hash[..12.min(hash.len())]
}
