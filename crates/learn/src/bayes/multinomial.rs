//! `multinomial_nb`: classes from how often things were counted (words, clicks, items).

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::{
    Builtin, BuiltinLearner, Context, Estimator, Family, Fitted, KeyPath, Needs, Registry, Result, Search,
    State, Training, Weights,
};

use super::counts::{Counts, FittedCounts, NEEDS};
use super::{check_alpha, log_priors};

/// Naive Bayes for counts: a class's score is `log prior + sum(count * log share)`, where the share of a feature in a
/// class is `(its count + alpha) / (all counts + alpha * number of features)`. Agrees with scikit-learn's
/// `MultinomialNB` (Manning, Raghavan and Schütze 2008, chapter 13). Probabilities are a softmax of the scores; they
/// tend to be near 0 and 1.
///
/// Reads sparse vectors as they are. Errors on a training value below 0. A missing feature counts as 0.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::bayes::MultinomialNb;
/// assert!(MultinomialNb { alpha: 0.0, ..MultinomialNb::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct MultinomialNb {
    /// Smoothing: so much is added to every count, above 0.
    pub alpha: f64,
    /// Whether frequent classes are more probable from the start.
    pub fit_prior: bool,
}

impl Default for MultinomialNb {
    fn default() -> Self {
        MultinomialNb { alpha: 1.0, fit_prior: true }
    }
}

impl Builtin for MultinomialNb {
    const KIND: &'static str = "multinomial_nb";

    fn check(&self) -> Result<(), KeyPath> {
        check_alpha(self.alpha)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedCounts::load(Self::KIND, &state)
    }
}

impl BuiltinLearner for MultinomialNb {
    const FAMILY: Family = Family::Bayes;
    const WEIGHTS: Weights = Weights::Equivalent;
}

impl Estimator for MultinomialNb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [1.0, 0.1, 0.01, 10.0].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let counts = Counts::of(training, context)?;
        let mut weights = counts.sums(Some(0.0), |x| x)?;
        let p = counts.features.n_columns();
        for class in weights.chunks_exact_mut(p.max(1)) {
            let total: f64 = class.iter().map(|count| count + self.alpha).sum();
            class.iter_mut().for_each(|count| *count = (*count + self.alpha).ln() - total.ln());
        }
        let priors = log_priors(&counts.classes, self.fit_prior);
        Ok(Arc::new(FittedCounts::new(Self::KIND, counts.classes, counts.features, &weights, priors, None)))
    }
}
