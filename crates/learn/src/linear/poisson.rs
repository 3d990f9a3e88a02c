//! Regression of counts.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Response, Result,
    Search, State, Training, Weights,
};

use super::FittedLinear;
use super::fitted::Link;
use super::glm::{self, Settings};
use super::ridge::not_negative;

/// Regression of counts and rates: `mean = e^(x w + b)`, the least of
/// `mean of half the Poisson deviance + alpha / 2 * |w|^2`, as scikit-learn's `PoissonRegressor` (McCullagh and
/// Nelder 1989); with weights, rows count by them. A rate is a count divided by its exposure, weighted by it.
///
/// Targets are numbers from 0 up. Solved by L-BFGS preconditioned with the curvature of all rows, which makes its
/// steps Newton's.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::Poisson;
/// assert!(Poisson { alpha: -1.0, ..Poisson::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Poisson {
    /// Strength of the penalty, from 0 up. Larger: smaller coefficients, steadier predictions.
    pub alpha: f64,
    /// When to stop: the steepest gradient left, in units of the target.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

impl Default for Poisson {
    fn default() -> Self {
        Poisson { alpha: 1e-3, tol: 1e-7, max_iter: 1000 }
    }
}

impl Builtin for Poisson {
    const KIND: &'static str = "poisson";

    fn check(&self) -> Result<(), KeyPath> {
        not_negative("alpha", self.alpha)?;
        not_negative("tol", self.tol)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load_linked::<Self>(&state, Link::Exp)
    }
}

impl BuiltinLearner for Poisson {
    const FAMILY: Family = Family::Linear;
    const WEIGHTS: Weights = Weights::Equivalent;
    const RESPONSE: Option<Response> = Some(Response::Poisson);
}

impl Estimator for Poisson {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        let values = [1e-3, 0.01, 1e-4, 0.1, 1.0, 1e-5];
        vec![Search { key: "alpha", values: values.map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let settings = Settings { power: 1.0, alpha: self.alpha, tol: self.tol, max_iter: self.max_iter };
        Ok(Arc::new(glm::fit(self, &settings, training, context)?))
    }
}
