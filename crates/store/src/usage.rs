//! How much a model was used, by version and API key.

use crate::Result;
use crate::database::{Database, Datum, Value};
use crate::ids::first_id;

/// What was used of one version by the callers with one API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// The number of the version in this store.
    pub version: i64,
    /// The id of the API key; `None` for callers without one.
    pub key_id: Option<String>,
    /// Predicted rows.
    pub predictions: u64,
    /// The requests with these rows.
    pub requests: u64,
    /// The time of these requests together, in microseconds: their CPU time and what they waited.
    pub busy_us: u64,
}

/// Rows of one request have the same timestamp and duration.
const SQL: &str = "SELECT version, key_id, CAST(SUM(n) AS BIGINT), COUNT(*), CAST(SUM(latency_us) AS BIGINT) FROM \
                   (SELECT p.version AS version, p.key_id AS key_id, p.at AS at, p.latency_us AS latency_us, COUNT(*) AS n \
                   FROM predictions p JOIN versions v ON v.id = p.version WHERE v.model = ? AND p.id >= ? \
                   GROUP BY p.version, p.key_id, p.at, p.latency_us) r GROUP BY version, key_id";

/// See [`crate::Store::usage`].
pub(crate) fn of_model(database: &mut dyn Database, model: &str, from: i64) -> Result<Vec<Usage>> {
    let least = first_id(from);
    let mut found = Vec::new();
    database.query(SQL, &[Value::Text(model), Value::Bytes(least.as_bytes())], &mut |row| {
        let mut row = row.into_iter();
        let mut next = || row.next().unwrap_or(Datum::Null);
        let version = next().int();
        let key_id = next().text();
        let mut count = || next().int().max(0) as u64;
        let (predictions, requests, busy_us) = (count(), count(), count());
        found.push(Usage { version, key_id, predictions, requests, busy_us });
        Ok(())
    })?;
    // Databases do not agree on where nothing stands in an order.
    found.sort_by(|a, b| (a.version, &a.key_id).cmp(&(b.version, &b.key_id)));
    Ok(found)
}
