//! Why a model says what it says of a row: Shapley values, in the user's own columns.
//!
//! | the model answers by | method | what is explained |
//! |---|---|---|
//! | trees (boosted, forests) | exact, path-dependent TreeSHAP | the margin: the score before link, calibration and threshold; of a forest its mean answer |
//! | a linear function | exact, columns independent | the linear function, before any link |
//! | anything else (blends, kernels, neighbours, nets) | permutation SHAP, sampled until it is sure | the answer itself: the number, or each class's probability |
//!
//! Values of derived columns (one-hot, date parts, terms) are summed to the column that they come from.

mod explained;
mod method;
mod sampled;
mod values;

pub use explained::{Explained, ExplainedRow};
pub use method::Method;

use tidemill_core::{Batch, Context, Error, Result, Role, Source};

use crate::error::EngineError;
use crate::model::Opened;

/// What to explain, and how.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The rows, counted from 1; all without any.
    pub rows: Vec<u64>,
    /// How; chosen by the model without it.
    pub method: Option<Method>,
}

/// The most rows that are explained by sampling.
const MOST_SAMPLED: usize = 200;
/// The most rows that stand for what is not known of a row.
const BACKGROUND: usize = 100;

/// Explains what a model says of rows. `background` are rows that stand for what is usual, where the method needs them: those
/// of the same source without it.
///
/// # Errors
/// Rows that lack a column, a row number beyond the last, a method that the model does not allow, more rows than can be
/// sampled.
pub fn explain(
    opened: &Opened,
    source: &dyn Source,
    background: Option<&dyn Source>,
    asked: &Asked,
    context: &Context,
) -> Result<Explained> {
    let typed = read(opened, source)?;
    let chosen = chosen(&typed, &asked.rows)?;
    let rows = typed.take(&chosen)?;
    let usual = match background {
        Some(source) => read(opened, source)?,
        None => typed,
    };
    let usual = evenly(&usual, BACKGROUND)?;
    let steps = opened.model.chain.0.get(1..).unwrap_or_default();
    let found = match method::of(steps, asked.method)? {
        method::Found::Trees(at) => values::of_trees(steps, at, &rows, context)?,
        method::Found::Linear(at) => values::of_linear(steps, at, &rows, &usual)?,
        method::Found::Any => {
            if rows.n_rows() > MOST_SAMPLED {
                let problem = format!(
                    "this model is explained by sampling, row by row, and {} rows would take long",
                    rows.n_rows()
                );
                return Err(EngineError::usage(problem, "name up to 200 rows with --rows").into());
            }
            sampled::values(steps, &rows, &usual, context)?
        }
    };
    let numbers = chosen.iter().map(|row| u64::from(*row) + 1).collect();
    explained::told(opened, steps, &rows, numbers, found)
}

/// The rows as the model's first link reads them.
fn read(opened: &Opened, source: &dyn Source) -> Result<Batch> {
    let mut reader = opened.model.reader()?.bind_to(source)?;
    let batches = opened.model.intake()?.batches(source)?;
    let batches = batches.map(|batch| reader.apply(&batch?)).collect::<Result<Vec<_>>>()?;
    match batches.first() {
        Some(first) if batches.iter().any(|b| b.n_rows() > 0) => Batch::concat(first.schema(), &batches),
        _ => Err(Error::data("there are no rows to explain", "give rows as the model takes them")),
    }
}

fn chosen(typed: &Batch, rows: &[u64]) -> Result<Vec<u32>> {
    let n = typed.n_rows();
    if rows.is_empty() {
        return Ok((0..n as u32).collect());
    }
    rows.iter()
        .map(|&row| match row {
            1.. if row <= n as u64 => Ok(row as u32 - 1),
            _ => {
                let problem = format!("there is no row {row}: the data have {n}");
                Err(EngineError::usage(problem, "rows are counted from 1").into())
            }
        })
        .collect()
}

/// At most `most` rows, evenly spaced.
fn evenly(batch: &Batch, most: usize) -> Result<Batch> {
    let step = batch.n_rows().div_ceil(most).max(1);
    batch.take(&(0..batch.n_rows() as u32).step_by(step).collect::<Vec<_>>())
}

/// The names of the columns that a model may go by.
fn features(batch: &Batch) -> Vec<usize> {
    batch.schema().places(|c| matches!(c.role, Role::Feature | Role::Time))
}
