//! What surrounds a piece of work: its seed, its limits, who watches it, and what it has to say on the side.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Estimator, Registry, Result, Runtime};

/// Something the user should know though the work went on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable, machine-readable name.
    pub code: String,
    /// What was found, and where.
    pub message: String,
}

/// A sign of progress.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A stretch of work begins: `steps` of them, where known.
    Begin {
        /// What is being done, for people.
        what: String,
        /// How many [`Event::Step`] will follow, where known.
        steps: Option<u64>,
    },
    /// Part of the current stretch is done.
    Step(u64),
    /// Something worth a line.
    Note(String),
    /// A warning, as it is first met.
    Warned(Warning),
    /// The current stretch is over.
    End,
}

type Watcher = Arc<dyn Fn(&Event) + Send + Sync>;

/// Seed, threads, deadline, cancellation, progress and warnings of one piece of work. Cloning shares all of them.
#[derive(Clone)]
pub struct Context {
    /// From which every random stream is derived.
    pub seed: u64,
    /// How many threads may work. Answers never depend on it.
    pub threads: usize,
    deadline: Option<Instant>,
    cancelled: Arc<AtomicBool>,
    watcher: Option<Watcher>,
    warnings: Arc<Mutex<Vec<Warning>>>,
    registry: Arc<Registry>,
    runtime: Arc<Runtime>,
}

impl Context {
    /// A context with no limits and nobody watching.
    pub fn new(seed: u64, threads: usize, registry: Arc<Registry>) -> Self {
        Context {
            seed,
            threads: threads.max(1),
            deadline: None,
            cancelled: Arc::default(),
            watcher: None,
            warnings: Arc::default(),
            registry,
            runtime: Arc::default(),
        }
    }

    /// The same work, told to end its search at `deadline`.
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same work, watched.
    pub fn with_watcher(mut self, watcher: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Arc::new(watcher));
        self
    }

    /// The same work, with what a user asks of it beside its result.
    pub fn with_runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// What a user asks of the work beside its result.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The same work with its own stream of random numbers, named by `label`.
    pub fn with_stream(&self, label: &str) -> Self {
        Context { seed: self.seed_for(label), ..self.clone() }
    }

    /// The same work, whose warnings go to a list of their own and are shown to nobody, and which leaves no curves (trial
    /// fits).
    pub fn quiet(&self) -> Self {
        let runtime = Arc::new(Runtime { tensorboard: None, ..Runtime::clone(&self.runtime) });
        Context { warnings: Arc::default(), watcher: None, runtime, ..self.clone() }
    }

    /// A seed for the random stream named `label` (FNV-1a over the label, mixed with this context's seed).
    pub fn seed_for(&self, label: &str) -> u64 {
        let start = self.seed ^ 0xcbf2_9ce4_8422_2325;
        label.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The switch that stops the work: set it to true, from any thread.
    pub fn cancel_switch(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }

    /// Errors with [`Error::Cancelled`] once the user asked to stop. Long loops call it every few milliseconds.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Whether the time limit has passed: a search ends with the best so far.
    pub fn out_of_time(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Collects a warning and shows it once.
    pub fn warn(&self, code: &str, message: impl Into<String>) {
        let warning = Warning { code: code.into(), message: message.into() };
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if !warnings.contains(&warning) {
            warnings.push(warning.clone());
            drop(warnings);
            self.tell(&Event::Warned(warning));
        }
    }

    /// The warnings so far, in a fixed order.
    pub fn warnings(&self) -> Vec<Warning> {
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Shows progress to whoever watches.
    pub fn tell(&self, event: &Event) {
        if let Some(watcher) = &self.watcher {
            watcher(event);
        }
    }

    /// Builds an estimator by name: how one estimator holds another while their rooms stay apart.
    pub fn build(&self, kind: &str, params: Value) -> Result<Box<dyn Estimator>> {
        self.registry.build(kind, params)
    }

    /// The built-ins.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }
}

impl Default for Context {
    /// Seed 0, one thread, no built-ins: for examples and tests of single estimators.
    fn default() -> Self {
        Context::new(0, 1, Arc::default())
    }
}
