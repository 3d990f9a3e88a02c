//! `complement_nb`: multinomial naive Bayes that learns each class from the rows of all others.

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

/// Naive Bayes for counts where classes are of very different size: a class is the less probable, the more the counts
/// look like those of all other classes together. Agrees with scikit-learn's `ComplementNB` (Rennie, Shih, Teevan and
/// Karger 2003, "Tackling the poor assumptions of naive Bayes text classifiers"). Priors play no part.
///
/// Reads sparse vectors as they are. Errors on a training value below 0. A missing feature counts as 0.
///
/// ```
/// use tidemill_core::Builtin;
/// use tidemill_learn::bayes::ComplementNb;
/// assert!(ComplementNb::default().check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ComplementNb {
    /// Smoothing: so much is added to every count, above 0.
    pub alpha: f64,
    /// Whether the weights of each class are divided by their sum.
    pub norm: bool,
}

impl Default for ComplementNb {
    fn default() -> Self {
        ComplementNb { alpha: 1.0, norm: false }
    }
}

impl Builtin for ComplementNb {
    const KIND: &'static str = "complement_nb";

    fn check(&self) -> Result<(), KeyPath> {
        check_alpha(self.alpha)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        FittedCounts::load(Self::KIND, &state)
    }
}

impl BuiltinLearner for ComplementNb {
    const FAMILY: Family = Family::Bayes;
    const WEIGHTS: Weights = Weights::Equivalent;
}

impl Estimator for ComplementNb {
    tidemill_core::kind_and_params!();

    fn needs(&self) -> Needs {
        NEEDS
    }

    fn search(&self) -> Vec<Search> {
        vec![Search { key: "alpha", values: [1.0, 0.1, 0.01, 10.0].map(Value::from).to_vec() }]
    }

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let counts = Counts::of(training, context)?;
        let (k, p) = (counts.classes.k(), counts.features.n_columns());
        let mut weights = counts.sums(Some(0.0), |x| x)?;
        let mut all = vec![0.0; p];
        for class in weights.chunks_exact(p.max(1)) {
            all.iter_mut().zip(class).for_each(|(a, c)| *a += c);
        }
        for class in weights.chunks_exact_mut(p.max(1)) {
            class.iter_mut().zip(&all).for_each(|(c, all)| *c = all + self.alpha - *c);
            let total: f64 = class.iter().sum();
            class.iter_mut().for_each(|c| *c = (*c / total).ln());
            let scale = if self.norm { class.iter().sum::<f64>() } else { -1.0 };
            // With one feature alone every logarithm is 0, and so is their sum.
            class.iter_mut().for_each(|c| *c = if scale == 0.0 { 0.0 } else { *c / scale });
        }
        let intercepts = if k == 1 { log_priors(&counts.classes, true) } else { vec![0.0; k] };
        Ok(Arc::new(FittedCounts::new(
            Self::KIND,
            counts.classes,
            counts.features,
            &weights,
            intercepts,
            None,
        )))
    }
}
