//! `scale_standard`: each number column to mean 0 and standard deviation 1.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, Kind, Registry, Result, Slot, State,
    Training,
};

use crate::mapping::{self, ColumnOf, ColumnStep, Notes};
use crate::numbers::{summary, variance};
use crate::scale::Affine;

/// Subtracts the mean and divides by the standard deviation (of the population) of the training rows.
///
/// Agrees with scikit-learn's `StandardScaler`: missing values are left out and stay missing; a constant column
/// becomes 0 throughout. Infinite values are left out too, and stay infinite. The weight column is not used.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::number("age")])?);
/// let ages = Float64Array::from(vec![Some(20.0), Some(40.0), None]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(ages)])?);
/// let step = tidemill_prep::ScaleStandard::default();
/// let (_, scaled) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(scaled.batch().numbers(0)?.value(0), -1.0);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScaleStandard {
    /// The columns to scale; by default, every number that is a feature.
    pub columns: Columns,
}

impl Estimator for ScaleStandard {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for ScaleStandard {
    const KIND: &'static str = "scale_standard";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ScaleStandard {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "scaled to mean 0 and deviation 1";
}

impl ColumnStep for ScaleStandard {
    type Learned = Affine;
    const WANTED: &'static str = "a number";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Number
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Affine> {
        let found = summary(from.numbers()?);
        let variance = variance(from.numbers()?, found.n, found.mean);
        // Below this bound the variance is rounding noise of a constant (the rule of scikit-learn).
        let n = found.n as f64;
        let noise = n * f64::EPSILON * variance + (n * found.mean * f64::EPSILON).powi(2);
        let scale = if variance <= noise { 1.0 } else { variance.sqrt() };
        Ok(Affine::new(found.mean, scale))
    }
}
