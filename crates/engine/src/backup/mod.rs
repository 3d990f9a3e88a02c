//! Backups in a second place: files, models and stores, copied, checked by restoring them, and brought back.
//!
//! A place is a folder, best on another disk or machine. A file is cut into pieces of [`PIECE`] bytes; a piece is packed with zstd and
//! named by the SHA-256 of its bytes, so that what did not change since the last backup is stored once (the design of `restic` and
//! `borg`, with pieces of fixed length: tables and logs grow at their end). A set is the list of the files of one run; it is written last,
//! so a run that ended half way leaves none.
//!
//! ```text
//! PLACE/tidemill-backups          says what the folder is, and locks it for writers
//! PLACE/pieces/3f/3fa1….zst       bytes of a file
//! PLACE/sets/20261130T201253Z.json
//! ```

mod drill;
mod place;
mod regular;
mod run;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tidemill_core::{Result, recipe};

use crate::builtin;
use crate::error::EngineError;

pub use drill::{Drilled, Fault, drill, restore};
pub use place::Place;
pub use regular::Regular;
pub use run::{Done, run};

/// How many sets are kept where nothing is said.
const KEPT: usize = 14;

/// The length of a piece in bytes; the last of a file may be shorter.
pub const PIECE: usize = 1 << 20;

/// What a backup holds, and how many are kept.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The second place.
    pub to: PathBuf,
    /// How many sets are kept: older ones, and pieces that no set needs any more, are removed after a run.
    pub keep: usize,
    /// Files and folders: data, recipes, models, snapshots.
    pub files: Vec<PathBuf>,
    /// Stores in SQLite, each copied as it is at one moment while others go on writing.
    pub stores: Vec<PathBuf>,
}

impl Plan {
    /// What a recipe file says: itself and its data, into the place of its `[backup]` unless `to` names another. Databases and patterns are
    /// no files; they are left to their own tools.
    ///
    /// # Errors
    /// A recipe that cannot be read; no place named by anyone.
    pub fn of_recipe(file: Option<&Path>, to: Option<PathBuf>, keep: Option<usize>) -> Result<Plan> {
        let mut files: Vec<PathBuf> = file.map(Path::to_path_buf).into_iter().collect();
        let mut asked = recipe::Backup::default();
        if let Some(file) = file {
            let read = crate::recipe::read(file, &builtin::registry())?;
            let beside = |path: &str| PathBuf::from(crate::recipe::locate(path, file));
            let Some(source) = read.data.source.as_deref() else {
                let problem = format!("{} names no source", file.display());
                return Err(EngineError::usage(problem, "add `source = \"FILE\"` to its [data]").into());
            };
            files.extend(Some(beside(source)).filter(|path| path.exists()));
            asked = read.backup.unwrap_or_default();
            asked.to = asked.to.map(|to| beside(&to).to_string_lossy().into_owned());
        }
        let Some(to) = to.or(asked.to.map(PathBuf::from)) else {
            return Err(EngineError::usage(
                "no second place is named",
                "name a folder with --to, or `to = \"DIR\"` in the recipe's [backup]",
            )
            .into());
        };
        Ok(Plan { to, keep: keep.or(asked.keep).unwrap_or(KEPT), files, stores: Vec::new() })
    }
}

/// The files of one run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Set {
    /// The format of this list.
    pub format: u32,
    /// When it was made, in UTC; also its name.
    pub id: String,
    /// The files.
    pub files: Vec<Kept>,
}

/// A file in a set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Where it lies in the set: its path without `..` and without what a path begins with.
    pub path: String,
    /// What it is: a drill opens models and stores.
    pub sort: Sort,
    /// Its length in bytes.
    pub bytes: u64,
    /// The hash of its bytes.
    pub sha256: String,
    /// The hashes of its pieces, in order.
    pub pieces: Vec<String>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sort {
    /// Any file.
    File,
    /// A model file.
    Model,
    /// A store in SQLite.
    Store,
}
