//! A base stored in the model file itself: its files are entries next to those of the adapter.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tidemill_core::{Error, Result};
use tidemill_package::Package;

use super::base::{Base, ONE_FILE};
use super::{KIND, Place};

/// Names which file of a folder holds which tensors. It changes no answer, and so is not among the hashes.
const INDEX: &str = "model.safetensors.index.json";

/// The files of a base by name, in order, with their bytes.
pub(super) type Held = Vec<(String, Vec<u8>)>;

/// A base that was taken out of a model file, for as long as this lives.
pub(super) struct Unpacked {
    /// The folder or the GGUF file.
    pub(super) path: PathBuf,
    _folder: TempDir,
}

fn entry(i: usize) -> String {
    format!("base-{i:02}")
}

/// Puts a base into a package.
pub(super) fn add(mut package: Package, held: Held) -> Package {
    let names: Vec<&str> = held.iter().map(|(name, _)| name.as_str()).collect();
    package.manifest.about["base"]["held"] = names.into();
    for (i, (_, bytes)) in held.into_iter().enumerate() {
        package = package.with_extra(&entry(i), bytes);
    }
    package
}

/// The files of a checkpoint.
pub(super) fn of_base(base: &Base) -> Result<Held> {
    let read = |file: PathBuf| std::fs::read(&file).map_err(|e| Error::io(&file, e));
    if !base.path.is_dir() {
        return Ok(vec![(ONE_FILE.into(), read(base.path.clone())?)]);
    }
    let index = base.path.join(INDEX).exists().then_some(INDEX);
    let names = base.files.keys().map(String::as_str).chain(index);
    names.map(|name| Ok((name.into(), read(base.path.join(name))?))).collect()
}

/// The names of the files in a model file.
pub(super) fn names(about: &Value) -> Option<Vec<String>> {
    serde_json::from_value(about["base"]["held"].clone()).ok()
}

/// The files in a model file.
///
/// # Errors
/// When it holds no base, or lacks one of its files.
pub(super) fn of_file(file: &Path) -> Result<Held> {
    let (mut package, _) = tidemill_package::open(file)?;
    let names = names(&package.manifest.about).ok_or_else(|| Error::state(KIND, "it holds no base"))?;
    let held = names.into_iter().enumerate().map(|(i, name)| {
        let plain = !name.is_empty() && !name.starts_with('.') && !name.contains(['/', '\\']);
        let lacks = || Error::state(KIND, format!("it lacks '{name}' of its base"));
        let bytes = package.extras.remove(&entry(i)).filter(|_| plain).ok_or_else(lacks)?;
        Ok((name, bytes))
    });
    held.collect()
}

/// Writes the base in a model file to a folder that goes when what this gives is dropped: weights are in memory by then.
pub(super) fn unpack(file: &Path) -> Result<Unpacked> {
    let folder = tempfile::tempdir().map_err(|e| Error::io(std::env::temp_dir(), e))?;
    let mut path = folder.path().to_path_buf();
    for (name, bytes) in of_file(file)? {
        let to = folder.path().join(if name == ONE_FILE { "base.gguf" } else { &name });
        std::fs::write(&to, bytes).map_err(|e| Error::io(&to, e))?;
        if name == ONE_FILE {
            path = to;
        }
    }
    Ok(Unpacked { path, _folder: folder })
}

impl Place {
    /// Whether the base is in the model file itself.
    pub(super) fn holds_base(&self) -> bool {
        self.base == self.file
    }
}
