//! What a snapshot is made of.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tidemill_core::{Column, Kind, Result, Schema};

/// A snapshot: which columns, which rows, which chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// The hash of names, kinds and chunks: the id.
    pub id: String,
    /// What people call it: the source's file name where nothing else was said.
    pub name: String,
    /// Where the rows came from.
    pub source: String,
    /// The format that they came in, such as `CSV`.
    pub format: String,
    /// SHA-256 over the bytes of the source's files, where there were any.
    pub source_sha256: Option<String>,
    /// When it was taken, in microseconds since 1970.
    pub at: i64,
    /// How many rows.
    pub rows: u64,
    /// How many rows each chunk has, the same for every column.
    pub chunk_rows: Vec<u32>,
    /// The columns, in order.
    pub columns: Vec<ColumnChunks>,
    /// The column that names rows, by which they can be forgotten.
    pub key: Option<String>,
    /// The age recipient that the chunks are encrypted for.
    pub sealed: Option<String>,
    /// The id of the snapshot that this one replaced when rows were forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<String>,
}

/// A column and its chunks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnChunks {
    /// Its name.
    pub name: String,
    /// What its values are, as the source gave them.
    pub kind: Kind,
    /// What the numbers of a vector are called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parts: Option<Vec<String>>,
    /// Its chunks, in order.
    pub chunks: Vec<Chunk>,
}

/// A chunk of a column.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chunk {
    /// SHA-256 of its values; of a sealed one, of its encrypted bytes. The name of its file.
    pub sha256: String,
    /// How many bytes its values have, unpacked.
    pub bytes: u64,
}

impl Snapshot {
    /// The id that its columns and chunks give.
    pub(super) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        // Each part with its length, so that no two lists run together.
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(b"tidemill snapshot 1");
        for rows in &self.chunk_rows {
            add(&rows.to_le_bytes());
        }
        for column in &self.columns {
            add(column.name.as_bytes());
            add(format!("{:?}", column.kind).as_bytes());
            column.parts.iter().flatten().for_each(|part| add(part.as_bytes()));
            column.chunks.iter().for_each(|chunk| add(chunk.sha256.as_bytes()));
        }
        hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The columns as a schema.
    ///
    /// # Errors
    /// Two columns of one name (no snapshot that was taken has them).
    pub fn schema(&self) -> Result<Schema> {
        let column = |c: &ColumnChunks| Column {
            parts: c.parts.as_ref().map(|parts| parts.as_slice().into()),
            ..Column::new(&c.name, c.kind)
        };
        Schema::new(self.columns.iter().map(column).collect())
    }

    /// The id as people write it.
    pub fn short(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// Every chunk with its column, its place and its first row, from 1.
    pub(super) fn chunks(&self) -> impl Iterator<Item = (&ColumnChunks, usize, &Chunk)> {
        self.columns.iter().flat_map(|c| c.chunks.iter().enumerate().map(move |(at, chunk)| (c, at, chunk)))
    }

    /// The first and the last row of a chunk, from 1.
    pub(super) fn span(&self, at: usize) -> [u64; 2] {
        let before: u64 = self.chunk_rows.iter().take(at).map(|n| u64::from(*n)).sum();
        let rows = self.chunk_rows.get(at).copied().unwrap_or(0);
        [before + 1, before + u64::from(rows)]
    }

    /// What is wrong with the list itself.
    pub(super) fn fault(&self) -> Option<String> {
        if self.hash() != self.id {
            return Some("its list of chunks is not the one that its id names".into());
        }
        let rows: u64 = self.chunk_rows.iter().map(|n| u64::from(*n)).sum();
        if rows != self.rows {
            return Some(format!("its chunks have {rows} rows, not {}", self.rows));
        }
        let wrong = self.columns.iter().find(|c| c.chunks.len() != self.chunk_rows.len());
        wrong.map(|c| {
            format!("column '{}' has {} chunks of {}", c.name, c.chunks.len(), self.chunk_rows.len())
        })
    }
}
