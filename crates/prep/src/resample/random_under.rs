//! `random_under`: rows of frequent classes left out by chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{BuiltinResampler, Context, KeyPath, Resampler, Result, Table};
use tidemill_kernel::Random;

use super::classes::ByClass;
use super::{check_quantiles, check_ratio};

/// Leaves out rows of the more frequent classes, drawn at random, until none is too frequent.
///
/// Counts agree with imbalanced-learn's `RandomUnderSampler`. The rows that are kept stay in their order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandomUnder {
    /// The rows of the rarest class as a share of those that any class keeps at most: above 0, at most 1.
    pub ratio: f64,
    /// For a number to predict, the quantiles that cut it into bins, which are then balanced like classes: `[0.05, 0.95]` makes the
    /// least and the greatest twentieth as frequent as all between.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub quantiles: Vec<f64>,
}

impl Default for RandomUnder {
    fn default() -> Self {
        RandomUnder { ratio: 1.0, quantiles: Vec::new() }
    }
}

impl BuiltinResampler for RandomUnder {
    const KIND: &'static str = "random_under";

    fn check(&self) -> Result<(), KeyPath> {
        check_quantiles(&self.quantiles)?;
        check_ratio(self.ratio)
    }
}

impl Resampler for RandomUnder {
    fn resample(&self, train: &Table, context: &Context) -> Result<Table> {
        let mut by = ByClass::cut(Self::KIND, train.batch(), &self.quantiles)?;
        let least = by.rarest().map_or(0, |class| by.rows[class as usize].len());
        let most = (least as f64 / self.ratio) as usize;
        let mut kept = Vec::new();
        for (class, rows) in by.rows.iter_mut().enumerate() {
            if rows.len() > most {
                Random::new(context.seed_for(Self::KIND), class as u64).shuffle(rows);
                rows.truncate(most);
            }
            kept.extend_from_slice(rows);
        }
        kept.sort_unstable();
        Ok(Table::new(train.batch().take(&kept)?))
    }
}
