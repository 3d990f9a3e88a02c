//! Judging: a model on rows with known answers, or a column of predictions without any model.

use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Chain, Context, Error, Event, Fitted, Result, Role, Warning};
use tidemill_data::ReadOptions;
use tidemill_eval::{Answers, Report};

use crate::error::EngineError;
use crate::reporting::{self, Evidence, Other, Subject};
use crate::{forecast, model, recipe_file, resolve};

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

/// Judges a model on a source that has the target, and writes a report where one is asked for. Rows without a target
/// are left out, with a warning.
pub fn model(path: &Path, source: &str, report_file: Option<&Path>, context: &Context) -> Result<Evaluated> {
    let named = source;
    let opened = model::open(path, context)?;
    let recipe = recipe_file::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    let source = forecast::open(source, &recipe, context)?;
    let intake = opened.model.intake()?;
    let target = resolve::target(intake.plan())?.name.clone();
    source.schema().index(&target).map_err(|_| {
        Error::missing_column(&target, "the data to judge on (it is the target)", source.schema().names())
    })?;
    let (first, steps) = opened.model.chain.0.split_first().ok_or_else(no_rows)?;
    let mut read = opened.model.reader()?.bind_to(&*source)?;
    let mut say = Arc::new(Chain(steps.to_vec())).bind(&Arc::new(first.output(source.schema())?))?;
    let (mut kept, mut rows) = (Vec::new(), Vec::new());
    let mut without = 0;
    context.tell(&Event::Begin { what: "judging".into(), steps: None });
    for batch in intake.batches(&*source)? {
        context.check()?;
        let typed = read.apply(&batch?)?;
        let answered = say.apply(&typed)?;
        let judged = [Role::Target, Role::Weight, Role::Prediction, Role::Probability];
        let places = answered.schema().places(|c| judged.contains(&c.role));
        let answered = answered.select(&places)?;
        let known = known(&answered)?;
        without += answered.n_rows() - known.as_ref().map_or(answered.n_rows(), Vec::len);
        let only = |batch: Batch| known.as_deref().map_or(Ok(batch.clone()), |rows| batch.take(rows));
        // The rows themselves are of use to a report alone.
        if report_file.is_some() {
            rows.push(only(typed)?);
        }
        kept.push(only(answered)?);
    }
    context.tell(&Event::End);
    if without > 0 {
        context.warn("no_target", format!("{without} rows without '{target}' were left out"));
    }
    opened.model.warn_of_cells(context)?;
    let schema = match kept.first() {
        Some(first) => first.schema().clone(),
        None => return Err(no_rows()),
    };
    let all = Batch::concat(&schema, &kept)?;
    if all.n_rows() == 0 {
        return Err(no_rows());
    }
    let answers = Answers::of(&all)?;
    let evaluated = Evaluated {
        rows: all.n_rows(),
        report: tidemill_eval::report(&answers),
        data_warnings: context.warnings(),
    };
    if let Some(file) = report_file {
        let metric = tidemill_eval::default_metric(answers.task());
        let rows = Batch::concat(rows[0].schema(), &rows)?;
        let seen = reporting::Seen { steps: Some(steps), train: None, rows: &rows, answered: &all, metric };
        let evidence = Evidence::gather(&seen, context)?;
        let other = Other::in_training(&opened.package.manifest.about);
        write_report(file, named, &target, &answers, &evaluated, other, Some(&evidence))?;
    }
    Ok(evaluated)
}

fn write_report(
    file: &Path,
    source: &str,
    target: &str,
    answers: &Answers<'_>,
    found: &Evaluated,
    other: Option<Other>,
    evidence: Option<&Evidence>,
) -> Result<()> {
    let metric = tidemill_eval::default_metric(answers.task());
    let interval = crate::judged::interval(metric, answers, 0).map(|i| [i.low, i.high]);
    let subject = Subject { target, metric, report: &found.report, answers, interval, other };
    let page = reporting::evaluate(&subject, evidence, source, &found.data_warnings);
    crate::train::replace(file, page.as_bytes())
}

fn no_rows() -> Error {
    Error::data("there is no row with a known target", "judge on rows whose right answer is known")
}

/// The rows whose target is known; `None` where that is all of them.
fn known(batch: &Batch) -> Result<Option<Vec<u32>>> {
    let Some(at) = batch.schema().role(Role::Target) else { return Err(no_rows()) };
    let target = batch.column(at);
    if target.null_count() == 0 {
        return Ok(None);
    }
    Ok(Some((0..batch.n_rows() as u32).filter(|&i| target.is_valid(i as usize)).collect()))
}

/// Which columns hold what, where there is no model.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    /// The column with the right answers.
    pub truth: String,
    /// The column with the predictions.
    pub predicted: String,
    /// The column with the weights.
    pub weight: Option<String>,
    /// What kind of prediction; inferred without it.
    pub task: Option<Task>,
    /// The class that counts as positive.
    pub positive: Option<String>,
}

/// Judges a column of predictions against a column of right answers, and writes a report where one is asked for.
pub fn labels(
    source: &str,
    labels: &Labels,
    report_file: Option<&Path>,
    context: &Context,
) -> Result<Evaluated> {
    let named = source;
    let source = tidemill_data::open(source, &ReadOptions::default())?;
    let schema = source.schema();
    let mut places = vec![schema.index(&labels.truth)?, schema.index(&labels.predicted)?];
    if places[0] == places[1] {
        return Err(EngineError::usage("--truth and --pred name the same column", "name two").into());
    }
    places.extend(labels.weight.as_ref().map(|name| schema.index(name)).transpose()?);
    let batches = source.scan()?.map(|batch| batch?.select(&places)).collect::<Result<Vec<_>>>()?;
    let Some(first) = batches.first() else { return Err(no_rows()) };
    let all = Batch::concat(first.schema(), &batches)?;
    let answers =
        Answers::of_columns(&all, &labels.truth, &labels.predicted, labels.task, labels.positive.as_deref())?;
    let report = tidemill_eval::report(&answers);
    let evaluated = Evaluated { rows: answers.n_rows(), report, data_warnings: context.warnings() };
    if let Some(file) = report_file {
        write_report(file, named, &labels.truth, &answers, &evaluated, None, None)?;
    }
    Ok(evaluated)
}
