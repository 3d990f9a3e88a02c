//! `compare`: two models, or two columns of predictions, on the same rows.

use std::path::Path;
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::{Context, Result, Source, Warning};
use tidemill_eval::compare::{Comparison, two};
use tidemill_eval::{Answers, Metric};

use crate::error::EngineError;
use crate::judge::{AnsweredRows, PredictionColumns, metric_named, policy};
use crate::model::Opened;

/// What the same rows say about two.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// The first, as it was named.
    pub first: String,
    /// The second.
    pub second: String,
    /// How many rows it rests on.
    pub rows: usize,
    /// Figures, interval, test and the sentence.
    #[serde(flatten)]
    pub found: Comparison,
    /// What the user should know about the rows.
    pub warnings: Vec<Warning>,
}

impl Compared {
    /// Whether the second is better, by more than chance.
    pub fn is_better(&self) -> bool {
        !self.found.same && self.found.better_by > 0.0
    }

    /// Whether the second is worse, by more than chance.
    pub fn is_worse(&self) -> bool {
        !self.found.same && self.found.better_by < 0.0
    }
}

/// Compares two model files on a source that has their target, by this metric or, without one, by that which `train`
/// would choose by.
///
/// # Errors
/// Models of different targets; a metric that does not judge these answers; rows without any target.
pub fn models(paths: [&Path; 2], source: &str, metric: Option<&str>, context: &Context) -> Result<Compared> {
    if source == "-" {
        let problem = "standard input can be read once, and each model reads the rows";
        return Err(EngineError::usage(problem, "name a file").into());
    }
    let [first, second] = paths.map(|path| AnsweredRows::of(path, source, false, context));
    let ((_, first), (_, second)) = (first?, second?);
    of_answers(paths.map(|path| path.display().to_string()), [first, second], metric, context)
}

/// As [`models`], of open models and open rows.
pub fn on_rows(
    models: [&Opened; 2],
    rows: &dyn Source,
    metric: Option<&str>,
    context: &Context,
) -> Result<Comparison> {
    for model in models {
        policy::refuse(model)?;
        model.refuse_masks("compare")?;
    }
    let [first, second] = models.map(|model| AnsweredRows::of_rows(model, rows, false, context));
    Ok(of_answers(["the first".into(), "the second".into()], [first?, second?], metric, context)?.found)
}

fn of_answers(
    names: [String; 2],
    [first, second]: [AnsweredRows; 2],
    metric: Option<&str>,
    context: &Context,
) -> Result<Compared> {
    if first.target != second.target {
        let problem = format!("the first predicts '{}', the second '{}'", first.target, second.target);
        return Err(EngineError::usage(problem, "compare models of the same target").into());
    }
    let answers = [Answers::of(&first.answered)?, Answers::of(&second.answered)?];
    compared(names, answers, metric, context)
}

/// Compares two files of predictions, each with its own column; the truths stand in the same files or, row for row, in
/// a third.
///
/// # Errors
/// Columns that are not there; files of different rows; a metric that does not judge these answers.
pub fn predictions(
    files: [&str; 2],
    labels: [&PredictionColumns; 2],
    truths: Option<&str>,
    metric: Option<&str>,
    context: &Context,
) -> Result<Compared> {
    let answers =
        [labels[0].answers(files[0], truths, context)?, labels[1].answers(files[1], truths, context)?];
    let names = match files[0] == files[1] {
        true => [labels[0], labels[1]].map(|labels| labels.predicted.clone()),
        false => files.map(String::from),
    };
    compared(names, answers, metric, context)
}

fn compared(
    [first, second]: [String; 2],
    answers: [Answers<'static>; 2],
    metric: Option<&str>,
    context: &Context,
) -> Result<Compared> {
    let [a, b] = aligned(answers)?;
    let metric = metric_of(metric, [&a, &b])?;
    let found = two(&a, &b, metric, context.seed_for("compare"))?;
    let own = a.warnings().iter().chain(b.warnings()).cloned();
    let mut warnings: Vec<Warning> = Vec::new();
    // What holds of both is said once.
    for warning in context.warnings().into_iter().chain(own) {
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    Ok(Compared { first, second, rows: a.n_rows(), found, warnings })
}

/// Both with the classes of either, in the order of the first: models of other rows may know other classes.
fn aligned([a, b]: [Answers<'static>; 2]) -> Result<[Answers<'static>; 2]> {
    let (Answers::Classes(x), Answers::Classes(y)) = (&a, &b) else { return Ok([a, b]) };
    if x.names() == y.names() {
        return Ok([a, b]);
    }
    let more = y.names().iter().filter(|name| !x.names().contains(name));
    let names: Vec<Arc<str>> = x.names().iter().chain(more).cloned().collect();
    let positive = x.positive().map(|at| x.names()[at].clone()).filter(|_| names.len() == 2);
    let within = |answers: &Answers<'static>| -> Result<Answers<'static>> {
        let answers = answers.in_classes(&names)?;
        Ok(match &positive {
            Some(name) => answers.with_positive(name)?,
            None => answers,
        })
    };
    Ok([within(&a)?, within(&b)?])
}

/// The metric asked for, or the usual one; of labels without probabilities the share that is right.
fn metric_of(name: Option<&str>, answers: [&Answers<'_>; 2]) -> Result<&'static Metric> {
    let bare = |answers: &Answers<'_>| match answers {
        Answers::Classes(answers) => answers.probability().is_none(),
        Answers::Numbers(_) => false,
    };
    let usual = answers.iter().any(|a| bare(a)).then_some("accuracy");
    metric_named(name.or(usual), answers[0].task())
}
