//! `scale_robust`: each number column by its median and quartiles, which outliers hardly move.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, Kind, Registry, Result, Slot, State,
    Training,
};

use crate::mapping::{self, ColumnOf, ColumnStep, Notes};
use crate::numbers::{finite, median, quantile};
use crate::scale::{Affine, unless_constant};

/// Subtracts the median and divides by the distance between the quartiles of the training rows.
///
/// Agrees with scikit-learn's `RobustScaler`: missing values are left out and stay missing; a constant column
/// becomes 0 throughout. Infinite values are left out too, and stay infinite. The weight column is not used.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::number("age")])?);
/// let ages = Float64Array::from(vec![Some(20.0), Some(40.0), None]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(ages)])?);
/// let step = tidemill_prep::ScaleRobust::default();
/// let (_, scaled) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(scaled.batch().numbers(0)?.value(0), -1.0);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScaleRobust {
    /// The columns to scale; by default, every number that is a feature.
    pub columns: Columns,
}

impl Estimator for ScaleRobust {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for ScaleRobust {
    const KIND: &'static str = "scale_robust";

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ScaleRobust {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "scaled by median and quartiles";
}

impl ColumnStep for ScaleRobust {
    type Learned = Affine;
    const WANTED: &'static str = "a number";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Number
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Affine> {
        let mut values = finite(from.numbers()?);
        let (low, high) = (quantile(&mut values, 0.25), quantile(&mut values, 0.75));
        let middle = median(&mut values).unwrap_or(0.0);
        Ok(Affine::new(middle, unless_constant(high - low)))
    }
}
