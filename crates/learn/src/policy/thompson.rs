//! `policy_thompson`: each action as often as it is probably the best.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Result, State,
    Training, Weights,
};

use super::FittedLinearPolicy;
use super::explore::{above_zero, check_share, from_zero};
use super::linear::{Rule, Settings, fit};
use super::linucb::NEEDS;

/// Linear Thompson sampling (Agrawal and Goyal 2013): a ridge regression of the reward for each action, whose coefficients are normally
/// distributed; each action is taken with the probability that it is the best.
///
/// The paper draws coefficients and takes the best action by them. Here the probability of what such a draw leads to is computed, by an
/// integral that is right within 0.001, so that it can be logged with the decision. The deviation of the coefficients is `scale`
/// times the noise of the rewards (the paper's `v`).
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::policy::Thompson;
/// assert!(Thompson { epsilon: 1.5, ..Thompson::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Thompson {
    /// What the deviations of the coefficients are multiplied by, from 0 up. Larger: more is tried.
    pub scale: f64,
    /// Strength of the penalty on the square of the coefficients, above 0.
    pub ridge: f64,
    /// The share of decisions that is drawn from all actions alike, from 0 to 1.
    pub epsilon: f64,
}

impl Default for Thompson {
    fn default() -> Self {
        Thompson { scale: 1.0, ridge: 1.0, epsilon: 0.05 }
    }
}

impl Builtin for Thompson {
    const KIND: &'static str = "policy_thompson";

    fn check(&self) -> Result<(), KeyPath> {
        from_zero("scale", self.scale)?;
        above_zero("ridge", self.ridge)?;
        check_share("epsilon", self.epsilon)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinearPolicy::load::<Self>(&state)
    }
}

impl BuiltinLearner for Thompson {
    const FAMILY: Family = Family::Policy;
    const WEIGHTS: Weights = Weights::Ignored;
    const LABEL: &'static [&'static str] = &["scale", "ridge", "epsilon"];
}

impl Estimator for Thompson {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let Thompson { scale, ridge, epsilon } = *self;
        fit::<Self>(&Settings { rule: Rule::Posterior, width: scale, ridge, epsilon }, training, context)
    }
}
