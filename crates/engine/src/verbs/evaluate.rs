//! `evaluate`: a model on rows with a known target, or a column of predictions without a model.

use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Context, Result, Source, Warning};
use tidemill_eval::{Answers, Report};
use tidemill_report::Report as Page;
use tidemill_report::words::Words;

use crate::files::replace;
use crate::judge::{
    AnsweredRows, Evidence, MasksJudged, PolicyJudged, PredictionColumns, Seen, interval, masks, policy,
};
use crate::links::threshold;
use crate::model::{self, AnyModel, Opened};
use crate::recipe;
use crate::report::page::{self, Other, Subject};
use crate::rows::open_to_answer;

/// What a judgement found.
#[derive(Clone, Debug, Serialize)]
pub struct Evaluated {
    /// How many rows it rests on.
    pub rows: usize,
    /// Every metric that applies.
    #[serde(flatten)]
    pub report: Report,
    /// What the user should know about the rows.
    pub data_warnings: Vec<Warning>,
}

/// Where a page goes, and which language it speaks.
#[derive(Clone, Copy, Debug)]
pub struct ReportFile<'a> {
    /// The file.
    pub file: &'a Path,
    /// The words of the language.
    pub words: &'static Words,
}

/// What logged decisions say of a policy.
#[derive(Clone, Debug, Serialize)]
pub struct PolicyEvaluated {
    /// What it is worth, and whether it may act.
    #[serde(flatten)]
    pub judged: PolicyJudged,
    /// What the user should know about the rows.
    pub data_warnings: Vec<Warning>,
}

/// How well masks agree with the true ones.
#[derive(Clone, Debug, Serialize)]
pub struct MasksEvaluated {
    /// The scores.
    #[serde(flatten)]
    pub judged: MasksJudged,
    /// What the user should know about the rows.
    pub data_warnings: Vec<Warning>,
}

/// What a judgement found, by how many targets the model has.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Judged {
    /// One.
    One(Evaluated),
    /// A policy.
    Policy(PolicyEvaluated),
    /// Masks.
    Masks(MasksEvaluated),
    /// Two or more: by target, in their order.
    Several {
        /// What was found of each.
        targets: IndexMap<String, Evaluated>,
    },
}

/// Judges a model on a source that has the target or targets, and writes a report where one is asked for. Rows without a target
/// are left out of its judgement, with a warning.
pub fn model(
    path: &Path,
    source: &str,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Judged> {
    let words = report_file.map(|report| report.words);
    let several = match model::open_any(path, context)? {
        AnyModel::One(opened) if opened.provenance.task == Some(Task::Policy) => {
            return of_policy(&opened, source, report_file, context);
        }
        AnyModel::One(opened) if opened.provenance.task == Some(Task::Masks) => {
            return of_masks(&opened, source, report_file, context);
        }
        AnyModel::One(opened) => {
            let (evaluated, page) = judged(&opened, source, words, context)?;
            if let (Some(ReportFile { file, .. }), Some(page)) = (report_file, page) {
                replace(file, page.html().as_bytes())?;
            }
            return Ok(Judged::One(evaluated));
        }
        AnyModel::Several(several) => several,
    };
    let (mut targets, mut pages) = (IndexMap::new(), Vec::new());
    for part in &several.parts {
        let (evaluated, page) = judged(part, source, words, &context.part())?;
        targets.insert(part.provenance.target.clone(), evaluated);
        pages.extend(page);
    }
    if let Some(ReportFile { file, words }) = report_file {
        let names: Vec<&str> = several.targets().collect();
        replace(file, page::evaluated_targets(words, &names, pages).html().as_bytes())?;
    }
    Ok(Judged::Several { targets })
}

/// Judges an open policy by logged decisions.
fn of_policy(
    opened: &Opened,
    location: &str,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Judged> {
    let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    let source = open_to_answer(location, &recipe)?;
    let found = policy::judged(opened, &*source, context)?;
    if let Some(ReportFile { file, words }) = report_file {
        let page = page::evaluated_policy(words, &opened.provenance.target, location, &found);
        replace(file, page.html().as_bytes())?;
    }
    Ok(Judged::Policy(PolicyEvaluated { judged: found, data_warnings: context.warnings() }))
}

/// Judges an open model of masks by pictures with their masks.
fn of_masks(
    opened: &Opened,
    location: &str,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Judged> {
    let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    let source = open_to_answer(location, &recipe)?;
    let (found, overlays) = masks::judged(opened, &*source, context)?;
    if let Some(ReportFile { file, words }) = report_file {
        let page = page::evaluated_masks(words, &opened.provenance.target, location, (&found, &overlays));
        replace(file, page.html().as_bytes())?;
    }
    Ok(Judged::Masks(MasksEvaluated { judged: found, data_warnings: context.warnings() }))
}

/// Judges an open model of one target; with a page where one is wanted, in the language of these `words`.
fn judged(
    opened: &Opened,
    source: &str,
    words: Option<&'static Words>,
    context: &Context,
) -> Result<(Evaluated, Option<Page>)> {
    let AnsweredRows { target, rows, answered } =
        AnsweredRows::of_opened(opened, source, words.is_some(), context)?;
    let answers = Answers::of(&answered)?;
    let evaluated = Evaluated {
        rows: answered.n_rows(),
        report: tidemill_eval::report(&answers),
        data_warnings: context.warnings(),
    };
    let (Some(words), Some(rows)) = (words, &rows) else { return Ok((evaluated, None)) };
    let metric = tidemill_eval::default_metric(answers.task());
    let steps = opened.model.chain.0.get(1..);
    let seen = Seen { steps, train: None, rows, answered: &answered, metric };
    let evidence = Evidence::gather(&seen, context)?;
    let beside = Beside {
        threshold: Some(threshold::of(&opened.model.chain)),
        other: Other::in_training(words, &opened.provenance),
        evidence: Some(&evidence),
    };
    let page = page_of(words, (source, &target), &answers, &evaluated, beside);
    Ok((evaluated, Some(page)))
}

/// Every metric that applies to what a model says of rows that have the target.
///
/// # Errors
/// A policy, which has no right answers.
pub fn rows(opened: &Opened, rows: &dyn Source, context: &Context) -> Result<Report> {
    policy::refuse(opened)?;
    opened.refuse_masks("Model::evaluate")?;
    let answered = AnsweredRows::of_rows(opened, rows, false, context)?.answered;
    Ok(tidemill_eval::report(&Answers::of(&answered)?))
}

/// What a page about a model tells beyond the figures.
#[derive(Default)]
struct Beside<'a> {
    threshold: Option<f64>,
    other: Option<Other>,
    evidence: Option<&'a Evidence>,
}

fn page_of(
    words: &'static Words,
    (source, target): (&str, &str),
    answers: &Answers<'_>,
    found: &Evaluated,
    Beside { threshold, other, evidence }: Beside<'_>,
) -> Page {
    let metric = tidemill_eval::default_metric(answers.task());
    let interval = interval(metric, answers, 0).map(|i| [i.low, i.high]);
    let subject =
        Subject { words, target, metric, report: &found.report, answers, interval, threshold, other };
    page::evaluate(&subject, evidence, source, &found.data_warnings)
}

/// Judges a column of predictions against a column of right answers, and writes a report where one is asked for.
pub fn labels(
    source: &str,
    labels: &PredictionColumns,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Evaluated> {
    let answers = labels.answers(source, None, context)?;
    let report = tidemill_eval::report(&answers);
    let evaluated = Evaluated { rows: answers.n_rows(), report, data_warnings: context.warnings() };
    if let Some(ReportFile { file, words }) = report_file {
        let page = page_of(words, (source, &labels.truth), &answers, &evaluated, Beside::default());
        replace(file, page.html().as_bytes())?;
    }
    Ok(evaluated)
}
