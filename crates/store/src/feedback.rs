//! User feedback on predictions.
//!
//! | feedback | its fate |
//! |---|---|
//! | late | counts, for the day of its prediction, as long as the prediction is kept |
//! | repeated: the same idempotency key from the same API key, or without one the same prediction, kind, user, value and timestamp | stored once |
//! | the same idempotency key with different content | rejected, with the whole batch |
//! | contradictory: a true value that differs from the one that counted, or another value of its kind | all stored; the latest `at` counts |
//! | superseded: a different true value, but feedback with a later time already counts | stored; does not count |
//! | orphaned: no such prediction | stored; counts once the prediction is there, else expires with the retention |
//! | about no prediction, where there must be one (an answer of a language model, a preference) | rejected, with the whole batch |
//! | invalid for its prediction: no class of the model, no number | rejected, with the whole batch |
//!
//! Whether feedback can count, and which true value it gives, is decided by a [`Judge`].

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use uuid::Uuid;

use crate::database::Datum;

/// The kind of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeedbackKind {
    /// The true value, from the real world.
    Label,
    /// User satisfaction: `true`/`false`, or 1 to 5.
    Rating,
    /// The true value, from a user.
    Correction,
    /// The prediction was correct.
    Accept,
    /// The prediction was wrong.
    Reject,
    /// The outcome: a number, such as revenue.
    Outcome,
    /// A comment.
    Comment,
    /// The answer was better than another one to the same question, which the value names by its id.
    Preference,
}

impl FeedbackKind {
    /// All kinds.
    pub const ALL: [FeedbackKind; 8] = [
        FeedbackKind::Label,
        FeedbackKind::Rating,
        FeedbackKind::Correction,
        FeedbackKind::Accept,
        FeedbackKind::Reject,
        FeedbackKind::Outcome,
        FeedbackKind::Comment,
        FeedbackKind::Preference,
    ];

    /// The name of the kind.
    pub fn word(self) -> &'static str {
        match self {
            FeedbackKind::Label => "label",
            FeedbackKind::Rating => "rating",
            FeedbackKind::Correction => "correction",
            FeedbackKind::Accept => "accept",
            FeedbackKind::Reject => "reject",
            FeedbackKind::Outcome => "outcome",
            FeedbackKind::Comment => "comment",
            FeedbackKind::Preference => "preference",
        }
    }

    /// The kind with this name.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A piece of feedback as it is received.
#[derive(Clone, Debug, PartialEq)]
pub struct Feedback {
    /// The prediction it refers to.
    pub prediction_id: Uuid,
    /// The kind of feedback.
    pub kind: FeedbackKind,
    /// Its value.
    pub value: Option<Json>,
    /// When it was given, in microseconds since 1970; if not set, when it was received.
    pub at: Option<i64>,
    /// Who gave it.
    pub user: Option<String>,
    /// Makes repetition harmless.
    pub idempotency_key: Option<String>,
    /// The API key with which it was sent.
    pub key_id: Option<String>,
    /// Whether the prediction must exist: an answer of a language model is in the log before its last token is sent.
    pub must_exist: bool,
}

/// A piece of feedback as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The kind of feedback.
    pub kind: FeedbackKind,
    /// Its value.
    pub value: Option<Json>,
    /// When it was given, in microseconds since 1970.
    pub at: i64,
    /// When it was received.
    pub received_at: i64,
    /// Who gave it.
    pub user: Option<String>,
    /// The API key with which it was sent.
    pub key_id: Option<String>,
}

impl Given {
    /// From when it counts: a timestamp in the future is limited to the time of receipt.
    pub fn counts_at(&self) -> i64 {
        self.at.min(self.received_at)
    }

    /// Its source: the user, else the API key with which it was sent.
    pub fn by(&self) -> Option<&str> {
        self.user.as_deref().or(self.key_id.as_deref())
    }
}

/// The fate of a piece of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Stored.
    Stored,
    /// Already known; not stored again.
    Repeated,
    /// Stored; it differs from what counted before, and counts from now on.
    Contradicts,
    /// Stored; feedback with a later time already counts, so this does not.
    Superseded,
    /// Stored; there is no such prediction (yet).
    Orphaned,
}

impl Fate {
    /// All fates.
    pub const ALL: [Fate; 5] =
        [Fate::Stored, Fate::Repeated, Fate::Contradicts, Fate::Superseded, Fate::Orphaned];

    /// The name of the fate.
    pub fn word(self) -> &'static str {
        match self {
            Fate::Stored => "stored",
            Fate::Repeated => "repeated",
            Fate::Contradicts => "contradicts",
            Fate::Superseded => "superseded",
            Fate::Orphaned => "orphaned",
        }
    }
}

/// The piece of feedback in the next six columns, if there is one.
pub(crate) fn given(next: &mut impl FnMut() -> Datum) -> Option<Given> {
    let kind = next().text().and_then(|kind| FeedbackKind::of(&kind));
    let value = next().text().and_then(|text| serde_json::from_str(&text).ok());
    let (at, received_at, user, key_id) = (next().int(), next().int(), next().text(), next().text());
    kind.map(|kind| Given { kind, value, at, received_at, user, key_id })
}
