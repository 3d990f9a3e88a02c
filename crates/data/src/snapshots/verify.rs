//! Reading every byte of snapshots and saying which are not what was written.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::Result;

use super::Vault;
use super::chunk::decode;
use super::list::Snapshot;
use super::rows::damaged;

/// What a check of snapshots found.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Verified {
    /// Snapshots that were looked at.
    pub snapshots: usize,
    /// Chunks that were read; a shared one once.
    pub chunks: usize,
    /// Snapshots that are sealed and could not be opened: of these, the encrypted bytes were checked.
    pub closed: usize,
    /// What is damaged.
    pub damaged: Vec<Damage>,
}

/// Something that is not what was written.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Damage {
    /// The snapshot.
    pub snapshot: String,
    /// The column; absent where the list itself is damaged.
    pub column: Option<String>,
    /// The first and the last row of the chunk, from 1.
    pub rows: Option<[u64; 2]>,
    /// The chunk.
    pub chunk: Option<String>,
    /// All of it in a sentence.
    pub message: String,
}

impl Vault {
    /// Reads every chunk of one snapshot, or of all.
    ///
    /// # Errors
    /// No such snapshot; a folder that cannot be read; a stop on request. What is damaged is no error but the answer.
    pub fn verify(&self, wanted: Option<&str>, check: &(dyn Fn() -> Result<()> + Sync)) -> Result<Verified> {
        let mut found = Verified::default();
        let snapshots = match wanted {
            Some(wanted) => vec![self.find(wanted)?],
            None => {
                let (all, broken) = self.all()?;
                found.snapshots += broken.len();
                found.damaged.extend(broken.into_iter().map(|(snapshot, e)| Damage {
                    snapshot,
                    column: None,
                    rows: None,
                    chunk: None,
                    message: e.to_string(),
                }));
                all
            }
        };
        let mut read: BTreeSet<String> = BTreeSet::new();
        for snapshot in &snapshots {
            found.snapshots += 1;
            let closed = snapshot.sealed.is_some() && !self.can_open();
            found.closed += usize::from(closed);
            let jobs: Vec<_> = snapshot.chunks().filter(|(_, _, c)| !read.contains(&c.sha256)).collect();
            let damage = jobs.par_iter().map(|&(column, at, chunk)| {
                check()?;
                let n = snapshot.chunk_rows[at] as usize;
                let problem = match closed {
                    true => self.intact(chunk).err(),
                    false => {
                        let values = self.values(chunk, snapshot.sealed.is_some());
                        values.and_then(|values| decode(column.kind, &values, n)).err()
                    }
                };
                Ok(problem.map(|problem| Damage {
                    snapshot: snapshot.id.clone(),
                    column: Some(column.name.clone()),
                    rows: Some(snapshot.span(at)),
                    chunk: Some(chunk.sha256.clone()),
                    message: damaged(snapshot, column, at, chunk, &problem).to_string(),
                }))
            });
            let damage: Vec<Option<Damage>> = damage.collect::<Result<_>>()?;
            // A damaged chunk is told of every snapshot that needs it.
            let whole = jobs.iter().zip(&damage).filter(|(_, damage)| damage.is_none());
            read.extend(whole.map(|((_, _, chunk), _)| chunk.sha256.clone()));
            found.damaged.extend(damage.into_iter().flatten());
            found.chunks = found.chunks.max(read.len());
        }
        Ok(found)
    }

    /// The bytes that a snapshot's chunks take on disk, those that it shares included.
    ///
    /// # Errors
    /// Never for chunks that are gone: they count as nothing.
    pub fn stored_bytes(&self, snapshot: &Snapshot) -> u64 {
        let mut seen = BTreeSet::new();
        let chunks = snapshot.chunks().filter(|(_, _, chunk)| seen.insert(chunk.sha256.as_str()));
        chunks.filter_map(|(_, _, c)| std::fs::metadata(self.place(&c.sha256)).ok()).map(|m| m.len()).sum()
    }
}
