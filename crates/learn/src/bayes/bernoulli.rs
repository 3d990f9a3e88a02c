//! `bernoulli_nb`: classes from which features are there at all.

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

/// Naive Bayes for yes and no: each feature counts as present where it is above `binarize`, and unlike in
/// `multinomial_nb` its absence counts too. Agrees with scikit-learn's `BernoulliNB` (Manning, Raghavan and Schütze 2008,
/// chapter 13.3). Reads sparse vectors as they are. A missing feature counts as absent.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::bayes::BernoulliNb;
/// assert!(BernoulliNb { binarize: f64::NAN, ..BernoulliNb::default() }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct BernoulliNb {
    /// Smoothing: so much is added to every count, above 0.
    pub alpha: f64,
    /// A value above it is a yes; from 0 up.
    pub binarize: f64,
    /// Whether frequent classes are more probable from the start.
    pub fit_prior: bool,
}

impl Default for BernoulliNb {
    fn default() -> Self {
        BernoulliNb { alpha: 1.0, binarize: 0.0, fit_prior: true }
    }
}

impl Builtin for BernoulliNb {
    const KIND: &'static str = "bernoulli_nb";

    fn check(&self) -> Result<(), KeyPath> {
        if !(self.binarize >= 0.0 && self.binarize.is_finite()) {
            let problem = format!("is {}, but must be a number from 0 up", self.binarize);
            return Err(KeyPath::new("binarize", problem));
        }
        check_alpha(self.alpha)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedCounts::load(Self::KIND, &state)
    }
}

impl BuiltinLearner for BernoulliNb {
    const FAMILY: Family = Family::Bayes;
    const WEIGHTS: Weights = Weights::Equivalent;
}

impl Estimator for BernoulliNb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [1.0, 0.1, 0.01, 10.0].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let counts = Counts::of(training, context)?;
        let (p, threshold) = (counts.features.n_columns(), self.binarize);
        // Zeros, of which sparse vectors write nothing down, are a no whatever the threshold.
        let mut weights = counts.sums(None, |x| f64::from(u8::from(x > threshold)))?;
        let mut intercepts = log_priors(&counts.classes, self.fit_prior);
        for (c, total) in counts.class_weights().into_iter().enumerate() {
            let smoothed = total + 2.0 * self.alpha;
            for w in &mut weights[c * p..(c + 1) * p] {
                let (yes, no) = ((*w + self.alpha) / smoothed, (total - *w + self.alpha) / smoothed);
                // All absent is the intercept; a feature that is there makes the difference.
                intercepts[c] += no.ln();
                *w = yes.ln() - no.ln();
            }
        }
        let Counts { features, classes, .. } = counts;
        let fitted = FittedCounts::new(Self::KIND, classes, features, &weights, intercepts, Some(threshold));
        Ok(Arc::new(fitted))
    }
}
