//! What the prediction log shows about a model in service.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

/// How a model in service does. What rests on feedback rests on the newest 20,000 pieces of the last 90 days, so that looking
/// costs the same however long the log has grown.
#[derive(Clone, Debug, Serialize)]
pub struct Monitor {
    /// The model's name.
    pub model: String,
    /// The metric that is watched: the one that chose the model.
    pub metric: String,
    /// Its name for people.
    pub metric_title: String,
    /// Whether more is better.
    pub greater_is_better: bool,
    /// The score on the untouched test part.
    pub test: Option<Figure>,
    /// The score on predictions whose right answer is known by now.
    pub live: Option<LiveFigure>,
    /// The same by day of the prediction (UTC).
    pub days: Vec<Day>,
    /// What users say.
    pub ratings: Option<Ratings>,
    /// All of it in a sentence.
    pub sentence: String,
    /// How many predictions are logged.
    pub predictions: u64,
    /// How many pieces of feedback the figures rest on, by kind.
    pub feedback: BTreeMap<&'static str, u64>,
    /// How many of these do not count, by why not: `unknown_class`, `not_a_number`, `superseded` by a later word, `superseded_rating` of
    /// a user who rated again, `other_classes` of another version; `orphaned` ones, of any model, are about predictions that the store does not hold.
    pub not_counted: BTreeMap<&'static str, u64>,
    /// How many of the newest predictions were odd, by the codes of their warnings.
    pub odd_rows: BTreeMap<String, u64>,
    /// How many predictions these are among.
    pub odd_of: u64,
    /// The versions that answered, the latest first.
    pub versions: Vec<VersionLine>,
    /// What `improve` decided, the latest first.
    pub improvements: Vec<Decision>,
    /// The latest feedback.
    pub recent: Vec<Said>,
    /// Of several targets, the one that all of this is about: the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The same of each further target.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Monitor>,
}

/// A figure with the range in which it may lie.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// The lower end.
    pub low: Option<f64>,
    /// The upper end.
    pub high: Option<f64>,
}

/// The live score.
#[derive(Clone, Debug, Serialize)]
pub struct LiveFigure {
    /// On how many predictions it rests.
    pub rows: usize,
    /// The watched metric.
    #[serde(flatten)]
    pub figure: Figure,
    /// All metrics that apply.
    pub metrics: BTreeMap<&'static str, Option<f64>>,
}

/// The live score of a day.
#[derive(Clone, Debug, Serialize)]
pub struct Day {
    /// `2026-05-31`
    pub day: String,
    /// On how many predictions it rests.
    pub rows: usize,
    /// The score.
    #[serde(flatten)]
    pub figure: Figure,
}

/// How content users are.
#[derive(Clone, Debug, Serialize)]
pub struct Ratings {
    /// Votes.
    pub n: u64,
    /// The share of content ones: `accept`, `true`, or 4 and 5 of 5.
    pub satisfied: f64,
    /// The lower end of the 95% interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// In words.
    pub sentence: String,
}

/// A version that answered.
#[derive(Clone, Debug, Serialize)]
pub struct VersionLine {
    /// The first digits of its hash.
    pub version: String,
    /// Its hash.
    pub hash: String,
    /// The version it was improved from.
    pub parent: Option<String>,
    /// When it was first served.
    pub since: String,
    /// Whether it is the one asked about.
    pub current: bool,
}

/// A decision of `improve`.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    /// When.
    pub at: String,
    /// Whether the challenger took over.
    pub promoted: bool,
    /// In a sentence.
    pub verdict: String,
}

/// A piece of feedback.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// When it was said.
    pub at: String,
    /// What sort of thing.
    pub kind: &'static str,
    /// What.
    pub value: Option<Value>,
    /// On which prediction.
    pub prediction_id: String,
    /// What the model had said.
    pub prediction: Value,
    /// Who said it.
    pub user: Option<String>,
}
