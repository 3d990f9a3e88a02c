//! Restoring a backup, and the drill that tests whether it can be restored.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};
use tidemill_core::{Context, Event, Result};

use super::place::disk;
use super::{Kept, Place, Set, Sort};
use crate::error::EngineError;

/// What a drill found.
#[derive(Clone, Debug, Serialize)]
pub struct Drilled {
    /// The set.
    pub set: String,
    /// How many files were restored into a scratch folder and compared.
    pub files: usize,
    /// Their length in bytes.
    pub bytes: u64,
    /// How many of them are models that opened, and stores that could be read.
    pub opened: usize,
    /// What could not be brought back as it was.
    pub faults: Vec<Fault>,
}

/// A file that could not be brought back as it was.
#[derive(Clone, Debug, Serialize)]
pub struct Fault {
    /// Its path in the set.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

/// Restores a set into a scratch folder in the place, compares every file with the hash it had when it was kept, opens models and stores,
/// and removes the scratch folder again. A damaged piece is set aside, so that the next run writes it anew where a file still has its
/// bytes.
///
/// # Errors
/// No such set; a place that is full, gone or in use. What cannot be restored is a fault, not an error.
pub fn drill(place: &Place, id: Option<&str>, context: &Context) -> Result<Drilled> {
    let set = place.set(id)?;
    let _lock = place.lock()?;
    let scratch = place.scratch()?;
    let mut found = Drilled { set: set.id.clone(), files: 0, bytes: 0, opened: 0, faults: Vec::new() };
    context.tell(&Event::Begin { what: "restoring as a drill".into(), steps: Some(set.files.len() as u64) });
    for kept in &set.files {
        context.check()?;
        let path = scratch.join(&kept.path);
        let tried = write(place, kept, &path)?.and_then(|()| opened(kept.sort, &path));
        match tried {
            Ok(opened) => found.opened += usize::from(opened),
            Err(problem) => {
                for piece in kept.pieces.iter().filter(|piece| place.get(piece).is_err()) {
                    place.set_aside(piece)?;
                }
                found.faults.push(Fault { path: kept.path.clone(), problem });
            }
        }
        found.files += 1;
        found.bytes += kept.bytes;
        context.tell(&Event::Step(1));
    }
    context.tell(&Event::End);
    fs::remove_dir_all(&scratch).map_err(disk(&scratch))?;
    Ok(found)
}

/// Restores a set into a new folder.
///
/// # Errors
/// No such set; a folder that is there already; a damaged piece, named with its file: then nothing stays in the folder.
pub fn restore(place: &Place, id: Option<&str>, into: &Path, context: &Context) -> Result<Set> {
    let set = place.set(id)?;
    if into.exists() {
        return Err(EngineError::usage(
            format!("{} is there already", into.display()),
            "name a folder that does not exist yet: nothing is overwritten",
        )
        .into());
    }
    context.tell(&Event::Begin { what: "restoring".into(), steps: Some(set.files.len() as u64) });
    for kept in &set.files {
        let done = context.check().and_then(|()| write(place, kept, &into.join(&kept.path)));
        if let Err(error) = done.and_then(|written| written.map_err(|problem| damaged(kept, &problem))) {
            fs::remove_dir_all(into).map_err(disk(into))?;
            return Err(error);
        }
        context.tell(&Event::Step(1));
    }
    context.tell(&Event::End);
    Ok(set)
}

fn damaged(kept: &Kept, problem: &str) -> tidemill_core::Error {
    EngineError::usage(
        format!("{}: {problem}", kept.path),
        "restore another set; `tidemill backup drill` says which are whole",
    )
    .into()
}

/// Puts a file together again; inside, what is wrong with its pieces.
fn write(place: &Place, kept: &Kept, path: &Path) -> Result<std::result::Result<(), String>> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(disk(parent))?;
    }
    let mut file = File::create(path).map_err(disk(path))?;
    let mut whole = Sha256::new();
    for piece in &kept.pieces {
        match place.get(piece) {
            Ok(bytes) => {
                whole.update(&bytes);
                file.write_all(&bytes).map_err(disk(path))?;
            }
            Err(problem) => return Ok(Err(problem)),
        }
    }
    file.sync_all().map_err(disk(path))?;
    let hash: String = whole.finalize().iter().map(|b| format!("{b:02x}")).collect();
    Ok(if hash == kept.sha256 {
        Ok(())
    } else {
        Err("its bytes have another hash than when it was kept".into())
    })
}

/// Whether a restored file is a model or a store that opened.
fn opened(sort: Sort, path: &Path) -> std::result::Result<bool, String> {
    match sort {
        Sort::File => Ok(false),
        Sort::Model => tidemill_package::open(path).map(|_| true).map_err(|e| e.to_string()),
        // Another copy of it checks every page.
        Sort::Store => {
            tidemill_store::Store::open(&path.to_string_lossy(), tidemill_store::Options::default())
                .and_then(|store| store.backup(&path.with_extension("checked")))
                .map(|_| true)
                .map_err(|e| e.to_string())
        }
    }
}
