//! Metrics: one file per family, one line each in [`METRICS`].
//!
//! The words: of a class, the *hits* are its rows that are predicted as it, its *support* all rows that truly are of
//! it. Precision is about the rows **predicted** as the class, recall about the rows that **truly are** of it; neither
//! is about the negative rows, as is often written of precision.

use std::cmp::Ordering;

use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Warning, nearest};

use crate::{Answers, ClassAnswers, Error, NumberAnswers, Result};

mod accuracy;
mod average;
mod average_precision;
mod brier_score;
mod calibration_error;
mod deviance;
mod extremes;
mod f1;
mod f_beta;
mod jaccard;
mod kappa;
mod log_error;
mod log_loss;
mod matthews;
mod percentage;
mod pinball;
mod precision;
pub(crate) mod ranking;
mod recall;
mod regression;
pub(crate) mod roc_auc;
mod roc_auc_ovo;
mod specificity;
mod top_k;
mod zero_one_loss;

pub(crate) use average::Ratio;

/// All metrics, in the order of reports. Adding one is its file and a line here.
pub const METRICS: &[Metric] = &[
    accuracy::ACCURACY,
    accuracy::BALANCED_ACCURACY,
    precision::PRECISION,
    recall::RECALL,
    f1::F1,
    precision::PRECISION_MACRO,
    recall::RECALL_MACRO,
    f1::F1_MACRO,
    precision::PRECISION_MICRO,
    recall::RECALL_MICRO,
    f1::F1_MICRO,
    precision::PRECISION_WEIGHTED,
    recall::RECALL_WEIGHTED,
    f1::F1_WEIGHTED,
    matthews::MATTHEWS,
    roc_auc::ROC_AUC,
    roc_auc::ROC_AUC_OVR,
    roc_auc::ROC_AUC_OVR_WEIGHTED,
    average_precision::AVERAGE_PRECISION,
    log_loss::LOG_LOSS,
    brier_score::BRIER_SCORE,
    calibration_error::EXPECTED_CALIBRATION_ERROR,
    specificity::SPECIFICITY,
    specificity::SPECIFICITY_MACRO,
    specificity::NEGATIVE_PREDICTIVE_VALUE,
    f_beta::F_HALF,
    f_beta::F_HALF_MACRO,
    f_beta::F_TWO,
    f_beta::F_TWO_MACRO,
    jaccard::JACCARD,
    jaccard::JACCARD_MACRO,
    kappa::COHEN_KAPPA,
    kappa::COHEN_KAPPA_LINEAR,
    kappa::COHEN_KAPPA_QUADRATIC,
    zero_one_loss::ZERO_ONE_LOSS,
    top_k::TOP_TWO,
    top_k::TOP_THREE,
    top_k::TOP_FIVE,
    roc_auc_ovo::ROC_AUC_OVO,
    roc_auc_ovo::ROC_AUC_OVO_WEIGHTED,
    average_precision::AVERAGE_PRECISION_MACRO,
    average_precision::AVERAGE_PRECISION_WEIGHTED,
    regression::MAE,
    regression::RMSE,
    regression::R2,
    extremes::MEDIAN_ABSOLUTE_ERROR,
    extremes::MAX_ERROR,
    regression::MSE,
    regression::EXPLAINED_VARIANCE,
    percentage::MAPE,
    percentage::SMAPE,
    log_error::RMSLE,
    pinball::PINBALL_10,
    pinball::PINBALL_50,
    pinball::PINBALL_90,
    deviance::POISSON_DEVIANCE,
    deviance::D2_POISSON,
    deviance::GAMMA_DEVIANCE,
    deviance::D2_GAMMA,
    deviance::TWEEDIE_DEVIANCE,
    deviance::D2_TWEEDIE,
];

const BINARY: &[Task] = &[Task::Binary];
const MULTICLASS: &[Task] = &[Task::Multiclass];
const CLASSES: &[Task] = &[Task::Binary, Task::Multiclass];
const REGRESSION: &[Task] = &[Task::Regression];

/// A figure that says how good answers are.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name in recipes, on the command line and in JSON.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// What it says, as one sentence.
    pub about: &'static str,
    /// How it is computed.
    pub formula: &'static str,
    /// Where its values lie, and their unit.
    pub range: &'static str,
    /// Whether more is better.
    pub greater_is_better: bool,
    /// Whether it can do nothing with labels alone.
    pub needs_probability: bool,
    /// Whether every report shows it; the others are there for whoever asks for them by name.
    pub in_report: bool,
    /// The tasks it is for.
    pub tasks: &'static [Task],
    /// The figure, of answers that have rows and are of such a task: call [`Metric::score`], which sees to that.
    pub compute: fn(&Answers<'_>) -> Result<Score>,
}

/// What a metric says of some answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Score {
    /// The figure; `NaN` (null in JSON) where it is undefined, and then a warning says why.
    pub value: f64,
    /// What to know about it.
    pub warnings: Vec<Warning>,
    /// The figures it is an average of, by class; empty for others.
    pub detail: Vec<(String, f64)>,
}

impl Score {
    /// A plain figure.
    pub fn of(value: f64) -> Self {
        Score { value, ..Score::default() }
    }

    /// No figure, for this reason.
    pub fn undefined(code: &str, reason: impl Into<String>) -> Self {
        Score::of(f64::NAN).warn(code, reason)
    }

    /// The same with something more to know.
    pub fn warn(mut self, code: &str, message: impl Into<String>) -> Self {
        self.warnings.push(Warning { code: code.into(), message: message.into() });
        self
    }

    /// The figure, where there is one.
    pub fn defined(&self) -> Option<f64> {
        (!self.value.is_nan()).then_some(self.value)
    }
}

impl Metric {
    /// Whether it can be computed of these answers.
    pub fn applies(&self, answers: &Answers<'_>) -> bool {
        self.tasks.contains(&answers.task()) && (!self.needs_probability || has_probability(answers))
    }

    /// The figure of these answers.
    ///
    /// Without rows, or with no row of any weight, every figure is undefined. Errors when the metric is not for
    /// answers of this task, or needs probabilities that are not there.
    pub fn score(&self, answers: &Answers<'_>) -> Result<Score> {
        let task = answers.task();
        if !self.tasks.contains(&task) {
            return Err(Error::NotForTask {
                metric: self.name,
                task: task.word(),
                instead: self.instead(task),
            });
        }
        if self.needs_probability && !has_probability(answers) {
            return Err(Error::NeedsProbability { metric: self.name });
        }
        if answers.n_rows() == 0 {
            return Ok(Score::undefined("no_rows", "there are no rows to judge"));
        }
        if answers.total_weight() == 0.0 {
            return Ok(Score::undefined("no_weight", "all rows have weight 0"));
        }
        (self.compute)(answers)
    }

    /// Whether `a` is better than `b` (`Less`: `a` comes first); undefined figures come last.
    ///
    /// ```
    /// use std::cmp::Ordering;
    /// let rmse = tidemill_eval::metric("rmse").unwrap();
    /// assert_eq!(rmse.compare(0.5, 2.0), Ordering::Less);
    /// assert_eq!(rmse.compare(f64::NAN, 2.0), Ordering::Greater);
    /// ```
    pub fn compare(&self, a: f64, b: f64) -> Ordering {
        match (a.is_nan(), b.is_nan()) {
            (false, false) if self.greater_is_better => b.total_cmp(&a),
            (false, false) => a.total_cmp(&b),
            (a_undefined, b_undefined) => a_undefined.cmp(&b_undefined),
        }
    }

    /// The metric of the same family for another task: `f1` for two classes is `f1_macro` for more.
    fn instead(&self, task: Task) -> &'static str {
        let family = self.name.split('_').next().unwrap_or_default();
        METRICS
            .iter()
            .find(|m| m.tasks.contains(&task) && m.name.split('_').next() == Some(family))
            .map_or(default_metric(task).name, |m| m.name)
    }
}

/// The metric of this name; the error offers the nearest.
///
/// ```
/// assert_eq!(tidemill_eval::metric("roc_auc").unwrap().title, "ROC AUC");
/// assert!(tidemill_eval::metric("acuracy").unwrap_err().to_string().contains("did you mean 'accuracy'?"));
/// ```
pub fn metric(name: &str) -> Result<&'static Metric> {
    METRICS.iter().find(|m| m.name == name).ok_or_else(|| {
        let near = nearest(name, METRICS.iter().map(|m| m.name));
        let nearest = METRICS.iter().map(|m| m.name).find(|&n| Some(n) == near);
        Error::UnknownMetric { name: name.into(), nearest }
    })
}

/// The metric that learners are compared by when the recipe names none: log loss for classes, the root mean squared
/// error for numbers.
pub fn default_metric(task: Task) -> &'static Metric {
    const LOG_LOSS: &Metric = &log_loss::LOG_LOSS;
    const RMSE: &Metric = &regression::RMSE;
    if task.is_classes() { LOG_LOSS } else { RMSE }
}

/// How many classes have no row, in words.
fn without_rows(classes: usize) -> String {
    match classes {
        1 => "1 class has no row".into(),
        n => format!("{n} classes have no row"),
    }
}

/// The reference page of the metrics, as Markdown.
pub fn reference() -> String {
    let mut page = String::from("# Metrics\n\n");
    page.push_str(
        "Of a class, the *hits* are its rows that are predicted as it, its *support* all rows that truly are of \
         it. Precision is about the rows *predicted* as the class, recall about the rows that *truly are* of it. \
         Precision is often said to be about how well negatives are told: it is not, that is specificity; of the \
         negative rows precision sees only those that are predicted as positive. A row of weight 0 counts as no row, one of weight 2 as two. A figure \
         that is undefined is null, with a warning that says why.\n",
    );
    for metric in METRICS {
        let tasks: Vec<&str> = metric.tasks.iter().map(|t| t.word()).collect();
        page.push_str(&format!(
            "\n## {}\n\n`{}`, for {}. {}\n\n    {}\n\nFrom {}; {} is better.{}{}\n",
            metric.title,
            metric.name,
            tasks.join(" and "),
            metric.about,
            metric.formula,
            metric.range,
            if metric.greater_is_better { "more" } else { "less" },
            if metric.needs_probability { " Needs probabilities." } else { "" },
            if metric.in_report { "" } else { " By name only: reports leave it out." },
        ));
    }
    page
}

fn has_probability(answers: &Answers<'_>) -> bool {
    matches!(answers, Answers::Classes(ClassAnswers { probability: Some(_), .. }))
}

/// The answers of a metric whose tasks are classes.
fn classes<'b, 'a>(answers: &'b Answers<'a>) -> Result<&'b ClassAnswers<'a>> {
    match answers {
        Answers::Classes(answers) => Ok(answers),
        Answers::Numbers(_) => Err(tidemill_core::Error::internal("a metric of classes met numbers").into()),
    }
}

/// The answers of a metric whose task is regression.
fn numbers<'b, 'a>(answers: &'b Answers<'a>) -> Result<&'b NumberAnswers<'a>> {
    match answers {
        Answers::Numbers(answers) => Ok(answers),
        Answers::Classes(_) => Err(tidemill_core::Error::internal("a metric of numbers met classes").into()),
    }
}

/// The positive class of a metric whose task is binary.
fn positive(answers: &ClassAnswers<'_>) -> Result<usize> {
    let missing = || tidemill_core::Error::internal("a binary metric met no positive class").into();
    answers.positive.ok_or_else(missing)
}
