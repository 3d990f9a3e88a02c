//! Accepting feedback: it is checked against its prediction before any of it is stored.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::database::{Database, Datum, Value, first};
use crate::feedback::{self, Fate, Feedback, FeedbackKind, Given};
use crate::requests::{self, About, Keyed, Once};
use crate::{Result, now};

/// A prediction, as needed to check feedback on it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// What the model file contains about itself.
    pub about: &'a Json,
    /// The prediction, as JSON.
    pub prediction: &'a str,
    /// For a preference: the other answer to the same question, which the value names, as JSON; `None` if there is none.
    pub rival: Option<&'a str>,
}

/// Knows what feedback means for the prediction it refers to.
pub trait Judge: Send + 'static {
    /// The reason why feedback is rejected.
    type Refusal: Send + 'static;

    /// Rejects feedback that could never count.
    fn check(&self, feedback: &Feedback, subject: Subject<'_>) -> std::result::Result<(), Self::Refusal>;

    /// The true value according to the feedback, written so that equal values are equal strings; `None` if it gives none.
    fn truth(&self, kind: FeedbackKind, value: Option<&Json>, subject: Subject<'_>) -> Option<String>;

    /// Whether two such true values are compatible.
    fn agree(&self, truth: &str, other: &str) -> bool {
        truth == other
    }
}

/// Why nothing was stored of a batch. Positions count from 0.
#[derive(Clone, Debug, PartialEq)]
pub enum Refused<R> {
    /// The piece at this position cannot count.
    Judged(usize, R),
    /// The idempotency key of the piece at this position was used for something else.
    Conflict(usize),
    /// The piece at this position refers to a prediction that must exist and does not.
    Unknown(usize),
    /// The idempotency key of the request was used for another request.
    OtherRequest,
}

/// Accepts everything.
pub(crate) struct Lenient;

impl Judge for Lenient {
    type Refusal = std::convert::Infallible;

    fn check(&self, _: &Feedback, _: Subject<'_>) -> std::result::Result<(), Self::Refusal> {
        Ok(())
    }

    fn truth(&self, kind: FeedbackKind, value: Option<&Json>, _: Subject<'_>) -> Option<String> {
        let says = matches!(kind, FeedbackKind::Label | FeedbackKind::Correction);
        value.filter(|_| says).map(Json::to_string)
    }
}

/// Whether all of it would be accepted.
pub(crate) fn check_all<J: Judge>(
    database: &mut dyn Database,
    given: &[Feedback],
    judge: &J,
) -> Result<std::result::Result<(), Refused<J::Refusal>>> {
    let mut subjects = Subjects::default();
    let mut keyed: BTreeMap<String, &Feedback> = BTreeMap::new();
    for (i, feedback) in given.iter().enumerate() {
        if feedback.idempotency_key.is_some() {
            let key = stored_key(feedback);
            let other = keyed.get(&key).is_some_and(|other| !same_content(other, feedback));
            match stored_under(database, &key)? {
                Some(stored) if other || !stored.says(feedback) => return Ok(Err(Refused::Conflict(i))),
                // It was checked when it first came.
                Some(_) => continue,
                None if other => return Ok(Err(Refused::Conflict(i))),
                None => drop(keyed.insert(key, feedback)),
            }
        }
        let found = subjects.of(database, feedback.prediction_id)?;
        if found.is_none() && feedback.must_exist {
            return Ok(Err(Refused::Unknown(i)));
        }
        if let Some((about, prediction)) = found {
            let rival = match feedback.kind {
                FeedbackKind::Preference => rival(database, feedback)?,
                _ => None,
            };
            let subject = Subject { about: &about, prediction: &prediction, rival: rival.as_deref() };
            if let Err(refusal) = judge.check(feedback, subject) {
                return Ok(Err(Refused::Judged(i, refusal)));
            }
        }
    }
    Ok(Ok(()))
}

/// The other answer to the same question from the same model, which the value names.
fn rival(database: &mut dyn Database, feedback: &Feedback) -> Result<Option<String>> {
    let named = feedback.value.as_ref().and_then(Json::as_str).and_then(|id| Uuid::try_parse(id).ok());
    let Some(other) = named.filter(|other| *other != feedback.prediction_id) else { return Ok(None) };
    let sql = "SELECT b.prediction FROM predictions a JOIN predictions b ON b.features = a.features AND b.version = a.version \
               WHERE a.id = ? AND b.id = ?";
    let ids = [Value::Bytes(feedback.prediction_id.as_bytes()), Value::Bytes(other.as_bytes())];
    Ok(first(database, sql, &ids)?.and_then(Datum::text))
}

/// Stores all of it or nothing; returns the fate of each piece, in order.
pub(crate) fn accept<J: Judge>(
    database: &mut dyn Database,
    given: &[Feedback],
    judge: &J,
) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
    if let Err(refused) = check_all(database, given, judge)? {
        return Ok(Err(refused));
    }
    let (mut subjects, mut earlier) = (Subjects::default(), Earlier::default());
    given
        .iter()
        .map(|feedback| insert(database, feedback, judge, &mut subjects, &mut earlier))
        .collect::<Result<_>>()
        .map(Ok)
}

/// The same for a request with an idempotency key of its own: another request of the same API key under this key is refused, and pieces
/// without a key are stored under that of the request, those after the first with their place.
pub(crate) fn accept_once<J: Judge>(
    database: &mut dyn Database,
    key: &str,
    given: &[Feedback],
    judge: &J,
) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
    let place = |i: usize| if i == 0 { key.to_string() } else { format!("{key}/{}", i + 1) };
    let keyed = |(i, feedback): (usize, &Feedback)| Feedback {
        idempotency_key: feedback.idempotency_key.clone().or_else(|| Some(place(i))),
        ..feedback.clone()
    };
    let given: Vec<Feedback> = given.iter().enumerate().map(keyed).collect();
    if let Err(refused) = check_all(database, &given, judge)? {
        return Ok(Err(refused));
    }
    let said = given.iter().flat_map(|f| [stored_key(f), content_of(f)]).collect::<Vec<_>>();
    let content = requests::content(said.iter().map(String::as_bytes));
    let key_id = given.first().and_then(|feedback| feedback.key_id.as_deref());
    let about = About { key_id, kind: "feedback", ..About::default() };
    match requests::claim(database, &Keyed { key: key.into(), content }, &about, None)? {
        Once::Conflict => Ok(Err(Refused::OtherRequest)),
        Once::New | Once::Repeated(_) => accept(database, &given, judge),
    }
}

fn insert<J: Judge>(
    database: &mut dyn Database,
    feedback: &Feedback,
    judge: &J,
    subjects: &mut Subjects,
    earlier: &mut Earlier,
) -> Result<Fate> {
    let value = feedback.value.as_ref().map(Json::to_string);
    let received = now();
    let said = earlier.of(database, feedback.prediction_id)?;
    let key = match said_anew(said, feedback) {
        Some(times) => format!("{}:{times}", stored_key(feedback)),
        None => stored_key(feedback),
    };
    let prediction = feedback.prediction_id.as_bytes();
    let kind = feedback.kind.word();
    let at = feedback.at.unwrap_or(received);
    let counts_at = at.min(received);
    let fate = match subjects.of(database, feedback.prediction_id)? {
        None => Fate::Orphaned,
        Some((about, answer)) => {
            let subject = Subject { about: &about, prediction: &answer, rival: None };
            fate(said, feedback, counts_at, judge, subject)
        }
    };
    let inserted = database.execute(
        "INSERT INTO feedback (id, prediction_id, kind, value, at, received_at, by_user, key_id, idempotency_key) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (idempotency_key) DO NOTHING",
        &[
            Value::Bytes(Uuid::now_v7().as_bytes()),
            Value::Bytes(prediction),
            Value::Text(kind),
            value.as_deref().into(),
            Value::Int(at),
            Value::Int(received),
            feedback.user.as_deref().into(),
            feedback.key_id.as_deref().into(),
            Value::Text(&key),
        ],
    )?;
    if inserted == 0 {
        return Ok(Fate::Repeated);
    }
    earlier.add(
        Given {
            kind: feedback.kind,
            value: feedback.value.clone(),
            at,
            received_at: received,
            user: feedback.user.clone(),
            key_id: feedback.key_id.clone(),
        },
        feedback.prediction_id,
    );
    Ok(fate)
}

/// The number of earlier pieces from the same source, if this one repeats a value that a later one of them withdrew: yes, no, and yes again
/// is a third statement, not a repetition of the first. Pieces with their own timestamp or key are distinguished by these.
fn said_anew(earlier: &[Given], feedback: &Feedback) -> Option<usize> {
    if feedback.idempotency_key.is_some() || feedback.at.is_some() {
        return None;
    }
    let own = || earlier.iter().filter(|given| same_voice(given, feedback));
    let says = |given: &Given| given.kind == feedback.kind && given.value == feedback.value;
    let last = own().next_back()?;
    (!says(last) && own().any(says)).then(|| own().count())
}

/// Whether both come from the same user and API key.
fn same_voice(given: &Given, feedback: &Feedback) -> bool {
    given.user == feedback.user && given.key_id == feedback.key_id
}

/// The fate of a piece of feedback, given the earlier ones.
fn fate<J: Judge>(earlier: &[Given], feedback: &Feedback, at: i64, judge: &J, subject: Subject<'_>) -> Fate {
    // Comments do not contradict each other.
    if feedback.kind == FeedbackKind::Comment {
        return Fate::Stored;
    }
    let Some(truth) = judge.truth(feedback.kind, feedback.value.as_ref(), subject) else {
        // Users may rate the same answer differently.
        let anyone = feedback.kind != FeedbackKind::Rating;
        let comparable =
            |given: &&Given| given.kind == feedback.kind && (anyone || same_voice(given, feedback));
        return match earlier.iter().rfind(comparable) {
            Some(last) if last.value == feedback.value => Fate::Stored,
            Some(last) if last.counts_at() > at => Fate::Superseded,
            Some(_) => Fate::Contradicts,
            None => Fate::Stored,
        };
    };
    let may_count = |given: &&Given| !matches!(given.kind, FeedbackKind::Comment | FeedbackKind::Rating);
    let counting = earlier.iter().rev().filter(may_count).find_map(|given| {
        judge.truth(given.kind, given.value.as_ref(), subject).map(|truth| (given.counts_at(), truth))
    });
    match counting {
        Some((_, counting)) if judge.agree(&truth, &counting) => Fate::Stored,
        Some((since, _)) if since > at => Fate::Superseded,
        Some(_) => Fate::Contradicts,
        None => Fate::Stored,
    }
}

/// The feedback on a prediction, in the order in which it counts.
fn said_of(database: &mut dyn Database, prediction: Uuid) -> Result<Vec<Given>> {
    let sql = "SELECT kind, value, at, received_at, by_user, key_id FROM feedback WHERE prediction_id = ? ORDER BY at, id";
    let mut said = Vec::new();
    database.query(sql, &[Value::Bytes(prediction.as_bytes())], &mut |row| {
        let mut row = row.into_iter();
        said.extend(feedback::given(&mut || row.next().unwrap_or(Datum::Null)));
        Ok(())
    })?;
    said.sort_by_key(Given::counts_at);
    Ok(said)
}

/// The feedback on the predictions of a batch, read once per prediction.
#[derive(Default)]
struct Earlier(BTreeMap<Uuid, Vec<Given>>);

impl Earlier {
    /// The pieces so far, in the order in which they count.
    fn of(&mut self, database: &mut dyn Database, prediction: Uuid) -> Result<&[Given]> {
        use std::collections::btree_map::Entry;
        Ok(match self.0.entry(prediction) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(free) => free.insert(said_of(database, prediction)?),
        })
    }

    /// Adds a piece that was stored.
    fn add(&mut self, given: Given, prediction: Uuid) {
        let said = self.0.entry(prediction).or_default();
        let at = said.partition_point(|other| other.counts_at() <= given.counts_at());
        said.insert(at, given);
    }
}

/// The information about predictions by version, read once per version.
#[derive(Default)]
struct Subjects(BTreeMap<i64, Arc<Json>>);

impl Subjects {
    /// The model's information about itself, and its prediction; `None` if there is no such prediction.
    fn of(&mut self, database: &mut dyn Database, prediction: Uuid) -> Result<Option<(Arc<Json>, String)>> {
        let mut found = None;
        let sql = "SELECT version, prediction FROM predictions WHERE id = ?";
        database.query(sql, &[Value::Bytes(prediction.as_bytes())], &mut |row| {
            let mut row = row.into_iter();
            let mut next = || row.next().unwrap_or(Datum::Null);
            found = Some((next().int(), next().text().unwrap_or_default()));
            Ok(())
        })?;
        let Some((version, answer)) = found else { return Ok(None) };
        if let Some(about) = self.0.get(&version) {
            return Ok(Some((about.clone(), answer)));
        }
        let about = first(database, "SELECT about FROM versions WHERE id = ?", &[Value::Int(version)])?;
        let about = about.and_then(Datum::text).unwrap_or_else(|| "null".into());
        let about = Arc::new(serde_json::from_str(&about)?);
        self.0.insert(version, Arc::clone(&about));
        Ok(Some((about, answer)))
    }
}

/// A stored piece, as far as it is needed to tell whether another one is equal.
struct Stored {
    prediction: Vec<u8>,
    kind: Option<String>,
    value: Option<String>,
    at: i64,
    user: Option<String>,
}

impl Stored {
    /// Whether it is equal to `feedback`; a piece without a timestamp is equal at any time.
    fn says(&self, feedback: &Feedback) -> bool {
        self.prediction == feedback.prediction_id.as_bytes()
            && self.kind.as_deref() == Some(feedback.kind.word())
            && self.value == feedback.value.as_ref().map(Json::to_string)
            && self.user == feedback.user
            && feedback.at.is_none_or(|at| at == self.at)
    }
}

fn stored_under(database: &mut dyn Database, key: &str) -> Result<Option<Stored>> {
    let sql = "SELECT prediction_id, kind, value, at, by_user FROM feedback WHERE idempotency_key = ?";
    let mut found = None;
    database.query(sql, &[Value::Text(key)], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        found = Some(Stored {
            prediction: next().bytes(),
            kind: next().text(),
            value: next().text(),
            at: next().int(),
            user: next().text(),
        });
        Ok(())
    })?;
    Ok(found)
}

fn same_content(a: &Feedback, b: &Feedback) -> bool {
    (a.prediction_id, a.kind, &a.value, a.at, &a.user) == (b.prediction_id, b.kind, &b.value, b.at, &b.user)
}

/// The key under which a piece is stored once: its own within its API key, else one derived from its content.
fn stored_key(feedback: &Feedback) -> String {
    match &feedback.idempotency_key {
        Some(key) => format!("key:{}:{key}", feedback.key_id.as_deref().unwrap_or_default()),
        None => content_of(feedback),
    }
}

fn content_of(feedback: &Feedback) -> String {
    content_key(feedback, feedback.value.as_ref().map(Json::to_string).as_deref())
}

/// A key derived from the content, for feedback that has none.
fn content_key(feedback: &Feedback, value: Option<&str>) -> String {
    let mut hash = Sha256::new();
    let at = feedback.at.map(|at| at.to_string());
    let parts = [Some(feedback.kind.word()), value, feedback.user.as_deref(), at.as_deref()];
    // Two API keys with the same content are two sources; without API keys, the hash is the same as in earlier versions.
    let by = feedback.key_id.as_deref().filter(|_| feedback.user.is_none()).map(Some);
    hash.update(feedback.prediction_id.as_bytes());
    for part in parts.into_iter().chain(by) {
        // Lengths separate adjacent fields: ("ab", "c") differs from ("a", "bc").
        hash.update((part.map_or(u64::MAX, |p| p.len() as u64)).to_le_bytes());
        hash.update(part.unwrap_or_default());
    }
    let digest: [u8; 32] = hash.finalize().into();
    format!("content:{}", Uuid::from_slice(&digest[..16]).unwrap_or_default().simple())
}
