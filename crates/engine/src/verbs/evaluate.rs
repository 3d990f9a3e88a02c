//! Judging: a model on rows with known answers, or a column of predictions without any model.

use std::path::Path;

use serde::Serialize;
use tidemill_core::{Context, Result, Source, Warning};
use tidemill_eval::{Answers, Report};
use tidemill_report::words::Words;

use crate::files::replace;
use crate::judge::{AnsweredRows, Evidence, PredictionColumns, Seen, interval};
use crate::links::threshold;
use crate::model::Opened;
use crate::report::page::{self, Other, Subject};

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

/// Judges a model on a source that has the target, and writes a report where one is asked for. Rows without a target
/// are left out, with a warning.
pub fn model(
    path: &Path,
    source: &str,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Evaluated> {
    let (opened, AnsweredRows { target, rows, answered }) =
        AnsweredRows::of(path, source, report_file.is_some(), context)?;
    let answers = Answers::of(&answered)?;
    let evaluated = Evaluated {
        rows: answered.n_rows(),
        report: tidemill_eval::report(&answers),
        data_warnings: context.warnings(),
    };
    if let (Some(file), Some(rows)) = (report_file, &rows) {
        let metric = tidemill_eval::default_metric(answers.task());
        let steps = opened.model.chain.0.get(1..);
        let seen = Seen { steps, train: None, rows, answered: &answered, metric };
        let evidence = Evidence::gather(&seen, context)?;
        let beside = Beside {
            threshold: Some(threshold::of(&opened.model.chain)),
            other: Other::in_training(file.words, &opened.provenance),
            evidence: Some(&evidence),
        };
        write_report(file, source, &target, &answers, &evaluated, beside)?;
    }
    Ok(evaluated)
}

/// Every metric that applies to what a model says of rows that have the target.
pub fn rows(opened: &Opened, rows: &dyn Source, context: &Context) -> Result<Report> {
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

fn write_report(
    ReportFile { file, words }: ReportFile<'_>,
    source: &str,
    target: &str,
    answers: &Answers<'_>,
    found: &Evaluated,
    Beside { threshold, other, evidence }: Beside<'_>,
) -> Result<()> {
    let metric = tidemill_eval::default_metric(answers.task());
    let interval = interval(metric, answers, 0).map(|i| [i.low, i.high]);
    let subject =
        Subject { words, target, metric, report: &found.report, answers, interval, threshold, other };
    let page = page::evaluate(&subject, evidence, source, &found.data_warnings);
    replace(file, page.as_bytes())
}

/// Judges a column of predictions against a column of right answers, and writes a report where one is asked for.
pub fn labels(
    source: &str,
    labels: &PredictionColumns,
    report_file: Option<ReportFile<'_>>,
    context: &Context,
) -> Result<Evaluated> {
    let answers = labels.answers(source, None)?;
    let report = tidemill_eval::report(&answers);
    let evaluated = Evaluated { rows: answers.n_rows(), report, data_warnings: context.warnings() };
    if let Some(file) = report_file {
        write_report(file, source, &labels.truth, &answers, &evaluated, Beside::default())?;
    }
    Ok(evaluated)
}
