//! `policy_linucb`: the action whose reward could be the greatest.

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

/// LinUCB (Li, Chu, Langford and Schapire 2010, the disjoint model): a ridge regression of the reward for each action, which takes
/// the action of the greatest upper bound: what is expected, and `alpha` standard errors above.
///
/// Little is known of an action that was seldom taken in such a context, so its bound is high and it is tried. The standard error counts
/// the noise of the rewards, so `alpha` means the same in any unit of reward. A share `epsilon` of the decisions is drawn from
/// all actions alike: without it, what this policy logs could not judge another one.
///
/// ```
/// use tidemill_core::Estimator;
/// use tidemill_learn::policy::LinUcb;
/// let learner = LinUcb { alpha: 2.0, ..LinUcb::default() };
/// assert_eq!(learner.params()["epsilon"], 0.05);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LinUcb {
    /// How many standard errors the bound lies above what is expected, from 0 up. Larger: more is tried.
    pub alpha: f64,
    /// Strength of the penalty on the square of the coefficients, above 0.
    pub ridge: f64,
    /// The share of decisions that is drawn from all actions alike, from 0 to 1.
    pub epsilon: f64,
}

impl Default for LinUcb {
    fn default() -> Self {
        LinUcb { alpha: 1.0, ridge: 1.0, epsilon: 0.05 }
    }
}

impl Builtin for LinUcb {
    const KIND: &'static str = "policy_linucb";

    fn check(&self) -> Result<(), KeyPath> {
        from_zero("alpha", self.alpha)?;
        above_zero("ridge", self.ridge)?;
        check_share("epsilon", self.epsilon)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedLinearPolicy::load::<Self>(&state)
    }
}

/// What a linear policy reads.
pub(super) const NEEDS: Needs =
    Needs { complete: true, numeric: true, scaled: true, tabular: true, sparse: false, tokens: false };

impl BuiltinLearner for LinUcb {
    const FAMILY: Family = Family::Policy;
    const WEIGHTS: Weights = Weights::Ignored;
    const LABEL: &'static [&'static str] = &["alpha", "ridge", "epsilon"];
}

impl Estimator for LinUcb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let LinUcb { alpha, ridge, epsilon } = *self;
        fit::<Self>(&Settings { rule: Rule::UpperBound, width: alpha, ridge, epsilon }, training, context)
    }
}
