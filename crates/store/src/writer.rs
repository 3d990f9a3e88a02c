//! Who writes: whatever has gathered is committed together, by one at a time.
//!
//! Where a commit is quick (SQLite that need not wait for the disk), it is made by a task on the threads that answer requests, at the
//! moment when such a thread has run out of other work: whatever came in together has been handed over by then, so the more
//! is asked at once the less a row costs, and neither a request nor its answer crosses from one thread to another.
//!
//! What may take long is for a thread of its own: PostgreSQL, waiting for the disk, large groups, deleting, and a database that
//! another process holds.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{JoinHandle, Thread};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::database::Database;
use crate::log::{self, Predictions};
use crate::{Error, Result};

/// A group takes no more jobs once it holds so many rows.
const GROUP_ROWS: usize = 8192;
/// More rows than these are not committed on the spot.
const SPOT_ROWS: usize = 512;
/// After so many rows the write-ahead log is moved into the database file.
const CHECKPOINT_ROWS: usize = 20_000;
/// A write-ahead log of more pages than these is emptied while nobody writes: 16 MB.
const LOG_PAGES: u64 = 4096;
/// How many queues there are.
const QUEUES: usize = 16;
/// A group of fewer jobs than this, or than the last, waits for more as long as more arrive.
const CROWD: usize = 64;
/// How often the database is found taken by another thread before the work is handed to the writer's own.
const PATIENCE: usize = 200;
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

/// Who sees to what waits.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Drainer {
    /// Nobody yet: whoever hands the next work over calls one.
    #[default]
    Nobody,
    /// A task among the requests.
    Task,
    /// The thread.
    Thread,
}

#[derive(Default)]
struct Queue {
    jobs: VecDeque<Waiting>,
    rows: usize,
    tender: Drainer,
    /// How many jobs the last group had.
    last: usize,
}

struct Shared {
    /// One for each thread that hands over (some may share one). What must keep its order is in the first.
    queues: [Mutex<Queue>; QUEUES],
    database: Mutex<Box<dyn Database>>,
    /// Rows since the write-ahead log was last moved.
    rows: AtomicUsize,
    /// Whether it is to be moved now.
    checkpoint: AtomicBool,
    closed: AtomicBool,
    thread: OnceLock<Thread>,
}

/// The place of this thread's queue.
fn place() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static PLACE: usize = NEXT.fetch_add(1, Ordering::Relaxed) % QUEUES);
    PLACE.with(|place| *place)
}

/// The writer of a store. Dropping it commits what waits, and ends.
pub(crate) struct Writer {
    shared: Arc<Shared>,
    room: Arc<Semaphore>,
    quick: bool,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// A writer to this database. `second` is a connection for moving the write-ahead log; with one, small work is
    /// committed by a task among those that hand it over.
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

    /// Hands work over. It is done when its answer arrives. Only what somebody waits for may overtake other work.
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

    /// Hands work over from a thread that may wait.
    pub(crate) fn submit_blocking(&self, job: Job) {
        // It may be long work, such as deleting: not for a thread that answers requests.
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
            // A thread that panicked has nothing left to say.
            let _ = thread.join();
        }
    }
}

/// The part of a task that tends a queue. Where the task ends before its work, as with its runtime, the thread goes on.
struct Tending(Option<Arc<Shared>>, usize);

impl Drop for Tending {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            lock(&shared.queues[self.1]).tender = Drainer::Thread;
            shared.wake();
        }
    }
}

/// Commits what has gathered whenever the thread it runs on has nothing else to do, until nothing waits.
async fn when_idle(mut tending: Tending) {
    let (mut seen, mut tries) = (0, 0);
    loop {
        // The runtime comes back to whoever yields once it has done all other work of this thread and looked for more.
        tokio::task::yield_now().await;
        let (Some(shared), place) = (&tending.0, tending.1) else { return };
        let (now, last) = shared.gathered(place);
        // In a crowd more is on its way; one that comes alone is not kept waiting.
        if now > std::mem::replace(&mut seen, now) && now.max(last) > 1 && now < last.max(CROWD) {
            continue;
        }
        match shared.on_the_spot(place) {
            Left::More => (seen, tries) = (0, 0),
            Left::Nothing => drop(tending.0.take()),
            Left::Held if tries < PATIENCE => tries += 1,
            // Dropping the rest hands it over.
            Left::Held | Left::TooMuch => return,
        }
    }
}

/// What a group left behind.
enum Left {
    Nothing,
    More,
    /// All, since somebody else is writing at this timestamp.
    Held,
    /// What is not for a thread that answers requests.
    TooMuch,
}

impl Shared {
    /// Adds work; whether this `tender` is to be called, since nobody else is on the way.
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

    /// How many jobs wait, and how many the last group had.
    fn gathered(&self, place: usize) -> (usize, usize) {
        let queue = lock(&self.queues[place]);
        (queue.jobs.len(), queue.last)
    }

    /// The jobs of the next group; none where nothing waits, or where more waits than `most` rows.
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

    /// Commits what waits, if the database is free and the work is small.
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

    /// Whether all is done; then the next work calls a tender again.
    fn settled(&self, place: usize) -> Left {
        let mut queue = lock(&self.queues[place]);
        if !queue.jobs.is_empty() {
            return Left::More;
        }
        queue.tender = Drainer::Nobody;
        Left::Nothing
    }

    /// Commits a group and answers its jobs, which leaves it empty. `false` when another process holds the database: the jobs have
    /// their answer where somebody was `patient`, and are left where nobody was.
    fn commit(&self, database: &mut dyn Database, group: &mut Vec<Waiting>, patient: bool) -> bool {
        let rows = group.iter().map(|waiting| waiting.rows).sum::<usize>();
        match transact(database, group, patient) {
            Ok(()) => group.drain(..).for_each(|waiting| waiting.job.answer(Ok(()))),
            Err(Error::Busy) if !patient => return false,
            // Each of them would wait as long once more.
            Err(Error::Busy) => {
                group.drain(..).for_each(|waiting| waiting.job.answer(Err(Error::Busy)));
                return false;
            }
            // One bad job must not take the others with it: each gets a transaction of its own.
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

    /// The thread's work, until the writer is dropped and all is done.
    fn serve(&self, mut second: Option<Box<dyn Database>>) {
        // Whoever ends the program waits for another process once, not for each group anew.
        let mut patient = true;
        loop {
            let closed = self.closed.load(Ordering::Acquire);
            let mine = |place: &usize| closed || lock(&self.queues[*place]).tender == Drainer::Thread;
            let places: Vec<usize> = (0..QUEUES).filter(mine).collect();
            let checkpoint = self.checkpoint.swap(false, Ordering::Relaxed);
            if places.is_empty() && !checkpoint {
                // Whoever hands something over wakes it; also if that was a timestamp ago.
                std::thread::park();
                continue;
            }
            // What is about to be handed over comes along.
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

    /// Commits the next group of a queue, however large; whether nothing is left, and whether no other process held the database.
    fn commit_next(&self, place: usize, patient: bool) -> (bool, bool) {
        let mut database = lock(&self.database);
        let mut group = self.next_group(place, GROUP_ROWS);
        let free = group.is_empty() || self.commit(&mut **database, &mut group, patient);
        drop(database);
        group.drain(..).for_each(|waiting| waiting.job.answer(Err(Error::Busy)));
        let mut queue = lock(&self.queues[place]);
        // A task that tends the queue says itself when it is done.
        if queue.jobs.is_empty() && queue.tender == Drainer::Thread {
            queue.tender = Drainer::Nobody;
        }
        (queue.jobs.is_empty(), free)
    }

    /// Moves the write-ahead log into the database: most of it beside the writing, and where it has grown long the last of
    /// it while nobody writes, since only then it begins again at its start.
    fn checkpoint(&self, second: &mut dyn Database) {
        // What could not be moved now, such as for a reader, is moved the next time.
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
