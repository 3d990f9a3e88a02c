//! `random_over`: rows of rare classes repeated by chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Resampler, Result, Table};
use tidemill_kernel::Random;

use super::classes::ByClass;
use super::{check_quantiles, check_ratio};

/// Repeats rows of the rarer classes, drawn at random and with replacement, until each class has its share.
///
/// Counts agree with imbalanced-learn's `RandomOverSampler`. All rows are kept; the repeated ones follow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomOver {
    /// How many rows each class has at least in the end, as a share of those of the most frequent: above 0, at most 1.
    pub ratio: f64,
    /// For a number to predict, the quantiles that cut it into bins, which are then balanced like classes: `[0.05, 0.95]` makes the
    /// least and the greatest twentieth as frequent as all between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl Default for RandomOver {
    fn default() -> Self {
        RandomOver { ratio: 1.0, quantiles: Vec::new() }
    }
}

impl BuiltinResampler for RandomOver {
    const KIND: &'static str = "random_over";

    fn check(&self) -> Result<(), KeyPath> {
        check_quantiles(&self.quantiles)?;
        check_ratio(self.ratio)
    }
}

impl Resampler for RandomOver {
    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let by = ByClass::cut(Self::KIND, train.batch(), &self.quantiles)?;
        let mut rows: Vec<u32> = (0..by.codes.len() as u32).collect();
        for (class, short) in by.short(self.ratio).into_iter().enumerate() {
            let mut random = Random::new(context.seed_for(Self::KIND), class as u64);
            let own = &by.rows[class];
            rows.extend((0..short).map(|_| own[random.below(own.len())]));
        }
        Ok(Table::new(train.batch().take(&rows)?))
    }
}
