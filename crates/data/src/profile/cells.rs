//! Cells of which something is said: how many, and the first of them.

use serde::Serialize;

use crate::cell::clip;

/// So many are named.
pub(super) const NAMED: usize = 5;

/// Cells of a column that have something in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cells {
    /// How many.
    pub count: u64,
    /// The rows of the first ones (at most 5), counted from 1.
    pub rows: Vec<u64>,
    /// What stands there, as written.
    pub examples: Vec<String>,
}

impl Cells {
    pub(super) fn note(&mut self, row: u64, shown: impl FnOnce() -> String) {
        self.note_times(1, row, shown);
    }

    /// So many cells that say the same, the first of them in `row`.
    pub(super) fn note_times(&mut self, times: u64, row: u64, shown: impl FnOnce() -> String) {
        self.count += times;
        if self.rows.len() < NAMED {
            self.rows.push(row);
            self.examples.push(clip(&shown()));
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}
