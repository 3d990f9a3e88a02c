//! Linear regression that outliers cannot bend.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Result, Search,
    State, Training,
};
use tidemill_kernel::descent::Limits;
use tidemill_kernel::huber;

use super::FittedLinear;
use super::fitted::{Rows, warn_unless_converged};
use super::ridge::not_negative;

/// Linear regression in which a large residual counts by its size, not by its square: the least over coefficients,
/// intercept and scale `s` of `sum(weight * (s + H(r / s) * s)) + alpha * |w|^2`, where `H(z)` is `z^2` up to `epsilon`
/// and `2 epsilon |z| - epsilon^2` beyond, as scikit-learn's `HuberRegressor` (Huber and Ronchetti 2009).
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::Huber;
/// assert!(Huber { epsilon: 0.5, ..Huber::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Huber {
    /// From how many scales on a residual counts by its size, from 1 up. Smaller: outliers count less.
    pub epsilon: f64,
    /// Strength of the penalty, from 0 up. Larger: smaller coefficients.
    pub alpha: f64,
    /// When to stop: the steepest gradient left.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

impl Default for Huber {
    fn default() -> Self {
        Huber { epsilon: 1.35, alpha: 1e-4, tol: 1e-7, max_iter: 1000 }
    }
}

impl Builtin for Huber {
    const KIND: &'static str = "huber";

    fn check(&self) -> Result<(), KeyPath> {
        if !(self.epsilon >= 1.0 && self.epsilon.is_finite()) {
            return Err(KeyPath::new(
                "epsilon",
                format!("is {}, but must be a number from 1 up", self.epsilon),
            ));
        }
        not_negative("alpha", self.alpha)?;
        not_negative("tol", self.tol)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load::<Self>(&state)
    }
}

impl BuiltinLearner for Huber {
    const FAMILY: Family = Family::Linear;
}

impl Estimator for Huber {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "alpha", values: [1e-4, 0.01, 1.0, 100.0, 10.0].map(Value::from).to_vec() },
            Search { key: "epsilon", values: [1.35, 1.1, 2.0].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let rows = Rows::of(training, None, context)?;
        let spread = rows.spread();
        let mut x = vec![0.0; rows.design.n_columns() + 1];
        if let Some(last) = x.last_mut() {
            *last = rows.mean();
        }
        let problem = huber::Huber {
            design: &rows.design,
            target: &rows.target,
            weights: &rows.weights,
            epsilon: self.epsilon,
            alpha: self.alpha / rows.total,
            least_scale: (1e-10 * spread).max(f64::MIN_POSITIVE),
        };
        let limits = Limits { tolerance: self.tol, max_iterations: self.max_iter };
        // A target that does not vary is its own model.
        if spread > 0.0 {
            let (outcome, _) = problem.minimise(&mut x, limits, context)?;
            warn_unless_converged(Self::KIND, outcome, "raise max_iter, alpha or tol", context);
        }
        Ok(Arc::new(FittedLinear::new(self, rows.features.clone(), rows.solution(x)?)))
    }
}
