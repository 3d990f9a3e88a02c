//! `impute_median`: missing numbers become the column's median.

use std::sync::Arc;

use arrow_array::Float64Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{Builtin, BuiltinStep, Columns, Fitted, Registry, Result, Slot, State};

use crate::impute::Infinite;
use crate::numbers::{median, median_of};
use crate::within_groups::{self, Location, statistic_step};

/// Fills missing numbers with the median of the finite training values (exact; the mean of the two in the middle).
///
/// `NaN` counts as missing. Agrees with scikit-learn's `SimpleImputer`, except that a column without any value in
/// training is kept and filled with 0, with a warning. The weight column is not used.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::number("age")])?);
/// let ages = Float64Array::from(vec![Some(20.0), None, Some(40.0), Some(90.0)]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(ages)])?);
/// let step = tidemill_prep::ImputeMedian { flag: true, ..Default::default() };
/// let (_, filled) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(filled.batch().numbers(0)?.value(1), 40.0);
/// assert_eq!(filled.batch().schema().columns()[1].name, "age_missing");
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputeMedian {
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

statistic_step!(ImputeMedian);

impl Builtin for ImputeMedian {
    const KIND: &'static str = "impute_median";
    /// Version 2 knows groups.
    const VERSION: u32 = 2;

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        within_groups::load_step::<Self>(&state)
    }
}

impl BuiltinStep for ImputeMedian {
    const SLOT: Slot = Slot::Missing;
    const DONE: &'static str = "missing values filled with the median";
}

impl Location for ImputeMedian {
    fn of(&self, values: &mut [f64]) -> f64 {
        median(values).unwrap_or(0.0)
    }

    fn of_all(&self, values: &Float64Array) -> Option<f64> {
        median_of(values)
    }
}
