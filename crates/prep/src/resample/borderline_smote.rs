//! `borderline_smote`: SMOTE from the rows near the border to other classes.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};
use tidemill_kernel::Random;

use super::classes::ByClass;
use super::space::Space;
use super::synthetic::Synthetic;
use super::{GEOMETRY, check_neighbors, check_ratio};

/// Makes new rows of the rarer classes as `smote` does, but only from rows in danger (Han et al. 2005, "borderline-1"): those with
/// at least half of their nearest neighbours, but not all, of other classes.
///
/// Counts and geometry agree with imbalanced-learn's `BorderlineSMOTE(kind="borderline-1")`. Where no row of a class is in
/// danger, all of them are started from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BorderlineSmote {
    /// How many rows each class has at least in the end, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours of its own class a new row may lie towards.
    pub n_neighbors: usize,
    /// How many nearest neighbours of any class say whether a row is in danger.
    pub m_neighbors: usize,
}

impl Default for BorderlineSmote {
    fn default() -> Self {
        BorderlineSmote { ratio: 1.0, n_neighbors: 5, m_neighbors: 10 }
    }
}

impl BuiltinResampler for BorderlineSmote {
    const KIND: &'static str = "borderline_smote";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_neighbors("n_neighbors", self.n_neighbors)?;
        check_neighbors("m_neighbors", self.m_neighbors)
    }
}

impl Resampler for BorderlineSmote {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let by = ByClass::of(Self::KIND, train.batch())?;
        let space = Space::of(train.batch())?;
        let near = space.of_all(self.m_neighbors);
        let in_danger = |row: u32| {
            let own = by.codes[row as usize];
            let others = near.of(row as usize).0.iter().filter(|i| by.codes[**i as usize] != own).count();
            2 * others >= near.k && others < near.k
        };
        let mut made = Synthetic::new(&space);
        for (class, short) in by.short(self.ratio).into_iter().enumerate().filter(|(_, short)| *short > 0) {
            context.check()?;
            let k = by.neighbors(class, self.n_neighbors, Self::KIND, context);
            let mut random = Random::new(context.seed_for(Self::KIND), class as u64);
            let pool = &by.rows[class];
            let mut seeds: Vec<usize> = (0..pool.len()).filter(|i| in_danger(pool[*i])).collect();
            if seeds.is_empty() {
                seeds = (0..pool.len()).collect();
            }
            let from: Vec<usize> = (0..short).map(|_| seeds[random.below(seeds.len())]).collect();
            made.make(&space, pool, &from, k, &mut random);
        }
        made.added_to(&space)
    }
}
