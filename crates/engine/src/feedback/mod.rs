//! The prediction log joined with what users said: rows that can judge a model and train the next one.

pub mod parse;

use std::collections::BTreeMap;

use arrow_array::Array;
use serde_json::{Map, Value};
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Cell, Kind, Result, Role};
use tidemill_data::parse::write_iso;
use tidemill_data::{InferredSchema, ReadOptions};
use tidemill_store::{FeedbackKind, LoggedPrediction, Store, Version};
use uuid::Uuid;

use crate::serve::privacy::Revealer;
use crate::serve::record::is_hash_of_picture;

/// A logged prediction whose right answer is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// The prediction's name.
    pub id: Uuid,
    /// When it was made, in microseconds since 1970.
    pub at: i64,
    /// The number of the version that made it.
    pub version: i64,
    /// The values of the plan's columns that were logged, in the order of [`names`], then the right answer.
    pub cells: Vec<Cell>,
}

/// What the latest word on the right answer is: a label or a correction says it, an `accept` confirms the prediction, and
/// of two classes a `reject` means the other one.
pub fn truth(logged: &LoggedPrediction, classes: &[String]) -> Option<Value> {
    let mut truth = None;
    for given in &logged.feedback {
        let said = match given.kind {
            FeedbackKind::Label | FeedbackKind::Correction => given.value.clone(),
            FeedbackKind::Accept => serde_json::from_str(&logged.prediction).ok(),
            FeedbackKind::Reject if classes.len() == 2 => {
                let prediction: Option<String> = serde_json::from_str(&logged.prediction).ok();
                let other = prediction.and_then(|p| classes.iter().find(|c| **c != p));
                other.map(|c| Value::String(c.clone()))
            }
            _ => None,
        };
        truth = said.or(truth);
    }
    truth
}

/// A value as JSON has it, as a cell.
pub fn cell(value: &Value) -> Cell {
    match value {
        Value::Number(x) => x.as_f64().map_or(Cell::Missing, Cell::Number),
        Value::Bool(yes) => Cell::Flag(*yes),
        Value::String(text) => Cell::Text(text.clone()),
        // A series.
        Value::Array(_) => Cell::Text(value.to_string()),
        _ => Cell::Missing,
    }
}

/// The place of a class among `classes`: by its name, or for numbers by their value.
pub fn class_of(value: &Value, classes: &[String]) -> Option<u32> {
    let text = match value {
        Value::String(text) => text.trim().to_string(),
        other => other.to_string(),
    };
    let number = |text: &str| text.parse::<f64>().ok();
    let exact = classes.iter().position(|c| *c == text);
    let place = exact.or_else(|| {
        let wanted = number(&text)?;
        classes.iter().position(|c| number(c) == Some(wanted))
    });
    place.map(|p| p as u32)
}

/// The names of the cells of [`Labelled`] rows: every column that the plan uses but the target, then the target.
pub fn names(plan: &InferredSchema) -> Vec<String> {
    let used = plan.columns.iter().filter(|c| c.is_used() && c.role != Role::Target);
    used.map(|c| c.name.clone()).chain(plan.target().map(|c| c.name.clone())).collect()
}

/// All labelled predictions of a model, oldest first. What cannot teach is left out and counted: a label that the target cannot
/// hold (a third class of a binary task, a word for a number), an image of which only the hash was kept.
pub fn labelled(
    store: &Store,
    model: &str,
    plan: &InferredSchema,
    opener: &Revealer,
) -> Result<(Vec<Labelled>, usize)> {
    let versions: BTreeMap<i64, Version> =
        store.versions(model)?.into_iter().map(|version| (version.id, version)).collect();
    let names = names(plan);
    let key = plan.role(Role::Key).map(|c| c.name.as_str());
    let mut rows = Vec::new();
    let mut unusable = 0;
    store.each_logged(model, i64::MIN, i64::MAX, true, &mut |logged| {
        let Some(truth) = truth(&logged, &plan.classes) else { return Ok(()) };
        let Some(version) = versions.get(&logged.version) else { return Ok(()) };
        let values: Vec<Value> = serde_json::from_str(&logged.features)?;
        let mut by_name: BTreeMap<&str, Value> =
            version.version.columns.iter().map(String::as_str).zip(values).collect();
        if let (Some(key), Some(value)) = (key, &logged.row_key) {
            by_name.insert(key, Value::String(value.clone()));
        }
        let mut cells: Vec<Cell> = names[..names.len() - 1]
            .iter()
            .map(|name| by_name.remove(name.as_str()).map_or(Cell::Missing, |v| cell(&opener.open(name, v))))
            .collect();
        if !usable(&truth, plan) || names.iter().zip(&cells).any(|(name, cell)| is_left_out(name, cell, plan))
        {
            unusable += 1;
            return Ok(());
        }
        cells.push(cell(&truth));
        rows.push(Labelled { id: logged.id, at: logged.at, version: logged.version, cells });
        Ok(())
    })?;
    Ok((rows, unusable))
}

/// Whether the log kept only the hash of a picture: a row without it would teach that images mean nothing.
fn is_left_out(name: &str, cell: &Cell, plan: &InferredSchema) -> bool {
    let hashed = matches!(cell, Cell::Text(text) if is_hash_of_picture(text));
    hashed && plan.column(name).is_some_and(|c| c.kind == Kind::Image)
}

fn usable(truth: &Value, plan: &InferredSchema) -> bool {
    match plan.task {
        Some(Task::Regression) => number_of(truth).is_some(),
        Some(Task::Binary) => class_of(truth, &plan.classes).is_some(),
        _ => !truth.is_null(),
    }
}

/// The number behind a value: itself, or a text that spells one.
pub fn number_of(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
    number.filter(|x| x.is_finite())
}

/// A raw cell of a batch as JSON has it.
pub fn value(batch: &Batch, c: usize, i: usize) -> Result<Value> {
    if batch.column(c).is_null(i) {
        return Ok(Value::Null);
    }
    Ok(match batch.schema().columns()[c].kind {
        Kind::Number => {
            let x = batch.numbers(c)?.value(i);
            // Whole numbers stay whole: `3`, not `3.0`.
            if x == x.trunc() && x.abs() < 9e15 { Value::from(x as i64) } else { Value::from(x) }
        }
        Kind::Flag => batch.flags(c)?.value(i).into(),
        Kind::Time => write_iso(batch.times(c)?.value(i)).into(),
        Kind::Text => batch.texts(c)?.value(i).into(),
        Kind::Category => batch.schema().columns()[c].categories()?.name(batch.codes(c)?.value(i)).into(),
        _ => Value::Null,
    })
}

/// Passes over the rows of a file, each as a JSON object.
pub fn each_row(file: &str, each: &mut dyn FnMut(Map<String, Value>) -> Result<()>) -> Result<()> {
    let source = tidemill_data::open(file, &ReadOptions::default())?;
    let names: Vec<String> = source.schema().names().map(String::from).collect();
    for batch in source.scan()? {
        let batch = batch?;
        for i in 0..batch.n_rows() {
            let cells = names.iter().enumerate().map(|(c, name)| Ok((name.clone(), value(&batch, c, i)?)));
            each(cells.collect::<Result<_>>()?)?;
        }
    }
    Ok(())
}
