//! Removing old snapshots, and chunks that none needs.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use tidemill_core::{Error, Result};

use super::list::Snapshot;
use super::vault::names;
use super::{Vault, refused};

/// What was removed, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Pruned {
    /// The snapshots.
    pub snapshots: Vec<String>,
    /// How many chunks.
    pub chunks: usize,
    /// How many bytes they have on disk.
    pub bytes: u64,
}

impl Vault {
    /// Removes all but the latest `keep` snapshots of each name (all stay without a number), the snapshots of `ids`, and every chunk
    /// that no snapshot needs any more. With `dry`, only says what would go.
    ///
    /// # Errors
    /// An unknown id; a damaged list (its chunks cannot be told from waste); another writer.
    pub fn prune(&self, keep: Option<usize>, ids: &[String], dry: bool) -> Result<Pruned> {
        let _lock = self.lock()?;
        let (all, broken) = self.all()?;
        if let Some((_, e)) = broken.into_iter().next() {
            return Err(refused(
                format!("nothing was removed: {e}"),
                "bring the list back from a backup, or delete its file: its rows are then gone",
            ));
        }
        let named = ids.iter().map(|id| Ok(self.find(id)?.id)).collect::<Result<BTreeSet<String>>>()?;
        let mut per_name: BTreeMap<&str, usize> = BTreeMap::new();
        let (mut going, mut staying): (Vec<&Snapshot>, Vec<&Snapshot>) = (Vec::new(), Vec::new());
        for snapshot in all.iter().rev() {
            let seen = per_name.entry(&snapshot.name).or_default();
            *seen += 1;
            let old = keep.is_some_and(|keep| *seen > keep);
            let side = if old || named.contains(&snapshot.id) { &mut going } else { &mut staying };
            side.push(snapshot);
        }
        let mut pruned = Pruned::default();
        for snapshot in going {
            pruned.snapshots.push(snapshot.id.clone());
            if !dry {
                let list = self.list(&snapshot.id);
                std::fs::remove_file(&list).map_err(|e| Error::io(&list, e))?;
            }
        }
        self.sweep(&staying, dry, &mut pruned)?;
        Ok(pruned)
    }

    /// Removes the chunks that none of these snapshots needs.
    pub(super) fn sweep(&self, staying: &[&Snapshot], dry: bool, pruned: &mut Pruned) -> Result<()> {
        let needed: BTreeSet<&str> =
            staying.iter().flat_map(|s| s.chunks().map(|(_, _, chunk)| chunk.sha256.as_str())).collect();
        let chunks = self.folder.join("chunks");
        for folder in names(&chunks)? {
            let folder = chunks.join(folder);
            for name in names(&folder)? {
                let waste = match name.strip_suffix(".zst") {
                    Some(sha256) => !needed.contains(sha256),
                    // What an interrupted write left behind.
                    None => name.starts_with(".tidemill-"),
                };
                if !waste {
                    continue;
                }
                let path = folder.join(name);
                pruned.chunks += 1;
                pruned.bytes += std::fs::metadata(&path).map_or(0, |m| m.len());
                if !dry {
                    std::fs::remove_file(&path).map_err(|e| Error::io(&path, e))?;
                }
            }
        }
        Ok(())
    }
}
