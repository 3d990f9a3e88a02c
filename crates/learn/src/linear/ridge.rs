//! Least squares with a penalty on the square of the coefficients.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Continues, Estimator, Family, FitCost, Fitted, KeyPath, Needs,
    Registry, Response, Result, Search, Shape, State, Training, Weights,
};

use super::FittedLinear;
use super::fitted::{Regression, regression_from};
use crate::LearnError;

/// Linear regression that keeps coefficients small: the least of
/// `sum(weight * (y - x w - b)^2) + alpha * |w|^2`, as scikit-learn's `Ridge` (Hoerl and Kennard 1970).
///
/// With `alpha` 0 it is ordinary least squares, and of several solutions the shortest. Good when many features
/// each matter a little.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array};
/// use tidemill_core::{Batch, Column, Context, Estimator, Role, Schema, Table, Training};
/// use tidemill_learn::linear::Ridge;
///
/// let schema = Schema::new(vec![Column::number("x"), Column::number("y").with_role(Role::Target)]).unwrap();
/// let x: ArrayRef = Arc::new(Float64Array::from(vec![0.0, 1.0, 2.0]));
/// let y: ArrayRef = Arc::new(Float64Array::from(vec![1.0, 3.0, 5.0]));
/// let table = Table::new(Batch::new(Arc::new(schema), vec![x, y]).unwrap());
/// let fitted = Ridge { alpha: 0.0, ..Ridge::default() }.fit(Training::on(&table), &Context::default()).unwrap();
/// let out = fitted.bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
/// let at = out.schema().index("prediction").unwrap();
/// assert!((out.numbers(at).unwrap().value(2) - 5.0).abs() < 1e-12);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Ridge {
    /// Strength of the penalty, from 0 up. Larger: smaller coefficients, steadier predictions.
    pub alpha: f64,
    /// Whether it learns what to add to what the model says that `[train] start` names, so that the penalty pulls towards that model
    /// instead of towards the mean; without such a model there is nothing to start from.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub start: bool,
}

impl Default for Ridge {
    fn default() -> Self {
        Ridge { alpha: 1.0, start: false }
    }
}

impl Builtin for Ridge {
    const KIND: &'static str = "ridge";
    const VERSION: u32 = 2;

    fn check(&self) -> Result<(), KeyPath> {
        not_negative("alpha", self.alpha)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load::<Self>(&state)
    }
}

impl BuiltinLearner for Ridge {
    const FAMILY: Family = Family::Linear;
    const WEIGHTS: Weights = Weights::Equivalent;
    const CONTINUES: Option<Continues> = Some(Continues::FromPredictions);
    const RESPONSE: Option<Response> = Some(Response::Normal);

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        let (n, d) = (shape.rows, shape.width);
        FitCost::Operations(match shape.texts > 0.0 {
            true => 300.0 * n * d,
            false => n * d * d.min(n) * 0.5 + 20.0 * n * d,
        })
    }
}

/// Refuses a parameter that is negative or not finite.
pub(crate) fn not_negative(key: &str, value: f64) -> Result<(), KeyPath> {
    if value >= 0.0 && value.is_finite() {
        return Ok(());
    }
    Err(KeyPath::new(key, format!("is {value}, but must be a number from 0 up")))
}

impl Estimator for Ridge {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        let values = [1.0, 10.0, 0.1, 100.0, 0.01, 1e3, 1e-3, 30.0, 3.0, 300.0, 1e4, 0.3];
        vec![Search { key: "alpha", values: values.map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let Regression { features, problem, started } = regression_from(self.start, training, context)?;
        let solution = problem.ridge(self.alpha, context)?.ok_or_else(|| LearnError::TooLarge {
            columns: features.0.iter().map(|f| format!("'{}'", f.name)).collect::<Vec<_>>().join(", "),
        })?;
        context.check()?;
        Ok(Arc::new(FittedLinear::new(self, features, solution).started(started)))
    }
}
