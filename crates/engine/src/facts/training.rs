//! The results of a training.

use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::{Repair, Spec, Task};
use tidemill_core::{Chain, Fitted, Role, Warning};
use tidemill_data::Leak;
use tidemill_eval::Report;
use tidemill_eval::compare::ScoreInterval;
use tidemill_report::words::EN;

use crate::audit::Finding;
use crate::builtin;
use crate::forecast::ForecastFacts;
use crate::judge::UnseenScore;
use crate::search::labels::LabelFacts;
use crate::search::{
    BalanceFacts, Calibrated, CandidateScore, Decided, Gap, OperatingPoint, Point, Reasons, Times,
};

/// With fewer test rows, the interval of a score is mostly wide.
const FEW_TEST_ROWS: usize = 50;
/// An interval is wide from this share of the score on.
const WIDE: f64 = 0.1;

/// The content of `metrics.json`. The same data, recipe and seed give the same content.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The version of Tidemill that wrote it.
    pub tidemill: &'static str,
    /// The source of the rows.
    pub data: DataFacts,
    /// The target and the task, with the reason for the task.
    pub target: TargetFacts,
    /// All columns, used or ignored, each with the reason for its kind and role.
    pub columns: Vec<ColumnFacts>,
    /// Columns that seem to give the target away.
    pub leaks: Vec<Leak>,
    /// The severe findings and the warnings of `check`, the worst first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The repairs of the rows that were tried, with their gain and whether they were kept.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// How the rows were divided.
    pub split: SplitFacts,
    /// The horizon and the backtest of a forecast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastFacts>,
    /// The metric by which learners were compared.
    pub metric: String,
    /// Every configuration that was compared, the best first.
    pub leaderboard: Vec<CandidateScore>,
    /// The number of configurations that were not tried, because of the time limit or the budget.
    #[serde(skip_serializing_if = "is_zero")]
    pub untried: usize,
    /// The chosen learner with its parameters; for a blend, its members and their weights.
    pub chosen: Spec,
    /// The comparisons that led to the choice.
    pub reasons: Reasons,
    /// The scores of the best learner on rows it was fitted on and on held-out rows.
    pub gap: Option<Gap>,
    /// The score of the best learner by the number of training rows.
    pub learning_curve: Vec<Point>,
    /// How probabilities were calibrated.
    pub calibration: Option<Calibrated>,
    /// The probability from which the positive class is predicted, if it is not one half.
    pub decision: Option<Decided>,
    /// If positives are rare: recall and precision at this and other thresholds, on held-out training rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operating_points: Vec<OperatingPoint>,
    /// The steps of preparation, in order.
    pub preparation: Vec<Spec>,
    /// The evaluation on the test part of the chosen learner, fitted on the training part.
    pub test: Report,
    /// The confidence interval of `metric` on the test part.
    pub test_interval: Option<ScoreInterval>,
    /// The evaluation of the baseline on the same rows.
    pub baseline: Report,
    /// The score on test rows whose key or group is not in the training part, if rows are split by time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenScore>,
    /// The model in the file, which was fitted on all rows.
    pub shipped: Shipped,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// Whether there are so few test rows that the interval of the score is wide.
    pub(crate) fn says_little(&self) -> bool {
        let score = self.test.value(&self.metric).unwrap_or(0.0).abs();
        let wide = |interval: &ScoreInterval| interval.high - interval.low > WIDE * score;
        self.split.test_rows < FEW_TEST_ROWS && self.test_interval.as_ref().is_none_or(wide)
    }
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// The source of the rows.
#[derive(Clone, Debug, Serialize)]
pub struct DataFacts {
    /// The name that the user gave, without folders.
    pub source: String,
    /// The number of rows with a target.
    pub rows: usize,
    /// The SHA-256 of the bytes; `None` for standard input and rows in memory.
    pub sha256: Option<String>,
    /// The snapshot of the rows, if one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// The target.
#[derive(Clone, Debug, Serialize)]
pub struct TargetFacts {
    /// The name of the column.
    pub column: String,
    /// The kind of prediction.
    pub task: Task,
    /// The reason for this task.
    pub why: String,
    /// The classes in order, with the positive one last if there are two; empty for regression.
    pub classes: Vec<String>,
}

/// A column, and how it was read.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnFacts {
    /// The name.
    pub name: String,
    /// The kind of its values, such as `number` or `category`.
    pub kind: &'static str,
    /// The role, such as feature or key.
    pub role: Role,
    /// The reason for kind and role.
    pub why: String,
}

/// How the rows were divided.
#[derive(Clone, Debug, Serialize)]
pub struct SplitFacts {
    /// The rule, in words.
    pub why: String,
    /// The number of rows in the training part.
    pub train_rows: usize,
    /// The number of rows in the test part.
    pub test_rows: usize,
    /// The number of folds of the training part.
    pub folds: usize,
    /// The number of rows in these folds: the whole training part, or a sample of a large one.
    pub compared_rows: usize,
    /// The number of outer folds, each of which was the test part once; 0 if there was one test part.
    pub nested: usize,
    /// The number of test rows that have a copy in the training part. It is only above 0 if a column gives the part of each row.
    pub copied_rows: usize,
}

/// The model in the file.
#[derive(Clone, Debug, Serialize)]
pub struct Shipped {
    /// The number of rows it was fitted on.
    pub rows: usize,
    /// The size and cost of each of its parts, in order.
    pub links: Vec<LinkCost>,
    /// The built-ins in it that contain training rows: anyone who has the file has these rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keeps_rows: Vec<String>,
    /// How balancing changed the rows on which learners were fitted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceFacts>,
    /// What was done with training rows whose label is doubtful.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelFacts>,
    /// A sentence that says which model the scores belong to.
    pub note: &'static str,
}

/// The size and cost of one part of a model.
#[derive(Clone, Debug, Serialize)]
pub struct LinkCost {
    /// Its kind.
    pub kind: String,
    /// The size of its learned numbers, in bytes.
    pub bytes: u64,
    /// The approximate number of operations per row (a multiplication with an addition, or a comparison).
    pub operations: u64,
}

impl Shipped {
    /// Describes a model that was fitted on `rows` rows.
    pub(crate) fn new(chain: &Chain, rows: usize, note: &'static str) -> Self {
        let cost = |link: &Arc<dyn Fitted>| {
            let state = link.state();
            LinkCost { bytes: state.bytes(), operations: link.operations(), kind: state.kind }
        };
        let keeps_rows = builtin::keeping_rows(&chain.state());
        let links = chain.0.iter().map(cost).collect();
        Shipped { rows, links, keeps_rows, balance: None, labels: None, note }
    }
}

pub(crate) const SHIPPED: &str = EN.story.shipped;

pub(crate) const NESTED: &str = EN.story.nested;

/// A finished training and its files.
pub struct Trained {
    /// The results.
    pub outcome: Outcome,
    /// The time that each line of the leaderboard took. It is in no file, because it differs from run to run.
    pub times: Vec<Times>,
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

/// A finished training of several targets.
pub struct TrainedTargets {
    /// The results for each target, in their order.
    pub outcomes: Vec<Outcome>,
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
