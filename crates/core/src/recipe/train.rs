//! What a recipe says of training: the search, labels, balance and decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{is_default, yes};

/// Finds training rows whose target is probably wrong, and leaves them out or makes them count for less. Classes by confident learning
/// (Northcutt, Jiang and Chuang 2021): a learner says of each row, fitted on other rows, how probable each class is; a row that reaches
/// the usual probability of another class, more than that of its own, is doubtful. A number is doubtful where it lies more than five robust
/// deviations (of residuals among 100 rows of like prediction) from what the learner says. Only rows that a learner is fitted on are touched,
/// anew in each fold; rows that judge never are. Not for forecasts. `tidemill check --labels` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Labels {
    /// What becomes of doubtful rows.
    pub action: LabelAction,
    /// What a doubtful row counts with `down_weight`, from 0 to 1.
    pub weight: f64,
    /// The learner, with its defaults, that says how probable each class is, or what number.
    pub learner: String,
    /// Into how many parts rows are divided, from 2: each is judged by the learner fitted on the others.
    pub folds: usize,
}

impl Default for Labels {
    fn default() -> Self {
        Labels { action: LabelAction::Drop, weight: 0.1, learner: "random_forest".into(), folds: 5 }
    }
}

/// What becomes of training rows whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelAction {
    /// They are left out.
    Drop,
    /// They count for less.
    DownWeight,
}

/// Brings the classes of the training rows into balance, for learners that would otherwise overlook the rare ones. Only rows that
/// a learner is fitted on are touched: those of each fold, and in the end those of the model. Rows that judge never are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Which one: see the list below.
    pub kind: String,
    /// Whether probabilities are brought back to the shares that the classes had before: without that they answer for rows
    /// of which as many were of each class.
    #[serde(default = "yes")]
    pub correct: bool,
    /// Its parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// The training itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// The metric that chooses the best learner; without it: `log_loss` for classes, `rmse` for regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// From which every random choice is derived.
    pub seed: u64,
    /// How much work the search may do; `trials`, or learners that are named, win over it.
    #[serde(skip_serializing_if = "is_default")]
    pub quality: Quality,
    /// How many settings of each learner are tried at most, whatever they cost; without it as many as `quality` allows, and
    /// 12 of learners that are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// When the search must end, such as `90s`, `10m` or `2h`; the best so far is then taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// What matters most in the model: its score, or, among learners whose scores are within one standard error of the
    /// best, how little work a row is or how small the model is.
    #[serde(skip_serializing_if = "is_default")]
    pub optimize_for: OptimizeFor,
    /// A model file to start from: boosted trees and ridge go on from what it says of a row. It must be of the same target and the same
    /// classes, and columns of the same name must be of the same kind; categories that it does not know are unseen to it. Starting from it is
    /// compared with starting from nothing on the folds, and kept only where it helps by more than chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The hash of that model, written by `train`; with another file the recipe is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_sha256: Option<String>,
    /// Whether several learners may answer together, weighted, where that is better than the best alone (with
    /// `optimize_for = "quality"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blend: Option<bool>,
    /// How probabilities are brought in line with what was seen; without it, whichever lowers the log loss of held-out rows
    /// of training by more than chance, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<Calibration>,
    /// Whether repairs of what `check` finds in the rows (spellings, outliers, missing values, skewed columns, rare classes, doubtful
    /// labels) are tried, and kept where they help held-out rows by more than chance. Without it, where the recipe names neither
    /// steps nor learners and forecasts nothing; with `true`, where it names learners too. What the recipe says of a column, of balance and of
    /// labels is never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repairs: Option<bool>,
}

impl Default for Train {
    fn default() -> Self {
        Train {
            metric: None,
            seed: 0,
            quality: Quality::Default,
            trials: None,
            time_limit: None,
            optimize_for: OptimizeFor::Quality,
            start: None,
            start_sha256: None,
            blend: None,
            calibrate: None,
            repairs: None,
        }
    }
}

/// A repair that `train` tried by itself. It is written by `train` and has no effect of its own, but that with any here none is tried
/// again: those that were kept stand in the recipe as what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// Which one: `merge_spellings`, `clip_outliers`, `outliers_missing`, `impute_iterative`, `power`, `class_weights`, `smote`,
    /// `labels`, or `together` for all that were tried at once.
    pub kind: String,
    /// The columns that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Whether it was kept.
    pub kept: bool,
    /// By how much the metric of held-out rows was better with it, on average over the folds; below 0 where it was worse.
    pub better_by: f64,
    /// How likely so large a difference is by chance (the corrected resampled t-test).
    pub p_value: f64,
    /// The learner that was best with it.
    pub learner: String,
    /// What it was tried for.
    pub why: String,
}

/// How much work a search may do. The work is counted in operations by the size of the table, not by a clock: the same rows
/// give the same model on any machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// One good setting of one learner per family.
    Fast,
    /// About a minute on two cores for a table of up to a million cells, and in proportion beyond.
    #[default]
    Default,
    /// Up to ten times that.
    Best,
}

/// What matters most in a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizeFor {
    /// Its score.
    #[default]
    Quality,
    /// How little work the answer for a row is.
    Latency,
    /// How few bytes it has.
    Size,
}

/// How probabilities are brought in line with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Not at all.
    None,
    /// All of them surer or less sure, by one number.
    Temperature,
    /// By a logistic curve per class (Platt 1999).
    Platt,
    /// By any rising curve per class.
    Isotonic,
}

/// From which probability on the positive class of a binary task is predicted; without a key, from one half. The probabilities
/// stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decision {
    /// The metric of labels, such as `f1`, that the threshold makes best on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What mistakes cost: the threshold makes their sum least on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The threshold itself, between 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// What mistakes cost, in any unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// A negative row predicted as positive.
    pub false_positive: f64,
    /// A positive row predicted as negative.
    pub false_negative: f64,
}
