//! Least squares with a penalty on the size of the coefficients.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, FitCost, Fitted, KeyPath, Needs, Registry, Response,
    Result, Search, Shape, State, Training,
};

use super::elastic_net::RATIOS;
use super::{ElasticNet, FittedLinear};

/// Linear regression that uses few features: the least of `1/(2n) |y - x w - b|^2 + alpha * |w|_1`, as
/// scikit-learn's `Lasso` (Tibshirani 1996). An [`ElasticNet`] with `l1_ratio` 1.
///
/// ```
/// use tidemill_core::Estimator;
/// use tidemill_learn::linear::Lasso;
/// assert_eq!(Lasso::default().kind(), "lasso");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Lasso {
    /// Strength of the penalty, from 0 up, in the units of the target. Without it, `alpha_ratio` decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// Strength as a share of the least `alpha` that leaves no feature at all: 1 is the mean of the target, 0 no
    /// penalty, whatever the units. Not used where `alpha` is given.
    pub alpha_ratio: f64,
    /// When to stop: the duality gap as a share of the target's variance.
    pub tol: f64,
    /// The most passes over the features.
    pub max_iter: usize,
}

impl Default for Lasso {
    fn default() -> Self {
        let ElasticNet { alpha, alpha_ratio, tol, max_iter, .. } = ElasticNet::default();
        Lasso { alpha, alpha_ratio, tol, max_iter }
    }
}

impl Lasso {
    fn net(&self) -> ElasticNet {
        let Lasso { alpha, alpha_ratio, tol, max_iter } = *self;
        ElasticNet { alpha, alpha_ratio, l1_ratio: 1.0, tol, max_iter }
    }
}

impl Builtin for Lasso {
    const KIND: &'static str = "lasso";

    fn check(&self) -> Result<(), KeyPath> {
        self.net().check()
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinear::load::<Self>(&state)
    }
}

impl BuiltinLearner for Lasso {
    const FAMILY: Family = Family::Linear;
    const COLUMN_ORDER_MATTERS: bool = true;
    const LABEL: &'static [&'static str] = &["alpha"];
    const RESPONSE: Option<Response> = Some(Response::Normal);

    fn fit_cost(&self, shape: &Shape) -> FitCost {
        self.net().fit_cost(shape)
    }
}

impl Estimator for Lasso {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        self.net().needs()
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha_ratio", values: RATIOS.map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        Ok(Arc::new(self.net().fit_as(self, training, context)?))
    }
}
