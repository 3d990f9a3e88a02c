//! What differs between two snapshots.

use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use tidemill_core::{Result, Schema};

use super::Vault;
use super::chunk::decode;
use super::list::{ColumnChunks, Snapshot};
use super::rows::damaged;

/// What differs between two snapshots; rows are held against each other by their place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diff {
    /// The ids of both.
    pub snapshots: [String; 2],
    /// The rows of both.
    pub rows: [u64; 2],
    /// Columns that the second has and the first has not.
    pub added: Vec<String>,
    /// Columns that the first has and the second has not.
    pub vanished: Vec<String>,
    /// Columns of both whose kind or values differ.
    pub changed: Vec<ColumnDiff>,
    /// How many columns are the same in both.
    pub same: usize,
}

/// What differs in a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnDiff {
    /// Its name.
    pub column: String,
    /// Its kind in both.
    pub kinds: [&'static str; 2],
    /// Cells that differ among the rows that both have; absent where the kinds or the cuts into chunks differ, or a snapshot is sealed.
    pub cells: Option<u64>,
    /// The first row that differs, from 1.
    pub first_row: Option<u64>,
}

impl Diff {
    /// Whether both are the same.
    pub fn is_empty(&self) -> bool {
        self.rows[0] == self.rows[1]
            && self.added.is_empty()
            && self.vanished.is_empty()
            && self.changed.is_empty()
    }
}

impl Vault {
    /// What differs between `a` and `b`. Chunks of one hash are not read.
    ///
    /// # Errors
    /// A chunk that is damaged.
    pub fn diff(&self, a: &Snapshot, b: &Snapshot) -> Result<Diff> {
        let (old, new): (Arc<Schema>, Arc<Schema>) = (Arc::new(a.schema()?), Arc::new(b.schema()?));
        let missing = |from: &Schema, of: &Schema| -> Vec<String> {
            from.names().filter(|name| of.position(name).is_none()).map(String::from).collect()
        };
        let mut found = Diff {
            snapshots: [a.id.clone(), b.id.clone()],
            rows: [a.rows, b.rows],
            added: missing(&new, &old),
            vanished: missing(&old, &new),
            changed: Vec::new(),
            same: 0,
        };
        for column in &a.columns {
            let Some(other) = b.columns.iter().find(|c| c.name == column.name) else { continue };
            match self.column(a, column, b, other)? {
                Some(diff) => found.changed.push(diff),
                None => found.same += 1,
            }
        }
        Ok(found)
    }

    fn column(
        &self,
        a: &Snapshot,
        x: &ColumnChunks,
        b: &Snapshot,
        y: &ColumnChunks,
    ) -> Result<Option<ColumnDiff>> {
        let kinds = [x.kind.word(), y.kind.word()];
        let unknown = ColumnDiff { column: x.name.clone(), kinds, cells: None, first_row: None };
        if x.kind != y.kind {
            return Ok(Some(unknown));
        }
        let closed = (a.sealed.is_some() || b.sealed.is_some()) && !self.can_open();
        let (mut cells, mut first_row) = (0, None);
        for (at, (p, q)) in x.chunks.iter().zip(&y.chunks).enumerate() {
            if p.sha256 == q.sha256 {
                continue;
            }
            let (n, m) = (a.chunk_rows[at] as usize, b.chunk_rows[at] as usize);
            // Only the last chunks of both may have other lengths, else rows would not stand side by side.
            if closed || n != m && at + 1 < a.chunk_rows.len().min(b.chunk_rows.len()) {
                return Ok(Some(unknown));
            }
            let left = self.values(p, a.sealed.is_some()).and_then(|v| decode(x.kind, &v, n));
            let left = left.map_err(|e| damaged(a, x, at, p, &e))?;
            let right = self.values(q, b.sealed.is_some()).and_then(|v| decode(y.kind, &v, m));
            let right = right.map_err(|e| damaged(b, y, at, q, &e))?;
            for row in 0..n.min(m) {
                if left.slice(row, 1).to_data() != right.slice(row, 1).to_data() {
                    cells += 1;
                    first_row.get_or_insert(a.span(at)[0] + row as u64);
                }
            }
        }
        Ok((cells > 0).then_some(ColumnDiff { cells: Some(cells), first_row, ..unknown }))
    }
}
