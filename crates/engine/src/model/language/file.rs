//! The model file of a language model: an adapter, and the name and hashes of its base.

use serde_json::{Value, json};
use tidemill_core::{Result, Schema, State};
use tidemill_language::Adapter;
use tidemill_package::{Manifest, Package};

use super::{GENERATION, KIND, Opened, VERSION, held};
use crate::model::versions::keep_version;

/// What a new version rests on.
#[derive(Clone, Debug)]
pub struct Origin {
    /// What the file says of how it came about, as JSON: through which feedback, the verdict, how much better.
    pub improved: Value,
    /// What it is, for people.
    pub card: String,
    /// Whether the file holds the base, too, so that it can be opened without it. A file that did goes on doing so.
    pub with_base: bool,
}

/// Puts an adapter into service in place of what `champion` is; gives the hash of the new version. A model file that was there is
/// kept in `versions` beside it.
///
/// # Errors
/// When the file cannot be written.
pub fn write(champion: &Opened, adapter: &Adapter, origin: Origin) -> Result<String> {
    let base = &champion.base;
    let inside = champion.place.holds_base();
    let name = match champion.about["base"]["path"].as_str().filter(|_| inside) {
        Some(name) => name.to_string(),
        None => base.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
    };
    let about = json!({
        "task": GENERATION,
        "family": base.family,
        "base": { "path": name, "files": base.files },
        "parent": champion.hash,
        "parent_is_file": champion.place.file.exists(),
        "improved": origin.improved,
    });
    let state = State { children: vec![adapter.state()], ..State::new(KIND, VERSION, json!({})) };
    let none = Schema::new(Vec::new())?;
    let recipe = match champion.place.recipe() {
        Some(file) => std::fs::read_to_string(&file).map_err(|e| tidemill_core::Error::io(&file, e))?,
        None => String::new(),
    };
    let package = Package::new(Manifest::new(about, &none, &none), recipe, state, origin.card);
    let package = match origin.with_base {
        _ if inside => held::add(package, held::of_file(&champion.place.file)?),
        true => held::add(package, held::of_base(base)?),
        false => package,
    };
    if champion.place.file.exists() {
        keep_version(&champion.place.file, &champion.hash)?;
    }
    Ok(tidemill_package::write(&champion.place.file, &package)?.sha256)
}
