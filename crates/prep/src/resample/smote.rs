//! `smote`: new rows of rare classes between neighbours.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Needs, Resampler, Result, Table};
use tidemill_kernel::Random;

use super::classes::ByClass;
use super::space::Space;
use super::synthetic::Synthetic;
use super::{GEOMETRY, check_neighbors, check_quantiles, check_ratio};

/// Makes new rows of the rarer classes (Chawla et al. 2002): each lies on the segment between a row drawn at random and one of its
/// nearest neighbours of the same class.
///
/// Counts and geometry agree with imbalanced-learn's `SMOTE`. Where the rows hold categories or flags, these are handled as by
/// `smote_nc`. A class with fewer rows than neighbours asked for makes do with those it has, and says so; a single row is
/// repeated. A number to predict lies between those of the two rows, as far as the new row does (Torgo et al. 2013, "SMOTE for
/// regression"). Rows must be complete; all are kept, and the new ones follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Smote {
    /// How many rows each class has at least in the end, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// How many nearest neighbours a new row may lie towards.
    pub n_neighbors: usize,
    /// For a number to predict, the quantiles that cut it into bins, which are then balanced like classes: `[0.05, 0.95]` makes the
    /// least and the greatest twentieth as frequent as all between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl Default for Smote {
    fn default() -> Self {
        Smote { ratio: 1.0, n_neighbors: 5, quantiles: Vec::new() }
    }
}

impl BuiltinResampler for Smote {
    const KIND: &'static str = "smote";

    fn check(&self) -> Result<(), KeyPath> {
        check_ratio(self.ratio)?;
        check_quantiles(&self.quantiles)?;
        check_neighbors("n_neighbors", self.n_neighbors)
    }
}

impl Resampler for Smote {
    fn needs(&self) -> Needs {
        GEOMETRY
    }

    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let by = ByClass::cut(Self::KIND, train.batch(), &self.quantiles)?;
        let space = Space::of(train.batch())?;
        let mut made = Synthetic::new(&space);
        for (class, short) in by.short(self.ratio).into_iter().enumerate().filter(|(_, short)| *short > 0) {
            context.check()?;
            let k = by.neighbors(class, self.n_neighbors, Self::KIND, context);
            let mut random = Random::new(context.seed_for(Self::KIND), class as u64);
            let pool = &by.rows[class];
            let from: Vec<usize> = (0..short).map(|_| random.below(pool.len())).collect();
            made.make(&space, pool, &from, k, &mut random);
        }
        made.added_to(&space)
    }
}
