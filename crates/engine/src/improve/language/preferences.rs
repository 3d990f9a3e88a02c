//! Which of two answers users preferred, ready to tune on.

use std::collections::BTreeMap;

use serde_json::Value;
use tidemill_core::{Context, Result};
use tidemill_language::Preference;
use tidemill_store::{FeedbackKind, LoggedPrediction, Store};
use uuid::Uuid;

use super::material::{opener, text_of};
use crate::feedback::Labelled;
use crate::improve::Job;
use crate::model::language::Place;
use crate::serve::language::prompt_of;
use crate::serve::privacy::Revealer;

/// What users said of pairs of answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// The preferences, by the time of the question.
    pub preferences: Vec<Preference>,
    /// Who said each, and when.
    pub said: Vec<Labelled>,
    /// Those that cannot teach: the question or one of the answers was not kept, or both answers are the same.
    pub unusable: usize,
}

/// Which answer was preferred.
struct Word {
    at: i64,
    by: Option<String>,
    chosen: LoggedPrediction,
    rejected: Uuid,
}

/// Reads which answers of a language model users preferred; of each pair of answers the latest word counts. Of `job` the model, its
/// name, the identity and the secret are used.
///
/// # Errors
/// A model that is not there; a secret or an identity that the answers were not kept under.
pub fn preferences(job: &Job, store: &Store, context: &Context) -> Result<Told> {
    let place = Place::of(&job.model)?;
    let name = job.name.as_ref().unwrap_or(&place.name);
    let opener = opener(job, &place, name, store, context)?;
    let words = words(store, name)?;
    let mut texts: BTreeMap<Uuid, Option<String>> =
        words.values().map(|word| (word.rejected, None)).collect();
    store.each_logged(name, i64::MIN, i64::MAX, false, &mut |logged| {
        if let Some(text) = texts.get_mut(&logged.id) {
            *text = said(&logged, &opener);
        }
        Ok(())
    })?;
    let n = words.len();
    let mut words: Vec<Word> = words.into_values().collect();
    words.sort_by_key(|word| (word.chosen.at, word.chosen.id));
    let usable = words.into_iter().filter_map(|word| {
        let prompt = prompt_of(&word.chosen.features, |column, kept| opener.open(column, kept))?;
        let chosen = said(&word.chosen, &opener)?;
        let rejected = texts.get(&word.rejected)?.clone()?;
        let (id, version) = (word.chosen.id, word.chosen.version);
        let known_since = word.at;
        let (at, by, otherwise) = (word.at, word.by, None);
        let said = Labelled { id, at, version, known_since, by, otherwise, cells: Vec::new() };
        (chosen != rejected).then_some((Preference { prompt, chosen, rejected }, said))
    });
    let (preferences, said): (Vec<Preference>, Vec<Labelled>) = usable.unzip();
    opener.check()?;
    Ok(Told { unusable: n - preferences.len(), preferences, said })
}

/// The latest word on each pair of answers.
fn words(store: &Store, model: &str) -> Result<BTreeMap<[Uuid; 2], Word>> {
    let mut words: BTreeMap<[Uuid; 2], Word> = BTreeMap::new();
    store.each_logged(model, i64::MIN, i64::MAX, true, &mut |logged| {
        for given in logged.feedback.iter().filter(|given| given.kind == FeedbackKind::Preference) {
            let named = given.value.as_ref().and_then(Value::as_str).and_then(|id| Uuid::try_parse(id).ok());
            let Some(rejected) = named else { continue };
            let (pair, at) = ([logged.id.min(rejected), logged.id.max(rejected)], given.counts_at());
            if words.get(&pair).is_none_or(|earlier| earlier.at <= at) {
                let by = given.by().map(String::from);
                words.insert(pair, Word { at, by, chosen: logged.clone(), rejected });
            }
        }
        Ok(())
    })?;
    Ok(words)
}

/// The text of an answer as the log kept it.
fn said(logged: &LoggedPrediction, opener: &Revealer) -> Option<String> {
    text_of(serde_json::from_str(&logged.prediction).ok()?, opener)
}
