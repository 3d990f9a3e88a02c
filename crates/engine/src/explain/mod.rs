//! Why a model predicts what it predicts for a row: Shapley values by the user's own columns.
//!
//! | the model answers by | method | what is explained |
//! |---|---|---|
//! | trees (boosted, forests) | exact, path-dependent TreeSHAP | the margin: the score before link, calibration and threshold; of a forest its mean answer |
//! | trees that do not say how many training rows went which way, or where asked for | exact, interventional TreeSHAP | the same, compared with rows of a background |
//! | a linear function | exact, columns independent | the linear function, before any link |
//! | naive Bayes | exact | the log odds: of two classes those of the second, of more each class's log probability less their mean |
//! | a blend of trees whose answers are means, and of linear functions | exact, compared with rows of a background | the answer itself |
//! | trees, linear functions, naive Bayes, or a blend of them, where asked for | the same, links and calibration gone through pair by pair | the answer itself |
//! | anything else (blends, kernels, neighbours, nets) | permutation SHAP, sampled until it is sure | the answer itself: the number, or each class's probability |
//! | a net or a blend of nets, where asked for or where there are too many rows to sample | integrated gradients from a usual row | the net's own answer |
//! | any, where asked for | Kernel SHAP, sampled; partition SHAP (Owen values of columns that go together); LIME: a linear model near the row, with its fidelity and how steady it is | the answer itself |
//!
//! Beside that: the smallest changes that lead to another answer ([`counterfactuals`]), and how the answer goes along with each
//! column over all rows ([`effects()`]).
//!
//! A small tree that says nearly the same, with its fidelity, is made by [`surrogate()`].
//!
//! Of linear models there are the coefficients themselves, on the user's own scale and with standard errors ([`coefficients()`]).
//!
//! Which training rows stand behind an answer, and what each is worth, say [`teachers()`].
//!
//! Values of derived columns (one-hot, date parts, terms) are summed to the column that they come from.

mod answering;
mod answers;
mod changeable;
mod coefficient_errors;
mod coefficient_units;
mod coefficients;
mod counterfactual;
mod effects;
mod explained;
#[cfg(feature = "neural")]
mod gradients;
mod interactions;
mod judged;
mod local;
#[cfg(feature = "neural")]
mod looks;
mod method;
mod parts;
mod reservations;
mod row_game;
mod rows;
mod sampled;
mod surrogate;
mod training;
mod values;
mod wanted;
mod written;

pub use changeable::{ChangeableColumn, Marked};
pub use coefficients::{Caution, Coefficient, Coefficients, Link, coefficients};
pub use counterfactual::{ChangedCell, CounterfactualRow, Counterfactuals, Offer, WhatIf, counterfactuals};
pub use effects::{AccumulatedTogether, AskedEffects, ColumnEffect, Effects, PairEffect, effects};
pub use explained::{CellParts, Explained, ExplainedRow, LocalFit, Part, PartsOf, PathFit};
pub use interactions::{Interacting, InteractingPair};
pub use judged::Judged;
pub use method::Method;
pub use reservations::Reservation;
pub use rows::{AskedRows, TaughtRow, Teacher, Teachers, TrainingCells, TrainingRow, teachers};
pub use surrogate::{Condition, Surrogate, SurrogateLeaf, Test, surrogate};
pub(crate) use training::{Reasons, of_training};

use std::sync::Arc;

use arrow_array::{Array, new_null_array};
use tidemill_core::recipe::Task;
use tidemill_core::{Batch, Column, Context, Error, Fitted, Result, Role, Source};
use tidemill_data::InferredSchema;
pub use tidemill_eval::explain::LimeSettings;
use tidemill_eval::explain::{ReadyTrees, TreeShap};

use crate::error::EngineError;
use crate::model::{Model, Opened, Reference};

/// What to explain, and how.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// The rows, counted from 1; all without any.
    pub rows: Vec<u64>,
    /// How; chosen by the model without it.
    pub method: Option<Method>,
    /// How LIME looks around a row.
    pub lime: LimeSettings,
    /// Whether the explanation is judged by taking columns away and giving them in its order.
    pub judge: bool,
    /// Whether what pairs of columns add together is said, too: of trees.
    pub interactions: bool,
}

/// The most rows that are explained by sampling where nobody asked for it by name, and where somebody did.
const MOST_SAMPLED: usize = 200;
const MOST_ASKED_FOR: usize = 10_000;
/// The most columns that are sampled, and that are grouped or weighed two by two.
const MOST_COLUMNS: usize = 5_000;
const MOST_TOGETHER: usize = 2_000;
/// The most rows that stand for what is not known of a row.
const BACKGROUND: usize = 100;
/// The most rows from which LIME learns what is usual in each column.
const SEEN: usize = 5_000;

/// What explains: the links of a model after its first, what it knows of its columns, and background rows.
pub struct Explainer<'a> {
    steps: &'a [Arc<dyn Fitted>],
    plan: &'a InferredSchema,
    usual: Option<Batch>,
    /// More of them, for LIME.
    seen: Option<Batch>,
    lime: LimeSettings,
    trees: Option<Arc<ReadyTrees>>,
}

/// What explains a model again and again, worked out once: what is usual in its columns, and its trees laid out.
pub struct Ready {
    usual: Option<Batch>,
    trees: Option<Arc<ReadyTrees>>,
}

impl Ready {
    /// Of a model; `reference` is what its file says is usual in its columns, where it does.
    ///
    /// # Errors
    /// Trees that do not say how many training rows went which way.
    pub fn new(model: &Model, reference: Option<&Reference>) -> Result<Self> {
        refuse_masks(model)?;
        let usual = reference.map(|reference| reference.rows(model)).transpose()?;
        let trees = match method::of(links(model), None)? {
            method::Found::Trees(at) => links(model)[at].as_trees(),
            _ => None,
        };
        let trees = trees.map(|trees| Ok::<_, Error>(TreeShap::new(trees)?.ready())).transpose()?;
        Ok(Ready { usual, trees })
    }
}

/// A mask is no sum of what columns add to it.
fn refuse_masks(model: &Model) -> Result<()> {
    if model.intake()?.plan().task != Some(Task::Masks) {
        return Ok(());
    }
    let problem = "the model answers with masks, and what is explained is a number or a class";
    Err(EngineError::usage(problem, "look at the pictures of its report").into())
}

/// The links after the first, which reads rows.
fn links(model: &Model) -> &[Arc<dyn Fitted>] {
    model.chain.0.get(1..).unwrap_or_default()
}

/// Explains a model's predictions for rows. `background` are the rows that they are compared with, if the method needs some; by default
/// those of the same source.
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
        Some(source) => {
            read(&opened.model, source).map_err(|e| of_other(e, "the background", "--background"))?
        }
        None => typed,
    };
    let numbers = chosen.iter().map(|row| u64::from(*row) + 1).collect();
    let explainer = Explainer { lime: asked.lime, ..Explainer::new(&opened.model, Some(usual))? };
    if asked.judge {
        check_columns(features(&rows).len(), &method::Found::Sampled)?;
    }
    if asked.interactions {
        interactions::check(explainer.steps, asked.method, rows.n_rows(), features(&rows).len())?;
    }
    let mut explained = explainer.explain(&rows, numbers, asked.method, context)?;
    if asked.interactions {
        interactions::add(&mut explained, explainer.steps, &rows, context)?;
    }
    explained.reservations = reservations::of(&explained, &explainer.seen(&rows)?)?;
    if asked.judge {
        explained.judged = Judged::of(explainer.steps, &rows, &explainer.usual(&rows)?, &explained, context)?;
    }
    Ok(explained)
}

impl<'a> Explainer<'a> {
    /// Of a model. `usual` are typed rows that stand for what is not known of a row (trees need none); at most 100 of them are
    /// looked at.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn new(model: &'a Model, usual: Option<Batch>) -> Result<Self> {
        refuse_masks(model)?;
        Ok(Explainer {
            steps: links(model),
            plan: model.intake()?.plan(),
            usual: usual.as_ref().map(|rows| evenly(rows, BACKGROUND)).transpose()?,
            seen: usual.map(|rows| evenly(&rows, SEEN)).transpose()?,
            lime: LimeSettings::default(),
            trees: None,
        })
    }

    /// Of a model for which everything is ready.
    ///
    /// # Errors
    /// None that a user can cause.
    pub fn of_ready(model: &'a Model, ready: &Ready) -> Result<Self> {
        refuse_masks(model)?;
        Ok(Explainer {
            steps: links(model),
            plan: model.intake()?.plan(),
            usual: ready.usual.clone(),
            seen: ready.usual.clone(),
            lime: LimeSettings::default(),
            trees: ready.trees.clone(),
        })
    }

    /// About how many operations a row costs to explain (a multiplication with an addition, or a comparison).
    pub fn operations(&self) -> u64 {
        let answer: u64 = self.steps.iter().map(|step| step.operations()).sum();
        match method::of(self.steps, None) {
            Ok(
                method::Found::Sampled
                | method::Found::Kernel
                | method::Found::Partition
                | method::Found::Local,
            )
            | Err(_) => {
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
        let too_many = method.is_none() && rows.n_rows() > MOST_SAMPLED;
        let found = match method::of_rows(steps, method, too_many)? {
            method::Found::Trees(at) => values::of_trees(steps, at, rows, self.trees.as_ref(), context)?,
            method::Found::TreesAgainst(at) => {
                values::of_trees_against(steps, at, rows, &self.usual(rows)?, context)?
            }
            method::Found::Linear(at) => values::of_linear(steps, at, rows, &self.usual(rows)?)?,
            method::Found::Correlated(at) => {
                values::of_linear_correlated(steps, at, rows, &self.seen(rows)?)?
            }
            method::Found::Odds(at) => values::of_odds(steps, at, rows, &self.usual(rows)?)?,
            method::Found::Answers => answers::values(steps, rows, &self.usual(rows)?, context)?,
            #[cfg(feature = "neural")]
            method::Found::Net(at) => gradients::values(steps, at, rows, &self.usual(rows)?, context)?,
            asked => {
                check_number(rows.n_rows(), method)?;
                check_columns(features(rows).len(), &asked)?;
                match asked {
                    method::Found::Local if parts::are_there(rows) => {
                        check_parts(rows.n_rows())?;
                        parts::local(steps, rows, &self.usual(rows)?, self.lime, context)?
                    }
                    method::Found::Local => {
                        local::values(steps, rows, &self.seen(rows)?, self.lime, context)?
                    }
                    method::Found::Kernel => {
                        sampled::values(Method::KernelShap, steps, rows, &self.usual(rows)?, context)?
                    }
                    method::Found::Partition => {
                        let (groups, usual) = (sampled::groups(&self.seen(rows)?)?, &self.usual(rows)?);
                        if parts::are_there(rows) {
                            check_parts(rows.n_rows())?;
                            parts::values(&groups, steps, rows, usual, context)?
                        } else {
                            sampled::of_groups(&groups, steps, rows, usual, context)?
                        }
                    }
                    _ => sampled::values(Method::PermutationShap, steps, rows, &self.usual(rows)?, context)?,
                }
            }
        };
        explained::told(self.plan, steps, rows, numbers, found)
    }

    fn usual(&self, rows: &Batch) -> Result<Batch> {
        alike(rows, self.usual.as_ref().ok_or_else(unknown)?)
    }

    fn seen(&self, rows: &Batch) -> Result<Batch> {
        alike(rows, self.seen.as_ref().ok_or_else(unknown)?)
    }
}

/// The usual rows with the columns of `rows`: columns that no answer goes by, such as the target or a key, may be in one alone.
fn alike(rows: &Batch, usual: &Batch) -> Result<Batch> {
    if rows.schema() == usual.schema() {
        return Ok(usual.clone());
    }
    let column = |(place, column): (usize, &Column)| match usual.schema().position(&column.name) {
        Some(at) if usual.schema().columns()[at] == *column => Ok(usual.column(at).clone()),
        Some(_) if matches!(column.role, Role::Feature | Role::Time) => {
            Err(Error::internal(format!("'{}' is of another form in the background", column.name)))
        }
        _ => Ok(new_null_array(rows.column(place).data_type(), usual.n_rows())),
    };
    let columns = rows.schema().columns().iter().enumerate().map(column).collect::<Result<_>>()?;
    Batch::with_rows(rows.schema().clone(), columns, usual.n_rows())
}

fn unknown() -> Error {
    EngineError::usage(
        "this model file does not say what is usual in its columns: an earlier version or another program wrote it",
        "train again, or use `tidemill explain`, which takes rows to compare with",
    )
    .into()
}

/// Sampling goes row by row: not too many of them.
fn check_number(n_rows: usize, asked: Option<Method>) -> Result<()> {
    let (most, remedy) = match asked {
        None => (MOST_SAMPLED, "ask for at most 200 at a time (--rows names them), or name the method"),
        Some(_) => (MOST_ASKED_FOR, "ask for at most 10,000 at a time (--rows names them)"),
    };
    if n_rows <= most {
        return Ok(());
    }
    let problem = format!("this is explained by sampling, row by row, and {n_rows} rows would take long");
    Err(EngineError::usage(problem, remedy).into())
}

/// Sampling looks at columns against each other: memory and time grow with the square of their number, or faster.
fn check_columns(n_columns: usize, found: &method::Found) -> Result<()> {
    let most = match found {
        method::Found::Sampled => MOST_COLUMNS,
        _ => MOST_TOGETHER,
    };
    if n_columns <= most {
        return Ok(());
    }
    let problem = format!("{n_columns} columns are too many for this method, which takes {most} at most");
    let remedy = "leave --method out for a model of trees or a linear one, or train with fewer columns";
    Err(EngineError::usage(problem, remedy).into())
}

/// Words and patches take thousands of answers for each row.
fn check_parts(n_rows: usize) -> Result<()> {
    if n_rows <= MOST_SAMPLED {
        return Ok(());
    }
    let problem = format!(
        "words of texts and patches of pictures are left out one by one, and {n_rows} rows would take long"
    );
    Err(EngineError::usage(problem, "ask for at most 200 at a time (--rows names them)").into())
}

const NO_ROWS: &str = "there are no rows to explain";

/// The rows as the model's first link reads them.
fn read(model: &Model, source: &dyn Source) -> Result<Batch> {
    let mut reader = model.reader()?.bind_to(source)?;
    let batches = model.intake()?.batches(source)?;
    let batches = batches.map(|batch| reader.apply(&batch?)).collect::<Result<Vec<_>>>()?;
    match batches.first() {
        Some(first) if batches.iter().any(|b| b.n_rows() > 0) => Batch::concat(first.schema(), &batches),
        _ => Err(Error::data(NO_ROWS, "give rows as the model takes them")),
    }
}

/// An error in other rows than those to explain, named as such.
fn of_other(error: Error, what: &str, option: &str) -> Error {
    match error {
        Error::MissingColumn { column, nearest, .. } => {
            Error::MissingColumn { column, place: what.into(), nearest }
        }
        Error::Data { problem, .. } if problem == NO_ROWS => Error::data(
            format!("{what} has no rows"),
            format!("name a file with rows as the model takes them with {option}"),
        ),
        other => other,
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
