//! `impute_max`: missing numbers become the column's greatest value.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, BuiltinStep, Columns, Fitted, Registry, Result, Slot, State};

use crate::impute::Infinite;
use crate::within_groups::{self, Location, statistic_step};

/// Fills missing numbers with the greatest finite training value.
///
/// `NaN` counts as missing. A column without any value in training is filled with 0, with a warning. For a value that stands
/// apart from all others take `impute_constant`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeMax {
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

statistic_step!(ImputeMax);

impl Builtin for ImputeMax {
    const KIND: &'static str = "impute_max";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        within_groups::load_step::<Self>(&state)
    }
}

impl BuiltinStep for ImputeMax {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with the greatest value";
}

impl Location for ImputeMax {
    fn of(&self, values: &mut [f64]) -> f64 {
        values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}
