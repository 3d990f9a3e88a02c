//! The rows of a snapshot, as a source.

use std::sync::Arc;

use rayon::prelude::*;
use tidemill_core::{Batch, Batches, Result, Schema, Source};

use super::chunk::decode;
use super::list::{Chunk, ColumnChunks, Snapshot};
use super::{Vault, refused};
use crate::source::take_by_scan;

/// The rows of a snapshot, each chunk checked as it is read.
pub struct SnapshotRows<'a> {
    vault: &'a Vault,
    snapshot: &'a Snapshot,
    schema: Arc<Schema>,
}

impl Vault {
    /// The rows of a snapshot.
    ///
    /// # Errors
    /// One that is sealed, where no identity is at hand.
    pub fn rows<'a>(&'a self, snapshot: &'a Snapshot) -> Result<SnapshotRows<'a>> {
        if snapshot.sealed.is_some() && !self.can_open() {
            let problem = format!("snapshot {} is sealed", snapshot.short());
            return Err(refused(problem, "give the age identity file of its recipient with --identity"));
        }
        Ok(SnapshotRows { vault: self, snapshot, schema: Arc::new(snapshot.schema()?) })
    }

    /// The rows of one chunk of every column.
    pub(super) fn batch(&self, snapshot: &Snapshot, schema: &Arc<Schema>, at: usize) -> Result<Batch> {
        let n = snapshot.chunk_rows.get(at).copied().unwrap_or(0) as usize;
        let arrays = snapshot.columns.par_iter().map(|column| {
            let chunk = &column.chunks[at];
            let values = self.values(chunk, snapshot.sealed.is_some());
            let array = values.and_then(|values| decode(column.kind, &values, n));
            array.map_err(|problem| damaged(snapshot, column, at, chunk, &problem))
        });
        Batch::with_rows(schema.clone(), arrays.collect::<Result<_>>()?, n)
    }
}

/// A damaged chunk, named by its column and rows.
pub(super) fn damaged(
    snapshot: &Snapshot,
    column: &ColumnChunks,
    at: usize,
    chunk: &Chunk,
    problem: &str,
) -> tidemill_core::Error {
    let [first, last] = snapshot.span(at);
    refused(
        format!(
            "snapshot {}: column '{}', rows {first} to {last} (chunk {}): {problem}",
            snapshot.short(),
            tidemill_core::escaped(&column.name),
            chunk.sha256.get(..12).unwrap_or(&chunk.sha256)
        ),
        "take the snapshot again from its source (a damaged chunk is then written anew), or bring the chunk back from a backup",
    )
}

impl Source for SnapshotRows<'_> {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        usize::try_from(self.snapshot.rows).ok()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let chunks = 0..self.snapshot.chunk_rows.len();
        Ok(Box::new(chunks.map(|at| self.vault.batch(self.snapshot, &self.schema, at))))
    }

    /// A pass over the snapshot.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        take_by_scan(self, rows)
    }
}
