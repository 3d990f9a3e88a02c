//! Feedback as callers and files write it becomes [`Feedback`]: one reader for all of them.

use serde_json::{Map, Number, Value};
use tidemill_core::nearest;
use tidemill_store::{Feedback, FeedbackKind};
use uuid::Uuid;

use crate::format::with_article;
use crate::recipe::targets::MOST;

/// The most characters of a text.
const TEXT: usize = 10_000;
/// The most characters of a right answer: those of language models can be long.
const ANSWER: usize = 100_000;
/// The most runs of a mask that is the right answer.
const RUNS: usize = 100_000;

/// A timestamp may be ahead of this machine's clock by so much, in microseconds: clocks differ.
pub const CLOCKS_DIFFER: i64 = 5 * 60 * 1_000_000;

/// What is wrong with a piece of feedback, and where.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct FeedbackError {
    /// A stable, machine-readable name.
    pub code: &'static str,
    /// What was found; never a value that came in.
    pub message: String,
    /// Which piece, counted from 1, where there are several.
    pub item: Option<usize>,
    /// The key within it.
    pub key: Option<&'static str>,
    /// What to do.
    pub remedy: Option<String>,
}

impl FeedbackError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        FeedbackError { code, message: message.into(), item: None, key: None, remedy: None }
    }

    pub(super) fn in_key(mut self, key: &'static str) -> Self {
        self.key = Some(key);
        self
    }

    pub(super) fn help(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    /// The same of the piece at `i` (from 0).
    pub(super) fn of_item(self, i: usize) -> Self {
        FeedbackError { message: format!("feedback {}: {}", i + 1, self.message), item: Some(i + 1), ..self }
    }
}

type Result<T> = std::result::Result<T, FeedbackError>;

/// Reads one piece of feedback, an array of them, or `{"feedback": […]}`, at most `most`. All are sound, or none is taken.
/// `now` is in microseconds since 1970.
pub fn document(document: Value, most: usize, now: i64) -> Result<Vec<Feedback>> {
    let items = match document {
        Value::Array(items) => items,
        Value::Object(mut object) => match object.remove("feedback") {
            Some(Value::Array(items)) if object.is_empty() => items,
            Some(_) => {
                return Err(FeedbackError::new(
                    "wrong_shape",
                    "'feedback' is not a list, or not the only key",
                ));
            }
            None => vec![Value::Object(object)],
        },
        _ => return Err(FeedbackError::new("wrong_shape", "feedback is an object or an array of objects")),
    };
    if items.is_empty() || items.len() > most {
        return Err(FeedbackError::new("no_rows", format!("there must be 1 to {most} pieces of feedback")));
    }
    items.into_iter().enumerate().map(|(i, item)| one(item, now).map_err(|e| e.of_item(i))).collect()
}

fn one(item: Value, now: i64) -> Result<Feedback> {
    match item {
        Value::Object(item) => fields(item, now),
        _ => Err(FeedbackError::new("wrong_shape", "it is not an object")),
    }
}

const KEYS: [&str; 6] = ["prediction_id", "kind", "value", "at", "user", "idempotency_key"];

/// Reads one piece from its fields.
pub(super) fn fields(mut item: Map<String, Value>, now: i64) -> Result<Feedback> {
    if let Some(unknown) = item.keys().find(|key| !KEYS.contains(&key.as_str())) {
        let near = nearest(unknown, KEYS).map(|near| format!("is '{near}' meant?"));
        let shown: String = unknown.chars().take(80).collect();
        let error = FeedbackError::new("unknown_key", format!("there is no key '{shown}'"));
        return Err(error.help(near.unwrap_or_else(|| format!("known are {}", KEYS.join(", ")))));
    }
    let id = text(&mut item, "prediction_id")?.ok_or_else(|| missing("prediction_id"))?;
    let (bare, of_language) = id_of(&id);
    let prediction_id = Uuid::try_parse(bare).map_err(|_| {
        FeedbackError::new("wrong_type", "'prediction_id' is not the id of a prediction")
            .in_key("prediction_id")
    })?;
    let kind = text(&mut item, "kind")?.ok_or_else(|| missing("kind"))?;
    let kind = FeedbackKind::of(&kind).ok_or_else(|| {
        let kinds = FeedbackKind::ALL.map(FeedbackKind::word).join(", ");
        FeedbackError::new("wrong_type", "there is no such kind of feedback")
            .in_key("kind")
            .help(format!("known are {kinds}"))
    })?;
    let mut value = item.remove("value").filter(|value| !value.is_null());
    if kind == FeedbackKind::Preference {
        // As the log names it, so that equal words are equal texts.
        let named = value.as_ref().and_then(Value::as_str).and_then(|id| Uuid::try_parse(id_of(id).0).ok());
        value = named.filter(|other| *other != prediction_id).map(|id| Value::String(id.to_string()));
    }
    let must_exist = of_language || kind == FeedbackKind::Preference;
    check_value(kind, value.as_ref())?;
    let at = item.remove("at").filter(|at| !at.is_null()).map(|at| moment(&at, now)).transpose()?;
    // An empty one is none: else all who send it would be one user, or repeat one piece.
    let mut named = |key| text(&mut item, key).map(|name| name.filter(|name| !name.is_empty()));
    let (user, idempotency_key) = (named("user")?, named("idempotency_key")?);
    Ok(Feedback { prediction_id, kind, value, at, user, idempotency_key, key_id: None, must_exist })
}

/// What an id of an answer of a language model begins with, as the OpenAI API writes it.
const LANGUAGE: [&str; 2] = ["chatcmpl-", "cmpl-"];

/// The id without what it begins with, and whether it is one of a language model.
fn id_of(id: &str) -> (&str, bool) {
    let bare = LANGUAGE.into_iter().find_map(|begin| id.strip_prefix(begin));
    (bare.unwrap_or(id), bare.is_some())
}

/// Microseconds since 1970 of a count of seconds up to the year 5138, of milliseconds beyond it up to that year, or of microseconds: none of
/// the three means the years before 1973 in a larger unit.
fn micros(n: i64) -> i64 {
    match n.unsigned_abs() {
        0..100_000_000_000 => n * 1_000_000,
        100_000_000_000..100_000_000_000_000 => n * 1_000,
        _ => n,
    }
}

/// The same of a count as it is written, such as `1780221600` or `1780221600.25`.
fn since_1970(written: &str) -> Option<i64> {
    if let Ok(whole) = written.parse() {
        return Some(micros(whole));
    }
    let count: f64 = written.parse().ok()?;
    let unit = match count.abs() {
        size if size < 1e11 => 1e6,
        size if size < 1e14 => 1e3,
        _ => 1.0,
    };
    // Beyond these a number of microseconds is no whole number any more.
    Some((count * unit).round() as i64).filter(|_| count.abs() * unit < 9e15)
}

/// `2026-05-31T10:00:00Z`, or seconds, milliseconds or microseconds since 1970, told apart by their size; not later than now.
fn moment(at: &Value, now: i64) -> Result<i64> {
    let read = match at {
        Value::Number(n) => since_1970(&n.to_string()),
        Value::String(text) => {
            let zoned = text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_microsecond);
            let dated = zoned.or_else(|| tidemill_data::parse::TimeFormat::Iso.parse(text));
            // Files of text write such counts as texts; eight digits may be a date.
            let is_count = text.trim().bytes().take_while(u8::is_ascii_digit).count() > 8;
            dated.or_else(|| since_1970(text.trim()).filter(|_| is_count))
        }
        _ => None,
    };
    let at = read.ok_or_else(|| {
        FeedbackError::new("wrong_type", "'at' is not a timestamp")
            .in_key("at")
            .help("write 2026-05-31T10:00:00Z")
    })?;
    if at > now.saturating_add(CLOCKS_DIFFER) {
        return Err(FeedbackError::new(
            "ahead_of_clock",
            "'at' is more than five minutes ahead of this machine's clock",
        )
        .in_key("at")
        .help("send when it was said, with its time zone, or leave 'at' out; set the sender's clock"));
    }
    Ok(at)
}

fn missing(key: &'static str) -> FeedbackError {
    FeedbackError::new("missing_key", format!("'{key}' is missing")).in_key(key)
}

/// A name: a text, or a whole number exactly as it was written.
fn text(item: &mut Map<String, Value>, key: &'static str) -> Result<Option<String>> {
    let problem = match item.remove(key) {
        None | Some(Value::Null) => return Ok(None),
        // Not every database keeps it.
        Some(Value::String(text)) if text.contains('\0') => "holds a NUL character",
        Some(Value::String(text)) if text.chars().count() <= TEXT => return Ok(Some(text)),
        Some(Value::Number(n)) if is_exact(&n) => return Ok(Some(n.to_string())),
        Some(Value::Number(_)) => "is a number whose digits cannot be kept: send it as text",
        Some(Value::String(_)) => "has more than 10000 characters",
        Some(_) => "is not text",
    };
    Err(FeedbackError::new("wrong_type", format!("'{key}' {problem}")).in_key(key))
}

fn is_exact(n: &Number) -> bool {
    n.is_i64() || n.is_u64()
}

/// Refuses a text that is too long, that of one of several targets included.
fn check_length(kind: FeedbackKind, value: Option<&Value>) -> Result<()> {
    let most = match kind {
        FeedbackKind::Label | FeedbackKind::Correction => ANSWER,
        _ => TEXT,
    };
    let too_long = |v: &Value, most: usize| v.as_str().map(|t| t.chars().count()).filter(|n| *n > most);
    let of_part = |v: &Value| too_long(v, TEXT).map(|n| (n, TEXT));
    let found = value.and_then(|v| match v {
        Value::Object(parts) => parts.values().find_map(of_part),
        _ => too_long(v, most).map(|n| (n, most)),
    });
    let Some((n, most)) = found else { return Ok(()) };
    let message =
        format!("the value of {} has {n} characters, and {most} are kept at most", with_article(kind.word()));
    Err(FeedbackError::new("too_long", message).in_key("value").help("shorten it"))
}

fn check_value(kind: FeedbackKind, value: Option<&Value>) -> Result<()> {
    check_length(kind, value)?;
    let single = |v: &Value| v.is_number() || v.is_boolean() || v.is_string();
    // Of several targets: what is known of each.
    let each = |v: &Value| {
        v.as_object().is_some_and(|object| {
            let known = object.values().filter(|v| !v.is_null()).collect::<Vec<_>>();
            object.len() <= MOST && !known.is_empty() && known.into_iter().all(single)
        })
    };
    // Of masks: their runs.
    let runs = |v: &Value| v["runs"].as_array().is_some_and(|runs| runs.len() <= RUNS);
    let (sound, wanted) = match kind {
        FeedbackKind::Label | FeedbackKind::Correction => (
            value.is_some_and(|v| single(v) || each(v) || runs(v)),
            "the right answer, or of several targets an object with one for each",
        ),
        FeedbackKind::Preference => (value.is_some(), "the id of the other answer, the one that was worse"),
        FeedbackKind::Rating => (
            value.is_some_and(|v| v.is_boolean() || v.as_f64().is_some_and(|x| (1.0..=5.0).contains(&x))),
            "true, false or a number from 1 to 5",
        ),
        FeedbackKind::Outcome => (value.is_some_and(Value::is_number), "a number"),
        FeedbackKind::Comment => (value.is_some_and(|v| v.is_string()), "a text"),
        FeedbackKind::Accept | FeedbackKind::Reject => {
            (value.is_none_or(single), "nothing or a single value")
        }
    };
    if sound {
        return Ok(());
    }
    Err(FeedbackError::new(
        "wrong_type",
        format!("the value of {} must be {wanted}", with_article(kind.word())),
    )
    .in_key("value"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";
    /// 2026-05-31T10:00:00Z
    const NOW: i64 = 1_780_221_600_000_000;

    fn read(body: Value) -> Result<Vec<Feedback>> {
        document(body, 9, NOW)
    }

    #[test]
    fn one_or_many_are_read_and_faults_name_their_place() {
        let one = json!({ "prediction_id": ID, "kind": "label", "value": "yes" });
        assert_eq!(read(one.clone()).unwrap().len(), 1);
        assert_eq!(read(json!([one, one])).unwrap().len(), 2);
        assert_eq!(read(json!({ "feedback": [one] })).unwrap().len(), 1);
        for (body, code, key) in [
            (json!({ "kind": "label", "value": 1 }), "missing_key", Some("prediction_id")),
            (json!({ "prediction_id": ID, "kind": "lable", "value": 1 }), "wrong_type", Some("kind")),
            (json!({ "prediction_id": ID, "kind": "rating", "value": 9 }), "wrong_type", Some("value")),
            (json!({ "prediction_id": ID, "kind": "label", "valeu": 9 }), "unknown_key", None),
            (json!({ "prediction_id": ID, "kind": "accept", "at": "soon" }), "wrong_type", Some("at")),
            (json!([]), "no_rows", None),
            (json!("text"), "wrong_shape", None),
        ] {
            let error = read(body.clone()).unwrap_err();
            assert_eq!((error.code, error.key), (code, key), "{body}");
        }
        let second = read(json!([one, {}])).unwrap_err();
        assert_eq!((second.item, second.message.starts_with("feedback 2: ")), (Some(2), true));
    }

    #[test]
    fn what_is_too_long_or_of_another_type_says_so() {
        let long = "x".repeat(TEXT + 1);
        let said = |kind: &str, value: Value| {
            let error = read(json!({ "prediction_id": ID, "kind": kind, "value": value })).unwrap_err();
            (error.code, error.message)
        };
        for (kind, value, code, message) in [
            (
                "comment",
                json!(long),
                "too_long",
                "the value of a comment has 10001 characters, and 10000 are kept at most",
            ),
            ("accept", json!(long), "too_long", "the value of an accept has 10001 characters"),
            ("label", json!({ "a": long }), "too_long", "the value of a label has 10001 characters"),
            ("label", json!("x".repeat(ANSWER + 1)), "too_long", "100000 are kept"),
            ("outcome", json!("7"), "wrong_type", "the value of an outcome must be a number"),
            ("comment", json!(7), "wrong_type", "the value of a comment must be a text"),
        ] {
            let (found, text) = said(kind, value);
            assert!(found == code && text.contains(message), "{kind}: {found}: {text}");
        }
        for sound in [json!("x".repeat(TEXT)), json!("é".repeat(TEXT))] {
            assert!(read(json!({ "prediction_id": ID, "kind": "comment", "value": sound })).is_ok());
        }
    }

    #[test]
    fn answers_of_language_models_must_be_there_and_a_preference_names_another_one() {
        let other = "0198c0de-0000-7000-8000-000000000002";
        let one = |id: &str, kind: &str, value: Value| {
            read(json!({ "prediction_id": id, "kind": kind, "value": value })).map(|mut all| all.remove(0))
        };
        let chat = one(&format!("chatcmpl-{ID}"), "correction", json!("Paris.")).unwrap();
        assert_eq!((chat.prediction_id.to_string().as_str(), chat.must_exist), (ID, true));
        assert!(!one(ID, "label", json!("yes")).unwrap().must_exist);
        let preferred = one(ID, "preference", json!(format!("chatcmpl-{other}"))).unwrap();
        assert_eq!((preferred.value, preferred.must_exist), (Some(json!(other)), true));
        for wrong in [json!(ID), json!("b"), json!(2), json!(null)] {
            let error = one(ID, "preference", wrong.clone()).unwrap_err();
            assert_eq!((error.code, error.key), ("wrong_type", Some("value")), "{wrong}");
        }
    }

    #[test]
    fn a_clock_ahead_by_more_than_five_minutes_is_refused() {
        let at = |at: Value| read(json!({ "prediction_id": ID, "kind": "accept", "at": at }));
        for ahead in [
            json!("2026-05-31T10:05:01Z"),
            json!("2026-06-01T10:00:00Z"),
            json!("2099-01-01"),
            json!(NOW + CLOCKS_DIFFER + 1),
            json!(i64::MAX),
            json!("2026-05-31T10:00:00-01:00"),
        ] {
            let error = at(ahead.clone()).unwrap_err();
            assert_eq!((error.code, error.key), ("ahead_of_clock", Some("at")), "{ahead}");
        }
        for sound in
            [json!("2026-05-31T10:04:59Z"), json!("2026-05-31T12:00:00+02:00"), json!(5), json!("1999-01-01")]
        {
            assert!(at(sound.clone()).is_ok(), "{sound}");
        }
    }

    #[test]
    fn an_empty_name_is_none() {
        let read = read(json!({ "prediction_id": ID, "kind": "accept", "user": "", "idempotency_key": "" }));
        let read = read.unwrap().remove(0);
        assert_eq!((read.user, read.idempotency_key), (None, None));
    }

    #[test]
    fn names_are_kept_to_the_last_digit_or_refused() {
        let user = |user: Value| {
            let mut read = read(json!({ "prediction_id": ID, "kind": "accept", "user": user }))?;
            Ok::<_, FeedbackError>(read.remove(0).user.unwrap())
        };
        for (sent, kept) in [
            (json!("007"), "007"),
            (json!(1_234_567_890_123_456_789_u64), "1234567890123456789"),
            (json!(9_007_199_254_740_993_i64), "9007199254740993"),
            (json!(-1), "-1"),
        ] {
            assert_eq!(user(sent).unwrap(), kept);
        }
        let too_long: Value = serde_json::from_str("123456789012345678901234567890").unwrap();
        for lossy in [too_long, json!(1.5), json!(1e300), json!(true), json!([1])] {
            assert_eq!(user(lossy.clone()).unwrap_err().key, Some("user"), "{lossy}");
        }
    }
}
