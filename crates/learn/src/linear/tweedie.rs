//! Regression of amounts of which many are 0.

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

/// Regression of amounts of which many are 0 and the rest are skewed (claims, sales, rain): `mean = e^(x w + b)`, the
/// least of `mean of half the Tweedie deviance + alpha / 2 * |w|^2`, as scikit-learn's `TweedieRegressor` with a
/// logarithmic link (Jorgensen 1987); with weights, rows count by them.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::Tweedie;
/// assert!(Tweedie { alpha: -1.0, ..Tweedie::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Tweedie {
    /// Which distribution: above 1 and below 2, many zeros and a skewed rest (1 is Poisson's, 2 gamma's).
    pub power: f64,
    /// Strength of the penalty, from 0 up. Larger: smaller coefficients, steadier predictions.
    pub alpha: f64,
    /// When to stop: the steepest gradient left, in units of the target.
    pub tol: f64,
    /// The most steps.
    pub max_iter: usize,
}

impl Default for Tweedie {
    fn default() -> Self {
        Tweedie { power: 1.5, alpha: 1e-3, tol: 1e-7, max_iter: 1000 }
    }
}

impl Builtin for Tweedie {
    const KIND: &'static str = "tweedie";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1.0..=2.0).contains(&self.power) {
            return Err(KeyPath::new("power", format!("is {}, but must be from 1 to 2", self.power)));
        }
        not_negative("alpha", self.alpha)?;
        not_negative("tol", self.tol)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load_linked::<Self>(&state, Link::Exp)
    }
}

impl BuiltinLearner for Tweedie {
    const FAMILY: Family = Family::Linear;
    const WEIGHTS: Weights = Weights::Equivalent;
    const RESPONSE: Option<Response> = Some(Response::Tweedie);
}

impl Estimator for Tweedie {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        let values = [1e-3, 0.01, 1e-4, 0.1, 1.0, 1e-5];
        vec![
            Search { key: "alpha", values: values.map(Value::from).to_vec() },
            Search { key: "power", values: [1.5, 1.2, 1.8].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let settings =
            Settings { power: self.power, alpha: self.alpha, tol: self.tol, max_iter: self.max_iter };
        Ok(Arc::new(glm::fit(self, &settings, training, context)?))
    }
}
