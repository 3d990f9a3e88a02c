//! A linear function for a quantile of the target.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Result, Search,
    State, Training,
};
use tidemill_kernel::descent::Limits;
use tidemill_kernel::quantile;

use super::FittedLinear;
use super::fitted::{Rows, warn_unless_converged};
use super::ridge::not_negative;

/// A linear function below which the target lies in so large a share of the rows: the least of
/// `mean(weight * pinball) + alpha * |w|_1`, where a residual `r` costs `quantile * r` above the function and
/// `(1 - quantile) * -r` below, as scikit-learn's `QuantileRegressor` (Koenker and Bassett 1978). At 0.5 it is the
/// regression of least absolute errors.
///
/// Solved by an interior-point method (Portnoy and Koenker 1997). Where several functions are equally good, the answer
/// lies amid them.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::QuantileRegression;
/// assert!(QuantileRegression { quantile: 1.0, ..QuantileRegression::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct QuantileRegression {
    /// Which quantile, above 0 and below 1.
    pub quantile: f64,
    /// Strength of the penalty on the sizes of the coefficients, from 0 up, in the units of the target.
    pub alpha: f64,
    /// When to stop: the duality gap as a share of the objective.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

impl Default for QuantileRegression {
    fn default() -> Self {
        QuantileRegression { quantile: 0.5, alpha: 0.0, tol: 1e-9, max_iter: 200 }
    }
}

impl Builtin for QuantileRegression {
    const KIND: &'static str = "quantile_regression";

    fn check(&self) -> Result<(), KeyPath> {
        if !(self.quantile > 0.0 && self.quantile < 1.0) {
            let found = format!("is {}, but must be above 0 and below 1", self.quantile);
            return Err(KeyPath::new("quantile", found));
        }
        not_negative("alpha", self.alpha)?;
        not_negative("tol", self.tol)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load::<Self>(&state)
    }
}

impl BuiltinLearner for QuantileRegression {
    const FAMILY: Family = Family::Linear;
    const LABEL: &'static [&'static str] = &["quantile"];
}

impl Estimator for QuantileRegression {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [0.0, 1e-3, 0.01, 0.1].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let rows = Rows::of(training, None, context)?;
        let problem = quantile::Quantile {
            design: &rows.design,
            target: &rows.target,
            weights: &rows.weights,
            quantile: self.quantile,
            l1: self.alpha,
        };
        let limits = Limits { tolerance: self.tol, max_iterations: self.max_iter };
        let (x, outcome) = problem.minimise(limits, context)?;
        // What an exact fit leaves is rounding, whose gap means nothing.
        let exact = rows.spread() == 0.0 || problem.objective_of(&x) <= 1e-12 * rows.spread();
        if !exact {
            warn_unless_converged(Self::KIND, outcome, "raise max_iter or tol", context);
        }
        Ok(Arc::new(FittedLinear::new(self, rows.features.clone(), rows.solution(x)?)))
    }
}
