//! What can go wrong when answers are judged.

use tidemill_core::Coded;

/// `Result` with this room's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The errors of this room.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No metric has this name.
    #[error("there is no metric '{name}'{}", near(.nearest))]
    UnknownMetric {
        /// The name asked for.
        name: String,
        /// The most similar name there is.
        nearest: Option<&'static str>,
    },
    /// The metric says nothing about answers of this kind.
    #[error("'{metric}' is not for {task} answers")]
    NotForTask {
        /// The metric.
        metric: &'static str,
        /// The kind of answers: `regression`, `binary` or `multiclass`.
        task: &'static str,
        /// The metric to ask for instead.
        instead: &'static str,
    },
    /// The metric is about probabilities, and there are labels only.
    #[error("'{metric}' needs a probability per class, but the predictions are labels only")]
    NeedsProbability {
        /// The metric.
        metric: &'static str,
    },
    /// Two things that belong together have different lengths.
    #[error("{what}: {found} values where {wanted} are needed")]
    Lengths {
        /// What has the wrong length.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there should be.
        wanted: usize,
    },
    /// A value that cannot be judged.
    #[error("{what} in row {row} is {found}, but {wanted} is needed")]
    Value {
        /// What the value is: a weight, a probability, a prediction.
        what: String,
        /// The row, counted from 1.
        row: usize,
        /// The value found.
        found: String,
        /// What would do.
        wanted: String,
    },
    /// The class named as positive is not there.
    #[error("there is no class '{name}' to count as positive; the classes are {classes}{}", near(.nearest))]
    UnknownClass {
        /// The name asked for.
        name: String,
        /// The classes there are.
        classes: String,
        /// The most similar class.
        nearest: Option<String>,
    },
    /// A positive class where there are not two classes.
    #[error("a positive class needs exactly two classes, but there are {n_classes}")]
    NotBinary {
        /// How many classes there are.
        n_classes: usize,
    },
    /// Numbers beside labels.
    #[error(
        "'{truth}' holds classes, but '{predicted}' holds numbers that are neither these classes nor probabilities"
    )]
    NeitherLabelNorScore {
        /// The column of true labels.
        truth: String,
        /// The column of predictions.
        predicted: String,
    },
    /// A threshold cannot be chosen for this metric.
    #[error("a threshold cannot be chosen for '{name}'{}", near(.nearest))]
    NotForThreshold {
        /// The name asked for.
        name: String,
        /// The metrics that will do.
        names: String,
        /// The most similar one.
        nearest: Option<String>,
    },
    /// Too little to compare.
    #[error("{what}")]
    Compare {
        /// What is wrong.
        what: String,
    },
    /// A tree does not know how many training rows went which way.
    #[error(
        "tree {tree} does not hold the weights of its training rows, which path-dependent SHAP values rest on"
    )]
    NoCover {
        /// The tree, counted from 1.
        tree: usize,
    },
    /// A background without rows.
    #[error("the background has no rows, so there is nothing to take unknown features from")]
    EmptyBackground,
    /// A path that asks about more features than can be told apart.
    #[error(
        "a path of tree {tree} asks about {n_features} features, but interventional SHAP takes up to {most}"
    )]
    LongPath {
        /// The tree, counted from 1.
        tree: usize,
        /// How many features the path asks about.
        n_features: usize,
        /// How many it may be.
        most: usize,
    },
    /// Interactions of too many features.
    #[error("the interactions of {n_features} features with each other do not fit into memory")]
    TooManyCells {
        /// How many features there are.
        n_features: usize,
    },
    /// Something about an explanation that cannot be.
    #[error("{what}")]
    Explain {
        /// What was found.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// An error about the table.
    #[error(transparent)]
    Core(#[from] tidemill_core::Error),
}

fn near(nearest: &Option<impl AsRef<str>>) -> String {
    nearest.as_ref().map(|n| format!("; did you mean '{}'?", n.as_ref())).unwrap_or_default()
}

impl Coded for Error {
    fn code(&self) -> &'static str {
        match self {
            Error::UnknownMetric { .. } => "unknown_metric",
            Error::NotForTask { .. } => "metric_not_for_task",
            Error::NeedsProbability { .. } => "metric_needs_probability",
            Error::Lengths { .. } => "answers_lengths",
            Error::Value { .. } => "answers_value",
            Error::UnknownClass { .. } => "unknown_class",
            Error::NotBinary { .. } => "not_binary",
            Error::NeitherLabelNorScore { .. } => "neither_label_nor_score",
            Error::NotForThreshold { .. } => "not_for_threshold",
            Error::Compare { .. } => "compare",
            Error::NoCover { .. } => "trees_without_cover",
            Error::EmptyBackground => "empty_background",
            Error::LongPath { .. } => "path_too_long",
            Error::TooManyCells { .. } => "too_many_features",
            Error::Explain { .. } => "explain",
            Error::Core(e) => e.code(),
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            Error::UnknownMetric { nearest: None, .. } => {
                let names: Vec<&str> = crate::METRICS.iter().map(|m| m.name).collect();
                Some(format!("the metrics are {}", names.join(", ")))
            }
            Error::NotForTask { instead, .. } => Some(format!("use '{instead}'")),
            Error::NeedsProbability { .. } => {
                Some("give probabilities, or choose a metric of labels such as 'accuracy' or 'f1'".into())
            }
            Error::NotForThreshold { names, .. } => Some(format!("choose one of {names}, or state costs")),
            Error::Value { .. } => Some("correct or remove the row".into()),
            Error::NotBinary { .. } => Some("leave the positive class out".into()),
            Error::NeitherLabelNorScore { .. } => {
                Some("give predicted classes, or for two classes the probability of the positive one".into())
            }
            Error::NoCover { .. } => {
                Some("train the model again, or ask for interventional values with a background".into())
            }
            Error::EmptyBackground => Some("give at least one row, better a hundred".into()),
            Error::LongPath { .. } => Some("ask for path-dependent or permutation values".into()),
            Error::TooManyCells { .. } => Some("explain fewer rows at a time, or ask for SHAP values".into()),
            Error::Explain { remedy, .. } => Some(remedy.clone()),
            Error::Core(e) => e.remedy(),
            _ => None,
        }
    }
}
