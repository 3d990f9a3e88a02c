//! The lists of built-ins. To add a built-in, write its file and add a line here.

use std::sync::Arc;

use tidemill_core::{Entry, Family, Fitted, Registry, Result, Sort, State};
use tidemill_data::Ingest;
use tidemill_learn::trees::ImportedTrees;

use crate::links::blend::Blend;
use crate::links::calibrate::Calibrate;
use crate::links::interval::Interval;
use crate::links::prior::Prior;
use crate::links::smooth::Smooth;
use crate::links::start::Start;
use crate::links::threshold::Threshold;

/// Steps of preparation.
pub const STEPS: &[Entry] = &[
    Entry::step::<tidemill_prep::Bin>(),
    Entry::step::<tidemill_prep::DateParts>(),
    #[cfg(feature = "neural")]
    Entry::step::<tidemill_neural::Denoise>(),
    Entry::step::<tidemill_prep::DropColumns>(),
    Entry::step::<tidemill_prep::DropMissing>(),
    Entry::step::<tidemill_language::EmbedText>(),
    Entry::step::<tidemill_prep::EmbedWords>(),
    Entry::step::<tidemill_prep::EncodeFrequency>(),
    Entry::step::<tidemill_prep::EncodeHash>(),
    Entry::step::<tidemill_prep::EncodeOneHot>(),
    Entry::step::<tidemill_prep::EncodeOrdered>(),
    Entry::step::<tidemill_prep::EncodeOrdinal>(),
    Entry::step::<tidemill_prep::EncodePixels>(),
    Entry::step::<tidemill_prep::EncodeSeries>(),
    Entry::step::<tidemill_prep::EncodeTarget>(),
    Entry::step::<tidemill_prep::EncodeTfidf>(),
    Entry::step::<tidemill_prep::EncodeTokens>(),
    Entry::step::<tidemill_prep::Expression>(),
    Entry::step::<tidemill_prep::GeoFeatures>(),
    Entry::step::<tidemill_prep::ImputeConstant>(),
    Entry::step::<tidemill_prep::ImputeHuber>(),
    Entry::step::<tidemill_prep::ImputeIterative>(),
    Entry::step::<tidemill_prep::ImputeKnn>(),
    Entry::step::<tidemill_prep::ImputeMax>(),
    Entry::step::<tidemill_prep::ImputeMean>(),
    Entry::step::<tidemill_prep::ImputeMedian>(),
    Entry::step::<tidemill_prep::ImputeMin>(),
    Entry::step::<tidemill_prep::ImputeMode>(),
    Entry::step::<tidemill_prep::ImputeModel>(),
    Entry::step::<tidemill_prep::ImputeTime>(),
    Entry::step::<tidemill_prep::ImputeTrimmedMean>(),
    Entry::step::<tidemill_prep::MergeSpellings>(),
    Entry::step::<tidemill_prep::NearestRows>(),
    Entry::step::<tidemill_prep::Outliers>(),
    Entry::step::<tidemill_prep::Pca>(),
    Entry::step::<tidemill_prep::PointCoordinates>(),
    Entry::step::<tidemill_prep::PointsFromXy>(),
    Entry::step::<tidemill_prep::Polynomial>(),
    Entry::step::<tidemill_prep::Power>(),
    Entry::step::<tidemill_prep::Project>(),
    Entry::step::<tidemill_prep::Quantile>(),
    Entry::step::<tidemill_prep::RareCategories>(),
    Entry::step::<tidemill_prep::ReduceSvd>(),
    Entry::step::<tidemill_prep::ScaleMinMax>(),
    Entry::step::<tidemill_prep::ScaleRobust>(),
    Entry::step::<tidemill_prep::ScaleStandard>(),
    Entry::step::<tidemill_prep::SelectCorrelation>(),
    Entry::step::<tidemill_prep::SelectL1>(),
    Entry::step::<tidemill_prep::SelectMutualInformation>(),
    Entry::step::<tidemill_prep::SelectShadow>(),
    Entry::step::<tidemill_prep::SelectVariance>(),
    Entry::step::<tidemill_prep::SmoothImage>(),
    Entry::step::<tidemill_prep::SmoothTime>(),
    Entry::step::<tidemill_prep::TextStatistics>(),
    Entry::step::<tidemill_prep::TrackFeatures>(),
];

/// Resamplers.
pub const RESAMPLERS: &[Entry] = &[
    Entry::resampler::<tidemill_prep::resample::Adasyn>(),
    Entry::resampler::<tidemill_prep::resample::BorderlineSmote>(),
    Entry::resampler::<tidemill_prep::resample::ClassWeights>(),
    Entry::resampler::<tidemill_prep::resample::EditedNearestNeighbours>(),
    Entry::resampler::<tidemill_prep::resample::RandomOver>(),
    Entry::resampler::<tidemill_prep::resample::RandomUnder>(),
    Entry::resampler::<tidemill_prep::resample::Smote>(),
    Entry::resampler::<tidemill_prep::resample::SmoteEnn>(),
    Entry::resampler::<tidemill_prep::resample::SmoteNc>(),
    Entry::resampler::<tidemill_prep::resample::SmoteTomek>(),
    Entry::resampler::<tidemill_prep::resample::TomekLinks>(),
];

/// Learners.
pub const LEARNERS: &[Entry] = &[
    Entry::learner::<tidemill_learn::Baseline>(),
    Entry::learner::<tidemill_learn::bayes::BernoulliNb>(),
    Entry::learner::<tidemill_learn::bayes::CategoricalNb>(),
    Entry::learner::<tidemill_learn::bayes::ComplementNb>(),
    Entry::learner::<tidemill_learn::bayes::GaussianNb>(),
    Entry::learner::<tidemill_learn::bayes::MultinomialNb>(),
    Entry::learner::<tidemill_learn::ensemble::AdaBoost>(),
    Entry::learner::<tidemill_learn::ensemble::Bagged>(),
    Entry::learner::<tidemill_learn::ensemble::Stacked>(),
    Entry::learner::<tidemill_learn::linear::ElasticNet>(),
    Entry::learner::<tidemill_learn::linear::Gamma>(),
    Entry::learner::<tidemill_learn::linear::Huber>(),
    Entry::learner::<tidemill_learn::linear::Lasso>(),
    Entry::learner::<tidemill_learn::linear::Logistic>(),
    Entry::learner::<tidemill_learn::linear::Poisson>(),
    Entry::learner::<tidemill_learn::linear::QuantileRegression>(),
    Entry::learner::<tidemill_learn::linear::Ridge>(),
    Entry::learner::<tidemill_learn::linear::Sgd>(),
    Entry::learner::<tidemill_learn::linear::Tweedie>(),
    Entry::learner::<tidemill_language::FineTunedText>(),
    #[cfg(feature = "neural")]
    Entry::learner::<tidemill_neural::GraphNet>(),
    Entry::learner::<tidemill_learn::masks::KMeans>(),
    Entry::learner::<tidemill_learn::masks::Otsu>(),
    Entry::learner::<tidemill_learn::neighbors::KNeighbors>(),
    Entry::learner::<tidemill_learn::neighbors::LabelPropagation>(),
    #[cfg(feature = "neural")]
    Entry::learner::<tidemill_neural::NeuralNet>(),
    #[cfg(feature = "neural")]
    Entry::learner::<tidemill_neural::Stcn>(),
    Entry::learner::<tidemill_learn::policy::FittedQ>(),
    Entry::learner::<tidemill_learn::policy::LinUcb>(),
    Entry::learner::<tidemill_learn::policy::Thompson>(),
    Entry::learner::<tidemill_learn::TransformedTarget>(),
    Entry::learner::<tidemill_learn::series::LocalForecast>(),
    Entry::learner::<tidemill_learn::svm::LinearSvm>(),
    Entry::learner::<tidemill_learn::svm::Svm>(),
    Entry::learner::<tidemill_learn::trees::BalancedForest>(),
    Entry::learner::<tidemill_learn::trees::BoostedTrees>(),
    Entry::learner::<tidemill_learn::trees::ExtraTrees>(),
    Entry::learner::<tidemill_learn::trees::RandomForest>(),
    #[cfg(feature = "neural")]
    Entry::learner::<tidemill_neural::UNet>(),
];

/// Links of a model that the engine puts there: saved in model files, never written in a recipe.
pub const LINKS: &[(&str, Loader)] = &[
    (Blend::KIND, Blend::load),
    (Calibrate::KIND, Calibrate::load),
    (ImportedTrees::KIND, ImportedTrees::load),
    (Ingest::KIND, Ingest::load),
    (Interval::KIND, Interval::load),
    (Prior::KIND, Prior::load),
    (Smooth::KIND, Smooth::load),
    (Start::KIND, Start::load),
    (Threshold::KIND, Threshold::load),
];

type Loader = fn(&Registry, State) -> Result<Arc<dyn Fitted>>;

/// The learner that every other is held against.
pub const BASELINE: &str = "baseline";

/// Every line of every list.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    STEPS.iter().chain(RESAMPLERS).chain(LEARNERS)
}

/// The line of this kind, for those who want to know what it says of itself.
pub fn entry(kind: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.kind == kind)
}

/// The built-ins within a state that hold rows of the training data, each once, in their order.
pub fn keeping_rows(state: &State) -> Vec<String> {
    let keeps = entry(&state.kind).is_some_and(|entry| entry.holds_rows(state));
    let holds = state.tensors.values().any(|tensor| tensor.data.len() > 0);
    let own = (keeps && holds).then(|| state.kind.clone());
    let mut all: Vec<String> = own.into_iter().chain(state.children.iter().flat_map(keeping_rows)).collect();
    let mut seen = Vec::new();
    all.retain(|kind| {
        !seen.contains(kind) && {
            seen.push(kind.clone());
            true
        }
    });
    all
}

/// Whether this is a learner of the family.
pub fn is_of(kind: &str, family: Family) -> bool {
    entry(kind).is_some_and(|entry| entry.sort == Sort::Learner(family))
}

/// Everything that a recipe can name or a model file can hold.
pub fn registry() -> Registry {
    LINKS
        .iter()
        .fold(Registry::new(entries().copied()), |registry, (kind, load)| registry.with_loader(kind, *load))
}
