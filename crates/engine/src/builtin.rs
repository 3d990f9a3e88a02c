//! The explicit lists of built-ins: adding one is its file and a line here.

use std::sync::Arc;

use tidemill_core::{Entry, Fitted, Registry, Result, State};
use tidemill_data::Ingest;

use crate::links::blend::Blend;
use crate::links::calibrate::Calibrate;
use crate::links::interval::Interval;
use crate::links::smooth::Smooth;
use crate::links::threshold::Threshold;

/// Steps of preparation.
pub const STEPS: &[Entry] = &[
    Entry::of::<tidemill_prep::DateParts>(),
    Entry::of::<tidemill_prep::DropColumns>(),
    Entry::of::<tidemill_prep::EncodeHash>(),
    Entry::of::<tidemill_prep::EncodeOneHot>(),
    Entry::of::<tidemill_prep::EncodeOrdinal>(),
    Entry::of::<tidemill_prep::EncodePixels>(),
    Entry::of::<tidemill_prep::EncodeSeries>(),
    Entry::of::<tidemill_prep::EncodeTarget>(),
    Entry::of::<tidemill_prep::EncodeTfidf>(),
    Entry::of::<tidemill_prep::EncodeTokens>(),
    Entry::of::<tidemill_prep::ImputeConstant>(),
    Entry::of::<tidemill_prep::ImputeMean>(),
    Entry::of::<tidemill_prep::ImputeMedian>(),
    Entry::of::<tidemill_prep::ImputeMode>(),
    Entry::of::<tidemill_prep::ReduceSvd>(),
    Entry::of::<tidemill_prep::ScaleMinMax>(),
    Entry::of::<tidemill_prep::ScaleRobust>(),
    Entry::of::<tidemill_prep::ScaleStandard>(),
];

/// Learners.
pub const LEARNERS: &[Entry] = &[
    Entry::of::<tidemill_learn::Baseline>(),
    Entry::of::<tidemill_learn::bayes::BernoulliNb>(),
    Entry::of::<tidemill_learn::bayes::CategoricalNb>(),
    Entry::of::<tidemill_learn::bayes::ComplementNb>(),
    Entry::of::<tidemill_learn::bayes::GaussianNb>(),
    Entry::of::<tidemill_learn::bayes::MultinomialNb>(),
    Entry::of::<tidemill_learn::linear::ElasticNet>(),
    Entry::of::<tidemill_learn::linear::Gamma>(),
    Entry::of::<tidemill_learn::linear::Huber>(),
    Entry::of::<tidemill_learn::linear::Lasso>(),
    Entry::of::<tidemill_learn::linear::Logistic>(),
    Entry::of::<tidemill_learn::linear::Poisson>(),
    Entry::of::<tidemill_learn::linear::QuantileRegression>(),
    Entry::of::<tidemill_learn::linear::Ridge>(),
    Entry::of::<tidemill_learn::linear::Sgd>(),
    Entry::of::<tidemill_learn::linear::Tweedie>(),
    Entry::of::<tidemill_learn::neighbors::KNeighbors>(),
    #[cfg(feature = "neural")]
    Entry::of::<tidemill_neural::NeuralNet>(),
    Entry::of::<tidemill_learn::TransformedTarget>(),
    Entry::of::<tidemill_learn::series::LocalForecast>(),
    Entry::of::<tidemill_learn::svm::LinearSvm>(),
    Entry::of::<tidemill_learn::svm::Svm>(),
    Entry::of::<tidemill_learn::trees::BoostedTrees>(),
    Entry::of::<tidemill_learn::trees::ExtraTrees>(),
    Entry::of::<tidemill_learn::trees::RandomForest>(),
];

/// Links of a model that the engine puts there: saved in model files, never written in a recipe.
pub const LINKS: &[(&str, Loader)] = &[
    (Blend::KIND, Blend::load),
    (Calibrate::KIND, Calibrate::load),
    (Ingest::KIND, Ingest::load),
    (Interval::KIND, Interval::load),
    (Smooth::KIND, Smooth::load),
    (Threshold::KIND, Threshold::load),
];

type Loader = fn(&Registry, State) -> Result<Arc<dyn Fitted>>;

/// The learner that every other is held against.
pub const BASELINE: &str = "baseline";

/// Everything that a recipe can name or a model file can hold.
pub fn registry() -> Registry {
    LINKS.iter().fold(Registry::new(STEPS.iter().chain(LEARNERS).copied()), |registry, (kind, load)| {
        registry.with_loader(kind, *load)
    })
}
