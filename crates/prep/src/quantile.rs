//! `quantile`: number columns to their ranks among the training values.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinStep, Cell, Column, Columns, Context, Estimator, Fitted, KeyPath, Kind, Registry, Result,
    Slot, State, Training,
};
use tidemill_kernel::normal;

use crate::mapping::{self, Bound, ColumnOf, ColumnStep, Learned, Notes, Saved, wrong_cell};
use crate::numbers::finite;
use arrow_array::{Array, ArrayRef, Float64Array};

/// How near to 0 and 1 ranks may come before they are turned into normal numbers, as in scikit-learn.
const EDGE: f64 = 1e-7;

/// Replaces each number by its rank among the training values, from 0 to 1, or by the normal number of that rank: any
/// distribution becomes a uniform or a normal one, and outliers lose their reach.
///
/// Agrees with scikit-learn's `QuantileTransformer(subsample=None)`: quantiles in equal steps, linear between them, the middle of
/// the ranks for values that repeat, 0 and 1 (or -5.2 and 5.2) beyond the training values. Quantiles stand at their exact
/// places, where the reference's may be off by a rounding. Missing values stay missing. A column
/// without any value in training becomes 0.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Quantile {
    /// The columns to transform; by default, every feature that is a number.
    pub columns: Columns,
    /// What the numbers are distributed like afterwards.
    pub output: Shape,
    /// How many quantiles are learned, from 2; no more than there are values.
    pub n_quantiles: usize,
}

/// A distribution.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// From 0 to 1, every number as likely.
    #[default]
    Uniform,
    /// The standard normal distribution.
    Normal,
}

impl Default for Quantile {
    fn default() -> Self {
        Quantile { columns: Columns::default(), output: Shape::default(), n_quantiles: 1000 }
    }
}

impl Estimator for Quantile {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        mapping::fit(self, training, context)
    }
}

impl Builtin for Quantile {
    const KIND: &'static str = "quantile";

    fn check(&self) -> Result<(), KeyPath> {
        match self.n_quantiles {
            2..=100_000 => Ok(()),
            n => Err(KeyPath::new("n_quantiles", format!("must be 2 to 100000, but is {n}"))),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        mapping::load::<Self>(&state)
    }
}

impl BuiltinStep for Quantile {
    const SLOT: Slot = Slot::Scale;
    const DONE: &'static str = "replaced by its rank";
}

impl ColumnStep for Quantile {
    type Learned = Ranks;
    const WANTED: &'static str = "a number";

    fn columns(&self) -> &Columns {
        &self.columns
    }

    fn handles(&self, column: &Column) -> bool {
        column.kind == Kind::Number
    }

    fn learn(&self, from: ColumnOf<'_>, _: &mut Notes) -> Result<Ranks> {
        let mut values = finite(from.numbers()?);
        values.sort_unstable_by(f64::total_cmp);
        let n = self.n_quantiles.min(values.len());
        let at = |i: usize| {
            // In whole numbers: a place that is off by a rounding would miss values that repeat.
            let (place, steps) = (i * (values.len() - 1), (n - 1).max(1));
            let below = place / steps;
            let t = (place % steps) as f64 / steps as f64;
            let above = values[(below + 1).min(values.len() - 1)];
            (1.0 - t) * values[below] + t * above
        };
        let mut quantiles: Vec<f64> = (0..n).map(at).collect();
        // Rounding between equal values must not make them fall.
        let mut most = f64::NEG_INFINITY;
        for quantile in &mut quantiles {
            most = most.max(*quantile);
            *quantile = most;
        }
        Ok(Ranks { output: self.output, quantiles: quantiles.into() })
    }
}

/// The quantiles of one column in equal steps, rising.
#[derive(Clone)]
pub(crate) struct Ranks {
    output: Shape,
    quantiles: Arc<[f64]>,
}

impl Ranks {
    fn rank(&self, x: f64) -> f64 {
        let q = &self.quantiles;
        let (Some(first), Some(last)) = (q.first(), q.last()) else { return 0.0 };
        let edge = if self.output == Shape::Normal { EDGE } else { 0.0 };
        let (low, high) = match self.output {
            Shape::Uniform => (x <= *first, x >= *last),
            Shape::Normal => (x - edge < *first, x + edge > *last),
        };
        // A value at both ends at once (a constant) has the lower rank, as in the reference.
        if low {
            return 0.0;
        }
        if high {
            return 1.0;
        }
        let step = (q.len() - 1).max(1) as f64;
        // Between the last quantile that is at most `x` and the first that is at least `x`; of quantiles that repeat, the middle.
        let after = q.partition_point(|q| *q <= x);
        let before = q.partition_point(|q| *q < x);
        if after > before {
            return (before + after - 1) as f64 / 2.0 / step;
        }
        let t = (x - q[before - 1]) / (q[before] - q[before - 1]);
        ((before - 1) as f64 + t) / step
    }

    fn map(&self, x: f64) -> f64 {
        if x.is_nan() {
            return x;
        }
        let rank = self.rank(x);
        match self.output {
            Shape::Uniform => rank,
            Shape::Normal => normal::quantile(rank.clamp(EDGE, 1.0 - EDGE)),
        }
    }
}

impl Learned for Ranks {
    fn save(&self) -> Saved {
        Saved::new(self.output, self.quantiles.to_vec())
    }

    fn load(saved: Saved) -> Result<Self, String> {
        // Written so that a NaN is refused as well.
        if !saved.floats.iter().is_sorted() || saved.floats.iter().any(|x| x.is_nan()) {
            return Err("its quantiles do not rise".into());
        }
        Ok(Ranks { output: saved.read()?, quantiles: saved.floats.into() })
    }

    fn output(&self, input: &Column) -> Result<Vec<Column>> {
        let column = Column { name: input.name.clone(), ..Column::number("").derived_from(input) };
        Ok(vec![column.with_role(input.role)])
    }

    fn bind(&self, _: &Column) -> Result<Box<dyn Bound>> {
        Ok(Box::new(self.clone()))
    }
}

impl Bound for Ranks {
    fn apply(&self, from: ColumnOf<'_>) -> Result<Vec<ArrayRef>> {
        let input = from.numbers()?;
        let values: Vec<f64> = input.values().iter().map(|&x| self.map(x)).collect();
        Ok(vec![Arc::new(Float64Array::new(values.into(), input.nulls().cloned()))])
    }

    fn row(&self, cell: Cell, out: &mut Vec<Cell>) -> Result<()> {
        out.push(match cell {
            Cell::Number(x) => Cell::Number(self.map(x)),
            Cell::Missing => Cell::Missing,
            other => return Err(wrong_cell("a number", &other)),
        });
        Ok(())
    }
}
