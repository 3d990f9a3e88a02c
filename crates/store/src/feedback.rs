//! What users say about predictions.
//!
//! | feedback | its fate |
//! |---|---|
//! | late | counts, for the day of its prediction, as long as the prediction is kept |
//! | repeated: the same idempotency key, or without one the same prediction, kind, user, value and timestamp | stored once |
//! | contradictory: another value of the same kind on the same prediction | all stored; the latest `at` counts |
//! | orphaned: no such prediction | stored; counts once the prediction is there, else goes with the retention |

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::database::{Database, Datum, Value, first};
use crate::{Result, now};

/// What sort of thing is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// The right answer, from the world.
    Label,
    /// How content a user is: `true`/`false`, or 1 to 5.
    Rating,
    /// The right answer, from a user.
    Correction,
    /// The answer was right.
    Accept,
    /// The answer was wrong.
    Reject,
    /// What came of it: a number, such as revenue.
    Outcome,
    /// A remark.
    Comment,
}

impl FeedbackKind {
    /// All kinds.
    pub const ALL: [FeedbackKind; 7] = [
        FeedbackKind::Label,
        FeedbackKind::Rating,
        FeedbackKind::Correction,
        FeedbackKind::Accept,
        FeedbackKind::Reject,
        FeedbackKind::Outcome,
        FeedbackKind::Comment,
    ];

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            FeedbackKind::Label => "label",
            FeedbackKind::Rating => "rating",
            FeedbackKind::Correction => "correction",
            FeedbackKind::Accept => "accept",
            FeedbackKind::Reject => "reject",
            FeedbackKind::Outcome => "outcome",
            FeedbackKind::Comment => "comment",
        }
    }

    /// The kind of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A piece of feedback as it comes in.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// What it is about.
    pub prediction_id: Uuid,
    /// What sort of thing is said.
    pub kind: FeedbackKind,
    /// What is said.
    pub value: Option<Json>,
    /// When it was said, in microseconds since 1970; without it, when it came in.
    pub at: Option<i64>,
    /// Who said it.
    pub user: Option<String>,
    /// Makes repeating it harmless.
    pub idempotency_key: Option<String>,
    /// The API key that brought it.
    pub key_id: Option<String>,
}

/// A piece of feedback as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// What sort of thing is said.
    pub kind: FeedbackKind,
    /// What is said.
    pub value: Option<Json>,
    /// When it was said, in microseconds since 1970.
    pub at: i64,
    /// When it came in.
    pub received_at: i64,
    /// Who said it.
    pub user: Option<String>,
}

/// What became of a piece of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Stored.
    Stored,
    /// Known already; not stored again.
    Repeated,
    /// Stored; it says something else than an earlier piece of its kind.
    Contradicts,
    /// Stored; there is no such prediction (yet).
    Orphaned,
}

impl Fate {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Stored => "stored",
            Fate::Repeated => "repeated",
            Fate::Contradicts => "contradicts",
            Fate::Orphaned => "orphaned",
        }
    }
}

pub(crate) fn insert_all(database: &mut dyn Database, given: &[Feedback]) -> Result<Vec<Fate>> {
    given.iter().map(|feedback| insert(database, feedback)).collect()
}

fn insert(database: &mut dyn Database, feedback: &Feedback) -> Result<Fate> {
    let value = feedback.value.as_ref().map(Json::to_string);
    let received = now();
    let key = feedback.idempotency_key.clone().unwrap_or_else(|| content_key(feedback, value.as_deref()));
    let prediction = feedback.prediction_id.as_bytes();
    let kind = feedback.kind.word();
    let last = first(
        database,
        "SELECT value FROM feedback WHERE prediction_id = ? AND kind = ? ORDER BY at DESC, id DESC LIMIT 1",
        &[Value::Bytes(prediction), Value::Text(kind)],
    )?;
    let inserted = database.execute(
        "INSERT INTO feedback (id, prediction_id, kind, value, at, received_at, by_user, key_id, idempotency_key) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
        &[
            Value::Bytes(Uuid::now_v7().as_bytes()),
            Value::Bytes(prediction),
            Value::Text(kind),
            value.as_deref().into(),
            Value::Int(feedback.at.unwrap_or(received)),
            Value::Int(received),
            feedback.user.as_deref().into(),
            feedback.key_id.as_deref().into(),
            Value::Text(&key),
        ],
    )?;
    if inserted == 0 {
        return Ok(Fate::Repeated);
    }
    let known = first(database, "SELECT at FROM predictions WHERE id = ?", &[Value::Bytes(prediction)])?;
    Ok(match last {
        _ if known.is_none() => Fate::Orphaned,
        Some(last) if last.clone().text() != value => Fate::Contradicts,
        _ => Fate::Stored,
    })
}

/// A key made of what is said, for feedback that brings none.
fn content_key(feedback: &Feedback, value: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let at = feedback.at.map(|at| at.to_string());
    let parts = [Some(feedback.kind.word()), value, feedback.user.as_deref(), at.as_deref()];
    hash.update(feedback.prediction_id.as_bytes());
    for part in parts {
        // Lengths keep neighbours apart: ("ab", "c") is not ("a", "bc").
        hash.update((part.map_or(u64::MAX, |p| p.len() as u64)).to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    format!("content:{}", Uuid::from_slice(&digest[..16]).unwrap_or_default().simple())
}

/// The piece of feedback in the next five columns, where there is one.
pub(crate) fn given(next: &mut impl FnMut() -> Datum) -> Option<Given> {
    let kind = next().text().and_then(|kind| FeedbackKind::of(&kind));
    let value = next().text().and_then(|text| serde_json::from_str(&text).ok());
    let (at, received_at, user) = (next().int(), next().int(), next().text());
    kind.map(|kind| Given { kind, value, at, received_at, user })
}
