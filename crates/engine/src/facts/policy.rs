//! The results of training a policy.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_core::Warning;
use tidemill_core::recipe::{Policy, Spec};

use super::{ColumnFacts, DataFacts, Shipped, SplitFacts};
use crate::judge::{PolicyJudged, PolicyValue, ValueInterval};

/// What `metrics.json` says of a policy. Equal for equal data, recipe and seed.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyOutcome {
    /// The program that wrote it.
    pub tidemill: &'static str,
    /// Where the rows came from.
    pub data: DataFacts,
    /// The columns of the decisions.
    pub policy: Policy,
    /// The columns used or left out, each with a word of why.
    pub columns: Vec<ColumnFacts>,
    /// How the rows were divided.
    pub split: SplitFacts,
    /// What was compared, the best first.
    pub leaderboard: Vec<PolicyStanding>,
    /// The learner that was chosen, with its parameters.
    pub chosen: Spec,
    /// The steps of preparation, in order.
    pub preparation: Vec<Spec>,
    /// What the chosen one, fitted on the training part, is worth by the test part.
    pub test: PolicyJudged,
    /// What the model that ships was fitted on.
    pub shipped: Shipped,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl PolicyOutcome {
    /// The figures by name, as a model file keeps them.
    pub(crate) fn metrics(&self) -> IndexMap<&'static str, f64> {
        let PolicyValue { logged, ips, snips, doubly_robust, gain, .. } = &self.test.value;
        let values = [logged, ips, snips, doubly_robust, gain].map(|interval| interval.value);
        ["logged_value", "ips", "snips", "doubly_robust", "gain"].into_iter().zip(values).collect()
    }
}

/// What a learner's policy is worth on rows that it was not fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyStanding {
    /// The learner with its parameters.
    pub learner: Spec,
    /// By how much it earns more than the logged policy, over all folds, by the doubly robust estimate; absent where it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gain: Option<ValueInterval>,
    /// Why it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A finished training of a policy.
pub struct TrainedPolicy {
    /// What happened.
    pub outcome: PolicyOutcome,
    /// The model file.
    pub model: PathBuf,
    /// The resolved recipe.
    pub recipe: PathBuf,
    /// The metrics.
    pub metrics: PathBuf,
    /// The report.
    pub report: PathBuf,
    /// The SHA-256 of the model's manifest.
    pub hash: String,
}
