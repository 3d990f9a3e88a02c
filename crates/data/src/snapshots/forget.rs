//! Forgetting a person: their rows leave every snapshot, and the chunks that held them are deleted.

use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Kind, Result, Schema};

use super::Vault;
use super::chunk::encode;
use super::list::Snapshot;
use super::prune::Pruned;
use super::take::recipient;
use crate::parse::unquoted;

/// A snapshot from which rows were forgotten. It says nothing of whose rows they were.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tombstone {
    /// The snapshot that is gone.
    pub id: String,
    /// What holds its other rows; nothing where there were none.
    pub replaced_by: Option<String>,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// How many rows were forgotten.
    pub rows: u64,
}

/// What forgetting did to a folder of snapshots.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Forgotten {
    /// The folder.
    pub folder: String,
    /// Snapshots that held rows of the key.
    pub rewritten: Vec<Rewritten>,
    /// Snapshots in which nobody could look.
    pub unreached: Vec<Reach>,
    /// Chunks that were deleted.
    pub deleted_chunks: usize,
}

/// A snapshot that lost rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rewritten {
    /// Its id before.
    pub id: String,
    /// Its id now; none where no row is left.
    pub replaced_by: Option<String>,
    /// How many rows went.
    pub rows: u64,
}

/// A copy that could not be looked into, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// Which copy.
    pub copy: String,
    /// Why it was not reached.
    pub why: String,
}

/// A snapshot without the rows, and how many went.
type Cut = (Option<Snapshot>, u64);

impl Vault {
    /// Takes the rows of a key out of every snapshot: chunks that held one are written anew without it, a tombstone takes the place of
    /// the old list, and the old chunks are deleted. `column` names the key where a snapshot does not. Snapshots that are sealed
    /// without an identity at hand, damaged, or without a key column are named as not reached.
    ///
    /// # Errors
    /// A disk that is full, another writer; what was rewritten until then stays so, and doing it again ends it.
    pub fn forget(&self, key: &str, column: Option<&str>, at: i64) -> Result<Forgotten> {
        let _lock = self.lock()?;
        let (all, broken) = self.all()?;
        let mut done = Forgotten { folder: self.folder.display().to_string(), ..Forgotten::default() };
        let unreached = |copy: &str, why: String| Reach { copy: format!("snapshot {copy}"), why };
        let is_broken = !broken.is_empty();
        done.unreached
            .extend(broken.into_iter().map(|(id, e)| unreached(&id[..id.len().min(12)], e.to_string())));
        let mut staying: Vec<Snapshot> = Vec::new();
        for snapshot in all {
            match self.without(&snapshot, key, column) {
                Ok((_, 0)) => staying.push(snapshot),
                Ok((next, rows)) => {
                    let stone = Tombstone {
                        id: snapshot.id.clone(),
                        replaced_by: next.as_ref().map(|s| s.id.clone()),
                        at,
                        rows,
                    };
                    self.bury(&stone)?;
                    done.rewritten.push(Rewritten { id: stone.id, replaced_by: stone.replaced_by, rows });
                    staying.extend(next);
                }
                Err(why) => {
                    done.unreached.push(unreached(snapshot.short(), why));
                    staying.push(snapshot);
                }
            }
        }
        if !is_broken {
            // Also where nothing was rewritten now: an earlier run may have been cut off before this.
            let mut pruned = Pruned::default();
            self.sweep(&staying.iter().collect::<Vec<_>>(), false, &mut pruned)?;
            done.deleted_chunks = pruned.chunks;
        } else if !done.rewritten.is_empty() {
            // Chunks of a list that cannot be read look like waste, and may be wanted when it is brought back.
            let why = "a damaged list keeps old chunks from being told apart: repair it, then `tidemill data prune`";
            done.unreached.push(Reach { copy: "the old chunks".into(), why: why.into() });
        }
        Ok(done)
    }

    /// Replaces the list of a snapshot by a tombstone.
    fn bury(&self, stone: &Tombstone) -> Result<()> {
        let failed = |e| tidemill_core::Error::internal(format!("a tombstone: {e}"));
        let text = serde_json::to_vec_pretty(stone).map_err(failed)?;
        self.put(&self.folder.join("tombstones").join(format!("{}.json", stone.id)), &text)?;
        let list = self.list(&stone.id);
        std::fs::remove_file(&list).map_err(|e| tidemill_core::Error::io(&list, e))
    }

    /// The snapshot without the rows of a key, written; `None` where no row is left.
    fn without(&self, snapshot: &Snapshot, key: &str, column: Option<&str>) -> Result<Cut, String> {
        let named = snapshot
            .key
            .as_deref()
            .or(column)
            .ok_or("it does not say which column names its rows: name it with --column")?;
        if snapshot.sealed.is_some() && !self.can_open() {
            return Err("it is sealed: give the age identity file with --identity".into());
        }
        let said = |e: tidemill_core::Error| e.to_string();
        let schema = Arc::new(snapshot.schema().map_err(said)?);
        let at = schema.position(named).ok_or_else(|| format!("it has no column '{named}'"))?;
        let seal = snapshot.sealed.as_deref().map(recipient).transpose().map_err(said)?;
        let mut next = Snapshot { replaces: Some(snapshot.id.clone()), ..snapshot.clone() };
        next.chunk_rows.clear();
        next.columns.iter_mut().for_each(|c| c.chunks.clear());
        let mut gone = 0;
        for chunk in 0..snapshot.chunk_rows.len() {
            let rows = self.batch(snapshot, &schema, chunk).map_err(said)?;
            let kept: Vec<u32> =
                (0..rows.n_rows() as u32).filter(|row| !names_row(&rows, at, *row as usize, key)).collect();
            let lost = rows.n_rows() - kept.len();
            gone += lost as u64;
            if lost == 0 {
                next.chunk_rows.push(snapshot.chunk_rows[chunk]);
                for (new, old) in next.columns.iter_mut().zip(&snapshot.columns) {
                    new.chunks.push(old.chunks[chunk].clone());
                }
            } else if !kept.is_empty() {
                let rows = rows.take(&kept).map_err(said)?;
                next.chunk_rows.push(kept.len() as u32);
                let chunks = (0..next.columns.len())
                    .into_par_iter()
                    .map(|at| self.keep(&encode(next.columns[at].kind, rows.column(at))?, seal.as_ref()));
                let chunks = chunks.collect::<Result<Vec<_>>>().map_err(said)?;
                for (column, (chunk, _)) in next.columns.iter_mut().zip(chunks) {
                    column.chunks.push(chunk);
                }
            }
        }
        if gone == 0 || next.chunk_rows.is_empty() {
            return Ok((None, gone));
        }
        next.rows -= gone;
        next.id = next.hash();
        self.write(&next).map_err(said)?;
        Ok((Some(next), gone))
    }
}

/// Whether the key of a row is this one, as a person would write it.
fn names_row(rows: &Batch, at: usize, row: usize, key: &str) -> bool {
    let array = rows.column(at);
    let schema: &Schema = rows.schema();
    if array.is_null(row) {
        return false;
    }
    match schema.columns()[at].kind {
        // A CSV file keeps the quotes of a key such as "NA".
        Kind::Text => unquoted(array.as_string::<i32>().value(row).trim()) == key.trim(),
        Kind::Number => {
            rows.numbers(at).is_ok_and(|numbers| key.trim().parse::<f64>() == Ok(numbers.value(row)))
        }
        _ => false,
    }
}
