//! Least squares with a penalty on the size and the square of the coefficients.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, FitCost, Fitted, KeyPath, Needs, Registry, Response,
    Result, Search, Shape, State, Training,
};
use tidemill_kernel::descent::{self, Limits, Penalty};

use super::FittedLinear;
use super::fitted::regression;
use super::ridge::not_negative;

/// Linear regression that drops features of little use: the least of
/// `1/(2n) |y - x w - b|^2 + alpha * l1_ratio * |w|_1 + alpha * (1 - l1_ratio) / 2 * |w|^2`, as scikit-learn's
/// `ElasticNet` (Zou and Hastie 2005); with weights, each square counts by its row's weight and `n` is their sum.
///
/// Found by coordinate descent, until the duality gap is at most `tol` times the target's variance.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::linear::ElasticNet;
/// assert!(ElasticNet { l1_ratio: 2.0, ..ElasticNet::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ElasticNet {
    /// Strength of the penalty, from 0 up, in the units of the target. Without it, `alpha_ratio` decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Strength as a share of the least `alpha` that leaves no feature at all: 1 is the mean of the target, 0 no
    /// penalty, whatever the units. Not used where `alpha` is given.
    pub alpha_ratio: f64,
    /// How much of the penalty is on sizes (drops features), 0 to 1; the rest is on squares.
    pub l1_ratio: f64,
    /// When to stop: the duality gap as a share of the target's variance.
    pub tol: f64,
    /// The most passes over the features.
    pub max_iter: usize,
}

impl Default for ElasticNet {
    fn default() -> Self {
        ElasticNet { alpha: None, alpha_ratio: 0.01, l1_ratio: 0.5, tol: 1e-7, max_iter: 10_000 }
    }
}

/// Shares of the greatest useful `alpha` that are worth trying, best guesses first.
pub(crate) const RATIOS: [f64; 8] = [0.01, 0.001, 0.1, 0.03, 0.003, 0.3, 3e-4, 1e-4];

impl Builtin for ElasticNet {
    const KIND: &'static str = "elastic_net";

    fn check(&self) -> Result<(), KeyPath> {
        self.alpha.map_or(Ok(()), |alpha| not_negative("alpha", alpha))?;
        not_negative("alpha_ratio", self.alpha_ratio)?;
        not_negative("tol", self.tol)?;
        if !(0.0..=1.0).contains(&self.l1_ratio) {
            return Err(KeyPath::new("l1_ratio", format!("is {}, but must be from 0 to 1", self.l1_ratio)));
        }
        Ok(())
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load::<Self>(&state)
    }
}

impl BuiltinLearner for ElasticNet {
    const FAMILY: Family = Family::Linear;
    const LABEL: &'static [&'static str] = &["alpha"];
    const RESPONSE: Option<Response> = Some(Response::Normal);

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        let (n, d) = (shape.rows, shape.width);
        FitCost::Operations(n * d * d.min(n) * 0.5 + 200.0 * n * d)
    }
}

impl Estimator for ElasticNet {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: true, ..Needs::default() }
    }

    fn search(&self) -> Vec<Search> {
        vec![
            Search { key: "alpha_ratio", values: RATIOS.map(Value::from).to_vec() },
            Search { key: "l1_ratio", values: [0.5, 0.9, 0.1].map(Value::from).to_vec() },
        ]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(self.fit_as(self, training, context)?))
    }
}

impl ElasticNet {
    /// Fits, and says that `learner` did.
    pub(crate) fn fit_as<T: Builtin>(
        &self,
        learner: &T,
        training: Training<'_>,
        context: &Context,
    ) -> Result<FittedLinear> {
        let (features, problem) = regression(training, context)?;
        let mut net = descent::ElasticNet::new(&problem);
        // A ridge alone leaves no feature at an infinite strength only: below a share of 0.001, as glmnet does.
        let alpha =
            self.alpha.unwrap_or_else(|| self.alpha_ratio * net.greatest_l1() / self.l1_ratio.max(1e-3));
        let penalty = Penalty { l1: alpha * self.l1_ratio, l2: alpha * (1.0 - self.l1_ratio) };
        let limits = Limits { tolerance: self.tol, max_iterations: self.max_iter };
        let outcome = net.solve(penalty, limits, context)?;
        if !outcome.converged {
            context.warn(
                "not_converged",
                format!(
                    "{} stopped after {} passes with a duality gap of {:.2e}; raise max_iter, alpha or tol",
                    T::KIND,
                    outcome.iterations,
                    outcome.gap
                ),
            );
        }
        let coefficients = std::mem::take(&mut net.coefficients);
        Ok(FittedLinear::new(learner, features, problem.solution(coefficients)))
    }
}
