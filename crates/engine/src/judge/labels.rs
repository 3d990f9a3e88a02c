//! Columns of predictions and truths, where there is no model.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Column, Error, Result, Role, Schema};
use tidemill_data::ReadOptions;
use tidemill_data::parse::plain_number;
use tidemill_eval::Answers;

use super::answered::no_rows;
use crate::error::EngineError;

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
