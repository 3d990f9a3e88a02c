//! The one thread that writes: whatever has gathered is committed together.

use tokio::sync::{mpsc, oneshot};

use crate::database::Database;
use crate::log::{self, Predictions};
use crate::{Error, Result};

/// A group takes no more jobs once it holds so many rows.
const GROUP_ROWS: usize = 8192;

type Work = Box<dyn FnMut(&mut dyn Database) -> Result<()> + Send>;
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// A piece of work for the writer.
pub(crate) enum Job {
    Log(Predictions, Option<oneshot::Sender<Result<()>>>),
    /// The work, and what to do with its end once the transaction is kept or lost.
    Run(Work, Answer),
}

impl Job {
    /// A job, and where its answer arrives.
    pub(crate) fn run<T: Send + 'static>(
        mut work: impl FnMut(&mut dyn Database) -> Result<T> + Send + 'static,
    ) -> (Job, oneshot::Receiver<Result<T>>) {
        use std::sync::{Arc, Mutex, PoisonError};
        let (done, answer) = oneshot::channel();
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        let work = Box::new(move |database: &mut dyn Database| {
            let value = work(database)?;
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
            Ok(())
        });
        let answer_with = Box::new(move |end: Result<()>| {
            let value = filled.lock().unwrap_or_else(PoisonError::into_inner).take();
            // Whoever asked may have gone; what was kept is kept.
            let _ = done.send(end.and_then(|()| value.ok_or(Error::Stopped)));
        });
        (Job::Run(work, answer_with), answer)
    }

    fn n_rows(&self) -> usize {
        match self {
            Job::Log(predictions, _) => predictions.rows.len(),
            Job::Run(..) => 1,
        }
    }

    fn carry_out(&mut self, database: &mut dyn Database) -> Result<()> {
        match self {
            Job::Log(predictions, _) => log::insert(database, predictions),
            Job::Run(work, _) => work(database),
        }
    }

    fn answer(self, end: Result<()>) {
        match self {
            Job::Log(_, Some(done)) => drop(done.send(end)),
            Job::Log(_, None) => {}
            Job::Run(_, answer) => answer(end),
        }
    }
}

/// Starts the thread; it ends when the last sender is gone and all jobs are done.
pub(crate) fn start(database: Box<dyn Database>, jobs: mpsc::Receiver<Job>) -> Result<()> {
    let body = move || run(database, jobs);
    let spawned = std::thread::Builder::new().name("store".into()).spawn(body);
    spawned.map(drop).map_err(|e| Error::Failed(format!("starting its thread: {e}")))
}

fn run(mut database: Box<dyn Database>, mut jobs: mpsc::Receiver<Job>) {
    let mut group = Vec::new();
    while let Some(first) = jobs.blocking_recv() {
        // Whoever is about to hand something over gets the chance to: a commit of many costs little more than of one.
        std::thread::yield_now();
        let mut rows = first.n_rows();
        group.push(first);
        while rows < GROUP_ROWS
            && let Ok(job) = jobs.try_recv()
        {
            rows += job.n_rows();
            group.push(job);
        }
        match transact(&mut *database, &mut group) {
            Ok(()) => group.drain(..).for_each(|job| job.answer(Ok(()))),
            // One bad job must not take the others with it: each gets a transaction of its own.
            Err(_) if group.len() > 1 => {
                for mut job in group.drain(..) {
                    let end = transact(&mut *database, std::slice::from_mut(&mut job));
                    job.answer(end);
                }
            }
            Err(e) => group.drain(..).for_each(|job| job.answer(Err(e.clone()))),
        }
    }
}

fn transact(database: &mut dyn Database, group: &mut [Job]) -> Result<()> {
    let done = database
        .begin()
        .and_then(|()| group.iter_mut().try_for_each(|job| job.carry_out(database)))
        .and_then(|()| database.commit());
    if done.is_err() {
        database.rollback();
    }
    done
}
