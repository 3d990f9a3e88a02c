//! The settings of training: the search, labels, balance and decision.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{is_default, yes};

/// Finds training rows whose target is probably wrong, and drops them or reduces their weight. Classes are checked by confident learning
/// (Northcutt, Jiang and Chuang 2021): a learner fitted on other rows predicts the probability of each class for each row; a row that
/// reaches the typical probability of another class, and more than that of its own, is doubtful. A number is doubtful if it is more than
/// five robust deviations (of residuals among 100 rows with similar predictions) from the prediction. Only rows on which a learner is
/// fitted are affected, separately in each fold, and never evaluation rows. Not for forecasts. `tidemill check --labels` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Labels {
    /// What to do with doubtful rows.
    pub action: LabelAction,
    /// The weight of a doubtful row with `down_weight`, from 0 to 1.
    pub weight: f64,
    /// The learner, with its defaults, that predicts the probability of each class, or the number.
    pub learner: String,
    /// The number of parts into which rows are divided, from 2: each is predicted by the learner fitted on the others.
    pub folds: usize,
}

impl Default for Labels {
    fn default() -> Self {
        Labels { action: LabelAction::Drop, weight: 0.1, learner: "random_forest".into(), folds: 5 }
    }
}

/// What to do with training rows whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelAction {
    /// Drop them.
    Drop,
    /// Reduce their weight.
    DownWeight,
}

/// Balances the classes of the training rows, for learners that would otherwise overlook the rare ones. Only rows on which a learner is
/// fitted are affected: those of each fold, and finally those of the model, and never evaluation rows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// The kind: see the list below.
    pub kind: String,
    /// Whether probabilities are corrected to the original class shares. Without the correction, they hold for rows with equally many of
    /// each class.
    #[serde(default = "yes")]
    pub correct: bool,
    /// Its parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// Adds synthetic rows to the rows on which a learner is fitted: those of each fold, and finally those of the model, and never evaluation
/// rows. They are generated from the training rows of that fold alone, as by `tidemill synthesize`. `train` compares fast learners with and
/// without them on the folds, and keeps them only if they help held-out rows by more than chance. The report and `[[repairs]]` say so; what
/// is not kept is not in the resolved recipe. Not for forecasts, graphs, nested splits and `[train] start`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// What generates the rows.
    pub kind: AugmentKind,
    /// How many are added, as a share of the training rows, above 0 and up to 10.
    pub rows: f64,
    /// With `kind = "gan"`, the steps of its training, from 1; it is trained anew for each fold and each comparison.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
}

impl Default for Augment {
    fn default() -> Self {
        Augment { kind: AugmentKind::Copula, rows: 0.5, steps: None }
    }
}

/// What generates synthetic rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AugmentKind {
    /// A Gaussian copula, for each class of its own.
    Copula,
    /// A conditional GAN.
    Gan,
}

/// Settings of the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// The metric that chooses the best learner. By default `log_loss` for classification and `rmse` for regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The seed from which every random choice is derived.
    pub seed: u64,
    /// How much work the search may do; `trials` and named learners take precedence.
    #[serde(skip_serializing_if = "is_default")]
    pub quality: Quality,
    /// The maximum number of settings that are tried for each learner, whatever they cost. By default, as many as `quality` allows, and 12
    /// for learners that are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// When the search must end, such as `90s`, `10m` or `2h`; the best model so far is then used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// What matters most in the model: its score, or, among learners whose scores are within one standard error of the best, the cost of a
    /// prediction or the size of the model.
    #[serde(skip_serializing_if = "is_default")]
    pub optimize_for: OptimizeFor,
    /// A model file to start from: boosted trees and ridge build on its predictions, and a neural net continues from the weights of its net.
    /// It must have the same target and the same classes, and columns with the same name must have the same kind. New categories get
    /// their own place in a net, and are unseen to the earlier model where its predictions are used. The start is compared with training
    /// from scratch on the folds, and only kept if it helps by more than chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The hash of that model, written by `train`; the recipe is refused with another file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_sha256: Option<String>,
    /// Whether several learners may be combined in a weighted blend if that is better than the best alone (with
    /// `optimize_for = "quality"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blend: Option<bool>,
    /// How probabilities are calibrated. By default, the method that lowers the log loss on held-out training rows by more than chance, or
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<Calibration>,
    /// Whether repairs of what `check` finds in the rows (spellings, outliers, missing values, skewed columns, rare classes, doubtful
    /// labels) are tried, and kept if they help held-out rows by more than chance. By default, only if the recipe names neither steps nor
    /// learners and has no forecast; with `true`, also if it names learners. What the recipe declares about a column, about balance and
    /// about labels is never changed.
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

/// A repair that `train` tried by itself. Written by `train`; it has no effect, except that no repairs are tried again if there are any
/// here. Repairs that were kept are in the recipe as ordinary settings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// The repair: `merge_spellings`, `clip_outliers`, `outliers_missing`, `impute_iterative`, `power`, `class_weights`, `smote`, `labels`,
    /// `together` for all that were tried at once, or `augment` for what `[augment]` asks for.
    pub kind: String,
    /// The columns concerned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Whether it was kept.
    pub kept: bool,
    /// The mean improvement of the metric on held-out rows over the folds; below 0 if it was worse.
    pub better_by: f64,
    /// The probability of such a large difference by chance (the corrected resampled t-test).
    pub p_value: f64,
    /// The best learner with this repair.
    pub learner: String,
    /// Why it was tried.
    pub why: String,
}

/// How much work a search may do. Work is measured in operations derived from the size of the table, not by a clock: the same rows give the
/// same model on any machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// One good setting of one learner per family.
    Fast,
    /// About a minute on two cores for a table of up to a million cells, and proportionally more beyond that.
    #[default]
    Default,
    /// Up to ten times as much.
    Best,
}

/// What matters most in a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizeFor {
    /// Its score.
    #[default]
    Quality,
    /// The cost of predicting a row.
    Latency,
    /// The size in bytes.
    Size,
}

/// How probabilities are calibrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Not at all.
    None,
    /// All probabilities are made more or less certain by one number.
    Temperature,
    /// A logistic curve per class (Platt 1999).
    Platt,
    /// A non-decreasing curve per class.
    Isotonic,
}

/// The probability from which the positive class of a binary task is predicted; one half if no key is set. The probabilities themselves do
/// not change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decision {
    /// The metric of labels, such as `f1`, that the threshold maximises on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// The costs of mistakes: the threshold minimises their sum on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The threshold itself, between 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// The costs of mistakes, in any unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// A negative row predicted as positive.
    pub false_positive: f64,
    /// A positive row predicted as negative.
    pub false_negative: f64,
}
