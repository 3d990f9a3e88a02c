//! Feedback judged against its prediction when it arrives: what is acknowledged counts.

use serde_json::Value;
use tidemill_store::{Fate, Feedback, FeedbackKind, Judge, Refused, Store, Subject};

use super::parse::FeedbackError;
use super::truth::{Target, Uncounted, says};
use crate::model::Provenance;
use crate::model::language::GENERATION;

/// So many classes are named at most.
const NAMED: usize = 20;

/// Judges by what the model that made the prediction can answer.
pub struct ByModel;

impl Judge for ByModel {
    type Refusal = FeedbackError;

    fn check(&self, feedback: &Feedback, subject: Subject<'_>) -> Result<(), FeedbackError> {
        if feedback.kind == FeedbackKind::Preference {
            return preference(subject);
        }
        let says_it = matches!(feedback.kind, FeedbackKind::Label | FeedbackKind::Correction);
        let Some(value) = feedback.value.as_ref().filter(|_| says_it) else { return Ok(()) };
        if generates(subject.about) {
            let sound = value.as_str().is_some_and(|text| !text.trim().is_empty());
            let error =
                || FeedbackError::new("wrong_type", "the right answer must be a text").in_key("value");
            return if sound { Ok(()) } else { Err(error()) };
        }
        let origin = origin(&subject);
        match target(&origin).normal(value) {
            Ok(_) => Ok(()),
            Err(why) => Err(refusal(why, &origin.classes)),
        }
    }

    fn truth(&self, kind: FeedbackKind, value: Option<&Value>, subject: Subject<'_>) -> Option<String> {
        let origin = origin(&subject);
        let said = says(kind, value, subject.prediction, &origin.classes)?;
        target(&origin).normal(&said).ok()
    }
}

/// Whether it is about answers of a language model.
fn generates(about: &Value) -> bool {
    about["task"] == GENERATION
}

/// A preference is between two answers of a language model to the same question.
fn preference(subject: Subject<'_>) -> Result<(), FeedbackError> {
    if generates(subject.about) && subject.rival {
        return Ok(());
    }
    let message = "a preference is between two answers of a language model to the same question";
    let error = FeedbackError::new("no_such_answer", message).in_key("value");
    Err(error.help("ask with n = 2; prediction_id is the better answer's, value the id of the other"))
}

/// What the model that predicted can answer with; nothing is held against a version whose origin cannot be read.
fn origin(subject: &Subject<'_>) -> Provenance {
    Provenance::read(subject.about).unwrap_or_default()
}

fn target(origin: &Provenance) -> Target<'_> {
    Target { task: origin.task, classes: &origin.classes }
}

fn refusal(why: Uncounted, classes: &[String]) -> FeedbackError {
    let error = match why {
        Uncounted::NotANumber => FeedbackError::new(why.word(), "the right answer must be a number"),
        _ => FeedbackError::new(why.word(), "the right answer must be one of the model's classes"),
    };
    let mut known: Vec<&str> = classes.iter().take(NAMED).map(String::as_str).collect();
    if classes.len() > NAMED {
        known.push("…");
    }
    let error = error.in_key("value");
    if known.is_empty() { error } else { error.help(format!("the classes are {}", known.join(", "))) }
}

/// Why a piece is refused, in words.
fn explained(refused: Refused<FeedbackError>) -> FeedbackError {
    match refused {
        Refused::Judged(i, error) => error.of_item(i),
        Refused::Unknown(i) => {
            let error = FeedbackError::new("no_such_prediction", "there is no answer of this id");
            error.in_key("prediction_id").help("send the id that came with the answer").of_item(i)
        }
        Refused::Conflict(i) => {
            let message = "this idempotency key was used for other content";
            let error = FeedbackError::new(CONFLICT, message).in_key("idempotency_key");
            error
                .help("give each piece of feedback a key of its own; repeat a piece only as it was")
                .of_item(i)
        }
    }
}

/// The code of an idempotency key that was used for something else.
pub const CONFLICT: &str = "idempotency_conflict";

/// Stores feedback that can count, all of it or nothing; the fate of each piece, in order.
pub async fn accept(
    store: &Store,
    given: Vec<Feedback>,
) -> tidemill_store::Result<Result<Vec<Fate>, FeedbackError>> {
    Ok(store.accept(given, ByModel).await?.map_err(explained))
}

/// Stores many pieces for a thread that may wait, `piece` of them at a time so that others can write meanwhile. All of it is judged
/// before anything is stored.
pub fn accept_many(
    store: &Store,
    mut given: Vec<Feedback>,
    piece: usize,
) -> tidemill_store::Result<Result<Vec<Fate>, FeedbackError>> {
    if let Err(refused) = store.check_feedback(&given, &ByModel)? {
        return Ok(Err(explained(refused)));
    }
    let mut fates = Vec::with_capacity(given.len());
    while !given.is_empty() {
        let rest = given.split_off(given.len().min(piece.max(1)));
        match store.accept_blocking(std::mem::replace(&mut given, rest), ByModel)? {
            Ok(of_piece) => fates.extend(of_piece),
            // Someone else used the key since all of it was judged.
            Err(refused) => return Ok(Err(explained(refused))),
        }
    }
    Ok(Ok(fates))
}
