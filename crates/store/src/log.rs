//! The prediction log.

use std::collections::BTreeMap;
use std::sync::Arc;

use uuid::Uuid;

use crate::database::{Database, Datum, Value, first};
use crate::feedback::{self, Given};
use crate::ids::first_id;
use crate::{Error, Result, tally};

/// The predictions for one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The model version, as numbered by [`crate::Store::version`].
    pub version: i64,
    /// The name of the variant that made the predictions: `champion`, or a challenger's.
    pub variant: Arc<str>,
    /// The probability with which that variant was chosen.
    pub propensity: f64,
    /// The duration of the request so far, in microseconds.
    pub latency_us: u32,
    /// The API key of the request.
    pub key_id: Option<Arc<str>>,
    /// The rows.
    pub rows: Vec<LoggedRow>,
}

/// One predicted row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedRow {
    /// Its permanent id.
    pub id: Uuid,
    /// The features as they were sent, a JSON array in the order of the version's columns.
    pub features: String,
    /// The prediction, as JSON: a number, or the name of a class.
    pub prediction: String,
    /// The probability of each class, a JSON array in the order of the classes.
    pub probabilities: Option<String>,
    /// The value of the key column.
    pub row_key: Option<String>,
    /// The codes of the row's warnings, separated by spaces.
    pub flaws: Option<String>,
}

const WIDTH: usize = 12;
const HEAD: &str = "INSERT INTO predictions (id, at, version, variant, propensity, features, prediction, \
                    probabilities, latency_us, key_id, row_key, flaws) VALUES";

pub(crate) fn insert(database: &mut dyn Database, predictions: &Predictions) -> Result<()> {
    let mut values = Vec::with_capacity(predictions.rows.len() * WIDTH);
    for row in &predictions.rows {
        values.extend([
            Value::Bytes(row.id.as_bytes()),
            Value::Int(predictions.at),
            Value::Int(predictions.version),
            Value::Text(&predictions.variant),
            Value::Real(predictions.propensity),
            Value::Text(&row.features),
            Value::Text(&row.prediction),
            row.probabilities.as_deref().into(),
            Value::Int(predictions.latency_us.into()),
            predictions.key_id.as_deref().into(),
            row.row_key.as_deref().into(),
            row.flaws.as_deref().into(),
        ]);
    }
    // A group that is retried after a failure must not fail on the rows that were stored.
    database.insert(HEAD, "ON CONFLICT (id) DO NOTHING", WIDTH, &values)
}

/// A logged prediction, with its feedback.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedPrediction {
    /// Its id.
    pub id: Uuid,
    /// When, in microseconds since 1970.
    pub at: i64,
    /// The number of the model version.
    pub version: i64,
    /// The features, a JSON array in the order of the version's columns.
    pub features: String,
    /// The prediction, as JSON.
    pub prediction: String,
    /// The probabilities, as a JSON array.
    pub probabilities: Option<String>,
    /// The value of the key column.
    pub row_key: Option<String>,
    /// The duration of the request, in microseconds.
    pub latency_us: i64,
    /// Feedback, the latest last.
    pub feedback: Vec<Given>,
}

/// The columns that are read for a prediction and for a piece of feedback on it.
const COLUMNS: &str = "SELECT p.id, p.at, p.version, p.features, p.prediction, p.probabilities, p.row_key, p.latency_us, \
                       f.kind, f.value, f.at, f.received_at, f.by_user, f.key_id";

/// Joined from feedback to its prediction, in this order even if the database would choose another one.
const FROM_FEEDBACK: &str = "FROM feedback f CROSS JOIN predictions p CROSS JOIN versions v \
                             WHERE p.id = f.prediction_id AND v.id = p.version AND v.model = ?";

/// See [`crate::Store::each_logged`].
pub(crate) fn each(
    database: &mut dyn Database,
    model: &str,
    from: i64,
    to: i64,
    with_feedback_only: bool,
    each: &mut dyn FnMut(LoggedPrediction) -> Result<()>,
) -> Result<()> {
    let join = if with_feedback_only { "JOIN" } else { "LEFT JOIN" };
    let sql = format!(
        "{COLUMNS} FROM predictions p JOIN versions v ON v.id = p.version {join} feedback f ON f.prediction_id = p.id \
         WHERE v.model = ? AND p.at >= ? AND p.at < ? ORDER BY p.id, f.at, f.id"
    );
    grouped(database, &sql, &[Value::Text(model), Value::Int(from), Value::Int(to)], each).map(drop)
}

/// See [`crate::Store::newest_judged`].
pub(crate) fn newest_judged(
    database: &mut dyn Database,
    model: &str,
    from: i64,
    most: usize,
) -> Result<Vec<LoggedPrediction>> {
    let sql = format!(
        "{COLUMNS} {FROM_FEEDBACK} AND f.prediction_id >= ? ORDER BY f.prediction_id DESC, f.at, f.id LIMIT ?"
    );
    let least = first_id(from);
    let values = [Value::Text(model), Value::Bytes(least.as_bytes()), Value::Int(most as i64)];
    let mut found = Vec::new();
    let n_rows = grouped(database, &sql, &values, &mut |logged| {
        found.push(logged);
        Ok(())
    })?;
    if n_rows == most && found.len() > 1 {
        // There may be more feedback on it.
        found.pop();
    }
    found.reverse();
    Ok(found)
}

/// See [`crate::Store::newest_feedback`].
pub(crate) fn newest_feedback(
    database: &mut dyn Database,
    model: &str,
    from: i64,
    most: usize,
) -> Result<Vec<LoggedPrediction>> {
    let sql = format!("{COLUMNS} {FROM_FEEDBACK} AND f.id >= ? ORDER BY f.id DESC LIMIT ?");
    let least = first_id(from);
    let values = [Value::Text(model), Value::Bytes(least.as_bytes()), Value::Int(most as i64)];
    let mut found = Vec::new();
    grouped(database, &sql, &values, &mut |logged| {
        found.push(logged);
        Ok(())
    })?;
    Ok(found)
}

/// Groups rows of [`COLUMNS`], so that consecutive rows of one prediction become one; returns the number of rows.
fn grouped(
    database: &mut dyn Database,
    sql: &str,
    values: &[Value<'_>],
    each: &mut dyn FnMut(LoggedPrediction) -> Result<()>,
) -> Result<usize> {
    let mut open: Option<LoggedPrediction> = None;
    let mut n_rows = 0;
    database.query(sql, values, &mut |row| {
        n_rows += 1;
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        let id = Uuid::from_slice(&next().bytes()).unwrap_or_default();
        let text = |datum: Datum| datum.text();
        let found = LoggedPrediction {
            id,
            at: next().int(),
            version: next().int(),
            features: text(next()).unwrap_or_default(),
            prediction: text(next()).unwrap_or_default(),
            probabilities: text(next()),
            row_key: text(next()),
            latency_us: next().int(),
            feedback: Vec::new(),
        };
        let given = feedback::given(&mut next);
        match &mut open {
            Some(same) if same.id == id => same.feedback.extend(given),
            _ => {
                let begun = LoggedPrediction { feedback: given.into_iter().collect(), ..found };
                if let Some(done) = open.replace(begun) {
                    each(in_order(done))?;
                }
            }
        }
        Ok(())
    })?;
    open.map_or(Ok(()), |last| each(in_order(last)))?;
    Ok(n_rows)
}

/// The prediction with its feedback in the order in which it counts: feedback with a timestamp in the future counts from when it was
/// received.
fn in_order(mut logged: LoggedPrediction) -> LoggedPrediction {
    // Stable: for equal timestamps, the one that came later is last, as the query returns them.
    logged.feedback.sort_by_key(Given::counts_at);
    logged
}

/// Counts the warnings, by code, of the newest rows of a model (at most `most` since `from`), and these rows.
pub(crate) fn flaws(
    database: &mut dyn Database,
    model: &str,
    from: i64,
    most: usize,
) -> Result<(u64, BTreeMap<String, u64>)> {
    let sql = "SELECT p.flaws FROM predictions p CROSS JOIN versions v WHERE v.id = p.version AND v.model = ? AND p.id >= ? \
               ORDER BY p.id DESC LIMIT ?";
    let least = first_id(from);
    let values = [Value::Text(model), Value::Bytes(least.as_bytes()), Value::Int(most as i64)];
    let (mut n, mut found) = (0, BTreeMap::new());
    database.query(sql, &values, &mut |row| {
        n += 1;
        let codes = row.into_iter().next().and_then(Datum::text).unwrap_or_default();
        for code in codes.split_whitespace() {
            *found.entry(code.to_string()).or_default() += 1;
        }
        Ok(())
    })?;
    Ok((n, found))
}

/// Counts those of the newest pieces of feedback (at most `most` since `from`) whose predictions are not in the store.
pub(crate) fn orphans(database: &mut dyn Database, from: i64, most: usize) -> Result<u64> {
    let sql = "SELECT COUNT(*) FROM (SELECT prediction_id FROM feedback WHERE id >= ? ORDER BY id DESC LIMIT ?) f \
               WHERE NOT EXISTS (SELECT 1 FROM predictions p WHERE p.id = f.prediction_id)";
    let least = first_id(from);
    let found = first(database, sql, &[Value::Bytes(least.as_bytes()), Value::Int(most as i64)])?;
    Ok(found.map_or(0, |n| n.int()).max(0) as u64)
}

/// The models of rows whose key was hashed (`prefix` is the prefix of hashes).
pub(crate) fn models_with_keys_like(database: &mut dyn Database, prefix: &str) -> Result<Vec<String>> {
    let sql = "SELECT DISTINCT v.model FROM versions v JOIN predictions p ON p.version = v.id WHERE p.row_key LIKE ? ORDER BY v.model";
    let mut models = Vec::new();
    database.query(sql, &[Value::Text(&format!("{prefix}%"))], &mut |row| {
        models.extend(row.into_iter().next().and_then(Datum::text));
        Ok(())
    })?;
    Ok(models)
}

/// Iterates over the distinct stored keys of a model that begin with `prefix`.
pub(crate) fn each_key_like(
    database: &mut dyn Database,
    model: &str,
    prefix: &str,
    each: &mut dyn FnMut(String) -> Result<()>,
) -> Result<()> {
    let sql = "SELECT DISTINCT p.row_key FROM predictions p JOIN versions v ON v.id = p.version WHERE v.model = ? AND p.row_key LIKE ?";
    database.query(sql, &[Value::Text(model), Value::Text(&format!("{prefix}%"))], &mut |row| {
        row.into_iter().next().and_then(Datum::text).map_or(Ok(()), &mut *each)
    })
}

/// See [`crate::Store::knows`].
pub(crate) fn knows(database: &mut dyn Database, keys: &[String]) -> Result<bool> {
    for key in keys {
        let key = [Value::Text(key)];
        for sql in [
            "SELECT 1 FROM predictions WHERE row_key = ? LIMIT 1",
            "SELECT 1 FROM feedback WHERE by_user = ? LIMIT 1",
        ] {
            if first(database, sql, &key)?.is_some() {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

pub(crate) fn forget(database: &mut dyn Database, keys: &[String]) -> Result<(u64, u64)> {
    let (mut predictions, mut pieces) = (0, 0);
    for key in keys {
        let key = [Value::Text(key)];
        tally::subtract(database, "row_key = ?", key[0])?;
        pieces += database.execute(
            "DELETE FROM feedback WHERE prediction_id IN (SELECT id FROM predictions WHERE row_key = ?)",
            &key,
        )?;
        pieces += database.execute("DELETE FROM feedback WHERE by_user = ?", &key)?;
        predictions += database.execute("DELETE FROM predictions WHERE row_key = ?", &key)?;
    }
    Ok((predictions, pieces))
}

pub(crate) fn prune(database: &mut dyn Database, before: i64) -> Result<u64> {
    let before = [Value::Int(before)];
    tally::subtract(database, "at < ?", before[0])?;
    database.execute(
        "DELETE FROM feedback WHERE prediction_id IN (SELECT id FROM predictions WHERE at < ?)",
        &before,
    )?;
    database.execute(
        "DELETE FROM feedback WHERE received_at < ? AND NOT EXISTS \
         (SELECT 1 FROM predictions WHERE predictions.id = feedback.prediction_id)",
        &before,
    )?;
    database.execute("DELETE FROM predictions WHERE at < ?", &before)
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Self {
        Error::Failed(format!("a stored document: {e}"))
    }
}
