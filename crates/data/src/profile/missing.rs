//! Which values are missing together.

use hashbrown::HashMap;
use serde::Serialize;

use super::column::Seen;

/// The most columns whose patterns are followed: a bit each.
const COLUMNS: usize = 64;
/// The most patterns that are counted.
const PATTERNS: usize = 10_000;
/// The most patterns and pairs that are told.
const TOLD: usize = 10;

/// Which values are missing together, over all rows; of tables with more than 64 columns, for those 64 that miss most.
#[derive(Clone, Debug, Serialize)]
pub struct MissingTogether {
    /// Rows that miss nothing.
    pub complete_rows: u64,
    /// The most frequent sets of columns that are missing in one row.
    pub patterns: Vec<MissingPattern>,
    /// Pairs of columns that are missing in the same rows far more often than by chance, the strongest first.
    pub pairs: Vec<Together>,
}

/// A set of columns that are missing in the same rows, while all others are there.
#[derive(Clone, Debug, Serialize)]
pub struct MissingPattern {
    /// The columns.
    pub columns: Vec<String>,
    /// In how many rows.
    pub count: u64,
}

/// Two columns that miss values in the same rows.
#[derive(Clone, Debug, Serialize)]
pub struct Together {
    /// The two columns.
    pub columns: [String; 2],
    /// Rows that miss both.
    pub both: u64,
    /// Of the rows that miss either, the share that misses both (Jaccard's index).
    pub share: f64,
}

pub(super) struct Patterns {
    places: Vec<usize>,
    counts: HashMap<u64, u64>,
    n_rows: u64,
    masks: Vec<u64>,
}

impl Patterns {
    /// `counts` says how many values of each column are missing in a sample.
    pub(super) fn new(counts: &[usize]) -> Self {
        let mut places: Vec<usize> = (0..counts.len()).collect();
        places.sort_by_key(|&at| (std::cmp::Reverse(counts[at]), at));
        places.truncate(COLUMNS);
        places.sort_unstable();
        Patterns { places, counts: HashMap::new(), n_rows: 0, masks: Vec::new() }
    }

    pub(super) fn see(&mut self, seen: &[Seen<'_>], n: usize) {
        self.n_rows += n as u64;
        self.masks.clear();
        self.masks.resize(n, 0);
        for (bit, &at) in self.places.iter().enumerate() {
            for (mask, &hash) in self.masks.iter_mut().zip(&seen[at].hashes) {
                *mask |= u64::from(hash == 0) << bit;
            }
        }
        for &mask in self.masks.iter().filter(|&&mask| mask != 0) {
            // The rest of a table with ten thousand patterns counts as one of them.
            let known = self.counts.len() < PATTERNS || self.counts.contains_key(&mask);
            *self.counts.entry(if known { mask } else { 0 }).or_insert(0) += 1;
        }
    }

    pub(super) fn finish(self, names: &[&str]) -> MissingTogether {
        let mut counts: Vec<(u64, u64)> = self.counts.into_iter().collect();
        counts.sort_by_key(|&(mask, count)| (std::cmp::Reverse(count), mask));
        let incomplete: u64 = counts.iter().map(|c| c.1).sum();
        let named = |mask: u64| {
            let columns = self.places.iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
            columns.map(|(_, &at)| names[at].to_string()).collect()
        };
        let patterns = counts
            .iter()
            .filter(|c| c.0 != 0)
            .take(TOLD)
            .map(|&(mask, count)| MissingPattern { columns: named(mask), count })
            .collect();
        let pairs = together(&counts, &self.places, names, self.n_rows);
        MissingTogether { complete_rows: self.n_rows - incomplete, patterns, pairs }
    }
}

fn together(counts: &[(u64, u64)], places: &[usize], names: &[&str], n_rows: u64) -> Vec<Together> {
    let with = |mask: u64| counts.iter().filter(|c| c.0 & mask == mask).map(|c| c.1).sum::<u64>();
    let alone: Vec<u64> = (0..places.len()).map(|bit| with(1 << bit)).collect();
    let mut found = Vec::new();
    for i in 0..places.len() {
        for j in (i + 1..places.len()).filter(|&j| alone[i].min(alone[j]) > 1) {
            let both = with(1 << i | 1 << j);
            let share = both as f64 / (alone[i] + alone[j] - both) as f64;
            let by_chance = alone[i] as f64 * alone[j] as f64 / n_rows as f64;
            if both >= 2 && share >= 0.5 && both as f64 > 2.0 * by_chance {
                let columns = [places[i], places[j]].map(|at| names[at].to_string());
                found.push(Together { columns, both, share });
            }
        }
    }
    found.sort_by(|a, b| b.share.total_cmp(&a.share).then(b.both.cmp(&a.both)));
    found.truncate(TOLD);
    found
}
