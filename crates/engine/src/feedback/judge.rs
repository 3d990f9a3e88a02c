//! Feedback judged against its prediction when it arrives: what is acknowledged counts.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use serde_json::{Map, Value};
use tidemill_core::nearest;
use tidemill_core::recipe::Task;
use tidemill_kernel::mask::Mask;
use tidemill_store::{Fate, Feedback, FeedbackKind, Judge, Refused, Store, Subject};
use uuid::Uuid;

use super::parse::FeedbackError;
use super::several::each;
use super::truth::{Target, Uncounted, class_of, mask_of, says};
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
        let Some(value) = feedback.value.as_ref() else { return Ok(()) };
        if generates(subject.about) {
            if !says_it {
                return Ok(());
            }
            let sound = value.as_str().is_some_and(|text| !text.trim().is_empty());
            let error =
                || FeedbackError::new("wrong_type", "the right answer must be a text").in_key("value");
            return if sound { Ok(()) } else { Err(error()) };
        }
        let origin = origin(&subject);
        if origin.task == Some(Task::Policy) {
            // What came of an action is its reward, too.
            if !says_it && feedback.kind != FeedbackKind::Outcome {
                return Ok(());
            }
            let sound = target(&origin).normal(value).is_ok();
            let error =
                || FeedbackError::new("not_a_number", "what came of an action is a number, or true or false");
            return if sound { Ok(()) } else { Err(error().in_key("value")) };
        }
        if !says_it {
            return check_named(feedback.kind, value, &origin, subject.prediction);
        }
        if origin.task == Some(Task::Masks) {
            return check_mask(value, &origin, subject.prediction);
        }
        if !origin.targets.is_empty() {
            return check_each(value, &origin.targets);
        }
        match target(&origin).normal(value) {
            Ok(_) => Ok(()),
            Err(why) => Err(refusal(why, &origin.classes)),
        }
    }

    fn truth(&self, kind: FeedbackKind, value: Option<&Value>, subject: Subject<'_>) -> Option<String> {
        let origin = origin(&subject);
        let said = says(kind, value, subject.prediction, target(&origin))?;
        if origin.targets.is_empty() {
            return target(&origin).normal(&said).ok();
        }
        let said = each(&said)?;
        let normal = |(name, value): (&String, &Value)| {
            let known = origin.targets.iter().find(|one| one.target == *name)?;
            Some((name.clone(), Value::String(target(known).normal(value).ok()?)))
        };
        let normal: Map<String, Value> = said.iter().filter_map(normal).collect();
        (!normal.is_empty()).then(|| Value::Object(normal).to_string())
    }

    /// Words about different targets do not contradict each other.
    fn agree(&self, truth: &str, other: &str) -> bool {
        let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).ok();
        match (object(truth), object(other)) {
            (Some(one), Some(other)) => {
                one.iter().all(|(name, value)| other.get(name).is_none_or(|o| o == value))
            }
            _ => truth == other,
        }
    }
}

/// Refuses an `accept` or a `reject` whose value names another class than the one that was answered: it would say something that does not
/// count. Of two classes a `reject` may name either: the wrong one and the right one say the same.
fn check_named(
    kind: FeedbackKind,
    value: &Value,
    origin: &Provenance,
    answered: &str,
) -> Result<(), FeedbackError> {
    let message = match kind {
        FeedbackKind::Accept => "an accept confirms the answer, and its value names another one",
        FeedbackKind::Reject if origin.classes.len() > 2 => {
            "a reject is about the answer that was given, and its value names another one"
        }
        _ => return Ok(()),
    };
    let class = |value: &Value| class_of(value, &origin.classes);
    let answered = serde_json::from_str(answered).ok().as_ref().and_then(class);
    match (class(value), answered) {
        (Some(named), Some(answered)) if named != answered => {
            let error = FeedbackError::new("names_another", message).in_key("value");
            Err(error.help("to say what is right, send it as a correction"))
        }
        _ => Ok(()),
    }
}

/// Refuses a corrected mask that could never count: of other classes, or of another size than the one that was answered.
fn check_mask(value: &Value, origin: &Provenance, answered: &str) -> Result<(), FeedbackError> {
    let help = "send its runs, as {\"height\": …, \"width\": …, \"runs\": [[class, length], …]}, or a grey PNG in base64";
    let Some(mask) = mask_of(value) else {
        let message = "the right answer must be a mask";
        return Err(FeedbackError::new(Uncounted::NotAMask.word(), message).in_key("value").help(help));
    };
    if let Err(why) = target(origin).normal(value) {
        return Err(refusal(why, &origin.classes));
    }
    match Mask::of_rle(answered) {
        Ok(said) if (said.width(), said.height()) != (mask.width(), mask.height()) => {
            let message = format!(
                "the mask has {} x {} pixels, the one that was answered {} x {}",
                mask.width(),
                mask.height(),
                said.width(),
                said.height()
            );
            let error = FeedbackError::new("other_size", message).in_key("value");
            Err(error.help("send the mask in the size of its picture"))
        }
        _ => Ok(()),
    }
}

/// Refuses what is said of several targets and could never count.
fn check_each(value: &Value, targets: &[Provenance]) -> Result<(), FeedbackError> {
    let names = || targets.iter().map(|one| one.target.as_str());
    let listed = || names().collect::<Vec<_>>().join(", ");
    let Some(said) = each(value).filter(|said| !said.is_empty()) else {
        let message =
            "the model answers several targets: the right answer is an object with what is known of each";
        return Err(FeedbackError::new("wrong_type", message)
            .in_key("value")
            .help(format!("send {{\"TARGET\": ANSWER}}; the targets are {}", listed())));
    };
    for (name, value) in &said {
        let Some(known) = targets.iter().find(|one| one.target == *name) else {
            let shown: String = name.chars().take(80).collect();
            let near = nearest(name, names()).map(|near| format!("is '{near}' meant?"));
            return Err(FeedbackError::new("unknown_target", format!("the model has no target '{shown}'"))
                .in_key("value")
                .help(near.unwrap_or_else(|| format!("the targets are {}", listed()))));
        };
        if let Err(why) = target(known).normal(value) {
            let error = refusal(why, &known.classes);
            return Err(FeedbackError { message: format!("target '{name}': {}", error.message), ..error });
        }
    }
    Ok(())
}

/// Whether it is about answers of a language model.
fn generates(about: &Value) -> bool {
    about["task"] == GENERATION
}

/// A preference is between two different answers of a language model to the same question.
fn preference(subject: Subject<'_>) -> Result<(), FeedbackError> {
    let Some(rival) = subject.rival.filter(|_| generates(subject.about)) else {
        let message = "a preference is between two answers of a language model to the same question";
        let error = FeedbackError::new("no_such_answer", message).in_key("value");
        return Err(
            error.help("ask with n = 2; prediction_id is the better answer's, value the id of the other")
        );
    };
    // Answers that the log did not keep cannot be told apart.
    if rival == subject.prediction && rival != "null" {
        let message = "the two answers are the same text, so neither is the better one";
        let error = FeedbackError::new("equal_answers", message).in_key("value");
        return Err(error.help("ask with a temperature above 0 for answers that differ"));
    }
    Ok(())
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
        Uncounted::NotANumber => {
            FeedbackError::new(why.word(), "the right answer must be a number of at most 1e150 in size")
        }
        Uncounted::NotAMask => {
            FeedbackError::new(why.word(), "the right answer must be a mask of these classes")
        }
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
        Refused::OtherRequest => {
            FeedbackError::new(CONFLICT, "this idempotency key was used for another request")
                .help("give each request a key of its own; repeat a request only as it was")
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

/// Stores feedback that can count, all of it or nothing; the fate of each piece, in order. `key` is the idempotency key of the request, where
/// it has one.
pub async fn accept(
    store: &Store,
    given: Vec<Feedback>,
    key: Option<String>,
) -> tidemill_store::Result<Result<Vec<Fate>, FeedbackError>> {
    let fates = match key {
        Some(key) => store.accept_once(key, given, ByModel).await?,
        None => store.accept(given, ByModel).await?,
    };
    Ok(fates.map_err(explained))
}

/// Notes the predictions whose right answer is a number.
#[derive(Default)]
struct Numbers(std::sync::Mutex<BTreeSet<Uuid>>);

impl Judge for Numbers {
    type Refusal = FeedbackError;

    fn check(&self, feedback: &Feedback, subject: Subject<'_>) -> Result<(), FeedbackError> {
        if !generates(subject.about) && matches!(origin(&subject).task, Some(Task::Regression | Task::Policy))
        {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(feedback.prediction_id);
        }
        Ok(())
    }

    fn truth(&self, _: FeedbackKind, _: Option<&Value>, _: Subject<'_>) -> Option<String> {
        None
    }
}

/// The predictions among those that are spoken of whose right answer is a number.
pub(super) fn with_numbers(store: &Store, given: Vec<Feedback>) -> tidemill_store::Result<BTreeSet<Uuid>> {
    let numbers = Numbers::default();
    // What came before under a key is looked at as well.
    let keyless = |feedback| Feedback { idempotency_key: None, must_exist: false, ..feedback };
    let given: Vec<Feedback> = given.into_iter().map(keyless).collect();
    // It refuses nothing.
    let _ = store.check_feedback(&given, &numbers)?;
    Ok(numbers.0.into_inner().unwrap_or_else(PoisonError::into_inner))
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
