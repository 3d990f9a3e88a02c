//! What there is to tune on and to compare on: questions with the answers that should have come, oldest first.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use tidemill_core::{Context, Event, Result};
use tidemill_data::InferredSchema;
use tidemill_language::PromptPair;
use tidemill_store::{FeedbackKind, Store};
use uuid::Uuid;

use super::Counts;
use crate::feedback::{Labelled, Target, truth};
use crate::improve::material::{newest_last, one_voice, too_few};
use crate::improve::trust::{Capped, cap};
use crate::improve::{Job, MIN_ROWS};
use crate::model::Learned;
use crate::model::language::{Opened, Place};
use crate::model::versions::returned_learned;
use crate::serve::language::{guard, prompt_of};
use crate::serve::privacy::{HASHED, Revealer, SEALED};
use crate::serve::secrets;

/// The most answers to compare on: each is read three times by the whole model.
const MOST: usize = 300;
/// Column names of a question as the recipe has them; the answer's.
const ANSWER: &str = "answer";

/// Feedback that counts.
pub(super) struct Material {
    /// To learn from, oldest first.
    pub(super) teaching: Vec<PromptPair>,
    /// To compare on, newer than all of these.
    pub(super) held_out: Vec<PromptPair>,
    /// Who said what is compared on, and when.
    pub(super) judges: Vec<Labelled>,
    /// What feedback there was.
    pub(super) had: Learned,
    /// Their numbers.
    pub(super) rows: Counts,
}

/// Whether there is enough.
pub(super) enum Found {
    Enough(Material),
    /// The verdict, and what there is.
    TooLittle(String, Counts),
}

/// Reads what users said of the answers of a model.
///
/// # Errors
/// A secret or an identity that the answers were not kept under.
pub(super) fn gather(
    job: &Job,
    champion: &Opened,
    name: &str,
    store: &Store,
    context: &Context,
) -> Result<Found> {
    context.tell(&Event::Note("reading feedback".into()));
    let opener = opener(job, &champion.place, name, store, context)?;
    let Known { rows: mut labelled, mut pairs, unusable, preferences } = labelled(store, name, &opener)?;
    opener.check()?;
    let file = &champion.place.file;
    let mut versions = if job.again { Vec::new() } else { returned_learned(file, &champion.hash)? };
    let taken_back = !versions.is_empty();
    versions.push(champion.learned());
    let newer = newest_last(&mut labelled, &versions);
    let rows = Counts { labelled: labelled.len(), newer, unusable, preferences, ..Counts::default() };
    if newer < 2 * MIN_ROWS {
        return Ok(Found::TooLittle(too_few(newer, taken_back), rows));
    }
    let had = Learned::made_with(&labelled);
    let held_out = (newer / 2).clamp(MIN_ROWS, MOST);
    let Capped { rows: labelled, newer, held_out, left_out, loudest } =
        cap(labelled, newer, held_out, &job.trust);
    let rows = Counts { newer, capped: left_out, ..rows };
    if held_out < MIN_ROWS || newer < 2 * MIN_ROWS {
        return Ok(Found::TooLittle(one_voice(loudest), rows));
    }
    let (older, newest) = labelled.split_at(labelled.len() - held_out);
    let mut take = |row: &Labelled| pairs.remove(&row.id);
    let teaching: Vec<PromptPair> = older.iter().filter_map(&mut take).collect();
    let mut known: BTreeSet<String> = teaching.iter().map(question).collect();
    let (mut held_out, mut judges) = (Vec::new(), Vec::new());
    for row in newest {
        if let Some(pair) = take(row).filter(|pair| known.insert(question(pair))) {
            held_out.push(pair);
            judges.push(row.clone());
        }
    }
    let copies = newest.len() - judges.len();
    let rows = Counts { held_out: judges.len(), copies, tuned: teaching.len(), ..rows };
    if judges.len() < MIN_ROWS {
        return Ok(Found::TooLittle(mostly_copies(&rows), rows));
    }
    Ok(Found::Enough(Material { teaching, held_out, judges, had, rows }))
}

/// What opens what the log kept.
pub(super) fn opener(
    job: &Job,
    place: &Place,
    name: &str,
    store: &Store,
    context: &Context,
) -> Result<Revealer> {
    let guard = guard(place, job.hash_key.as_deref(), context)?;
    secrets::check(&guard, name, store)?;
    Revealer::new(guard, &InferredSchema::default(), job.identity.as_deref())
}

fn question(pair: &PromptPair) -> String {
    format!("{:?}", pair.prompt)
}

fn mostly_copies(rows: &Counts) -> String {
    format!(
        "not enough to tell: of the {} newest answers with a right text, {} are to questions that are learned from or come twice, \
         and these never judge; {} are left to compare on, and {MIN_ROWS} are needed",
        rows.held_out + rows.copies,
        rows.copies,
        rows.held_out
    )
}

type Pairs = BTreeMap<Uuid, PromptPair>;

/// What users said of answers.
#[derive(Default)]
struct Known {
    /// All answers whose right text is known, oldest first.
    rows: Vec<Labelled>,
    /// Those texts.
    pairs: Pairs,
    /// How many cannot teach.
    unusable: usize,
    /// How many were preferred to another one.
    preferences: usize,
}

fn labelled(store: &Store, model: &str, opener: &Revealer) -> Result<Known> {
    let mut known = Known::default();
    let target = Target { task: None, classes: &[] };
    store.each_logged(model, i64::MIN, i64::MAX, true, &mut |logged| {
        let preferred = logged.feedback.iter().any(|given| given.kind == FeedbackKind::Preference);
        known.preferences += usize::from(preferred);
        let truth = truth(&logged, target);
        let Some(said) = truth.value else { return Ok(()) };
        let response = text_of(said, opener);
        let prompt = prompt_of(&logged.features, |column, kept| opener.open(column, kept));
        let (Some(prompt), Some(response)) = (prompt, response) else {
            known.unusable += 1;
            return Ok(());
        };
        known.pairs.insert(logged.id, PromptPair { prompt, response });
        let (id, at, version) = (logged.id, logged.at, logged.version);
        let known_since = truth.known_since.unwrap_or(at);
        known.rows.push(Labelled {
            id,
            at,
            version,
            known_since,
            by: truth.by,
            otherwise: None,
            cells: Vec::new(),
        });
        Ok(())
    })?;
    Ok(known)
}

/// The text of a right answer: a correction as it was given, an accepted answer as it was kept.
pub(super) fn text_of(said: Value, opener: &Revealer) -> Option<String> {
    let sealed = said.as_str().is_some_and(|text| text.starts_with(SEALED));
    let opened = if sealed { opener.open(ANSWER, said) } else { said };
    match opened {
        Value::String(text) if !text.trim().is_empty() && !text.starts_with(HASHED) => Some(text),
        _ => None,
    }
}
