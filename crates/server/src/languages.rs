//! Language models in service. They are named at the start; an adapter that `improve` puts beside one is swapped in while requests
//! run, and the weights stay in memory.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::http::StatusCode;
use prometheus::IntCounter;
use tidemill_core::Result;
use tidemill_engine::language::Embedder;
use tidemill_engine::model::language::Place;
use tidemill_engine::serve::language::Generating;
use tidemill_engine::serve::together::Together;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::Error;
use crate::fault::ApiError;
use crate::live::{Loader, Stamp, stamp};
use crate::telemetry::ModelFigures;

/// Answers of one model that are generated together; more wait.
pub(crate) const AT_ONCE: usize = 8;
/// Requests of one model that may wait for their turn; more are refused.
pub const WAITING: usize = 16;

/// A language model in service.
pub struct Language {
    /// Its name.
    pub name: String,
    /// What it does.
    pub(crate) does: Does,
    /// When it went into service, in microseconds since 1970.
    pub since: i64,
    /// Its figures.
    pub(crate) figures: ModelFigures,
    /// The tokens that it generated.
    pub(crate) generated: IntCounter,
    /// Whose turn it is.
    pub(crate) queue: Queue,
}

/// What a language model does.
pub(crate) enum Does {
    /// It answers.
    Generates { version: ArcSwap<Generating>, seen: Mutex<Option<Stamp>>, together: Together },
    /// It turns texts into vectors.
    Embeds(Arc<Embedder>),
}

impl Language {
    pub(crate) fn open(path: &Path, name: Option<&str>, loader: &Loader) -> Result<Self> {
        let place = Place::of(path)?;
        let called = name.unwrap_or(&place.name).to_string();
        let (does, turns) = if Place::is_encoder(path) {
            (Does::Embeds(Arc::new(Embedder::open(&place.base)?)), 1)
        } else {
            let seen = Mutex::new(stamp(&place.file));
            let secret = loader.hash_key.as_deref();
            let version = {
                let Loader { store, context, precision, .. } = loader;
                Generating::open(path, Some(&called), secret, *precision, store, context)?
            };
            let together = Together::start(&version, loader.together)?;
            (Does::Generates { version: ArcSwap::from_pointee(version), seen, together }, AT_ONCE)
        };
        let figures = loader.telemetry.of_model(&called, "", &[]);
        let generated = loader.telemetry.generated_by(&called);
        let since = crate::clock::now();
        Ok(Language { name: called, does, since, figures, generated, queue: Queue::new(turns) })
    }

    /// Looks whether another adapter is in place, and puts it into service if it loads.
    fn refresh(&self, loader: &Loader) {
        let Does::Generates { version, seen, .. } = &self.does else { return };
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let current = version.load();
        // That the file is gone is news, too: the version before the first improvement is back.
        let found = stamp(&current.opened.place.file);
        // What was not seen waits for the store.
        if *seen == found || seen.is_none() && loader.store_health.refuses() {
            return;
        }
        *seen = found;
        match current.again(loader.hash_key.as_deref(), &loader.store, &loader.context) {
            Ok(next) if next.opened.hash == current.opened.hash => {}
            Ok(next) => {
                let hash = &next.opened.hash;
                tracing::info!(
                    model = self.name,
                    version = &hash[..12.min(hash.len())],
                    "a new version is in service"
                );
                version.store(Arc::new(next));
            }
            Err(e) => match loader.is_for_the_store(&e) {
                true => *seen = None,
                false => tracing::error!(
                    model = self.name,
                    code = e.code(),
                    "the new adapter cannot be used; the old version stays: {e}"
                ),
            },
        }
    }
}

/// The language models in service, by name.
#[derive(Default)]
pub struct Languages(BTreeMap<String, Arc<Language>>);

impl Languages {
    /// Adds a model.
    ///
    /// # Errors
    /// One of that name is in service.
    pub(crate) fn add(&mut self, language: Language) -> Result<(), Error> {
        if self.0.contains_key(&language.name) {
            return Err(Error::SameName { name: language.name });
        }
        self.0.insert(language.name.clone(), Arc::new(language));
        Ok(())
    }

    /// The one of this name.
    pub fn named(&self, name: &str) -> Option<&Arc<Language>> {
        self.0.get(name)
    }

    /// All of them, in the order of their names.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Language>> {
        self.0.values()
    }

    /// Looks for other adapters.
    pub(crate) fn look(&self, loader: &Loader) {
        self.0.values().for_each(|language| language.refresh(loader));
    }
}

/// A few answers at a time are worked on; the requests for a few more wait.
pub(crate) struct Queue {
    turns: Arc<Semaphore>,
    most: usize,
    waiting: AtomicUsize,
}

/// Someone who waits, for as long as they do.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Queue {
    /// With so many turns at once.
    fn new(most: usize) -> Self {
        Queue { turns: Arc::new(Semaphore::new(most)), most, waiting: AtomicUsize::new(0) }
    }

    /// Waits for the turn of a request for `n` answers, which lasts as long as what this gives.
    ///
    /// # Errors
    /// 429 when too many wait already; 503 when the turn does not come in time.
    pub(crate) async fn turn(&self, n: usize, limit: Duration) -> Result<OwnedSemaphorePermit, ApiError> {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            let message = format!("{WAITING} requests wait for this model already");
            return Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "busy", message).help("try again later"));
        }
        let _waiting = Waiting(&self.waiting);
        let late = || {
            let message = format!("no turn came within {} seconds", limit.as_secs());
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "too_slow", message).help("try again later")
        };
        let n = n.clamp(1, self.most) as u32;
        let turn = tokio::time::timeout(limit, self.turns.clone().acquire_many_owned(n)).await;
        turn.map_err(|_| late())?.map_err(|_| late())
    }
}
