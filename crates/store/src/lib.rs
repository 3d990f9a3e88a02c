//! What the loop must not lose: the prediction log, feedback, model versions, API keys, and the decisions of `improve`.
//!
//! One [`Store`] is one database: an SQLite file by default, PostgreSQL by URL. There is one writer at a time, and it commits everything
//! that has gathered during the last commit (group commit), so a single request costs one small transaction, and a thousand simultaneous
//! requests share one. Every statement is written once, in the SQL that both databases understand ([`database::Database`]).
//!
//! | durability | when [`Store::log`] returns | on SQLite | on PostgreSQL |
//! |---|---|---|---|
//! | [`Durability::Durable`] | nothing is lost when this process is killed, nor the database's | `synchronous = NORMAL` | `synchronous_commit = on` |
//! | [`Durability::DurablePower`] | nothing is lost in a power cut | `synchronous = FULL` | `synchronous_commit = on` |
//! | [`Durability::Relaxed`] | the rows are queued: a killed process loses what was queued | `synchronous = NORMAL` | `synchronous_commit = off` |
//!
//! ```
//! use tidemill_store::{Options, Store};
//! let folder = tempfile::tempdir()?;
//! let store = Store::open(&folder.path().join("loop.db").display().to_string(), Options::default())?;
//! let (key, token) = store.create_key("ci", &["predict".into()], None)?;
//! assert!(tidemill_store::keys::matches(&key, &token));
//! assert_eq!(store.keys()?.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod accept;
pub mod database;
mod error;
mod feedback;
mod ids;
pub mod keys;
mod log;
mod marks;
mod postgres;
mod requests;
mod schema;
mod sqlite;
mod tally;
mod usage;
mod versions;
mod writer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

pub use accept::{Judge, Refused, Subject};
pub use error::{Error, Result};
pub use feedback::{Fate, Feedback, FeedbackKind, Given};
pub use keys::Key;
pub use log::{LoggedPrediction, LoggedRow, Predictions};
pub use requests::{Keyed, Once, Sent, content};
pub use usage::Usage;
pub use versions::{Improvement, NewVersion, Version};

use database::Database;
use writer::{Job, Writer};

/// When a logged row counts as stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Safe if this process or the database's process is killed.
    #[default]
    Durable,
    /// On disk: safe against a power cut.
    DurablePower,
    /// In the queue: not safe.
    Relaxed,
}

/// How to open a store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// When a logged row counts as stored.
    pub durability: Durability,
}

/// A database, and the thread that writes to it. Clones share both.
#[derive(Clone)]
pub struct Store {
    location: Arc<Location>,
    durability: Durability,
    writer: Arc<Writer>,
    idle: Arc<Mutex<Vec<Box<dyn Database>>>>,
}

/// What the names of marks about copies begin with.
const COPY: &str = "copy/";

/// The number of read connections that are kept open.
const READERS: usize = 2;

enum Location {
    Sqlite(std::path::PathBuf),
    /// A copy that is only looked into.
    Copy(std::path::PathBuf),
    Postgres(String),
}

impl Location {
    fn parse(location: &str) -> Self {
        if location.starts_with("postgres://") || location.starts_with("postgresql://") {
            return Location::Postgres(location.into());
        }
        Location::Sqlite(location.strip_prefix("sqlite:").unwrap_or(location).into())
    }

    /// Refuses what SQLite takes for a database of one connection alone: nothing of it would be found again.
    fn check(&self, place: &str) -> Result<()> {
        match self {
            Location::Sqlite(path) if path.as_os_str().is_empty() || path.as_os_str() == ":memory:" => {
                Err(Error::Open { place: format!("'{place}'"), problem: "it names no file".into() })
            }
            _ => Ok(()),
        }
    }

    /// Connects to a database that may be new.
    fn create(&self, durability: Durability) -> Result<Box<dyn Database>> {
        match self {
            Location::Sqlite(path) => Ok(Box::new(sqlite::Sqlite::create(path, durability)?)),
            Location::Copy(_) | Location::Postgres(_) => self.connect(durability),
        }
    }

    /// Connects to a database that was used before.
    fn connect(&self, durability: Durability) -> Result<Box<dyn Database>> {
        Ok(match self {
            Location::Sqlite(path) => Box::new(sqlite::Sqlite::open(path, durability)?),
            Location::Copy(path) => Box::new(sqlite::Sqlite::look(path)?),
            Location::Postgres(url) => Box::new(postgres::Postgres::open(url, durability)?),
        })
    }
}

impl Store {
    /// Opens a store, creating missing tables: `postgres://user@host/name`, or the path of an SQLite file (optionally prefixed with
    /// `sqlite:`).
    ///
    /// # Errors
    /// The database cannot be reached, is not a database, or was created by a newer version of this program.
    pub fn open(location: &str, options: Options) -> Result<Store> {
        let place = location;
        let location = Arc::new(Location::parse(location));
        location.check(place)?;
        let mut database = location.create(options.durability)?;
        schema::prepare(&mut *database)?;
        let quick =
            matches!(*location, Location::Sqlite(_)) && options.durability != Durability::DurablePower;
        let second = quick.then(|| location.connect(options.durability)).transpose()?;
        let writer = Arc::new(Writer::start(database, second)?);
        Ok(Store { location, durability: options.durability, writer, idle: Arc::default() })
    }

    /// Opens an SQLite file to look into it, whatever earlier version of this program made it: nothing in it changes, and what writes fails.
    ///
    /// # Errors
    /// The file is not there, is no store, or was created by a newer version of this program.
    pub fn look(path: &std::path::Path) -> Result<Store> {
        let (location, durability) = (Arc::new(Location::Copy(path.into())), Durability::default());
        let writer = Arc::new(Writer::start(location.connect(durability)?, None)?);
        Ok(Store { location, durability, writer, idle: Arc::default() })
    }

    /// Logs the predictions of one request; returns when they are stored, as defined by [`Durability`].
    pub async fn log(&self, predictions: Predictions) -> Result<()> {
        if self.durability == Durability::Relaxed {
            return self.writer.submit(Job::Log(predictions, None)).await;
        }
        let (done, kept) = oneshot::channel();
        self.writer.submit(Job::Log(predictions, Some(done))).await?;
        kept.await.map_err(|_| Error::Stopped)?
    }

    /// Like [`Store::log`], for a request with an idempotency key: if it was made before, nothing is logged, and the answer of that time is
    /// returned. `sent` is the answer, which is sent once it is stored, whatever the [`Durability`].
    pub async fn log_once(&self, request: Keyed, predictions: Predictions, sent: Sent) -> Result<Once> {
        self.write(move |database| requests::log_once(database, &request, &predictions, &sent)).await
    }

    /// Stores feedback that `judge` accepts; returns the fate of each piece, in order, once all of it is stored. If one piece is rejected,
    /// nothing is stored.
    pub async fn accept<J: Judge>(
        &self,
        given: Vec<Feedback>,
        judge: J,
    ) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
        self.write(move |database| accept::accept(database, &given, &judge)).await
    }

    /// Like [`Store::accept`], for a request with an idempotency key: pieces without a key of their own are stored under it.
    pub async fn accept_once<J: Judge>(
        &self,
        key: String,
        given: Vec<Feedback>,
        judge: J,
    ) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
        self.write(move |database| accept::accept_once(database, &key, &given, &judge)).await
    }

    /// Like [`Store::accept`], for threads outside an async runtime.
    pub fn accept_blocking<J: Judge>(
        &self,
        given: Vec<Feedback>,
        judge: J,
    ) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
        self.write_blocking(move |database| accept::accept(database, &given, &judge))
    }

    /// Whether [`Store::accept`] would accept all of it now. Stores nothing.
    pub fn check_feedback<J: Judge>(
        &self,
        given: &[Feedback],
        judge: &J,
    ) -> Result<std::result::Result<(), Refused<J::Refusal>>> {
        self.read(|database| accept::check_all(database, given, judge))
    }

    /// Stores feedback unchecked; returns the fate of each piece, in order, once all of it is stored.
    ///
    /// # Errors
    /// [`Error::Conflict`] for an idempotency key that was used for something else.
    pub fn feedback_blocking(&self, given: Vec<Feedback>) -> Result<Vec<Fate>> {
        self.accept_blocking(given, accept::Lenient)?.map_err(|_| Error::Conflict)
    }

    /// The mark with this name.
    pub fn mark(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(|database| marks::read(database, name))
    }

    /// Stores a mark about the store under a name, unless it exists already; returns the stored mark.
    pub fn mark_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let (name, value) = (name.to_string(), value.to_vec());
        self.write_blocking(move |database| marks::once(database, &name, &value))
    }

    /// All marks whose names have this prefix, by name.
    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.read(|database| marks::all(database, prefix))
    }

    /// Tests whether rows can be stored: writes as many bytes as many rows need, and removes them again. Blocks.
    pub fn probe(&self) -> Result<()> {
        self.write_blocking(marks::probe)
    }

    /// Copies a consistent snapshot of the store into a new SQLite file while others continue to read and write. Returns the number of
    /// bytes of the copy.
    ///
    /// # Errors
    /// The file exists already, or the store is in PostgreSQL, which has its own tools.
    pub fn backup(&self, to: &std::path::Path) -> Result<u64> {
        match &*self.location {
            Location::Sqlite(from) | Location::Copy(from) => sqlite::backup(from, to),
            Location::Postgres(_) => Err(Error::NoBackup),
        }
    }

    /// Notes where a copy of the store lies, for whoever forgets a key: copies still hold it. Stores nothing for a place that is known.
    pub fn note_copy(&self, place: &std::path::Path) -> Result<()> {
        let place = place.canonicalize().unwrap_or_else(|_| place.into());
        let name = format!("{COPY}{}", place.display());
        match self.mark(&name)? {
            Some(_) => Ok(()),
            None => self.mark_once(&name, &[]).map(drop),
        }
    }

    /// The places of copies that were noted and are still there; the store itself is none.
    pub fn copies(&self) -> Result<Vec<std::path::PathBuf>> {
        let own = match &*self.location {
            Location::Sqlite(path) | Location::Copy(path) => path.canonicalize().ok(),
            Location::Postgres(_) => None,
        };
        let places = self.marks(COPY)?.into_iter();
        let places = places.filter_map(|(name, _)| Some(std::path::PathBuf::from(name.strip_prefix(COPY)?)));
        Ok(places.filter(|place| place.exists() && own.as_ref() != Some(place)).collect())
    }

    /// Counts the warnings, by code, of the newest `most` predictions of a model since `from` (microseconds since 1970), and these
    /// predictions.
    pub fn flaws(&self, model: &str, from: i64, most: usize) -> Result<(u64, BTreeMap<String, u64>)> {
        self.read(|database| log::flaws(database, model, from, most))
    }

    /// Counts those of the newest `most` pieces of feedback since `from` (microseconds since 1970), of all models, whose predictions are
    /// not in the store.
    pub fn orphans(&self, from: i64, most: usize) -> Result<u64> {
        self.read(|database| log::orphans(database, from, most))
    }

    /// The models with rows whose stored key begins with `prefix`.
    pub fn models_with_keys_like(&self, prefix: &str) -> Result<Vec<String>> {
        self.read(|database| log::models_with_keys_like(database, prefix))
    }

    /// Iterates over the distinct stored keys of a model that begin with `prefix`.
    pub fn each_key_like(
        &self,
        model: &str,
        prefix: &str,
        each: &mut dyn FnMut(String) -> Result<()>,
    ) -> Result<()> {
        self.read(|database| log::each_key_like(database, model, prefix, each))
    }

    /// Runs `work` in a transaction on the writer's thread.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = Job::run(work);
        self.writer.submit(job).await?;
        answer.await.map_err(|_| Error::Stopped)?
    }

    /// Like [`Store::write`], for threads outside an async runtime.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = Job::run(work);
        self.writer.submit_blocking(job);
        answer.blocking_recv().map_err(|_| Error::Stopped)?
    }

    /// Reads on a connection that never waits for the writer. Blocks. Connections are kept for reuse unless they failed.
    pub fn read<T>(&self, work: impl FnOnce(&mut dyn Database) -> Result<T>) -> Result<T> {
        let kept = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut database = match kept {
            Some(mut database) => {
                database.refresh()?;
                database
            }
            None => self.location.connect(self.durability)?,
        };
        let found = work(&mut *database)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < READERS {
            idle.push(database);
        }
        Ok(found)
    }

    /// Whether anything is known about one of these keys: a prediction of its row, or feedback given by a user of that name.
    pub fn knows(&self, keys: &[String]) -> Result<bool> {
        self.read(|database| log::knows(database, keys))
    }

    /// Deletes everything known about a key: the predictions of its rows, the feedback on them, and the feedback given by a user of that
    /// name. Returns the number of deleted predictions and pieces of feedback.
    pub fn forget(&self, keys: Vec<String>) -> Result<(u64, u64)> {
        let counts = self.write_blocking(move |database| {
            keys.iter().try_for_each(|key| requests::forget(database, key))?;
            log::forget(database, &keys)
        })?;
        self.write_blocking(|database| database.settle())?;
        Ok(counts)
    }

    /// Deletes predictions made before `before` (microseconds since 1970), the feedback on them, and equally old feedback whose prediction
    /// never came. Returns the number of deleted predictions.
    pub fn prune(&self, before: i64) -> Result<u64> {
        self.write_blocking(move |database| {
            requests::prune(database, before)?;
            log::prune(database, before)
        })
    }

    /// Creates an API key and returns its token, which is shown once and not stored.
    pub fn create_key(
        &self,
        name: &str,
        scopes: &[String],
        expires_at: Option<i64>,
    ) -> Result<(Key, String)> {
        let (key, token) = keys::create(name, scopes, expires_at)?;
        let stored = key.clone();
        self.write_blocking(move |database| keys::insert(database, &stored))?;
        Ok((key, token))
    }

    /// All API keys, including revoked ones.
    pub fn keys(&self) -> Result<Vec<Key>> {
        self.read(keys::all)
    }

    /// Revokes a key by its id; `false` if there is no active key with this id.
    pub fn revoke_key(&self, id: &str) -> Result<bool> {
        let id = id.to_string();
        self.write_blocking(move |database| keys::revoke(database, &id))
    }

    /// The number of this version of a model, which is recorded now if it is new.
    pub fn version(&self, version: &NewVersion) -> Result<i64> {
        let version = version.clone();
        self.write_blocking(move |database| versions::record(database, &version))
    }

    /// All recorded versions of a model, the oldest first.
    pub fn versions(&self, model: &str) -> Result<Vec<Version>> {
        self.read(|database| versions::all(database, model))
    }

    /// The names of the models that were served.
    pub fn models(&self) -> Result<Vec<String>> {
        self.read(versions::models)
    }

    /// Records a decision of `improve`.
    pub fn note_improvement(&self, improvement: &Improvement) -> Result<()> {
        let improvement = improvement.clone();
        self.write_blocking(move |database| versions::note(database, &improvement))
    }

    /// The decisions of `improve` about a model, the latest first.
    pub fn improvements(&self, model: &str, most: usize) -> Result<Vec<Improvement>> {
        self.read(|database| versions::improvements(database, model, most))
    }

    /// The number of logged predictions of a model. Rows older than a minute are counted once and recorded. Blocks.
    pub fn count(&self, model: &str) -> Result<u64> {
        let (n, change) = self.read(|database| tally::count(database, model, now()))?;
        if let Some((noted, next)) = change {
            let model = model.to_string();
            self.write_blocking(move |database| tally::note(database, &model, &noted, &next))?;
        }
        Ok(n)
    }

    /// How much a model was used since `from` (microseconds since 1970), by version and API key. Blocks; reads the whole log of that time.
    pub fn usage(&self, model: &str, from: i64) -> Result<Vec<Usage>> {
        self.read(|database| usage::of_model(database, model, from))
    }

    /// The newest predictions of a model since `from` (microseconds since 1970) that have feedback, oldest first, with their feedback, the
    /// latest last: those to which the newest `most` pieces of feedback refer. The cost does not grow with the log.
    pub fn newest_judged(&self, model: &str, from: i64, most: usize) -> Result<Vec<LoggedPrediction>> {
        self.read(|database| log::newest_judged(database, model, from, most))
    }

    /// The latest `most` pieces of feedback on a model received since `from` (microseconds since 1970), the latest first, each with its
    /// prediction (which may occur more than once).
    pub fn newest_feedback(&self, model: &str, from: i64, most: usize) -> Result<Vec<LoggedPrediction>> {
        self.read(|database| log::newest_feedback(database, model, from, most))
    }

    /// Iterates over the predictions of a model made in `[from, to)` (microseconds since 1970), oldest first, each with its feedback in the
    /// order in which it counts (the last is the latest).
    pub fn each_logged(
        &self,
        model: &str,
        from: i64,
        to: i64,
        with_feedback_only: bool,
        each: &mut dyn FnMut(LoggedPrediction) -> Result<()>,
    ) -> Result<()> {
        self.read(|database| log::each(database, model, from, to, with_feedback_only, each))
    }
}

/// Microseconds since 1970 (UTC).
#[expect(clippy::disallowed_methods, reason = "the log says when things happened; no package is made here")]
pub fn now() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |d| d.as_micros() as i64)
}
