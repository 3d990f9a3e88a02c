//! Answers of one language model, generated together on a thread of their own: weights are read once for all of them.
//!
//! Answers of the version that was in service before go on beside those of the new one, each with an adapter of its own; the memory
//! that is stated holds for each of the two.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use tidemill_core::{Error, Result};
use tidemill_language::{Batch, BatchLimits, Generated, Generation, Request};

use super::language::Generating;

/// Gets each piece of an answer's text once it is certain, and may break off.
pub type Listen = Box<dyn FnMut(&str) -> ControlFlow<()> + Send>;

/// The thread that generates the answers of one model. It ends with the last of these.
#[derive(Clone)]
pub struct Together {
    jobs: Sender<Job>,
    limits: BatchLimits,
}

/// Where an answer goes, and its place among those of its question.
type Done = (Sender<(usize, Result<Generated>)>, usize);

/// An answer on its way.
struct Job {
    version: Arc<Generating>,
    generation: Generation,
    owner: Option<Arc<str>>,
    listen: Listen,
    done: Done,
}

impl Together {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system has no thread left, or the memory holds nothing of this model.
    pub fn start(first: &Generating, limits: BatchLimits) -> Result<Self> {
        limits.context(first.opened.model.config())?;
        let (jobs, queue) = channel();
        let body = move || run(&queue, limits);
        let spawned = std::thread::Builder::new().name("answers".into()).spawn(body);
        spawned.map_err(|e| Error::internal(format!("starting a thread: {e}")))?;
        Ok(Together { jobs, limits })
    }

    /// Answers requests of one question, by this version, together with all others that are asked meanwhile; gives the answers in
    /// their order once all have ended. `owner` is whoever asks: prompts are kept for each of them apart.
    ///
    /// # Errors
    /// The first that an answer ended with.
    pub fn answer(
        &self,
        version: &Arc<Generating>,
        requests: &[Request],
        owner: Option<&Arc<str>>,
        listen: impl Fn(usize) -> Listen,
    ) -> Result<Vec<Generated>> {
        let (done, ended) = channel();
        for (i, request) in requests.iter().enumerate() {
            let generation = self.limits.begin(&version.opened.model, request.clone())?;
            let (version, owner) = (version.clone(), owner.cloned());
            let job = Job { version, generation, owner, listen: listen(i), done: (done.clone(), i) };
            self.jobs.send(job).map_err(|_| broken())?;
        }
        drop(done);
        let answers: BTreeMap<usize, Result<Generated>> = ended.iter().collect();
        if answers.len() < requests.len() {
            return Err(broken());
        }
        answers.into_values().collect()
    }
}

fn broken() -> Error {
    Error::internal("the answer broke off")
}

/// The answers of one version.
struct Desk {
    version: Arc<Generating>,
    batch: Batch,
    asked: BTreeMap<u64, (Listen, Done)>,
    next: u64,
}

fn run(queue: &Receiver<Job>, limits: BatchLimits) {
    // The version that was asked last comes last.
    let mut desks: Vec<Desk> = Vec::new();
    loop {
        let first = match desks.iter().all(|desk| desk.batch.is_idle()) {
            true => match queue.recv() {
                Ok(job) => Some(job),
                Err(_) => return,
            },
            false => None,
        };
        for job in first.into_iter().chain(queue.try_iter()) {
            take(&mut desks, job, limits);
        }
        // A fault of ours costs the answers of one version, not the service.
        desks.retain_mut(|desk| catch_unwind(AssertUnwindSafe(|| desk.step())).is_ok());
        let newest = desks.len().saturating_sub(1);
        let mut i = 0;
        desks.retain(|desk| {
            i += 1;
            i > newest || !desk.batch.is_idle()
        });
    }
}

/// Gives a request to the desk of its version.
fn take(desks: &mut Vec<Desk>, job: Job, limits: BatchLimits) {
    let at = match desks.iter().position(|desk| Arc::ptr_eq(&desk.version, &job.version)) {
        Some(at) => at,
        None => {
            desks.iter_mut().for_each(|desk| desk.batch.forget());
            match Desk::new(job.version.clone(), limits) {
                Ok(desk) => desks.push(desk),
                Err(e) => return drop(job.done.0.send((job.done.1, Err(e)))),
            }
            desks.len() - 1
        }
    };
    desks[at].take(job);
}

impl Desk {
    fn new(version: Arc<Generating>, limits: BatchLimits) -> Result<Self> {
        let batch = Batch::new(&version.opened.model, limits)?;
        Ok(Desk { version, batch, asked: BTreeMap::new(), next: 0 })
    }

    fn take(&mut self, job: Job) {
        let number = self.next;
        self.next += 1;
        self.batch.add(number, job.generation, job.owner);
        self.asked.insert(number, (job.listen, job.done));
    }

    fn step(&mut self) {
        let Desk { version, batch, asked, .. } = self;
        let (model, adapter) = (&version.opened.model, version.opened.adapter.as_ref());
        let mut listen = |number: u64, text: &str| match asked.get_mut(&number) {
            Some((listen, _)) => listen(text),
            None => ControlFlow::Break(()),
        };
        // Among the threads that work, not from outside: the step forks hundreds of times.
        let ended = rayon::scope(|_| batch.step(model, adapter, &mut listen));
        for (number, generated) in ended {
            if let Some((_, (done, i))) = asked.remove(&number) {
                // Whoever has left hears nothing of it.
                let _ = done.send((i, generated));
            }
        }
    }
}
