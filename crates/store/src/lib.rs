//! What the loop must not lose: the prediction log, feedback, model versions, API keys, decisions of `improve`.
//!
//! One [`Store`] is one database: an SQLite file by default, PostgreSQL by URL. One at a time writes, and commits whatever
//! has gathered while the last commit ran (group commit), so a lone request pays for one small transaction and a thousand
//! at once share one. Every statement is written once, in the SQL that both databases
//! understand ([`database::Database`]).
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
mod schema;
mod sqlite;
mod tally;
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
pub use versions::{Improvement, NewVersion, Version};

use database::Database;
use writer::{Job, Writer};

/// When a logged row counts as kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Safe against a killed process, ours or the database's.
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
    /// When a logged row counts as kept.
    pub durability: Durability,
}

/// A database, and the thread that writes to it. Cloning shares both.
#[derive(Clone)]
pub struct Store {
    location: Arc<Location>,
    durability: Durability,
    writer: Arc<Writer>,
    idle: Arc<Mutex<Vec<Box<dyn Database>>>>,
}

/// So many connections for reading are kept.
const READERS: usize = 2;

enum Location {
    Sqlite(std::path::PathBuf),
    Postgres(String),
}

impl Location {
    fn parse(location: &str) -> Self {
        if location.starts_with("postgres://") || location.starts_with("postgresql://") {
            return Location::Postgres(location.into());
        }
        Location::Sqlite(location.strip_prefix("sqlite:").unwrap_or(location).into())
    }

    fn connect(&self, durability: Durability) -> Result<Box<dyn Database>> {
        Ok(match self {
            Location::Sqlite(path) => Box::new(sqlite::Sqlite::open(path, durability)?),
            Location::Postgres(url) => Box::new(postgres::Postgres::open(url, durability)?),
        })
    }
}

impl Store {
    /// Opens a store, making its tables where they are missing: `postgres://user@host/name`, or the path of an SQLite
    /// file (`sqlite:` before it is allowed).
    ///
    /// # Errors
    /// A database that cannot be reached, is not a database, or was made by a newer version of this program.
    pub fn open(location: &str, options: Options) -> Result<Store> {
        let location = Arc::new(Location::parse(location));
        let mut database = location.connect(options.durability)?;
        schema::prepare(&mut *database)?;
        let quick =
            matches!(*location, Location::Sqlite(_)) && options.durability != Durability::DurablePower;
        let second = quick.then(|| location.connect(options.durability)).transpose()?;
        let writer = Arc::new(Writer::start(database, second)?);
        Ok(Store { location, durability: options.durability, writer, idle: Arc::default() })
    }

    /// Logs the predictions of one request; returns when they are kept, as [`Durability`] says.
    pub async fn log(&self, predictions: Predictions) -> Result<()> {
        if self.durability == Durability::Relaxed {
            return self.writer.submit(Job::Log(predictions, None)).await;
        }
        let (done, kept) = oneshot::channel();
        self.writer.submit(Job::Log(predictions, Some(done))).await?;
        kept.await.map_err(|_| Error::Stopped)?
    }

    /// Stores feedback that `judge` finds sound; the fate of each piece, in order, once all of it is kept. If one piece is
    /// refused, nothing is stored.
    pub async fn accept<J: Judge>(
        &self,
        given: Vec<Feedback>,
        judge: J,
    ) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
        self.write(move |database| accept::accept(database, &given, &judge)).await
    }

    /// As [`Store::accept`], for threads outside of an async runtime.
    pub fn accept_blocking<J: Judge>(
        &self,
        given: Vec<Feedback>,
        judge: J,
    ) -> Result<std::result::Result<Vec<Fate>, Refused<J::Refusal>>> {
        self.write_blocking(move |database| accept::accept(database, &given, &judge))
    }

    /// Whether [`Store::accept`] would take all of it now. Stores nothing.
    pub fn check_feedback<J: Judge>(
        &self,
        given: &[Feedback],
        judge: &J,
    ) -> Result<std::result::Result<(), Refused<J::Refusal>>> {
        self.read(|database| accept::check_all(database, given, judge))
    }

    /// Stores feedback as it is; the fate of each piece, in order, once all of it is kept.
    ///
    /// # Errors
    /// [`Error::Conflict`] for an idempotency key that was used for something else.
    pub fn feedback_blocking(&self, given: Vec<Feedback>) -> Result<Vec<Fate>> {
        self.accept_blocking(given, accept::Lenient)?.map_err(|_| Error::Conflict)
    }

    /// What is noted under a name.
    pub fn mark(&self, name: &str) -> Result<Option<Vec<u8>>> {
        self.read(|database| marks::read(database, name))
    }

    /// Notes something about the store under a name, unless something is noted there; what is noted then.
    pub fn mark_once(&self, name: &str, value: &[u8]) -> Result<Vec<u8>> {
        let (name, value) = (name.to_string(), value.to_vec());
        self.write_blocking(move |database| marks::once(database, &name, &value))
    }

    /// All that is noted under names that begin so, by name.
    pub fn marks(&self, prefix: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.read(|database| marks::all(database, prefix))
    }

    /// Whether rows can be kept: writes as much as many rows need, and takes it away again. Blocks.
    pub fn probe(&self) -> Result<()> {
        self.write_blocking(marks::probe)
    }

    /// Copies the store, as it is at one moment, into a new SQLite file while others go on reading and writing. How many bytes
    /// the copy has.
    ///
    /// # Errors
    /// A file that is there already; a store in PostgreSQL, which has tools of its own.
    pub fn backup(&self, to: &std::path::Path) -> Result<u64> {
        match &*self.location {
            Location::Sqlite(from) => sqlite::backup(from, to),
            Location::Postgres(_) => Err(Error::NoBackup),
        }
    }

    /// How many of the newest `most` predictions of a model since `from` (microseconds since 1970) were odd in which way, and how
    /// many predictions these are.
    pub fn flaws(&self, model: &str, from: i64, most: usize) -> Result<(u64, BTreeMap<String, u64>)> {
        self.read(|database| log::flaws(database, model, from, most))
    }

    /// How many of the newest `most` pieces of feedback since `from` (microseconds since 1970), of all models, are about
    /// predictions that the store does not hold.
    pub fn orphans(&self, from: i64, most: usize) -> Result<u64> {
        self.read(|database| log::orphans(database, from, most))
    }

    /// The models with rows whose kept key begins with `prefix`.
    pub fn models_with_keys_like(&self, prefix: &str) -> Result<Vec<String>> {
        self.read(|database| log::models_with_keys_like(database, prefix))
    }

    /// Passes over the distinct kept keys of a model that begin with `prefix`.
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

    /// As [`Store::write`], for threads outside of an async runtime.
    pub fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut dyn Database) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (job, answer) = Job::run(work);
        self.writer.submit_blocking(job);
        answer.blocking_recv().map_err(|_| Error::Stopped)?
    }

    /// Reads on a connection that never waits for the writer. Blocks. Connections are kept for the next time; one that
    /// failed is not.
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

    /// Deletes everything known of a key: the predictions of its rows, the feedback on them, and the feedback that a user
    /// of that name gave. How many predictions and pieces of feedback went.
    pub fn forget(&self, keys: Vec<String>) -> Result<(u64, u64)> {
        let counts = self.write_blocking(move |database| log::forget(database, &keys))?;
        self.write_blocking(|database| database.settle())?;
        Ok(counts)
    }

    /// Deletes predictions made before `before` (microseconds since 1970), the feedback on them, and feedback as old whose
    /// prediction never came. How many predictions went.
    pub fn prune(&self, before: i64) -> Result<u64> {
        self.write_blocking(move |database| log::prune(database, before))
    }

    /// Records a new API key and gives its token, which is shown once and not stored.
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

    /// All API keys, revoked ones included.
    pub fn keys(&self) -> Result<Vec<Key>> {
        self.read(keys::all)
    }

    /// Revokes a key by its id; `false` when there is none that is not revoked.
    pub fn revoke_key(&self, id: &str) -> Result<bool> {
        let id = id.to_string();
        self.write_blocking(move |database| keys::revoke(database, &id))
    }

    /// The number of this version of a model, recorded now if it is new.
    pub fn version(&self, version: &NewVersion) -> Result<i64> {
        let version = version.clone();
        self.write_blocking(move |database| versions::record(database, &version))
    }

    /// All recorded versions of a model, the oldest first.
    pub fn versions(&self, model: &str) -> Result<Vec<Version>> {
        self.read(|database| versions::all(database, model))
    }

    /// Notes what `improve` decided.
    pub fn note_improvement(&self, improvement: &Improvement) -> Result<()> {
        let improvement = improvement.clone();
        self.write_blocking(move |database| versions::note(database, &improvement))
    }

    /// What `improve` decided about a model, the latest first.
    pub fn improvements(&self, model: &str, most: usize) -> Result<Vec<Improvement>> {
        self.read(|database| versions::improvements(database, model, most))
    }

    /// How many predictions of a model are logged. Rows older than a minute are counted once and noted. Blocks.
    pub fn count(&self, model: &str) -> Result<u64> {
        let (n, change) = self.read(|database| tally::count(database, model, now()))?;
        if let Some((noted, next)) = change {
            let model = model.to_string();
            self.write_blocking(move |database| tally::note(database, &model, &noted, &next))?;
        }
        Ok(n)
    }

    /// The newest predictions of a model that were made since `from` (microseconds since 1970) and that feedback says
    /// something about, oldest first, with what it says, the latest word last: as many as `most` pieces of
    /// feedback are about. The work does not grow with the log.
    pub fn newest_judged(&self, model: &str, from: i64, most: usize) -> Result<Vec<LoggedPrediction>> {
        self.read(|database| log::newest_judged(database, model, from, most))
    }

    /// The latest `most` pieces of feedback on a model that came in since `from` (microseconds since 1970), the latest first,
    /// each with its prediction (which may come more than once).
    pub fn newest_feedback(&self, model: &str, from: i64, most: usize) -> Result<Vec<LoggedPrediction>> {
        self.read(|database| log::newest_feedback(database, model, from, most))
    }

    /// Passes over the predictions of a model made in `[from, to)` (microseconds since 1970), oldest first, each with the
    /// feedback on it in the order in which it counts (the last is the latest).
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
