//! The versions of a model file: the newest in its place, the older ones kept beside it.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::{Context, Error, Result};

use super::open;
use crate::error::EngineError;
use crate::files::replace;

/// Keeps two runs from replacing the same file.
pub(crate) struct Lock(std::fs::File);

impl Lock {
    pub(crate) fn take(model: &Path) -> Result<Self> {
        let path = model.with_extension("lock");
        let file = std::fs::File::create(&path).map_err(|e| Error::io(&path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(Lock(file)),
            Err(_) => Err(EngineError::usage(
                format!("another run is changing {}", model.display()),
                "wait until it has ended",
            )
            .into()),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // The system lets go of it in any case.
        let _ = self.0.unlock();
    }
}

/// Where the file of a version is kept.
pub fn version_path(model: &Path, hash: &str) -> PathBuf {
    let folder = model.parent().unwrap_or(Path::new("")).join("versions");
    let stem = model.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    folder.join(format!("{stem}-{}.tidemill", &hash[..16.min(hash.len())]))
}

pub(crate) fn keep_version(model: &Path, hash: &str) -> Result<()> {
    let kept = version_path(model, hash);
    if kept.exists() {
        return Ok(());
    }
    if let Some(folder) = kept.parent() {
        std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    }
    copy(model, &kept)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let bytes = std::fs::read(from).map_err(|e| Error::io(from, e))?;
    replace(to, &bytes)
}

/// A step back.
#[derive(Clone, Debug, Serialize)]
pub struct RolledBack {
    /// The hash of the version that was in place.
    pub from: String,
    /// The hash of the version that is in place now.
    pub to: String,
}

/// Puts the version a model was improved from back in its place; the newer file is kept beside it.
///
/// # Errors
/// A model that was not improved, or whose former version is gone or is not what its name says.
pub fn rollback(model: &Path, context: &Context) -> Result<RolledBack> {
    let _lock = Lock::take(model)?;
    let opened = open(model, context)?;
    let parent = opened.package.manifest.about["parent"].as_str().map(String::from).ok_or_else(|| {
        EngineError::usage(
            format!("{} was trained, not improved: there is nothing to go back to", model.display()),
            "train again, or put another file in its place",
        )
    })?;
    let former = version_path(model, &parent);
    let found = open(&former, context)?;
    if found.info.sha256 != parent {
        return Err(EngineError::usage(
            format!("{} is another model than the one it was improved from", former.display()),
            "put the right file there",
        )
        .into());
    }
    keep_version(model, &opened.info.sha256)?;
    copy(&former, model)?;
    Ok(RolledBack { from: opened.info.sha256, to: parent })
}
