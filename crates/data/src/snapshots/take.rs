//! Taking a snapshot.

use std::path::Path;
use std::sync::Arc;

use age::x25519::Recipient;
use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Column, Error, Result, Source};

use super::chunk::{encode, is_storable};
use super::list::{Chunk, ColumnChunks, Snapshot};
use super::{CHUNK_ROWS, Vault, refused};

/// What is known of the rows of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// What to call it; the file name of the source where empty.
    pub name: String,
    /// Where the rows come from.
    pub source: String,
    /// The format that they come in, such as `CSV`.
    pub format: String,
    /// SHA-256 over the bytes of the source's files.
    pub source_sha256: Option<String>,
    /// The column that names rows.
    pub key: Option<String>,
    /// The age recipient to encrypt for.
    pub seal: Option<String>,
    /// The time, in microseconds since 1970.
    pub at: i64,
}

/// A snapshot that was taken, and what it cost.
#[derive(Clone, Debug, Serialize)]
pub struct Taken {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Whether these very rows were there already; nothing was written then.
    pub known: bool,
    /// Chunks that were written.
    pub new_chunks: usize,
    /// Chunks that were there already.
    pub shared_chunks: usize,
    /// Bytes that were written for chunks.
    pub new_bytes: u64,
}

/// A chunk that was kept; its bytes where it is new.
type Kept = (Chunk, Option<u64>);

impl Vault {
    /// Keeps the rows of `source`. The list is written last: an interrupted snapshot leaves chunks behind that the next one uses
    /// or `prune` removes, never half a snapshot. Holds about one chunk of each column in memory.
    ///
    /// # Errors
    /// No rows; a key column that is not there; a recipient that is none; a disk that is full; another writer.
    pub fn take(&self, source: &dyn Source, about: &About, check: &dyn Fn() -> Result<()>) -> Result<Taken> {
        let _lock = self.lock()?;
        let recipient = about.seal.as_deref().map(recipient).transpose()?;
        if let Some(key) = &about.key {
            source.schema().index(key)?;
        }
        let columns = source.schema().columns();
        let mut lists: Vec<ColumnChunks> = columns.iter().map(empty).collect();
        let (mut chunk_rows, mut n_new, mut n_shared, mut new_bytes) = (Vec::new(), 0, 0, 0);
        for rows in regrouped(source)? {
            check()?;
            let rows = rows?;
            let kept = (0..lists.len()).into_par_iter().map(|at| {
                let array = rows.column(at);
                if !is_storable(array.data_type()) {
                    return Err(Error::internal(format!(
                        "'{}' of a source is a dictionary",
                        columns[at].name
                    )));
                }
                self.keep(&encode(columns[at].kind, array)?, recipient.as_ref())
            });
            let kept: Vec<Kept> = kept.collect::<Result<_>>()?;
            for (list, (chunk, bytes)) in lists.iter_mut().zip(kept) {
                n_new += usize::from(bytes.is_some());
                n_shared += usize::from(bytes.is_none());
                new_bytes += bytes.unwrap_or(0);
                list.chunks.push(chunk);
            }
            chunk_rows.push(rows.n_rows() as u32);
        }
        if chunk_rows.is_empty() {
            let problem = format!("{} has no rows: there is nothing to keep", about.source);
            return Err(refused(problem, "give rows"));
        }
        let mut snapshot = described(about, lists, chunk_rows);
        snapshot.id = snapshot.hash();
        let known = self.read(&snapshot.id).ok();
        let is_known = known.is_some();
        if known.is_none() {
            self.write(&snapshot)?;
        }
        Ok(Taken {
            snapshot: known.unwrap_or(snapshot),
            known: is_known,
            new_chunks: n_new,
            shared_chunks: n_shared,
            new_bytes,
        })
    }
}

fn empty(column: &Column) -> ColumnChunks {
    ColumnChunks {
        name: column.name.clone(),
        kind: column.kind,
        parts: column.parts.as_ref().map(|parts| parts.to_vec()),
        chunks: Vec::new(),
    }
}

fn described(about: &About, columns: Vec<ColumnChunks>, chunk_rows: Vec<u32>) -> Snapshot {
    let file = Path::new(&about.source).file_name().map(|name| name.to_string_lossy().into_owned());
    Snapshot {
        id: String::new(),
        name: if about.name.is_empty() {
            file.unwrap_or_else(|| about.source.clone())
        } else {
            about.name.clone()
        },
        source: about.source.clone(),
        format: about.format.clone(),
        source_sha256: about.source_sha256.clone(),
        at: about.at,
        rows: chunk_rows.iter().map(|n| u64::from(*n)).sum(),
        chunk_rows,
        columns,
        key: about.key.clone(),
        sealed: about.seal.clone(),
        replaces: None,
    }
}

pub(super) fn recipient(text: &str) -> Result<Recipient> {
    text.trim().parse().map_err(|e| {
        refused(format!("'{text}' is not an age recipient: {e}"), "copy it whole: it begins with age1")
    })
}

/// The rows in pieces of exactly [`CHUNK_ROWS`], but for the last: chunks must not depend on how a source cuts its batches.
fn regrouped(source: &dyn Source) -> Result<impl Iterator<Item = Result<Batch>> + '_> {
    let schema = Arc::clone(source.schema());
    let mut batches = source.scan()?;
    let mut held: Vec<Batch> = Vec::new();
    let mut n_held = 0;
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        while n_held < CHUNK_ROWS && !ended {
            match batches.next() {
                None => ended = true,
                Some(Ok(batch)) => {
                    n_held += batch.n_rows();
                    held.push(batch);
                }
                Some(Err(e)) => {
                    (ended, n_held) = (true, 0);
                    held.clear();
                    return Some(Err(e));
                }
            }
        }
        if n_held == 0 {
            return None;
        }
        let all = match Batch::concat(&schema, &held) {
            Ok(all) => all,
            Err(e) => {
                (ended, n_held) = (true, 0);
                return Some(Err(e));
            }
        };
        let n = CHUNK_ROWS.min(n_held);
        let first = all.slice(0, n);
        held = if n < n_held { vec![all.slice(n, n_held - n)] } else { Vec::new() };
        n_held -= n;
        Some(Ok(first))
    }))
}
