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
mod training;
mod values;

pub use explained::{Explained, ExplainedRow};
pub use method::Method;
pub(crate) use training::of_training;

use std::sync::Arc;

use tidemill_core::{Batch, Context, Error, Fitted, Result, Role, Row, Source};
use tidemill_data::InferredSchema;

use crate::error::EngineError;
use crate::model::{Model, Opened};
use crate::serve::serving::Serving;

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

/// What explains: the links of a model after its first, what it knows of its columns, and rows that stand for what is usual.
pub struct Explainer<'a> {
    steps: &'a [Arc<dyn Fitted>],
    plan: &'a InferredSchema,
    usual: Option<Batch>,
}

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
    let typed = read(&opened.model, source)?;
    let chosen = chosen(&typed, &asked.rows)?;
    let rows = typed.take(&chosen)?;
    let usual = match background {
        Some(source) => read(&opened.model, source)?,
        None => typed,
    };
    let numbers = chosen.iter().map(|row| u64::from(*row) + 1).collect();
    Explainer::new(&opened.model, Some(usual))?.explain(&rows, numbers, asked.method, context)
}

impl<'a> Explainer<'a> {
    /// Of a model. `usual` are typed rows that stand for what is not known of a row (trees need none); at most 100 of them are
    /// looked at.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn new(model: &'a Model, usual: Option<Batch>) -> Result<Self> {
        let steps = model.chain.0.get(1..).unwrap_or_default();
        Ok(Explainer {
            steps,
            plan: model.intake()?.plan(),
            usual: usual.map(|rows| evenly(&rows, BACKGROUND)).transpose()?,
        })
    }

    /// About how many operations a row costs to explain (a multiplication with an addition, or a comparison).
    pub fn operations(&self) -> u64 {
        let answer: u64 = self.steps.iter().map(|step| step.operations()).sum();
        match method::of(self.steps, None) {
            Ok(method::Found::Any) | Err(_) => {
                let players = self.usual.as_ref().map_or(0, |usual| features(usual).len() as u64);
                answer.saturating_mul(sampled::answers_per_row(players))
            }
            Ok(_) => answer.saturating_mul(20),
        }
    }

    /// Explains typed rows, `numbers` being theirs in the data.
    ///
    /// # Errors
    /// A method that the model does not allow; more rows than can be sampled.
    pub fn explain(
        &self,
        rows: &Batch,
        numbers: Vec<u64>,
        method: Option<Method>,
        context: &Context,
    ) -> Result<Explained> {
        let steps = self.steps;
        let found = match method::of(steps, method)? {
            method::Found::Trees(at) => values::of_trees(steps, at, rows, context)?,
            method::Found::Linear(at) => values::of_linear(steps, at, rows, self.usual()?)?,
            method::Found::Any => {
                if rows.n_rows() > MOST_SAMPLED {
                    let problem = format!(
                        "this model is explained by sampling, row by row, and {} rows would take long",
                        rows.n_rows()
                    );
                    return Err(EngineError::usage(
                        problem,
                        "ask for at most 200 at a time (--rows names them)",
                    )
                    .into());
                }
                sampled::values(steps, rows, self.usual()?, context)?
            }
        };
        explained::told(self.plan, steps, rows, numbers, found)
    }

    fn usual(&self) -> Result<&Batch> {
        let missing = || {
            EngineError::usage(
                "this model file does not say what is usual in its columns: an earlier version wrote it",
                "train again, or use `tidemill explain`, which takes rows to compare with",
            )
        };
        self.usual.as_ref().ok_or_else(|| missing().into())
    }
}

/// Explains what a served model says of a caller's raw cells, compared with what is usual by its file.
///
/// # Errors
/// A model that is explained by sampling: a file of an earlier version, or more than 200 rows.
pub fn served(serving: &Serving, mut rows: Vec<Row>, context: &Context) -> Result<Explained> {
    let model = serving.model()?;
    let usual = serving.reference.as_ref().map(|reference| reference.rows(model)).transpose()?;
    let typed = Arc::new(model.intake()?.output(&model.input)?);
    let mut reader = model.reader()?.rows(&model.input)?;
    for row in &mut rows {
        // What is odd about a cell is said beside the answer.
        reader.read(row, &mut Vec::new())?;
    }
    let numbers = (1..=rows.len() as u64).collect();
    Explainer::new(model, usual)?.explain(&Batch::of_rows(&typed, &rows)?, numbers, None, context)
}

/// The rows as the model's first link reads them.
fn read(model: &Model, source: &dyn Source) -> Result<Batch> {
    let mut reader = model.reader()?.bind_to(source)?;
    let batches = model.intake()?.batches(source)?;
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
