//! `impute_trimmed_mean`: missing numbers become the mean without the least and the greatest values.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, BuiltinStep, Columns, Fitted, KeyPath, Registry, Result, Slot, State};

use crate::impute::Infinite;
use crate::within_groups::{self, Location, statistic_step};

/// Fills missing numbers with the mean of the finite training values that is left when a share of them is cut off at each end.
///
/// Agrees with `scipy.stats.trim_mean`: of 7 values with `share = 0.2` one is cut off at each end. `NaN` counts as missing. A
/// column without any value in training is filled with 0, with a warning. The weight column is not used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeTrimmedMean {
    /// The columns to fill; by default, every feature that is a number.
    pub columns: Columns,
    /// The columns that define groups. A missing value is filled with the statistic of the row's group, or with that of all rows if the
    /// group did not occur in training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// The share of values cut off at each end, from 0 to below 0.5.
    pub share: f64,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
    /// How infinite numbers are treated.
    pub infinite: Infinite,
}

impl Default for ImputeTrimmedMean {
    fn default() -> Self {
        let (columns, infinite) = (Columns::default(), Infinite::default());
        ImputeTrimmedMean { columns, by: Vec::new(), share: 0.1, flag: false, infinite }
    }
}

statistic_step!(ImputeTrimmedMean);

impl Builtin for ImputeTrimmedMean {
    const KIND: &'static str = "impute_trimmed_mean";

    fn check(&self) -> Result<(), KeyPath> {
        match self.share {
            share if (0.0..0.5).contains(&share) => Ok(()),
            share => Err(KeyPath::new("share", format!("must be from 0 to below 0.5, but is {share}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        within_groups::load_step::<Self>(&state)
    }
}

impl BuiltinStep for ImputeTrimmedMean {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with the trimmed mean";
}

impl Location for ImputeTrimmedMean {
    fn of(&self, values: &mut [f64]) -> f64 {
        values.sort_unstable_by(f64::total_cmp);
        let cut = (self.share * values.len() as f64) as usize;
        let kept = &values[cut..values.len() - cut];
        let n = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / n;
        if mean.is_finite() { mean } else { kept.iter().map(|x| x / n).sum() }
    }
}
