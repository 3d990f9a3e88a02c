//! The context of a piece of work: its seed, its limits, its progress listener, and its warnings.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Error, Estimator, Fitted, Registry, Result, Runtime};

/// Something the user should know, although the work continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// A stable, machine-readable name.
    pub code: String,
    /// What was found, and where.
    pub message: String,
}

/// A progress event.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A stage of work begins, with `steps` steps if the number is known.
    Begin {
        /// A description of the work, for people.
        what: String,
        /// How many [`Event::Step`] will follow, if known.
        steps: Option<u64>,
    },
    /// Part of the current stage is done.
    Step(u64),
    /// A message worth a line.
    Note(String),
    /// A warning, when it first occurs.
    Warned(Warning),
    /// The current stage is over.
    End,
}

type Watcher = Arc<dyn Fn(&Event) + Send + Sync>;
type Clock = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Seed, threads, deadline, cancellation, progress and warnings of one piece of work. Clones share all of them.
#[derive(Clone)]
pub struct Context {
    /// The seed from which every random stream is derived.
    pub seed: u64,
    /// The maximum number of threads. Results never depend on it.
    pub threads: usize,
    deadline: Option<Instant>,
    clock: Option<Clock>,
    /// Whether the deadline aborts the work instead of shortening it.
    strict: bool,
    hurried: Arc<AtomicBool>,
    cancelled: Arc<AtomicBool>,
    watcher: Option<Watcher>,
    warnings: Arc<Mutex<Vec<Warning>>>,
    /// For quiet work, where to report warnings that must be shown nevertheless.
    heard: Option<Heard>,
    registry: Arc<Registry>,
    runtime: Arc<Runtime>,
    earlier: Option<Arc<dyn Fitted>>,
}

/// The warnings and the watcher of the work that encloses quiet work.
type Heard = (Arc<Mutex<Vec<Warning>>>, Option<Watcher>);

impl Context {
    /// A context without limits and without a watcher.
    pub fn new(seed: u64, threads: usize, registry: Arc<Registry>) -> Self {
        Context {
            seed,
            threads: threads.max(1),
            deadline: None,
            clock: None,
            strict: false,
            hurried: Arc::default(),
            cancelled: Arc::default(),
            watcher: None,
            warnings: Arc::default(),
            heard: None,
            registry,
            runtime: Arc::default(),
            earlier: None,
        }
    }

    /// The same work, with a search that ends at `deadline`.
    pub fn with_deadline(mut self, deadline: Option<Instant>) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same work with a different clock than the machine's, for tests of deadlines.
    pub fn with_clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Some(Arc::new(clock));
        self
    }

    /// The same work, but without a partial result when the time is up: [`Context::check`] then fails.
    pub fn strict(&self) -> Self {
        Context { strict: true, ..self.clone() }
    }

    /// The same work, limited to this share of the remaining time.
    pub fn within(&self, share: f64) -> Self {
        let left = self.time_left().map(|left| self.now() + left.mul_f64(share.clamp(0.0, 1.0)));
        Context { deadline: left, ..self.clone() }
    }

    /// The same work, with a watcher.
    pub fn with_watcher(mut self, watcher: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.watcher = Some(Arc::new(watcher));
        self
    }

    /// The same work, with options that do not affect its result.
    pub fn with_runtime(mut self, runtime: Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// The options of the work that do not affect its result.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// The same work, which may go on from an earlier model: steps and learners that can get it as [`crate::Training::prior`].
    pub fn with_earlier(&self, earlier: Option<Arc<dyn Fitted>>) -> Self {
        Context { earlier, ..self.clone() }
    }

    /// The earlier model that the work may go on from.
    pub fn earlier(&self) -> Option<&dyn Fitted> {
        self.earlier.as_deref()
    }

    /// The same work with its own stream of random numbers, named by `label`.
    pub fn with_stream(&self, label: &str) -> Self {
        Context { seed: self.seed_for(label), ..self.clone() }
    }

    /// The same work with its own list of warnings, which are not shown to anyone, and without curves (for trial fits).
    pub fn quiet(&self) -> Self {
        let runtime = Arc::new(Runtime { tensorboard: None, ..Runtime::clone(&self.runtime) });
        let heard = self.heard.clone().or_else(|| Some((self.warnings.clone(), self.watcher.clone())));
        Context { warnings: Arc::default(), watcher: None, heard, runtime, ..self.clone() }
    }

    /// A part of the work, with its own list of warnings, which are shown as usual.
    pub fn part(&self) -> Self {
        Context { warnings: Arc::default(), ..self.clone() }
    }

    /// The seed of the random stream named `label` (FNV-1a over the label, mixed with this context's seed).
    pub fn seed_for(&self, label: &str) -> u64 {
        let start = self.seed ^ 0xcbf2_9ce4_8422_2325;
        label.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    /// The switch that stops the work: set it to true from any thread.
    pub fn cancel_switch(&self) -> Arc<AtomicBool> {
        self.cancelled.clone()
    }

    /// The switch that ends a search with the best result so far, as if its time were up.
    pub fn hurry_switch(&self) -> Arc<AtomicBool> {
        self.hurried.clone()
    }

    /// Errors with [`Error::Cancelled`] after the user has asked to stop. Long loops call it every few milliseconds.
    pub fn check(&self) -> Result<()> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        if !self.strict || !self.out_of_time() {
            return Ok(());
        }
        if self.hurried() {
            return Err(Error::Cancelled);
        }
        let remedy = "give a longer --time-limit, or fewer rows";
        Err(Error::data("the time limit passed before there was anything to choose from", remedy))
    }

    /// Whether the time limit has passed or the user has asked to finish early; a search then ends with the best result so far.
    pub fn out_of_time(&self) -> bool {
        self.hurried() || self.deadline.is_some_and(|deadline| self.now() >= deadline)
    }

    /// Whether the user has asked to finish early.
    pub fn hurried(&self) -> bool {
        self.hurried.load(Ordering::Relaxed)
    }

    /// The remaining time, if there is a limit.
    pub fn time_left(&self) -> Option<Duration> {
        self.deadline.map(|deadline| deadline.saturating_duration_since(self.now()))
    }

    /// The current time of the clock.
    pub fn now(&self) -> Instant {
        self.clock.as_ref().map_or_else(Instant::now, |clock| clock())
    }

    /// Records a warning that is shown even in quiet work, because it is about the machine, not about a trial.
    pub fn alarm(&self, code: &str, message: impl Into<String>) {
        match &self.heard {
            Some((warnings, watcher)) => {
                let (warnings, watcher) = (warnings.clone(), watcher.clone());
                Context { warnings, watcher, heard: None, ..self.clone() }.warn(code, message);
            }
            None => self.warn(code, message),
        }
    }

    /// Records a warning and shows it once.
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

    /// Reports progress to the watcher.
    pub fn tell(&self, event: &Event) {
        if let Some(watcher) = &self.watcher {
            watcher(event);
        }
    }

    /// Builds an estimator by name, so that one estimator can contain another although their crates do not depend on each other.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// A context with a limit of ten seconds, and its clock.
    fn limited() -> (Context, Arc<AtomicU64>) {
        let (start, elapsed) = (Instant::now(), Arc::new(AtomicU64::new(0)));
        let hand = elapsed.clone();
        let clock = move || start + Duration::from_secs(hand.load(Ordering::Relaxed));
        (Context::default().with_clock(clock).with_deadline(Some(start + Duration::from_secs(10))), elapsed)
    }

    #[test]
    fn part_of_the_work_has_part_of_the_time() {
        let (context, elapsed) = limited();
        let half = context.within(0.5);
        assert_eq!(half.time_left(), Some(Duration::from_secs(5)));
        elapsed.store(6, Ordering::Relaxed);
        assert!(half.out_of_time() && !context.out_of_time());
        assert_eq!(context.within(0.25).time_left(), Some(Duration::from_secs(1)));
        assert_eq!(Context::default().within(0.1).time_left(), None);
    }

    #[test]
    fn strict_work_fails_when_its_time_is_up() {
        let (context, elapsed) = limited();
        let reading = context.strict();
        assert!(reading.check().is_ok());
        elapsed.store(11, Ordering::Relaxed);
        assert!(context.check().is_ok());
        assert_eq!(reading.check().unwrap_err().code(), "data");
        context.hurry_switch().store(true, Ordering::Relaxed);
        assert_eq!(reading.check().unwrap_err().code(), "cancelled");
    }

    #[test]
    fn alarms_are_heard_through_quiet_work() {
        let context = Context::default();
        let quiet = context.quiet().with_stream("fold").quiet();
        quiet.warn("trial", "nobody hears this");
        quiet.alarm("disk", "this is heard");
        let codes: Vec<String> = context.warnings().into_iter().map(|w| w.code).collect();
        assert_eq!(codes, ["disk"]);
    }
}
