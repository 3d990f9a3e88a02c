//! Judging: a model on rows with known answers, or a column of predictions without any model.

use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, Float64Array};
use serde::Serialize;
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Chain, Column, Context, Error, Event, Fitted, Result, Role, Schema, Warning};
use tidemill_data::ReadOptions;
use tidemill_data::parse::plain_number;
use tidemill_eval::{Answers, Report};

use crate::error::EngineError;
use crate::model::{self, Opened};
use crate::reporting::{self, Evidence, Other, Subject};
use crate::{forecast, recipe_file, resolve, threshold};

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
    let Answered { opened, target, rows, answered } =
        Answered::of(path, source, report_file.is_some(), context)?;
    let answers = Answers::of(&answered)?;
    let evaluated = Evaluated {
        rows: answered.n_rows(),
        report: tidemill_eval::report(&answers),
        data_warnings: context.warnings(),
    };
    if let (Some(file), Some(rows)) = (report_file, &rows) {
        let metric = tidemill_eval::default_metric(answers.task());
        let steps = opened.model.chain.0.get(1..);
        let seen = reporting::Seen { steps, train: None, rows, answered: &answered, metric };
        let evidence = Evidence::gather(&seen, context)?;
        let beside = Beside {
            threshold: Some(threshold::of(&opened.model.chain)),
            other: Other::in_training(&opened.package.manifest.about),
            evidence: Some(&evidence),
        };
        write_report(file, source, &target, &answers, &evaluated, beside)?;
    }
    Ok(evaluated)
}

/// A model, and what it says of rows whose right answer is known.
pub(crate) struct Answered {
    pub opened: Opened,
    pub target: String,
    /// The rows, typed but not prepared, where they were asked for.
    pub rows: Option<Batch>,
    /// Target, weight, prediction and probability of these rows.
    pub answered: Batch,
}

impl Answered {
    /// Rows without a target are left out, with a warning.
    pub(crate) fn of(path: &Path, source: &str, keep_rows: bool, context: &Context) -> Result<Self> {
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
        let (mut kept, mut rows, mut without) = (Vec::new(), Vec::new(), 0);
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
            if keep_rows {
                rows.push(only(typed)?);
            }
            kept.push(only(answered)?);
        }
        context.tell(&Event::End);
        if without > 0 {
            context.warn("no_target", format!("{without} rows without '{target}' were left out"));
        }
        opened.model.warn_of_cells(context)?;
        let joined = |batches: &[Batch]| match batches.first() {
            Some(first) => Batch::concat(first.schema(), batches),
            None => Err(no_rows()),
        };
        let answered = joined(&kept)?;
        if answered.n_rows() == 0 {
            return Err(no_rows());
        }
        let rows = keep_rows.then(|| joined(&rows)).transpose()?;
        Ok(Answered { opened, target, rows, answered })
    }
}

/// What a page about a model tells beyond the figures.
#[derive(Default)]
struct Beside<'a> {
    threshold: Option<f64>,
    other: Option<Other>,
    evidence: Option<&'a Evidence>,
}

fn write_report(
    file: &Path,
    source: &str,
    target: &str,
    answers: &Answers<'_>,
    found: &Evaluated,
    Beside { threshold, other, evidence }: Beside<'_>,
) -> Result<()> {
    let metric = tidemill_eval::default_metric(answers.task());
    let interval = crate::judged::interval(metric, answers, 0).map(|i| [i.low, i.high]);
    let subject = Subject { target, metric, report: &found.report, answers, interval, threshold, other };
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
    let answers = labels.answers(source, None)?;
    let report = tidemill_eval::report(&answers);
    let evaluated = Evaluated { rows: answers.n_rows(), report, data_warnings: context.warnings() };
    if let Some(file) = report_file {
        write_report(file, source, &labels.truth, &answers, &evaluated, Beside::default())?;
    }
    Ok(evaluated)
}

impl Labels {
    /// The answers that these columns are: predictions of one source, and truths (and weights) of the same or, row
    /// for row, of another.
    pub(crate) fn answers(&self, predictions: &str, truths: Option<&str>) -> Result<Answers<'static>> {
        let known: Vec<&str> = std::iter::once(self.truth.as_str()).chain(self.weight.as_deref()).collect();
        let beside = std::iter::once(self.predicted.as_str());
        let (schema, columns) = match truths {
            None if known.contains(&self.predicted.as_str()) => {
                let problem =
                    format!("'{}' cannot be the prediction and the truth or weight", self.predicted);
                return Err(EngineError::usage(problem, "name two columns").into());
            }
            None => parts(&read(predictions, &known.into_iter().chain(beside).collect::<Vec<_>>())?),
            Some(truths) => {
                let (known, said) = (read(truths, &known)?, read(predictions, &[&self.predicted])?);
                if known.n_rows() != said.n_rows() {
                    let rows = [known.n_rows(), said.n_rows()];
                    let problem = format!("{truths} has {} rows, {predictions} {}", rows[0], rows[1]);
                    return Err(Error::data(problem, "give the predictions of these rows, in their order"));
                }
                let (mut schema, mut columns) = parts(&known);
                let (more, values) = parts(&said);
                // The truth may bear the same name in its own file.
                schema.extend(more.into_iter().map(|c| Column { name: PREDICTED.into(), ..c }));
                columns.extend(values);
                (schema, columns)
            }
        };
        let (mut schema, mut columns) = (schema, columns);
        let predicted = if truths.is_some() { PREDICTED } else { &self.predicted };
        if let Some(name) = &self.weight {
            columns[1] = numbers(&columns[1], name)?;
            schema[1] = Column::number(name).with_role(Role::Weight);
        }
        let all = Batch::new(Arc::new(Schema::new(schema)?), columns)?;
        let (task, positive) = (self.task, self.positive.as_deref());
        Ok(Answers::of_columns(&all, &self.truth, predicted, task, positive)?)
    }
}

/// A column of weights as numbers; a source of texts has them as written.
fn numbers(column: &ArrayRef, name: &str) -> Result<ArrayRef> {
    let Some(texts) = column.as_string_opt::<i32>() else { return Ok(column.clone()) };
    let number = |(row, text): (usize, Option<&str>)| {
        let text = text.unwrap_or_default();
        plain_number(text).ok_or_else(|| {
            let problem = format!("weight '{name}' is '{text}' in row {row}");
            Error::data(problem, "weights are numbers from 0 up; correct or remove the row")
        })
    };
    let numbers = texts.iter().enumerate().map(number).collect::<Result<Vec<f64>>>()?;
    Ok(Arc::new(Float64Array::from(numbers)))
}

/// What predictions from another file are called beside the truths.
const PREDICTED: &str = "the prediction";

/// These columns of a source, in this order.
fn read(source: &str, names: &[&str]) -> Result<Batch> {
    let source = tidemill_data::open(source, &ReadOptions::default())?;
    let places = names.iter().map(|name| source.schema().index(name)).collect::<Result<Vec<_>>>()?;
    let batches = source.scan()?.map(|batch| batch?.select(&places)).collect::<Result<Vec<_>>>()?;
    let first = batches.first().ok_or_else(no_rows)?;
    Batch::concat(first.schema(), &batches)
}

fn parts(batch: &Batch) -> (Vec<Column>, Vec<ArrayRef>) {
    (batch.schema().columns().to_vec(), batch.columns().to_vec())
}
