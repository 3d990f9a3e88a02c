//! `improve` of a language model: an adapter tuned on what users corrected and accepted, compared with the one in service on newer
//! feedback that it has not seen, and promoted only if it is better.
//!
//! | feedback | used for |
//! |---|---|
//! | the newer half of what is newer than the version in service | comparing the two; held-out from tuning |
//! | all that is older | tuning, on from the adapter in service |
//!
//! A correction is the right answer; an accepted answer is right as it was. Preferences between two answers are learned from where
//! there are too few of these, and enough preferences; else they are counted and said. Questions that come among those to learn from, or
//! twice, never judge. What is put into service is what was compared.

mod material;
mod preferences;
mod preferring;
mod verdict;

use serde::Serialize;
use serde_json::json;
use tidemill_core::{Context, Error, Event, Result};
use tidemill_language::{Adapter, PromptPair, Sft, sft};
use tidemill_store::{Improvement, Store};

use super::{Job, MIN_ROWS};
use crate::error::EngineError;
use crate::model::language::{Opened, Origin, Place, write};
use crate::model::versions::Lock;
use material::{Found, Material};
use preferring::Preferring;
use verdict::{compare, decide};

pub use preferences::{Told, preferences};
pub use verdict::Comparison;

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Improved {
    /// Whether the challenger took over.
    pub promoted: bool,
    /// The decision in a sentence.
    pub verdict: String,
    /// The model's name.
    pub model: String,
    /// The hash of the version that was in service.
    pub champion: String,
    /// The hash of the version that took over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// The pieces of feedback of each use.
    pub rows: Counts,
    /// How the two compare; absent where there is too little feedback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
}

/// The pieces of feedback of each use.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Counts {
    /// Answers whose right text is known.
    pub labelled: usize,
    /// Those newer than the version in service.
    pub newer: usize,
    /// Those to compare on.
    pub held_out: usize,
    /// Of the newest, those left out of the comparison: their question comes among those learned from, or twice.
    pub copies: usize,
    /// Those the challenger was tuned on.
    pub tuned: usize,
    /// Those left out since one user gave too many.
    pub capped: usize,
    /// Those that cannot teach: the question or the answer was not kept.
    pub unusable: usize,
    /// Answers that were preferred to another one: not used here.
    pub preferences: usize,
}

/// Improves a language model from what is in the store. Only one at a time works on a model.
///
/// # Errors
/// A model that cannot be read; a lock that another run holds. Too little feedback is not an error but a verdict.
pub fn improve(job: &Job, store: &Store, context: &Context) -> Result<Improved> {
    if job.source.is_some() {
        let problem = "--source: a language model learns from its feedback alone";
        return Err(EngineError::usage(problem, "tune an adapter on pairs with `tidemill tune`").into());
    }
    let _lock = Lock::take(&Place::of(&job.model)?.file)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    let improved = pool.install(|| run(job, store, context))?;
    store.note_improvement(&Improvement {
        model: improved.model.clone(),
        at: tidemill_store::now(),
        promoted: improved.promoted,
        verdict: improved.verdict.clone(),
        document: serde_json::to_value(&improved)
            .map_err(|e| Error::internal(format!("writing the decision down: {e}")))?,
    })?;
    Ok(improved)
}

fn run(job: &Job, store: &Store, context: &Context) -> Result<Improved> {
    let champion = Opened::open(&job.model)?;
    let name = job.name.clone().unwrap_or_else(|| champion.place.name.clone());
    let kept = |verdict: String, rows: Counts, comparison: Option<Comparison>| Improved {
        promoted: false,
        verdict: verdict + &unused(rows.preferences),
        model: name.clone(),
        champion: champion.hash.clone(),
        successor: None,
        rows,
        comparison,
    };
    let material = match material::gather(job, &champion, &name, store, context)? {
        Found::Enough(material) => material,
        Found::TooLittle(verdict, rows) if rows.preferences < 2 * MIN_ROWS => {
            return Ok(kept(verdict, rows, None));
        }
        Found::TooLittle(verdict, rows) => match preferring::gather(job, &champion, store, context)? {
            Some(material) => return by_preferences(job, &champion, &name, rows, &material, context),
            None => return Ok(kept(verdict, rows, None)),
        },
    };
    let Material { teaching, held_out, judges, had, rows } = &material;
    let challenger = tuned(&champion, teaching, &job.tuning, context)?;
    let comparison = compare(&champion, &challenger, held_out, judges, context)?;
    let (promote, verdict) = decide(&comparison, held_out.len(), false);
    if !promote {
        return Ok(kept(verdict, *rows, Some(comparison)));
    }
    let improved = json!({ "through": had.through, "received": had.received, "verdict": verdict, "better_by": comparison.better_by });
    let card = format!(
        "# {name}\n\nAn adapter tuned on {} answers that users corrected or accepted, from version {}.\n\n{verdict}\n",
        teaching.len(),
        champion.hash
    );
    let successor = write(&champion, &challenger, Origin { improved, card, with_base: job.with_base })?;
    Ok(Improved { promoted: true, successor: Some(successor), ..kept(verdict, *rows, Some(comparison)) })
}

/// Improves by what users preferred.
fn by_preferences(
    job: &Job,
    champion: &Opened,
    name: &str,
    rows: Counts,
    material: &Preferring,
    context: &Context,
) -> Result<Improved> {
    let Preferring { teaching, held_out, through, .. } = material;
    let rows = Counts { tuned: teaching.len(), held_out: held_out.len(), ..rows };
    let challenger = preferring::tuned(champion, teaching, &job.tuning, context)?;
    let comparison = preferring::compare(champion, &challenger, material, context)?;
    let (promoted, verdict) = decide(&comparison, held_out.len(), true);
    let verdict = format!("by preferences: {verdict}");
    let improved = json!({ "through": through, "verdict": verdict, "better_by": comparison.better_by });
    let card = format!(
        "# {name}\n\nAn adapter tuned on {} preferences between two answers, from version {}.\n\n{verdict}\n",
        teaching.len(),
        champion.hash
    );
    let origin = Origin { improved, card, with_base: job.with_base };
    let successor = if promoted { Some(write(champion, &challenger, origin)?) } else { None };
    let comparison = Some(comparison);
    let (model, champion) = (name.to_string(), champion.hash.clone());
    Ok(Improved { promoted, verdict, model, champion, successor, rows, comparison })
}

/// What is said of preferences, which this does not learn from.
fn unused(preferences: usize) -> String {
    match preferences {
        0 => String::new(),
        n => format!(
            "; {n} preferences are not used here: `tidemill tune --method dpo` learns from all of them"
        ),
    }
}

/// The challenger: tuned on from the adapter in service, so that what it knows is kept.
fn tuned(champion: &Opened, teaching: &[PromptPair], settings: &Sft, context: &Context) -> Result<Adapter> {
    context.tell(&Event::Note(format!("tuning on {} answers", teaching.len())));
    let start = champion.adapter.clone();
    Ok(sft(&champion.model, teaching, settings, start, &context.with_stream("challenger"))?.adapter)
}
