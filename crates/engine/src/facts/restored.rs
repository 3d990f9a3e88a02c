//! Rows restored from a snapshot.

use serde::Serialize;

/// What `restore` brought back.
#[derive(Clone, Debug, Serialize)]
pub struct Restored {
    /// The snapshot.
    pub snapshot: String,
    /// The file.
    pub out: String,
    /// How many rows.
    pub rows: u64,
    /// How many of the rows that the model was trained on are missing, since they were forgotten.
    pub forgotten: u64,
}
