//! `impute_mean`: missing numbers become the column's mean.

use std::sync::Arc;

use arrow_array::Float64Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, BuiltinStep, Columns, Fitted, Registry, Result, Slot, State};

use crate::impute::Infinite;
use crate::numbers::summary;
use crate::within_groups::{self, Location, statistic_step};

/// Fills missing numbers with the mean of the finite training values.
///
/// `NaN` counts as missing. Agrees with scikit-learn's `SimpleImputer`, except that a column without any value in
/// training is kept and filled with 0, with a warning. The weight column is not used.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeMean {
    /// The columns to fill; by default, every feature that is a number.
    pub columns: Columns,
    /// The columns that define groups. A missing value is filled with the statistic of the row's group, or with that of all rows if the
    /// group did not occur in training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub by: Vec<String>,
    /// Whether to add a flag column `NAME_missing` for each column that misses values in training.
    pub flag: bool,
    /// How infinite numbers are treated.
    pub infinite: Infinite,
}

statistic_step!(ImputeMean);

impl Builtin for ImputeMean {
    const KIND: &'static str = "impute_mean";
    /// Version 2 knows groups.
    const VERSION: u32 = 2;

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        within_groups::load_step::<Self>(&state)
    }
}

impl BuiltinStep for ImputeMean {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with the mean";
}

impl Location for ImputeMean {
    fn of(&self, values: &mut [f64]) -> f64 {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        if mean.is_finite() { mean } else { values.iter().map(|x| x / n).sum() }
    }

    fn of_all(&self, values: &Float64Array) -> Option<f64> {
        let found = summary(values);
        (found.n > 0).then_some(found.mean)
    }
}
