//! Requests that carry an idempotency key of their own: what was asked, and the answer that was sent. Repeating such a request changes
//! nothing and gives the same answer.

use sha2::{Digest, Sha256};

use crate::database::{Database, Datum, Value};
use crate::log::{self, Predictions};
use crate::{Result, now};

/// How long a request is remembered, in microseconds.
const KEPT: i64 = 24 * 3600 * 1_000_000;

/// The identity of a request: its key belongs to the API key with which it was sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Keyed {
    /// The idempotency key.
    pub key: String,
    /// SHA-256 of everything that determines the answer.
    pub content: [u8; 32],
}

/// An answer as it was sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// Its media type.
    pub media: String,
    /// Its body.
    pub body: Vec<u8>,
}

/// What is known of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Once {
    /// It is new, and is remembered from now on.
    New,
    /// It was made before; this is the answer that was sent then.
    Repeated(Sent),
    /// Its key was used for another request.
    Conflict,
}

/// SHA-256 over parts, each with its length.
pub fn content<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// Logs the predictions of a request and remembers its answer, unless the request is known.
pub(crate) fn log_once(
    database: &mut dyn Database,
    request: &Keyed,
    predictions: &Predictions,
    sent: &Sent,
) -> Result<Once> {
    let ids = || predictions.rows.iter().map(|row| row.id);
    let between = [ids().min().unwrap_or_default(), ids().max().unwrap_or_default()];
    let about = About { key_id: predictions.key_id.as_deref(), kind: "predict", between };
    let once = claim(database, request, &about, Some(sent))?;
    if once == Once::New {
        log::insert(database, predictions)?;
    }
    Ok(once)
}

/// Of a request: the API key, its kind, and the least and the greatest id of its predictions.
#[derive(Clone, Copy, Default)]
pub(crate) struct About<'a> {
    pub(crate) key_id: Option<&'a str>,
    pub(crate) kind: &'a str,
    pub(crate) between: [uuid::Uuid; 2],
}

/// Remembers a request, unless it is known.
pub(crate) fn claim(
    database: &mut dyn Database,
    request: &Keyed,
    about: &About<'_>,
    sent: Option<&Sent>,
) -> Result<Once> {
    let at = now();
    database.execute("DELETE FROM requests WHERE at < ?", &[Value::Int(at - KEPT)])?;
    let key = format!("{}:{}:{}", about.kind, about.key_id.unwrap_or_default(), request.key);
    if let Some((content, sent)) = found(database, &key)? {
        return Ok(if content == request.content { Once::Repeated(sent) } else { Once::Conflict });
    }
    let [first, last] = &about.between;
    database.execute(
        "INSERT INTO requests (key, content, at, media, body, first_id, last_id) VALUES (?, ?, ?, ?, ?, ?, ?)",
        &[
            Value::Text(&key),
            Value::Bytes(&request.content),
            Value::Int(at),
            Value::Text(sent.map_or("", |sent| &sent.media)),
            Value::Bytes(sent.map_or(&[], |sent| &sent.body)),
            Value::Bytes(first.as_bytes()),
            Value::Bytes(last.as_bytes()),
        ],
    )?;
    Ok(Once::New)
}

fn found(database: &mut dyn Database, key: &str) -> Result<Option<(Vec<u8>, Sent)>> {
    let mut found = None;
    let sql = "SELECT content, media, body FROM requests WHERE key = ?";
    database.query(sql, &[Value::Text(key)], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        let content = next().bytes();
        found = Some((content, Sent { media: next().text().unwrap_or_default(), body: next().bytes() }));
        Ok(())
    })?;
    Ok(found)
}

/// Deletes the answers that may contain predictions of a key's rows: ids grow within a request, so those between its first and last are
/// enough to know.
pub(crate) fn forget(database: &mut dyn Database, row_key: &str) -> Result<()> {
    let sql = "DELETE FROM requests WHERE EXISTS (SELECT 1 FROM predictions p WHERE p.row_key = ? \
               AND p.id >= requests.first_id AND p.id <= requests.last_id)";
    database.execute(sql, &[Value::Text(row_key)]).map(drop)
}

/// Deletes the answers to requests made before `before`.
pub(crate) fn prune(database: &mut dyn Database, before: i64) -> Result<()> {
    database.execute("DELETE FROM requests WHERE at < ?", &[Value::Int(before)]).map(drop)
}
