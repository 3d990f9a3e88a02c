//! Who writes: whatever has gathered is committed together, by one at a time.
//!
//! A thread commits. What gathers while it does so is its next group: the more is asked at once, the less a row costs.
//!
//! Where a commit is quick (SQLite that need not wait for the disk) and requests come one by one, there is nothing to
//! gather, and waking the thread and waiting for it costs more than the commit: then whoever hands work over commits it on the
//! spot. What may take long never does: large groups, and a database that another process holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::database::Database;
use crate::log::{self, Predictions};
use crate::{Error, Result};

/// A group takes no more jobs once it holds so many rows.
const GROUP_ROWS: usize = 8192;
/// More rows than these are not committed on the spot.
const SPOT_ROWS: usize = 512;
/// After so many groups of one, requests are taken to come one by one.
const LONELY: usize = 32;
/// After a group of so many jobs, the thread waits for more before the next one.
const CROWD: usize = 6;
/// How long: much less than anybody notices, and long enough for some requests.
const GATHER: Duration = Duration::from_micros(100);
/// After so many rows the write-ahead log is moved into the database file.
const CHECKPOINT_ROWS: usize = 20_000;
/// How many pieces of work may wait before callers wait to hand theirs over.
const WAITING: usize = 4096;

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
        let (done, answer) = oneshot::channel();
        let slot = Arc::new(Mutex::new(None));
        let filled = slot.clone();
        let work = Box::new(move |database: &mut dyn Database| {
            let value = work(database)?;
            *lock(&slot) = Some(value);
            Ok(())
        });
        let answer_with = Box::new(move |end: Result<()>| {
            let value = lock(&filled).take();
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

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Work that waits.
struct Waiting {
    job: Job,
    /// How much it counts: its rows, or too many for the spot.
    rows: usize,
    /// What bounds how much may wait.
    _permit: Option<OwnedSemaphorePermit>,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Waiting>,
    rows: usize,
    closed: bool,
    checkpoint: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    /// How many groups of one there have been in a row.
    lonely: AtomicUsize,
    database: Mutex<Box<dyn Database>>,
    /// Rows since the write-ahead log was last moved.
    rows: AtomicUsize,
}

/// The writer of a store. Dropping it commits what waits, and ends.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    on_the_spot: bool,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// A writer to this database. `second` is a connection for moving the write-ahead log; with one, small work is
    /// committed on the spot.
    pub(crate) fn start(database: Box<dyn Database>, second: Option<Box<dyn Database>>) -> Result<Self> {
        let on_the_spot = second.is_some();
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            lonely: AtomicUsize::new(0),
            database: Mutex::new(database),
            rows: AtomicUsize::new(0),
        });
        let body = {
            let shared = shared.clone();
            move || shared.serve(second)
        };
        let thread = std::thread::Builder::new().name("store".into()).spawn(body);
        let thread = thread.map_err(|e| Error::Failed(format!("starting its thread: {e}")))?;
        Ok(Writer { shared, room: Arc::new(Semaphore::new(WAITING)), on_the_spot, thread: Some(thread) })
    }

    /// Hands work over. It is done when its answer arrives.
    pub(crate) async fn submit(&self, job: Job) -> Result<()> {
        let permit = self.room.clone().acquire_owned().await.map_err(|_| Error::Stopped)?;
        self.shared.push(Waiting { rows: job.n_rows(), job, _permit: Some(permit) });
        let alone = self.on_the_spot && self.shared.lonely.load(Ordering::Relaxed) >= LONELY;
        if !(alone && self.shared.on_the_spot()) {
            self.wake();
        }
        Ok(())
    }

    /// Hands work over that nobody waits for.
    pub(crate) async fn leave(&self, job: Job) -> Result<()> {
        let permit = self.room.clone().acquire_owned().await.map_err(|_| Error::Stopped)?;
        self.shared.push(Waiting { rows: job.n_rows(), job, _permit: Some(permit) });
        self.wake();
        Ok(())
    }

    /// Hands work over from a thread that may wait.
    pub(crate) fn submit_blocking(&self, job: Job) {
        // It may be long work, such as deleting: not for a thread that answers requests.
        self.shared.push(Waiting { job, rows: SPOT_ROWS + 1, _permit: None });
        self.wake();
    }

    fn wake(&self) {
        if let Some(thread) = &self.thread {
            // Costs nothing while the thread is awake.
            thread.thread().unpark();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        lock(&self.shared.queue).closed = true;
        self.wake();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn push(&self, waiting: Waiting) {
        let mut queue = lock(&self.queue);
        queue.rows += waiting.rows;
        queue.jobs.push_back(waiting);
    }

    /// The jobs of the next group; none where nothing waits, or where more waits than `most` rows.
    fn next_group(&self, most: usize) -> Vec<Waiting> {
        let mut queue = lock(&self.queue);
        if queue.rows > most && most < GROUP_ROWS {
            return Vec::new();
        }
        let mut rows = 0;
        let within = |waiting: &&Waiting| {
            let fits = rows < GROUP_ROWS;
            rows += waiting.rows;
            fits
        };
        let n = queue.jobs.iter().take_while(within).count();
        let group: Vec<Waiting> = queue.jobs.drain(..n).collect();
        queue.rows -= group.iter().map(|waiting| waiting.rows).sum::<usize>();
        group
    }

    /// Commits what waits, if the database is free and the work is small. Whether nothing is left for the thread.
    fn on_the_spot(&self) -> bool {
        let Ok(mut database) = self.database.try_lock() else { return false };
        let group = self.next_group(SPOT_ROWS);
        // Somebody else has taken it along, or it is too much.
        let done = !group.is_empty() && self.commit(&mut **database, group, false);
        drop(database);
        let queue = lock(&self.queue);
        done && queue.jobs.is_empty() && !queue.checkpoint
    }

    /// Commits a group and answers its jobs. `false` when the database was taken and the group waits again: only where
    /// nobody is `patient`.
    fn commit(&self, database: &mut dyn Database, mut group: Vec<Waiting>, patient: bool) -> bool {
        let rows = group.iter().map(|waiting| waiting.rows).sum::<usize>();
        match group.len() {
            1 => drop(self.lonely.fetch_add(1, Ordering::Relaxed)),
            _ => self.lonely.store(0, Ordering::Relaxed),
        }
        match transact(database, &mut group, patient) {
            Ok(()) => group.into_iter().for_each(|waiting| waiting.job.answer(Ok(()))),
            Err(Error::Busy) if !patient => {
                let mut queue = lock(&self.queue);
                queue.rows += rows;
                group.into_iter().rev().for_each(|waiting| queue.jobs.push_front(waiting));
                return false;
            }
            // One bad job must not take the others with it: each gets a transaction of its own.
            Err(_) if group.len() > 1 => {
                for mut waiting in group {
                    let end = transact(database, std::slice::from_mut(&mut waiting), patient);
                    waiting.job.answer(end);
                }
            }
            Err(e) => group.into_iter().for_each(|waiting| waiting.job.answer(Err(e.clone()))),
        }
        if self.rows.fetch_add(rows, Ordering::Relaxed) + rows >= CHECKPOINT_ROWS {
            self.rows.store(0, Ordering::Relaxed);
            lock(&self.queue).checkpoint = true;
        }
        true
    }

    /// The thread's work, until the writer is dropped and all is done.
    fn serve(&self, mut second: Option<Box<dyn Database>>) {
        let mut crowd = false;
        loop {
            let (idle, checkpoint, closed) = {
                let mut queue = lock(&self.queue);
                (queue.jobs.is_empty(), std::mem::take(&mut queue.checkpoint), queue.closed)
            };
            if idle && !checkpoint && !closed {
                // Whoever hands something over wakes it; also if that was a moment ago.
                std::thread::park();
                continue;
            }
            // A commit of many costs little more than of one: in a crowd the next ones are a moment away, and worth it.
            match crowd {
                true => std::thread::sleep(GATHER),
                false => std::thread::yield_now(),
            }
            let mut database = lock(&self.database);
            let group = self.next_group(GROUP_ROWS);
            let empty = group.is_empty();
            crowd = group.len() >= CROWD;
            if !empty {
                self.commit(&mut **database, group, true);
            }
            drop(database);
            if let Some(second) = second.as_mut().filter(|_| checkpoint) {
                // What could not be moved now is moved the next time.
                let _ = second.checkpoint();
            }
            if closed && empty {
                return;
            }
        }
    }
}

fn transact(database: &mut dyn Database, group: &mut [Waiting], patient: bool) -> Result<()> {
    let done = database
        .begin(patient)
        .and_then(|()| group.iter_mut().try_for_each(|waiting| waiting.job.carry_out(database)))
        .and_then(|()| database.commit());
    if done.is_err() {
        database.rollback();
    }
    done
}
