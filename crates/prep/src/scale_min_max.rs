//! `scale_min_max`: each number column to a given range, 0 to 1 unless said otherwise.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result, Slot,
    State, Training,
};

use crate::mapping::{self, ColumnOf, ColumnStep, Notes, NumberMap};
use crate::numbers::summary;
use crate::scale::{Affine, unless_constant};

/// Stretches each column so that the least training value becomes `low` and the greatest `high`.
///
/// Agrees with scikit-learn's `MinMaxScaler`: later values beyond those of training land outside the range unless
/// `clip` is set; missing values are left out and stay missing; a constant column becomes `low` throughout.
/// Infinite values are left out too, and stay infinite (or are clipped).
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
/// let schema = Arc::new(Schema::new(vec![Column::number("age")])?);
/// let ages = Float64Array::from(vec![Some(20.0), Some(40.0), None]);
/// let table = Table::new(Batch::new(schema, vec![Arc::new(ages)])?);
/// let step = tidemill_prep::ScaleMinMax::default();
/// let (_, scaled) = step.fit_apply(Training::on(&table), &Context::default())?;
/// assert_eq!(scaled.batch().numbers(0)?.value(1), 1.0);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScaleMinMax {
    /// The columns to scale; by default, every number that is a feature.
    pub columns: Columns,
    /// What the least training value becomes.
    pub low: f64,
    /// What the greatest training value becomes; above `low`.
    pub high: f64,
    /// Whether values beyond those of training are brought back into the range.
    pub clip: bool,
}

impl Default for ScaleMinMax {
    fn default() -> Self {
        ScaleMinMax { columns: Columns::default(), low: 0.0, high: 1.0, clip: false }
    }
}

impl Estimator for ScaleMinMax {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for ScaleMinMax {
    const KIND: &'static str = "scale_min_max";

    fn check(&self) -> Result<(), KeyPath> {
        // Written so that a NaN is refused as well.
        if self.low < self.high && (self.high - self.low).is_finite() {
            return Ok(());
        }
        Err(KeyPath::new("high", format!("must be a number above low = {}; it is {}", self.low, self.high)))
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for ScaleMinMax {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "scaled to its range";
}

impl ColumnStep for ScaleMinMax {
    type Learned = Stretch;
    const WANTED: &'static str = "a number";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Number
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Stretch> {
        let found = summary(from.numbers()?);
        let (min, max) = if found.n == 0 { (0.0, 0.0) } else { (found.min, found.max) };
        let line = Affine::new(min, unless_constant(max - min));
        Ok(Stretch { line, low: self.low, high: self.high, clip: self.clip })
    }
}

/// A line to 0..1, then on to `low..high`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Stretch {
    line: Affine,
    low: f64,
    high: f64,
    clip: bool,
}

impl NumberMap for Stretch {
    fn floats(&self) -> Vec<f64> {
        let clip = if self.clip { 1.0 } else { 0.0 };
        vec![self.line.shift, self.line.scale, self.low, self.high, clip]
    }

    fn from_floats(floats: &[f64]) -> Option<Self> {
        let Some((line, &[low, high, clip])) = floats.split_at_checked(2) else { return None };
        Some(Stretch { line: Affine::from_floats(line)?, low, high, clip: clip == 1.0 })
    }

    fn map(&self, x: f64) -> f64 {
        let y = self.line.map(x) * (self.high - self.low) + self.low;
        // Comparisons rather than `clamp`, which would panic on a broken state whose bounds are crossed.
        if self.clip {
            if y < self.low {
                self.low
            } else if y > self.high {
                self.high
            } else {
                y
            }
        } else {
            y
        }
    }
}
