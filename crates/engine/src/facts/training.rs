//! What a training found.

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

/// What `metrics.json` says. Equal for equal data, recipe and seed.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The program that wrote it.
    pub tidemill: &'static str,
    /// Where the rows came from.
    pub data: DataFacts,
    /// What was predicted, and why it was taken for that.
    pub target: TargetFacts,
    /// The columns used or left out, each with a word of why.
    pub columns: Vec<ColumnFacts>,
    /// Columns that seem to give the target away.
    pub leaks: Vec<Leak>,
    /// What `check` finds severe or worth a warning, the worst first.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// Repairs of the rows that were tried, and what came of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// How the rows were divided.
    pub split: SplitFacts,
    /// How far ahead is forecast, and how well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<ForecastFacts>,
    /// The metric that chose.
    pub metric: String,
    /// Every setting that was compared, the best first.
    pub leaderboard: Vec<CandidateScore>,
    /// Settings that the time limit, or the budget, kept from being tried at all.
    #[serde(skip_serializing_if = "is_zero")]
    pub untried: usize,
    /// The learner that was chosen, with its parameters; of a blend its members and their shares.
    pub chosen: Spec,
    /// What led to the choice.
    pub reasons: Reasons,
    /// How the best learner did on rows it was fitted on against held-out rows.
    pub gap: Option<Gap>,
    /// The score of the best learner by the number of rows it learned from.
    pub learning_curve: Vec<Point>,
    /// How probabilities were brought in line with what was seen.
    pub calibration: Option<Calibrated>,
    /// From which probability on the positive class is predicted, where that is not one half.
    pub decision: Option<Decided>,
    /// Where positives are rare: what the threshold in force and others come to on held-out rows of training.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operating_points: Vec<OperatingPoint>,
    /// The steps of preparation, in order.
    pub preparation: Vec<Spec>,
    /// How the chosen one, fitted on the training part, did on the test part.
    pub test: Report,
    /// The interval of the choosing metric on the test part.
    pub test_interval: Option<ScoreInterval>,
    /// How the baseline did on the same rows.
    pub baseline: Report,
    /// How the chosen one did on the test rows whose key or group it did not know, where rows are divided by time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenScore>,
    /// What the model that ships was fitted on.
    pub shipped: Shipped,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

impl Outcome {
    /// Whether the test rows are few and the interval of the score is as wide as that suggests.
    pub(crate) fn says_little(&self) -> bool {
        let score = self.test.value(&self.metric).unwrap_or(0.0).abs();
        let wide = |interval: &ScoreInterval| interval.high - interval.low > WIDE * score;
        self.split.test_rows < FEW_TEST_ROWS && self.test_interval.as_ref().is_none_or(wide)
    }
}

fn is_zero(n: &usize) -> bool {
    *n == 0
}

/// Where the rows came from.
#[derive(Clone, Debug, Serialize)]
pub struct DataFacts {
    /// As the user named it.
    pub source: String,
    /// Rows with a target.
    pub rows: usize,
    /// SHA-256 over the bytes; absent for standard input.
    pub sha256: Option<String>,
    /// The snapshot that holds the rows, where one was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
}

/// What was predicted.
#[derive(Clone, Debug, Serialize)]
pub struct TargetFacts {
    /// The column.
    pub column: String,
    /// What kind of prediction.
    pub task: Task,
    /// Why it was taken for that.
    pub why: String,
    /// The classes in their fixed order; the positive one last in a binary task.
    pub classes: Vec<String>,
}

/// A column, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnFacts {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: &'static str,
    /// What it is for.
    pub role: Role,
    /// Why.
    pub why: String,
}

/// How the rows were divided.
#[derive(Clone, Debug, Serialize)]
pub struct SplitFacts {
    /// In words.
    pub why: String,
    /// Rows of the training part.
    pub train_rows: usize,
    /// Rows of the test part.
    pub test_rows: usize,
    /// Folds within the training part.
    pub folds: usize,
    /// Rows that these folds were made of: all of the training part, or of a large one a sample.
    pub compared_rows: usize,
    /// Outer folds, each of which was the test part once; 0 where there was one test part.
    pub nested: usize,
    /// Test rows that have a copy in the training part: only where a column says the part of each row.
    pub copied_rows: usize,
}

/// What the model that ships was fitted on.
#[derive(Clone, Debug, Serialize)]
pub struct Shipped {
    /// All rows.
    pub rows: usize,
    /// What each of its links costs, in order.
    pub links: Vec<LinkCost>,
    /// What in it holds rows of the training data, so that whoever has the file has these rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keeps_rows: Vec<String>,
    /// What balancing did to these rows; the learners were fitted on what came of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<BalanceFacts>,
    /// What became of training rows of doubtful label.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<LabelFacts>,
    /// Whose score is quoted.
    pub note: &'static str,
}

/// What a link of a model costs.
#[derive(Clone, Debug, Serialize)]
pub struct LinkCost {
    /// What it is.
    pub kind: String,
    /// Bytes of the numbers it learned.
    pub bytes: u64,
    /// About how many operations (a multiplication with an addition, or a comparison) it takes for a row.
    pub operations: u64,
}

impl Shipped {
    /// Of a model that was fitted on so many rows.
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

/// A finished training.
pub struct Trained {
    /// What happened.
    pub outcome: Outcome,
    /// How long each line of the leaderboard took; no file holds it, for it differs from run to run.
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
    /// What happened for each target, in their order.
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
