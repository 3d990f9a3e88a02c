//! The tables.

use crate::database::{Database, Value, first};
use crate::{Error, Result, tally, versions};

/// The version of the tables below. A later version adds the statements that lead to it.
const VERSION: i64 = 4;

/// Creates missing tables.
pub(crate) fn prepare(database: &mut dyn Database) -> Result<()> {
    database.script("CREATE TABLE IF NOT EXISTS tidemill (version BIGINT NOT NULL)")?;
    match first(database, "SELECT version FROM tidemill", &[])?.map(|v| v.int()) {
        Some(VERSION) => return Ok(()),
        Some(found) if found > VERSION => return Err(Error::TooNew { found, known: VERSION }),
        _ => {}
    }
    database.begin(true)?;
    // Another process may have been faster between the query and the transaction.
    let found = first(database, "SELECT version FROM tidemill", &[])?.map(|v| v.int());
    match found {
        None => {
            make(database, TABLES)?;
            make(database, TALLIES)?;
            make(database, MARKS)?;
            make(database, REQUESTS)?;
            database.execute("INSERT INTO tidemill (version) VALUES (?)", &[Value::Int(VERSION)])?;
        }
        Some(found) if found < VERSION => {
            if found < 2 {
                make(database, TALLIES)?;
                for model in versions::models(database)? {
                    tally::begin(database, &model)?;
                }
            }
            if found < 3 {
                make(database, MARKS)?;
                database.script(TO_3)?;
            }
            make(database, REQUESTS)?;
            database.execute("UPDATE tidemill SET version = ?", &[Value::Int(VERSION)])?;
        }
        Some(_) => {}
    }
    database.commit()
}

/// Makes the tables of an earlier version readable without a change to them: what they lack is there for this connection alone, and empty.
pub(crate) fn supplement(database: &mut dyn Database) -> Result<()> {
    match first(database, "SELECT version FROM tidemill", &[])?.map(|v| v.int()) {
        None => Err(Error::Failed("it has no version".into())),
        Some(found) if found > VERSION => Err(Error::TooNew { found, known: VERSION }),
        Some(found) if found < 3 => make(database, &MARKS.replace("CREATE TABLE", "CREATE TEMPORARY TABLE")),
        Some(_) => Ok(()),
    }
}

/// Creates tables, in the words of the database.
fn make(database: &mut dyn Database, tables: &str) -> Result<()> {
    let (bytes, clustered) = (database.bytes_type(), database.clustered());
    database.script(&tables.replace("BYTES", bytes).replace(" CLUSTERED", clustered))
}

/// Timestamps are microseconds since 1970 (UTC). `BYTES` stands for the binary type, and `CLUSTERED` for storing rows in the order of their
/// key: ids increase, so rows are appended at the end of one tree.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS versions (
  id BIGINT PRIMARY KEY,
  model TEXT NOT NULL,
  hash TEXT NOT NULL,
  recipe_hash TEXT NOT NULL,
  parent TEXT,
  columns TEXT NOT NULL,
  about TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  UNIQUE (model, hash)
);
CREATE TABLE IF NOT EXISTS predictions (
  id BYTES PRIMARY KEY,
  at BIGINT NOT NULL,
  version BIGINT NOT NULL,
  variant TEXT NOT NULL,
  propensity DOUBLE PRECISION NOT NULL,
  features TEXT NOT NULL,
  prediction TEXT NOT NULL,
  probabilities TEXT,
  latency_us BIGINT NOT NULL,
  key_id TEXT,
  row_key TEXT,
  flaws TEXT
) CLUSTERED;
CREATE INDEX IF NOT EXISTS predictions_row_key ON predictions (row_key) WHERE row_key IS NOT NULL;
CREATE TABLE IF NOT EXISTS feedback (
  id BYTES PRIMARY KEY,
  prediction_id BYTES NOT NULL,
  kind TEXT NOT NULL,
  value TEXT,
  at BIGINT NOT NULL,
  received_at BIGINT NOT NULL,
  by_user TEXT,
  key_id TEXT,
  idempotency_key TEXT NOT NULL UNIQUE
);
CREATE INDEX IF NOT EXISTS feedback_prediction ON feedback (prediction_id);
CREATE TABLE IF NOT EXISTS keys (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  hash BYTES NOT NULL,
  scopes TEXT NOT NULL,
  created_at BIGINT NOT NULL,
  expires_at BIGINT,
  revoked_at BIGINT
);
CREATE TABLE IF NOT EXISTS improvements (
  id BYTES PRIMARY KEY,
  model TEXT NOT NULL,
  at BIGINT NOT NULL,
  promoted BIGINT NOT NULL,
  verdict TEXT NOT NULL,
  document TEXT NOT NULL
);
";

/// Version 2: the log is no longer counted in full each time.
const TALLIES: &str = "
CREATE TABLE IF NOT EXISTS tallies (
  model TEXT PRIMARY KEY,
  through BYTES NOT NULL,
  n BIGINT NOT NULL,
  generation BIGINT NOT NULL
);
";

/// Version 3: marks about the store as a whole, such as fingerprints of the secrets with which it was written.
const MARKS: &str = "
CREATE TABLE IF NOT EXISTS marks (
  name TEXT PRIMARY KEY,
  value BYTES NOT NULL
);
";

/// To version 3: warnings of a row; idempotency keys belong to the API key with which they were sent.
const TO_3: &str = "
ALTER TABLE predictions ADD COLUMN flaws TEXT;
UPDATE feedback SET idempotency_key = 'key:' || COALESCE(key_id, '') || ':' || idempotency_key
  WHERE idempotency_key NOT LIKE 'content:%';
";

/// Version 4: requests with an idempotency key, and the answers that were sent.
const REQUESTS: &str = "
CREATE TABLE IF NOT EXISTS requests (
  key TEXT PRIMARY KEY,
  content BYTES NOT NULL,
  at BIGINT NOT NULL,
  media TEXT NOT NULL,
  body BYTES NOT NULL,
  first_id BYTES NOT NULL,
  last_id BYTES NOT NULL
);
CREATE INDEX IF NOT EXISTS requests_at ON requests (at);
";
