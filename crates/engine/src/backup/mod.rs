//! Backups in a second place: copies of files, models and stores, tested by restoring them.
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

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use drill::{Drilled, Fault, drill, restore};
pub use place::Place;
pub use regular::Regular;
pub use run::{Done, run};

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
