//! The writer: everything that has gathered is committed together, by one thread or task at a time.
//!
//! If a commit is fast (SQLite that need not wait for the disk), it is made by a task on the threads that handle requests, at the moment
//! when such a thread has run out of other work. By then, everything that came in together has been handed over. The more requests there
//! are at once, the less a row costs, and neither a request nor its response crosses threads.
//!
//! Work that may take long has its own thread: PostgreSQL, waiting for the disk, large groups, deleting, and a database that is locked by
//! another process.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::database::Database;
use crate::log::{self, Predictions};
use crate::{Error, Result};

/// A group accepts no more jobs once it contains this many rows.
const GROUP_ROWS: usize = 8192;
/// Groups with more rows than this are not committed on the spot.
const SPOT_ROWS: usize = 512;
/// After this many rows, the write-ahead log is moved into the database file.
const CHECKPOINT_ROWS: usize = 20_000;
/// A write-ahead log with more pages than this is emptied while nobody writes: 16 MB.
const LOG_PAGES: u64 = 4096;
/// The number of queues.
const QUEUES: usize = 16;
/// A group with fewer jobs than this, or than the last group, waits for more as long as more arrive.
const CROWD: usize = 64;
/// How often a task finds the database in use by another thread before it passes the work to the writer's own thread.
const PATIENCE: usize = 200;
/// How many jobs may wait before callers have to wait to submit theirs.
const WAITING: usize = 4096;

type Work = Box<dyn FnMut(&mut dyn Database) -> Result<()> + Send>;
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// A piece of work for the writer.
pub(crate) enum Job {
    Log(Predictions, Option<oneshot::Sender<Result<()>>>),
    /// The work, and what to do with its result once the transaction is committed or lost.
    Run(Work, Answer),
}

impl Job {
    /// A job, and the receiver of its result.
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
            // The caller may be gone; what was stored remains stored.
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
    /// Its weight: its rows, or too many for committing on the spot.
    rows: usize,
    /// Limits how much may wait.
    _permit: Option<OwnedSemaphorePermit>,
}

/// Who takes care of waiting jobs.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Drainer {
    /// Nobody yet: the next job that is submitted starts one.
    #[default]
    Nobody,
    /// A task on the request threads.
    Task,
    /// The writer's thread.
    Thread,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Waiting>,
    rows: usize,
    tender: Drainer,
    /// The number of jobs in the last group.
    last: usize,
}

struct Shared {
    /// One for each submitting thread (some may share one). Jobs that must keep their order are in the first.
    queues: [Mutex<Queue>; QUEUES],
    database: Mutex<Box<dyn Database>>,
    /// Rows since the write-ahead log was last moved.
    rows: AtomicUsize,
    /// Whether it should be moved now.
    checkpoint: AtomicBool,
    closed: AtomicBool,
    thread: OnceLock<Thread>,
}

/// The index of this thread's queue.
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % QUEUES);
    PLACE.with(|place| *place)
}

/// The writer of a store. Dropping it commits the waiting jobs and ends it.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    quick: bool,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// A writer for this database. `second` is a connection for moving the write-ahead log; if it is given, small jobs are committed by a
    /// task on the threads that submit them.
    pub(crate) fn start(database: Box<dyn Database>, second: Option<Box<dyn Database>>) -> Result<Self> {
        let quick = second.is_some();
        let shared = Arc::new(Shared {
            queues: Default::default(),
            database: Mutex::new(database),
            rows: AtomicUsize::new(0),
            checkpoint: AtomicBool::new(false),
            closed: AtomicBool::new(false),
            thread: OnceLock::new(),
        });
        let body = {
            let shared = shared.clone();
            move || shared.serve(second)
        };
        let thread = std::thread::Builder::new().name("store".into()).spawn(body);
        let thread = thread.map_err(|e| Error::Failed(format!("starting its thread: {e}")))?;
        shared.thread.get_or_init(|| thread.thread().clone());
        Ok(Writer { shared, room: Arc::new(Semaphore::new(WAITING)), quick, thread: Some(thread) })
    }

    /// Submits a job. It is done when its result arrives. Only jobs that somebody waits for may overtake others.
    pub(crate) async fn submit(&self, job: Job) -> Result<()> {
        let place = if matches!(job, Job::Log(_, Some(_))) { place() } else { 0 };
        let permit = self.room.clone().acquire_owned().await.map_err(|_| Error::Stopped)?;
        let runtime = tokio::runtime::Handle::try_current().ok().filter(|_| self.quick);
        let tender = if runtime.is_some() { Drainer::Task } else { Drainer::Thread };
        let waiting = Waiting { rows: job.n_rows(), job, _permit: Some(permit) };
        let called = self.shared.push(place, waiting, tender);
        match runtime {
            Some(runtime) if called => {
                runtime.spawn(when_idle(Tending(Some(self.shared.clone()), place)));
            }
            None if called => self.shared.wake(),
            _ => {}
        }
        Ok(())
    }

    /// Submits a job from a thread that may block.
    pub(crate) fn submit_blocking(&self, job: Job) {
        // It may be long work, such as deleting, which is not for a thread that handles requests.
        if self.shared.push(0, Waiting { job, rows: SPOT_ROWS + 1, _permit: None }, Drainer::Thread) {
            self.shared.wake();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.wake();
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to report.
            let _ = thread.join();
        }
    }
}

/// The task's responsibility for a queue. If the task ends before its work, for example with its runtime, the thread continues.
struct Tending(Option<Arc<Shared>>, usize);

impl Drop for Tending {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            lock(&shared.queues[self.1]).tender = Drainer::Thread;
            shared.wake();
        }
    }
}

/// Commits what has gathered whenever the thread it runs on is idle, until nothing is waiting.
async fn when_idle(mut tending: Tending) {
    let (mut seen, mut tries) = (0, 0);
    loop {
        // The runtime returns to a task that yields once it has done all other work of this thread and looked for more.
        tokio::task::yield_now().await;
        let (Some(shared), place) = (&tending.0, tending.1) else { return };
        let (now, last) = shared.gathered(place);
        // With many requests, more jobs are on their way; a single one is not delayed.
        if now > std::mem::replace(&mut seen, now) && now.max(last) > 1 && now < last.max(CROWD) {
            continue;
        }
        match shared.on_the_spot(place) {
            Left::More => (seen, tries) = (0, 0),
            Left::Nothing => drop(tending.0.take()),
            Left::Held if tries < PATIENCE => tries += 1,
            // Dropping the rest hands it over to the thread.
            Left::Held | Left::TooMuch => return,
        }
    }
}

/// What a group left behind.
enum Left {
    Nothing,
    More,
    /// Everything, because somebody else is writing at the moment.
    Held,
    /// Work that is not for a thread that handles requests.
    TooMuch,
}

impl Shared {
    /// Adds a job; returns whether this `tender` must be started, because nobody else is on the way.
    fn push(&self, place: usize, waiting: Waiting, tender: Drainer) -> bool {
        let mut queue = lock(&self.queues[place]);
        queue.rows += waiting.rows;
        queue.jobs.push_back(waiting);
        let nobody = queue.tender == Drainer::Nobody;
        if nobody {
            queue.tender = tender;
        }
        nobody
    }

    fn wake(&self) {
        if let Some(thread) = self.thread.get() {
            // Costs nothing while the thread is awake.
            thread.unpark();
        }
    }

    /// The number of waiting jobs, and the number of jobs in the last group.
    fn gathered(&self, place: usize) -> (usize, usize) {
        let queue = lock(&self.queues[place]);
        (queue.jobs.len(), queue.last)
    }

    /// The jobs of the next group; empty if nothing is waiting, or if more than `most` rows are waiting.
    fn next_group(&self, place: usize, most: usize) -> Vec<Waiting> {
        let mut queue = lock(&self.queues[place]);
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
        queue.last = n;
        group
    }

    /// Commits the waiting jobs, if the database is free and the work is small.
    fn on_the_spot(&self, place: usize) -> Left {
        let Ok(mut database) = self.database.try_lock() else { return Left::Held };
        let mut group = self.next_group(place, SPOT_ROWS);
        if group.is_empty() {
            return Left::TooMuch;
        }
        if !self.commit(&mut **database, &mut group, false) {
            drop(database);
            let mut queue = lock(&self.queues[place]);
            queue.rows += group.iter().map(|waiting| waiting.rows).sum::<usize>();
            group.into_iter().rev().for_each(|waiting| queue.jobs.push_front(waiting));
            return Left::TooMuch;
        }
        drop(database);
        if self.checkpoint.load(Ordering::Relaxed) {
            self.wake();
        }
        self.settled(place)
    }

    /// Whether everything is done; then the next job starts a tender again.
    fn settled(&self, place: usize) -> Left {
        let mut queue = lock(&self.queues[place]);
        if !queue.jobs.is_empty() {
            return Left::More;
        }
        queue.tender = Drainer::Nobody;
        Left::Nothing
    }

    /// Commits a group and answers its jobs, which leaves it empty. Returns `false` if another process has locked the database: then the
    /// jobs are answered if `patient`, and left in place otherwise.
    fn commit(&self, database: &mut dyn Database, group: &mut Vec<Waiting>, patient: bool) -> bool {
        let rows = group.iter().map(|waiting| waiting.rows).sum::<usize>();
        match transact(database, group, patient) {
            Ok(()) => group.drain(..).for_each(|waiting| waiting.job.answer(Ok(()))),
            Err(Error::Busy) if !patient => return false,
            // Each of them would wait for the full time again.
            Err(Error::Busy) => {
                group.drain(..).for_each(|waiting| waiting.job.answer(Err(Error::Busy)));
                return false;
            }
            // One bad job must not fail the others: each gets its own transaction.
            Err(_) if group.len() > 1 => {
                for mut waiting in group.drain(..) {
                    let end = transact(database, std::slice::from_mut(&mut waiting), patient);
                    waiting.job.answer(end);
                }
            }
            Err(e) => group.drain(..).for_each(|waiting| waiting.job.answer(Err(e.clone()))),
        }
        if self.rows.fetch_add(rows, Ordering::Relaxed) + rows >= CHECKPOINT_ROWS {
            self.rows.store(0, Ordering::Relaxed);
            self.checkpoint.store(true, Ordering::Relaxed);
        }
        true
    }

    /// The thread's work, until the writer is dropped and everything is done.
    fn serve(&self, mut second: Option<Box<dyn Database>>) {
        // Shutdown waits for another process once, not for each group again.
        let mut patient = true;
        loop {
            let closed = self.closed.load(Ordering::Acquire);
            let mine = |place: &usize| closed || lock(&self.queues[*place]).tender == Drainer::Thread;
            let places: Vec<usize> = (0..QUEUES).filter(mine).collect();
            let checkpoint = self.checkpoint.swap(false, Ordering::Relaxed);
            if places.is_empty() && !checkpoint {
                // Submitting wakes it, even if that happened a moment ago.
                std::thread::park();
                continue;
            }
            // Includes what is about to be submitted.
            std::thread::yield_now();
            let mut left = 0;
            for place in places {
                let (done, free) = self.commit_next(place, patient || !closed);
                left += usize::from(!done);
                patient &= free || !closed;
            }
            if let Some(second) = second.as_mut().filter(|_| checkpoint) {
                self.checkpoint(&mut **second);
            }
            if closed && left == 0 {
                return;
            }
        }
    }

    /// Commits the next group of a queue, however large; returns whether nothing is left, and whether no other process had locked the
    /// database.
    fn commit_next(&self, place: usize, patient: bool) -> (bool, bool) {
        let mut database = lock(&self.database);
        let mut group = self.next_group(place, GROUP_ROWS);
        let free = group.is_empty() || self.commit(&mut **database, &mut group, patient);
        drop(database);
        group.drain(..).for_each(|waiting| waiting.job.answer(Err(Error::Busy)));
        let mut queue = lock(&self.queues[place]);
        // A task that tends the queue reports itself when it is done.
        if queue.jobs.is_empty() && queue.tender == Drainer::Thread {
            queue.tender = Drainer::Nobody;
        }
        (queue.jobs.is_empty(), free)
    }

    /// Moves the write-ahead log into the database: most of it during writing, and if it has grown long, its last part while nobody writes,
    /// because only then can it restart at its beginning.
    fn checkpoint(&self, second: &mut dyn Database) {
        // What could not be moved now, for example because of a reader, is moved the next time.
        if second.checkpoint().unwrap_or(0) > LOG_PAGES {
            let _held = lock(&self.database);
            let _ = second.checkpoint();
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
