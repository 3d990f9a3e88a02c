//! How far a tuning has come, in a file: it goes on from there to the same bytes as if it had not been stopped.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, serialize};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result, replace};

use super::backward::BlockGradients;
use super::lora::{Adapter, Pair};
use super::trainer::Trainer;
use crate::checkpoint::Shard;
use crate::error::LanguageError;

/// The name of the key under which a file says how far it came.
const ABOUT: &str = "progress";
/// What of a pair lies in the file.
const PARTS: [&str; 4] = ["adapter", "mean", "square", "best"];

/// How far a tuning has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Progress {
    /// What it is a tuning of: settings, examples, seed, and the adapter that it began with.
    pub(super) of: String,
    /// The loss of each step that was taken.
    pub(super) losses: Vec<f64>,
    /// The loss of withheld answers before the first epoch, and after each.
    pub(super) held_out: Vec<f64>,
    /// The place of the lowest of these.
    pub(super) best: usize,
    /// Whether it ended early.
    pub(super) over: bool,
}

/// What a tuning is of, as a hash.
pub(super) fn named(parts: &[String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn name(part: &str, layer: usize, site: usize, matrix: char) -> String {
    format!("{part}.{layer}.{site}.{matrix}")
}

impl Progress {
    /// Writes all that a tuning needs to go on; the file is whole or not there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn save(&self, trainer: &Trainer<'_>, best: &Adapter, file: &Path) -> Result<()> {
        let all = [&trainer.adapter.pairs, &trainer.means, &trainer.squares, &best.pairs];
        let mut bytes: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        for (part, pairs) in PARTS.iter().zip(all) {
            for (layer, sites) in pairs.iter().enumerate() {
                for (site, pair) in sites.iter().enumerate() {
                    let Some(Pair { a, b }) = pair else { continue };
                    for (matrix, values) in [('a', a), ('b', b)] {
                        let raw = values.iter().flat_map(|x| x.to_le_bytes()).collect();
                        bytes.insert(name(part, layer, site, matrix), raw);
                    }
                }
            }
        }
        // Losses are numbers of 64 bits, which JSON keeps to the last digit.
        let about = serde_json::to_string(self).map_err(|e| Error::internal(format!("progress: {e}")))?;
        bytes.insert(ABOUT.into(), about.into_bytes());
        let internal = |e: safetensors::SafeTensorError| Error::internal(format!("progress: {e}"));
        let views = bytes.iter().map(|(name, raw)| {
            let (dtype, n) = if name == ABOUT { (Dtype::U8, raw.len()) } else { (Dtype::F32, raw.len() / 4) };
            Ok((name, TensorView::new(dtype, vec![n], raw).map_err(internal)?))
        });
        let whole = serialize(views.collect::<Result<Vec<_>>>()?, None).map_err(internal)?;
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        }
        replace(file, &whole).map_err(|e| Error::io(file, e))
    }

    /// Puts a trainer where the file says it was, and gives the best adapter until then.
    ///
    /// # Errors
    /// When the file is damaged, or of another tuning than `of`.
    pub(super) fn load(trainer: &mut Trainer<'_>, of: &str, file: &Path) -> Result<(Self, Adapter)> {
        let mut shard = Shard::open(file)?;
        let wrong = |problem: &str| Error::from(LanguageError::checkpoint(file, problem));
        let about = shard.bytes(ABOUT)?;
        let progress: Progress = serde_json::from_slice(&about)
            .map_err(|e| wrong(&format!("says nothing of its progress: {e}")))?;
        if progress.of != of {
            return Err(wrong(
                "is the progress of another tuning: other examples, settings, seed or beginning",
            ));
        }
        let mut best = trainer.adapter.clone();
        let mut read = |part: &str, pairs: &mut [BlockGradients]| -> Result<()> {
            for (layer, sites) in pairs.iter_mut().enumerate() {
                for (site, pair) in sites.iter_mut().enumerate() {
                    let Some(Pair { a, b }) = pair else { continue };
                    for (matrix, values) in [('a', a), ('b', b)] {
                        *values = shard.take(&name(part, layer, site, matrix), &[values.len()])?;
                    }
                }
            }
            Ok(())
        };
        read(PARTS[0], &mut trainer.adapter.pairs)?;
        read(PARTS[1], &mut trainer.means)?;
        read(PARTS[2], &mut trainer.squares)?;
        read(PARTS[3], &mut best.pairs)?;
        trainer.n_steps = progress.losses.len();
        Ok((progress, best))
    }
}

/// The numbers of an adapter, as a hash.
pub(super) fn hash_of(adapter: &Adapter) -> String {
    let mut hash = Sha256::new();
    for pair in adapter.pairs.iter().flatten().flatten() {
        pair.a.iter().chain(&pair.b).for_each(|x| hash.update(x.to_le_bytes()));
    }
    let settings = json!([adapter.rank, adapter.alpha, adapter.root]).to_string();
    hash.update(settings);
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
