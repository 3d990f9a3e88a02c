//! Learning from which of two answers users preferred, and judging by preferences that were withheld.

use std::collections::BTreeSet;

use tidemill_core::{Context, Error, Event, Result};
use tidemill_language::{Adapter, Dpo, Preference, PromptPair, Sft, dpo, losses};
use tidemill_store::Store;

use super::preferences::{Told, preferences};
use super::verdict::{Comparison, weighed};
use crate::feedback::Labelled;
use crate::improve::trust::{Capped, cap};
use crate::improve::{Job, MIN_ROWS};
use crate::model::language::Opened;
use crate::model::versions::returned_through;

/// The most preferences to compare on.
const MOST: usize = 300;

/// Preferences to learn from, and newer ones to compare on.
pub(super) struct Preferring {
    pub(super) teaching: Vec<Preference>,
    pub(super) held_out: Vec<Preference>,
    /// Who said those that are compared on, and when.
    pub(super) judges: Vec<Labelled>,
    /// The timestamp of the newest, in microseconds since 1970.
    pub(super) through: i64,
}

/// Preferences that are newer than the version in service, split as right answers are; none where they are too few.
pub(super) fn gather(
    job: &Job,
    champion: &Opened,
    store: &Store,
    context: &Context,
) -> Result<Option<Preferring>> {
    let Told { preferences, mut said, .. } = preferences(job, store, context)?;
    // Ids of chosen answers may come twice, so that places stand for them.
    let ids: Vec<_> = said.iter().map(|row| row.id).collect();
    said.iter_mut().enumerate().for_each(|(i, row)| row.id = uuid::Uuid::from_u128(i as u128));
    said.sort_by_key(|row| (row.at, row.id));
    let returned = if job.again { None } else { returned_through(&champion.place.file, &champion.hash)? };
    let since = champion.through().max(returned.unwrap_or(i64::MIN));
    let newer = said.len() - said.partition_point(|row| row.at <= since);
    if newer < 2 * MIN_ROWS {
        return Ok(None);
    }
    let through = said.last().map_or(i64::MIN, |row| row.at);
    let held_out = (newer / 2).clamp(MIN_ROWS, MOST);
    let Capped { rows, newer, held_out, .. } = cap(said, newer, held_out, &job.trust);
    if held_out < MIN_ROWS || newer < 2 * MIN_ROWS {
        return Ok(None);
    }
    let place = |row: &Labelled| row.id.as_u128() as usize;
    let (older, newest) = rows.split_at(rows.len() - held_out);
    let teaching: Vec<Preference> = older.iter().map(|row| preferences[place(row)].clone()).collect();
    let question = |preference: &Preference| format!("{:?}", preference.prompt);
    let mut known: BTreeSet<String> = teaching.iter().map(question).collect();
    let (mut held_out, mut judges) = (Vec::new(), Vec::new());
    for row in newest {
        let preference = &preferences[place(row)];
        if known.insert(question(preference)) {
            held_out.push(preference.clone());
            judges.push(Labelled { id: ids[place(row)], ..row.clone() });
        }
    }
    let enough = held_out.len() >= MIN_ROWS;
    Ok(enough.then_some(Preferring { teaching, held_out, judges, through }))
}

/// The challenger: tuned on from the adapter in service, at a quarter of the learning rate of right answers, as `tune` does.
pub(super) fn tuned(
    champion: &Opened,
    teaching: &[Preference],
    settings: &Sft,
    context: &Context,
) -> Result<Adapter> {
    context.tell(&Event::Note(format!("tuning on {} preferences", teaching.len())));
    let context = context.with_stream("challenger");
    let steps = Sft { learning_rate: settings.learning_rate / 4.0, ..settings.clone() };
    let settings = Dpo { steps, ..Dpo::default() };
    Ok(dpo(&champion.model, teaching, &settings, champion.adapter.clone(), &context)?.adapter)
}

/// The losses are `ln(1 + e^(chosen - rejected))` of the mean losses for each token of the two answers: `ln 2` where both are as
/// likely, less where the chosen one is likelier. Means, so that long answers weigh no more than short ones.
pub(super) fn compare(
    champion: &Opened,
    challenger: &Adapter,
    material: &Preferring,
    context: &Context,
) -> Result<Comparison> {
    let Preferring { held_out, judges, .. } = material;
    context.tell(&Event::Note(format!("comparing on {} preferences", held_out.len())));
    let pairs = |of: fn(&Preference) -> &String| -> Vec<PromptPair> {
        let pair = |one: &Preference| PromptPair { prompt: one.prompt.clone(), response: of(one).clone() };
        held_out.iter().map(pair).collect()
    };
    let (chosen, rejected) = (pairs(|one| &one.chosen), pairs(|one| &one.rejected));
    let longest = Sft::default().max_length;
    let weigh = |adapter: Option<&Adapter>| -> Result<Vec<f64>> {
        let chosen = losses(&champion.model, &chosen, adapter, longest, context)?;
        let rejected = losses(&champion.model, &rejected, adapter, longest, context)?;
        // An answer beyond the length says nothing of either version: both lose the same.
        let one = |(chosen, rejected): (Option<f64>, Option<f64>)| match (chosen, rejected) {
            (Some(chosen), Some(rejected)) => (chosen - rejected).exp().ln_1p(),
            _ => std::f64::consts::LN_2,
        };
        Ok::<_, Error>(chosen.into_iter().zip(rejected).map(one).collect())
    };
    let (before, after) = (weigh(champion.adapter.as_ref())?, weigh(Some(challenger))?);
    weighed([&before, &after], None, judges, context.seed)
}
