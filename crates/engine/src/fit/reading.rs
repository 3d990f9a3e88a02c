//! The first part of a training: what the columns mean, the rows as typed columns, and what is wrong with them.

use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Context, Event, Result, Source, Table};
use tidemill_data::{InferredSchema, Ingest};

use super::start::Earlier;
use super::{Named, checks};
use crate::audit::{self, Finding, Severity, Suggested};
use crate::error::EngineError;
use crate::recipe::{resolve, warn_about_leaks};
use crate::search;
use crate::serve::privacy::check_hashed;

/// What is known of the rows before any of them is learned from.
pub(super) struct Reading {
    /// The first link of the model; its plan says what the columns mean.
    pub(super) intake: Arc<Ingest>,
    /// The rows as typed columns.
    pub(super) table: Table,
    /// What is wrong with them.
    pub(super) findings: Vec<Finding>,
    /// Repairs that the search may try.
    pub(super) suggested: Vec<Suggested>,
    /// The recipe with everything that was inferred.
    pub(super) recipe: Recipe,
}

/// Reads the rows. `told` is the recipe of the user; an earlier model adds the kinds of its columns to it.
///
/// # Errors
/// No target that can be learned, too few rows, cells that an earlier model reads in another way, and what [`checks`] refuses.
pub(super) fn read(
    source: &dyn Source,
    named: &Named,
    told: &Recipe,
    earlier: Option<&Earlier>,
    context: &Context,
) -> Result<Reading> {
    let known = earlier.map(|earlier| earlier.kinds_in(told, source.schema())).transpose()?;
    let asked = known.as_ref().unwrap_or(told);
    context.check()?;
    let found = inferred(source, asked, context);
    let (mut plan, findings, suggested) = match earlier {
        Some(earlier) => found.map_err(|error| earlier.blame(told, error))?,
        None => found?,
    };
    if let Some(earlier) = earlier {
        earlier.names_in(&mut plan)?;
        earlier.check_cells(told, &findings)?;
    }
    if plan.task == Some(Task::Masks) {
        let problem = "this trains for a number or a class, and the target are masks";
        let remedy = "train it by `tidemill train`, or by fit_masks; to predict the names themselves say task = \"multiclass\"";
        return Err(EngineError::usage(problem, remedy).into());
    }
    let (intake, table) = Ingest::fit(source, plan, context)?;
    context.check()?;
    context.tell(&Event::End);
    let plan = intake.plan();
    checks::own_names(plan)?;
    check_hashed(asked, plan)?;
    // How long a series must be was asked where its rows were made.
    if told.forecast.is_none() {
        checks::rows(&named.name, plan, &table)?;
    }
    // Before rows are divided: the error then names the row of the user's table.
    table.batch().weights()?;
    warn_about_leaks(&plan.leaks, asked.data.drop_leaks, context);
    let recipe = resolve::recipe(asked, plan, &named.source);
    checks::privacy(&recipe)?;
    search::synthetic::check(&recipe, &table)?;
    Ok(Reading { intake, table, findings, suggested, recipe })
}

/// What the columns mean, and what is wrong with them and with the rows: the rules of `check`. The rows of a forecast are
/// made by the program, so they are only read.
fn inferred(
    source: &dyn Source,
    asked: &Recipe,
    context: &Context,
) -> Result<(InferredSchema, Vec<Finding>, Vec<Suggested>)> {
    if asked.forecast.is_some() {
        let plan = tidemill_data::infer(source, asked, context)?;
        return Ok((plan, Vec::new(), Vec::new()));
    }
    let (plan, profile) = tidemill_data::profile(source, asked, context)?;
    let findings = audit::findings(&plan, &profile);
    // Leaks are told by a warning of their own.
    let told = |f: &Finding| f.severity != Severity::Note && f.code != "leak";
    let severe = audit::notes(&plan).into_iter().filter(|note| note.severity == Severity::Severe);
    let findings = severe.chain(findings.into_iter().filter(told)).collect();
    let suggested = audit::repairs(&plan, &profile);
    Ok((plan, findings, suggested))
}
