//! What there is to learn from and to compare on: the feedback in the store, as far as it counts.

use std::path::Path;

use tidemill_core::recipe::Private;
use tidemill_core::{Context, Event, Result, Role};
use tidemill_data::InferredColumn;
use tidemill_report::words::count;
use tidemill_store::Store;

use super::champion::Champion;
use super::trust::{Capped, cap};
use super::verdict::DAY;
use super::{Job, MIN_ROWS, MOST_ROWS, RowCounts};
use crate::error::EngineError;
use crate::feedback::{self, Labelled};
use crate::model::Learned;
use crate::model::versions::returned_learned;
use crate::recipe::is_there;
use crate::serve::privacy::{Redactor, Revealer, check_hashed};
use crate::serve::secrets;

/// Labelled rows that count.
pub(super) struct Material {
    /// The rows, those that are newer than the champion last, these in the order of the days on which their labels came in.
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
    let (mut labelled, unusable) =
        feedback::labelled(store, &champion.name, &champion.plan, target, &opener)?;
    opener.check()?;
    context.tell(&Event::End);
    let returned =
        if job.again { Vec::new() } else { returned_learned(&job.model, &champion.opened.info.sha256)? };
    let taken_back = !returned.is_empty();
    let mut had = returned;
    had.push(champion.learned());
    let newer = newest_last(&mut labelled, &had);
    let rows = RowCounts { labelled: labelled.len(), newer, unusable, ..RowCounts::default() };
    if newer < 2 * MIN_ROWS {
        return Ok(Found::TooLittle(too_few(newer, taken_back), rows));
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

impl Learned {
    /// What feedback a version has that is made now.
    pub(super) fn made_with(labelled: &[Labelled]) -> Self {
        let through = labelled.iter().map(|row| row.at).max().unwrap_or(i64::MIN);
        Learned { through, received: labelled.iter().map(|row| row.known_since).max() }
    }
}

/// Puts the rows in order: first those of which a version `had` the label, then the others, and of each those first whose label came in on an
/// earlier day. How many are others.
///
/// The label may come long after the prediction, as that of a loan that is not paid back: by the time of the prediction it would never judge
/// a model, and what is known early would judge alone. Labels of one day are in the order of their predictions, as those of a file may
/// come in any order.
pub(super) fn newest_last(labelled: &mut [Labelled], had: &[Learned]) -> usize {
    let is_new = |row: &Labelled| !had.iter().any(|version| version.holds(row.at, row.known_since));
    labelled.sort_by_cached_key(|row| (is_new(row), row.known_since.div_euclid(DAY)));
    labelled.len() - labelled.partition_point(|row| !is_new(row))
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

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn row(at: i64, known_since: i64) -> Labelled {
        Labelled {
            id: Uuid::nil(),
            at,
            version: 1,
            known_since,
            by: None,
            otherwise: None,
            cells: Vec::new(),
        }
    }

    fn ordered(mut rows: Vec<Labelled>, had: &[Learned]) -> (Vec<(i64, i64)>, usize) {
        let newer = newest_last(&mut rows, had);
        (rows.iter().map(|row| (row.at, row.known_since)).collect(), newer)
    }

    #[test]
    fn labels_that_came_in_after_the_champion_was_made_are_new() {
        let champion = Learned { through: 9 * DAY, received: Some(10 * DAY) };
        // Of 12 days, the right answers of every third came in 20 days later.
        let rows = (0..12).map(|day| row(day * DAY, if day % 3 == 0 { (day + 20) * DAY } else { day * DAY }));
        let (found, newer) = ordered(rows.collect(), &[champion]);
        assert_eq!(newer, 5, "those of days 0, 3, 6 and 9, which came late, and that of day 11");
        let days: Vec<i64> = found[7..].iter().map(|(at, _)| at / DAY).collect();
        assert_eq!(days, [11, 0, 3, 6, 9], "in the order in which they came in");
        assert!(found[..7].is_sorted());
    }

    #[test]
    fn labels_of_one_day_are_in_the_order_of_their_predictions() {
        let trained = Learned { through: i64::MIN, received: None };
        let rows: Vec<_> = (0..6).map(|i| row(i, 5 * DAY + (i * 7) % 5)).collect();
        let (found, newer) = ordered(rows, &[trained]);
        assert_eq!((newer, found.is_sorted()), (6, true));
    }

    #[test]
    fn what_led_to_a_version_that_was_taken_back_is_not_new() {
        let champion = Learned { through: i64::MIN, received: None };
        let taken_back = Learned { through: 5, received: Some(20) };
        let (_, newer) =
            ordered(vec![row(1, 2), row(5, 20), row(2, 21), row(30, 31)], &[taken_back, champion]);
        assert_eq!(newer, 2);
    }
}
