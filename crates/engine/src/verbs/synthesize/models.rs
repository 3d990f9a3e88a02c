//! What models say of new rows: whether a classifier can tell them from real ones, and what a model is worth that learned from them.

use std::sync::Arc;

use arrow_array::UInt32Array;
use serde_json::Value;
use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Categories, Column, Context, Error, Result, Role, Schema, Table, Training};
use tidemill_eval::Answers;
use tidemill_kernel::{Random, blocks};

use super::{Parts, some};
use crate::builtin::BASELINE;
use crate::facts::{Told, Usefulness};
use crate::links::answer::Place;
use crate::search::{apply, preparation};

/// The learner of both: it reads mixed columns and gaps as they are, and needs no setting.
const LEARNER: &str = "random_forest";
/// Parts that rows are divided into, each judged by a classifier of the others.
const FOLDS: usize = 5;
/// The fewest rows of a sort that a classifier is trained on.
const FEWEST: usize = 20;

/// How well a classifier tells new rows from real ones; `None` of fewer than [`FEWEST`].
pub(super) fn told(real: &Batch, made: &Batch, context: &Context) -> Result<Option<Told>> {
    let (real, made) = (some(real, "told real", context)?, some(made, "told made", context)?);
    let n = real.n_rows().min(made.n_rows());
    if n < FEWEST {
        return Ok(None);
    }
    let first = |batch: &Batch| batch.slice(0, n);
    let rows = Batch::concat(real.schema(), &[first(&real), first(&made)])?;
    let codes: Vec<u32> = (0..2 * n).map(|row| u32::from(row >= n)).collect();
    let table = labelled(&rows, &codes)?;
    let mut order: Vec<u32> = (0..2 * n as u32).collect();
    Random::new(context.seed_for("told"), 0).shuffle(&mut order);
    order.sort_by_key(|&row| codes[row as usize]);
    let folds = blocks::deal(&order, None, FOLDS);
    let mut probabilities = vec![0.0; 4 * n];
    for fold in 0..FOLDS as u32 {
        context.check()?;
        let rows = |inside: bool| -> Vec<u32> {
            (0..2 * n as u32).filter(|&row| (folds[row as usize] == fold) == inside).collect()
        };
        let (train, judged) = (table.take(&rows(false))?, rows(true));
        let stream = context.quiet().with_stream(&format!("told {fold}"));
        let answered = answered(LEARNER, train, &table.take(&judged)?, &Recipe::default(), &stream)?;
        let values = Place::of_classes(answered.schema())?.values(&answered)?;
        for (row, own) in judged.iter().zip(values.chunks_exact(2)) {
            probabilities[*row as usize * 2..][..2].copy_from_slice(own);
        }
    }
    let predicted: Vec<u32> = probabilities.chunks_exact(2).map(|p| u32::from(p[1] > p[0])).collect();
    let answers = Answers::classes(codes, predicted, ["real", "new"])?.with_probability(probabilities)?;
    let roc_auc = tidemill_eval::metric("roc_auc")?.score(&answers)?.value;
    Ok(Some(Told { learner: LEARNER, roc_auc, rows: n }))
}

/// The rows with all columns as features, and what they are as the target.
fn labelled(rows: &Batch, codes: &[u32]) -> Result<Batch> {
    let mut columns: Vec<Column> =
        rows.schema().columns().iter().map(|column| column.clone().with_role(Role::Feature)).collect();
    let mut name = String::from("new");
    while rows.schema().position(&name).is_some() {
        name.push('_');
    }
    let names = Categories::new(["real", "new"]);
    let mut arrays = rows.columns().to_vec();
    arrays.push(names.column(UInt32Array::from(codes.to_vec()))?);
    columns.push(Column::category(name, names).with_role(Role::Target));
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, rows.n_rows())
}

/// What a learner that was fitted on `train`, with preparation of its own, says of other rows.
fn answered(kind: &str, train: Batch, rows: &Batch, recipe: &Recipe, context: &Context) -> Result<Batch> {
    let learner = context.build(kind, Value::Null)?;
    let prepared = preparation::fit(Table::new(train), recipe, learner.needs(), context)?;
    let fitted = learner.fit(Training::on(&prepared.train), &context.with_stream(kind))?;
    let rows = apply(&prepared.steps, rows.clone())?;
    fitted.bind(rows.schema())?.apply(&rows)
}

/// What models are worth that learned from real rows and from new ones; `None` without a target. A model that cannot be trained is
/// warned of, and has no figure.
pub(super) fn use_of(
    parts: &Parts,
    made: &Batch,
    recipe: &Recipe,
    context: &Context,
) -> Result<Option<Usefulness>> {
    let schema = parts.learned.schema();
    let Some(target) = schema.role(Role::Target).map(|at| &schema.columns()[at]) else { return Ok(None) };
    let task = match &target.categories {
        Some(classes) if classes.len() > 2 => Task::Multiclass,
        Some(_) => Task::Binary,
        None => Task::Regression,
    };
    let metric = tidemill_eval::default_metric(task);
    let stream = context.quiet().with_stream("use");
    let score = |kind: &str, rows: &Batch| -> Result<Option<f64>> {
        let done = whole_target(rows).and_then(|rows| answered(kind, rows, &parts.held_out, recipe, &stream));
        let score = done.and_then(|answered| Ok(metric.score(&Answers::of(&answered)?)?));
        match score {
            Ok(score) => Ok(score.defined()),
            Err(Error::Cancelled) => Err(Error::Cancelled),
            Err(e) => {
                context.warn("synthesis_use", format!("'{kind}' cannot learn '{}': {e}", target.name));
                Ok(None)
            }
        }
    };
    Ok(Some(Usefulness {
        target: target.name.clone(),
        learner: LEARNER,
        metric: metric.name,
        title: metric.title,
        greater_is_better: metric.greater_is_better,
        baseline: score(BASELINE, &parts.learned)?,
        real: score(LEARNER, &parts.learned)?,
        made: score(LEARNER, made)?,
        rows: parts.held_out.n_rows(),
    }))
}

/// The rows that have a target.
fn whole_target(rows: &Batch) -> Result<Batch> {
    use arrow_array::Array;
    let Some(at) = rows.schema().role(Role::Target) else { return Ok(rows.clone()) };
    let column = rows.column(at);
    let kept: Vec<u32> =
        (0..rows.n_rows()).filter(|&row| column.is_valid(row)).map(|row| row as u32).collect();
    if kept.len() == rows.n_rows() { Ok(rows.clone()) } else { rows.take(&kept) }
}
