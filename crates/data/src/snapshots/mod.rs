//! Snapshots of tables: what the rows were, kept once, checked, and brought back.
//!
//! A [`Vault`] is a folder. The rows of a table are cut into chunks of [`CHUNK_ROWS`] rows of one column; a chunk is a file, packed
//! with zstd and named by the SHA-256 of its values, so that equal chunks, of one snapshot or of several, are stored once. A
//! snapshot is a list of chunks, a small JSON file named by the hash of that list: the same values under the same column
//! names have the same id, whatever file they came from.
//!
//! ```text
//! FOLDER/tidemill-snapshots        says what the folder is, and locks it for writers
//! FOLDER/chunks/3f/3fa1….zst       values of one column
//! FOLDER/lists/9c0e….json          a snapshot
//! FOLDER/tombstones/9c0e….json     a snapshot from which rows were forgotten, and what replaced it
//! ```
//!
//! A snapshot may be sealed with age: its chunks are then encrypted for a recipient and named by their encrypted bytes, which differ
//! each time. They can be checked without the identity, but they are shared with no other snapshot.
//!
//! Every read is checked: a chunk that is cut, altered or gone is named with its column and rows.

mod chunk;
mod diff;
mod forget;
mod list;
mod prune;
mod rows;
mod take;
mod vault;
mod verify;

pub use diff::{ColumnDiff, Diff};
pub use forget::{Forgotten, Reach, Rewritten, Tombstone};
pub use list::{Chunk, ColumnChunks, Snapshot};
pub use prune::Pruned;
pub use rows::SnapshotRows;
pub use take::{About, Taken};
pub use vault::Vault;
pub use verify::{Damage, Verified};

/// The rows of a chunk; the last one of a column may have fewer.
pub const CHUNK_ROWS: usize = 65_536;

/// The folder of snapshots where nothing else is said.
pub const FOLDER: &str = "tidemill-snapshots";

/// SHA-256 in hexadecimal digits.
fn sha256(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// An error about snapshots.
fn refused(problem: impl Into<String>, remedy: impl Into<String>) -> tidemill_core::Error {
    crate::Error::Snapshot { problem: problem.into(), remedy: remedy.into() }.into()
}

#[cfg(test)]
mod tests;
