//! `explain`: opens the model and the rows, explains, and writes the values.

mod tables;

use std::path::Path;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Context, Event, Result, Source};

use crate::error::EngineError;
use crate::explain::{
    Asked, AskedEffects, AskedRows, Coefficients, Counterfactuals, Effects, Explained, Surrogate, Teachers,
    WhatIf, coefficients, counterfactuals, effects, explain, surrogate, teachers,
};
use crate::model::{self, Opened};
use crate::recipe;
use crate::rows::{check_out, open_to_answer};

/// What is explained, and where the values of every row go.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The model file.
    pub model: &'a Path,
    /// Of a model of several targets, the one to explain.
    pub target: Option<&'a str>,
    /// Where the rows are.
    pub data: &'a str,
    /// Where the background rows are; those of `data` without it.
    pub background: Option<&'a str>,
    /// The file that is written.
    pub out: Option<&'a str>,
}

/// Explains rows of a file one by one.
///
/// # Errors
/// Those of [`explain()`], and of reading and writing.
pub fn file(job: &Job<'_>, asked: &Asked, context: &Context) -> Result<Explained> {
    let ask = |at: &Ready<'_>| explain(at.opened, at.rows, at.background, asked, context);
    run(job, context, ask, tables::explained)
}

/// Says what would have to be otherwise for another answer.
///
/// # Errors
/// Those of [`counterfactuals()`], and of reading and writing.
pub fn what_if(job: &Job<'_>, asked: &WhatIf, context: &Context) -> Result<Counterfactuals> {
    let ask = |at: &Ready<'_>| counterfactuals(at.opened, at.recipe, at.rows, at.background, asked, context);
    run(job, context, ask, tables::counterfactuals)
}

/// Says how answers go along with columns.
///
/// # Errors
/// Those of [`effects()`], and of reading and writing.
pub fn along_columns(job: &Job<'_>, asked: &AskedEffects, context: &Context) -> Result<Effects> {
    let ask = |at: &Ready<'_>| effects(at.opened, at.rows, asked, context);
    run(job, context, ask, tables::effects)
}

/// Says what the coefficients of a linear model are, and how far they may be off.
///
/// # Errors
/// Those of [`coefficients()`], and of reading and writing.
pub fn of_linear(job: &Job<'_>, context: &Context) -> Result<Coefficients> {
    run(job, context, |at| coefficients(at.opened, at.rows, context), tables::coefficients)
}

/// Makes a small tree that says nearly what the model says.
///
/// # Errors
/// Those of [`surrogate()`], and of reading and writing.
pub fn small_tree(job: &Job<'_>, context: &Context) -> Result<Surrogate> {
    run(job, context, |at| surrogate(at.opened, at.rows, context), tables::surrogate)
}

/// Says which training rows (those of the background) stand behind answers, and what each is worth.
///
/// # Errors
/// Those of [`teachers()`], no training rows, and those of reading and writing.
pub fn of_rows(job: &Job<'_>, asked: &AskedRows, context: &Context) -> Result<Teachers> {
    let ask = |at: &Ready<'_>| {
        let training = at.background.ok_or_else(|| {
            EngineError::usage("the training rows are not named", "name the file with --training train.csv")
        })?;
        teachers(at.opened, at.rows, training, asked, context)
    };
    run(job, context, ask, tables::teachers)
}

/// Everything opened.
struct Ready<'a> {
    opened: &'a Opened,
    recipe: &'a Recipe,
    rows: &'a dyn Source,
    background: Option<&'a dyn Source>,
}

/// Opens, asks, and writes what was found as a table.
fn run<T>(
    job: &Job<'_>,
    context: &Context,
    ask: impl FnOnce(&Ready<'_>) -> Result<T>,
    table: impl FnOnce(&T) -> Result<Batch>,
) -> Result<T> {
    if let Some(out) = job.out {
        check_out(out, job.data)?;
    }
    let opened = model::open_target(job.model, job.target, context)?;
    opened.refuse_masks("explain")?;
    let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    let open = |location: &str| open_to_answer(location, &recipe);
    let rows = open(job.data)?;
    let background = job.background.map(open).transpose()?;
    context.tell(&Event::Begin { what: "explaining".into(), steps: None });
    let ready = Ready { opened: &opened, recipe: &recipe, rows: &*rows, background: background.as_deref() };
    let found = ask(&ready)?;
    context.tell(&Event::End);
    if let Some(out) = job.out {
        let table = table(&found)?;
        let mut sink = tidemill_data::create(out, table.schema())?;
        sink.write(&table)?;
        sink.finish()?;
    }
    opened.model.warn_of_cells(context)?;
    Ok(found)
}
