//! `adasyn`: more new rows where a class is hard to tell from others.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};
use tidemill_kernel::Random;

use super::classes::ByClass;
use super::space::Space;
use super::synthetic::Synthetic;
use super::{GEOMETRY, check_neighbors, check_ratio};

/// Makes new rows of the rarer classes as `smote` does, from each row in proportion to how many of its nearest neighbours are of
/// other classes (He et al. 2008).
///
/// Counts (each row's share rounded, so that a class may end some rows off) and geometry agree with imbalanced-learn's `ADASYN`.
/// Where no row has a neighbour of another class, all count alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adasyn {
    /// About how many rows each class has at least in the end, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours are looked at, of any class to say how many rows are made, of its own to lie towards.
    pub n_neighbors: usize,
}

impl Default for Adasyn {
    fn default() -> Self {
        Adasyn { ratio: 1.0, n_neighbors: 5 }
    }
}

impl BuiltinResampler for Adasyn {
    const KIND: &'static str = "adasyn";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for Adasyn {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let by = ByClass::of(Self::KIND, train.batch())?;
        let space = Space::of(train.batch())?;
        let near = space.of_all(self.n_neighbors);
        let hardness = |row: u32| {
            let own = by.codes[row as usize];
            let others = near.of(row as usize).0.iter().filter(|i| by.codes[**i as usize] != own).count();
            others as f64 / near.k.max(1) as f64
        };
        let mut made = Synthetic::new(&space);
        for (class, short) in by.short(self.ratio).into_iter().enumerate().filter(|(_, short)| *short > 0) {
            context.check()?;
            let k = by.neighbors(class, self.n_neighbors, Self::KIND, context);
            let pool = &by.rows[class];
            let mut shares: Vec<f64> = pool.iter().map(|row| hardness(*row)).collect();
            let mut total: f64 = shares.iter().sum();
            if total == 0.0 {
                shares.fill(1.0);
                total = shares.len() as f64;
            }
            let times = |share: &f64| (share / total * short as f64).round_ties_even() as usize;
            let from: Vec<usize> = shares
                .iter()
                .enumerate()
                .flat_map(|(i, share)| std::iter::repeat_n(i, times(share)))
                .collect();
            let mut random = Random::new(context.seed_for(Self::KIND), class as u64);
            made.make(&space, pool, &from, k, &mut random);
        }
        made.added_to(&space)
    }
}
