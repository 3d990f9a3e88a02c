//! The versions of a model file: the newest in its place, older ones next to it.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidemill_core::{Context, Error, Result};

use super::language::Place;
use super::{AnyModel, Learned, Provenance, open_any};
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
    if Place::is_language(model) {
        return rollback_language(&Place::of(model)?);
    }
    let _lock = Lock::take(model)?;
    let (now, provenance) = origin(model, context)?;
    let parent = provenance.parent.clone().ok_or_else(|| {
        EngineError::usage(
            format!("{} was trained, not improved: there is nothing to go back to", model.display()),
            "train again, or put another file in its place",
        )
    })?;
    let former = version_path(model, &parent);
    if origin(&former, context)?.0 != parent {
        return Err(EngineError::usage(
            format!("{} is another model than the one it was improved from", former.display()),
            "put the right file there",
        )
        .into());
    }
    keep_version(model, &now)?;
    let Learned { through, received } = provenance.learned();
    note_returned(model, Returned { from: now.clone(), to: parent.clone(), through, received })?;
    copy(&former, model)?;
    Ok(RolledBack { from: now, to: parent })
}

/// The hash of a model file that opens, and where it comes from.
fn origin(path: &Path, context: &Context) -> Result<(String, Provenance)> {
    Ok(match open_any(path, context)? {
        AnyModel::One(opened) => (opened.info.sha256, opened.provenance),
        AnyModel::Several(several) => (several.info.sha256, several.provenance),
    })
}

/// The same of a language model: where there is no former adapter, the model file goes and the checkpoint answers as it is.
fn rollback_language(place: &Place) -> Result<RolledBack> {
    let model = &place.file;
    let _lock = Lock::take(model)?;
    if !model.exists() {
        return Err(EngineError::usage(
            format!("{} was not improved: there is nothing to go back to", place.name),
            "nothing needs to be done",
        )
        .into());
    }
    let (package, info) = tidemill_package::open(model)?;
    let about = &package.manifest.about;
    let to = about["parent"].as_str().unwrap_or_default().to_string();
    let former = version_path(model, &to);
    let returns = about["parent_is_file"] == true;
    if returns && tidemill_package::open(&former)?.1.sha256 != to {
        return Err(EngineError::usage(
            format!("{} is another version than the one it was improved from", former.display()),
            "put the right file there",
        )
        .into());
    }
    keep_version(model, &info.sha256)?;
    let Learned { through, received } = Learned::of_language(about);
    note_returned(model, Returned { from: info.sha256.clone(), to: to.clone(), through, received })?;
    match returns {
        true => copy(&former, model)?,
        false => std::fs::remove_file(model).map_err(|e| Error::io(model, e))?,
    }
    Ok(RolledBack { from: info.sha256, to })
}

/// A version that was taken out of service again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Returned {
    /// Its hash.
    from: String,
    /// The version that came back.
    to: String,
    /// The timestamp of the newest prediction whose feedback it rested on, in microseconds since 1970.
    through: i64,
    /// When the last of this feedback came in; absent in notes of versions that did not know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    received: Option<i64>,
}

impl Returned {
    fn learned(&self) -> Learned {
        Learned { through: self.through, received: self.received }
    }
}

/// The timestamp up to which feedback led to versions that `hash` was put back in place of: it must not lead there again.
pub(crate) fn returned_through(model: &Path, hash: &str) -> Result<Option<i64>> {
    Ok(withdrawn(&returned(model)?, hash).iter().map(|one| one.through).max())
}

/// What feedback the versions had that `hash` was put back in place of: it must not lead there again.
pub(crate) fn returned_learned(model: &Path, hash: &str) -> Result<Vec<Learned>> {
    Ok(withdrawn(&returned(model)?, hash).into_iter().map(Returned::learned).collect())
}

/// The versions on the list that `hash` was put back in place of. A version that was put back and then taken back itself takes with it what it
/// was put back in place of: of two steps back, the second must not make the feedback of the first new again.
fn withdrawn<'a>(all: &'a [Returned], hash: &'a str) -> Vec<&'a Returned> {
    let mut gone = vec![hash];
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(to) = gone.get(at).copied() {
        for one in all.iter().filter(|one| one.to == to) {
            found.push(one);
            if !gone.contains(&one.from.as_str()) {
                gone.push(&one.from);
            }
        }
        at += 1;
    }
    found
}

fn returned_path(model: &Path) -> PathBuf {
    version_path(model, "returned").with_extension("json")
}

fn returned(model: &Path) -> Result<Vec<Returned>> {
    let path = returned_path(model);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(Error::io(&path, e)),
    };
    serde_json::from_slice(&bytes).map_err(|e| {
        let problem =
            format!("{}, line {}: this is not a list of versions taken back", path.display(), e.line());
        EngineError::usage(problem, "delete the file; improve may then promote again what was rolled back")
            .into()
    })
}

fn note_returned(model: &Path, one: Returned) -> Result<()> {
    let mut all = returned(model)?;
    all.push(one);
    let text = serde_json::to_string_pretty(&all).map_err(|e| Error::internal(format!("a note: {e}")))?;
    replace(&returned_path(model), text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{Returned, withdrawn};

    fn list(steps: &[(&str, &str, i64)]) -> Vec<Returned> {
        let one = |&(from, to, through): &(&str, &str, i64)| Returned {
            from: from.into(),
            to: to.into(),
            through,
            received: None,
        };
        steps.iter().map(one).collect()
    }

    fn through(all: &[Returned], hash: &str) -> Option<i64> {
        withdrawn(all, hash).iter().map(|one| one.through).max()
    }

    /// Kind 26: a way back lasts, also where it has several steps.
    #[test]
    fn several_steps_back_count_as_far_as_the_first() {
        let twice = list(&[("c", "b", 20), ("b", "a", 10)]);
        assert_eq!(through(&twice, "a"), Some(20));
        assert_eq!(through(&twice, "b"), Some(20));
        assert_eq!(through(&twice, "c"), None);
        let thrice = list(&[("d", "c", 30), ("c", "b", 20), ("b", "a", 10)]);
        assert_eq!(through(&thrice, "a"), Some(30));
        let branches = list(&[("b", "a", 10), ("c", "a", 25), ("d", "other", 99)]);
        assert_eq!(through(&branches, "a"), Some(25));
        // The same version may come and go, by --again.
        let again = list(&[("b", "a", 10), ("b", "a", 10), ("a", "b", 5)]);
        assert_eq!((through(&again, "a"), through(&again, "b")), (Some(10), Some(10)));
    }
}
