//! What there is to learn from and to compare on: the feedback in the store, as far as it counts.

use std::path::Path;

use tidemill_core::recipe::Private;
use tidemill_core::{Context, Event, Result, Role};
use tidemill_data::InferredColumn;
use tidemill_report::words::count;
use tidemill_store::Store;

use super::champion::Champion;
use super::trust::{Capped, cap};
use super::{Job, MIN_ROWS, MOST_ROWS, RowCounts};
use crate::error::EngineError;
use crate::feedback::{self, Labelled};
use crate::model::versions::returned_through;
use crate::recipe::is_there;
use crate::serve::privacy::{Redactor, Revealer, check_hashed};
use crate::serve::secrets;

/// Labelled rows that count.
pub(super) struct Material {
    /// The rows, oldest first.
    pub(super) labelled: Vec<Labelled>,
    /// How many of them, the newest, are newer than the champion.
    pub(super) newer: usize,
    /// How many of these, the newest, are to be held out.
    pub(super) held_out: usize,
    /// Their numbers.
    pub(super) rows: RowCounts,
}

/// Whether there is enough.
pub(super) enum Found {
    Enough(Material),
    /// The verdict, and the rows there are.
    TooLittle(String, RowCounts),
}

/// Reads what was taught since the champion was made.
///
/// # Errors
/// A secret or an identity that the rows were not kept under.
pub(super) fn gather(job: &Job, champion: &Champion, store: &Store, context: &Context) -> Result<Found> {
    context.tell(&Event::Begin { what: "reading feedback".into(), steps: None });
    let guard = Redactor::new(&champion.recipe, job.hash_key.as_deref())?;
    secrets::check(&guard, &champion.name, store)?;
    check_hashed(&champion.recipe, &champion.plan)?;
    warn_of_missing(champion, &guard, job.identity.is_some(), context);
    let opener = Revealer::new(guard, &champion.plan, job.identity.as_deref())?;
    let target = champion.target.as_deref();
    let (labelled, unusable) = feedback::labelled(store, &champion.name, &champion.plan, target, &opener)?;
    opener.check()?;
    context.tell(&Event::End);
    let returned = if job.again { None } else { returned_through(&job.model, &champion.opened.info.sha256)? };
    let through = champion.through().max(returned.unwrap_or(i64::MIN));
    let newer = labelled.len() - labelled.partition_point(|row| row.at <= through);
    let rows = RowCounts { labelled: labelled.len(), newer, unusable, ..RowCounts::default() };
    if newer < 2 * MIN_ROWS {
        return Ok(Found::TooLittle(too_few(newer, returned.is_some()), rows));
    }
    let held_out = (newer / 2).clamp(MIN_ROWS, MOST_ROWS);
    let Capped { rows: labelled, newer, held_out, left_out, loudest } =
        cap(labelled, newer, held_out, &job.trust);
    let rows = RowCounts { newer, capped: left_out, ..rows };
    if held_out < MIN_ROWS || newer < 2 * MIN_ROWS {
        return Ok(Found::TooLittle(one_voice(loudest), rows));
    }
    Ok(Found::Enough(Material { labelled, newer, held_out, rows }))
}

/// The training rows: those that the job names, else those of the recipe.
pub(super) fn source(job: &Job, champion: &Champion) -> Result<String> {
    if let Some(source) = &job.source {
        return Ok(source.clone());
    }
    let Some(source) = &champion.recipe.data.source else {
        return Err(EngineError::usage("the recipe names no source", "name it with --source").into());
    };
    if is_missing(source) {
        return Err(EngineError::usage(
            format!("the training rows '{source}' are neither beside the model nor where its recipe says"),
            "name them with --source, or put the recipe (tidemill.toml) back beside the model",
        )
        .into());
    }
    Ok(source.clone())
}

/// Refuses rows that are named and are not there, however little there is to learn.
pub(super) fn check_source(job: &Job) -> Result<()> {
    match job.source.as_deref().filter(|source| is_missing(source)) {
        None => Ok(()),
        Some(source) => {
            Err(EngineError::usage(format!("there are no training rows at {source}"), "correct --source")
                .into())
        }
    }
}

/// Whether a source is a file or folder that is not there; patterns and addresses are looked up when they are opened.
fn is_missing(source: &str) -> bool {
    let is_part = source.contains("?sheet=") || source.contains("?table=");
    let is_pattern = source.contains(['*', '[']) || source.contains('?') && !is_part;
    source != "-" && !source.contains(':') && !is_pattern && !is_there(Path::new(source))
}

/// Says which columns the log does not give back, although requests have them.
fn warn_of_missing(champion: &Champion, guard: &Redactor, has_identity: bool, context: &Context) {
    let is_missing = |c: &&InferredColumn| match guard.of(&c.name) {
        Some(Private::Drop) => true,
        Some(Private::Seal) => !has_identity,
        _ => false,
    };
    let features = champion.plan.columns.iter().filter(|c| c.role == Role::Feature);
    let missing: Vec<String> = features.filter(is_missing).map(|c| format!("'{}'", c.name)).collect();
    if !missing.is_empty() {
        context.warn(
            "private_columns",
            format!(
                "the log does not give back {}: the models learn from feedback and are compared as if the value were missing, while \
                 requests have it; of sealed columns give --identity",
                missing.join(", ")
            ),
        );
    }
}

pub(super) fn too_few(newer: usize, returned: bool) -> String {
    let than = match returned {
        true => "the feedback that led to a version that was rolled back (--again lets that count once more)",
        false => "the model",
    };
    format!(
        "not enough to tell: {} newer than {than}, and {} are needed to train on one half and compare on the other",
        are(newer, "labelled prediction"),
        2 * MIN_ROWS
    )
}

/// A count with its noun and its verb.
pub(super) fn are(n: usize, noun: &str) -> String {
    format!("{} {}", count(n as u64, noun), if n == 1 { "is" } else { "are" })
}

pub(super) fn one_voice((loudest, of): (usize, usize)) -> String {
    format!(
        "not enough to tell: one user gave {loudest} of the {of} labels that are newer than the model. No user decides alone: the labels of \
         each user count for at most a third, and too few are left. If a person vouches for this user, say so with --trust USER"
    )
}
