//! Micro-batches: requests that come while the model is busy are answered together. Counted in rows, never waited for, and
//! used only for models whose own measurement says that it pays ([`Serving::gains_by_batches`]).

use std::sync::Arc;

use tidemill_core::{Error, Result, Row};
use tidemill_engine::serve::serving::{Answer, Serving};
use tokio::sync::{mpsc, oneshot};

/// A batch takes no more requests once it holds so many rows.
const ROWS: usize = 512;
/// How many requests may wait.
const QUEUE: usize = 1024;

struct Waiting {
    rows: Vec<Row>,
    done: oneshot::Sender<Result<Vec<Answer>>>,
}

/// A thread that answers in batches; it ends with its last sender.
pub struct Batcher(mpsc::Sender<Waiting>);

impl Batcher {
    /// A batcher for this model.
    pub fn start(serving: Arc<Serving>) -> Result<Self> {
        let (sender, queue) = mpsc::channel(QUEUE);
        let body = move || run(&serving, queue);
        let spawned = std::thread::Builder::new().name("batcher".into()).spawn(body);
        spawned.map_err(|e| Error::internal(format!("starting a thread: {e}")))?;
        Ok(Batcher(sender))
    }

    /// The answers for these rows, made together with whatever else is asked now.
    pub async fn answer(&self, rows: Vec<Row>) -> Result<Vec<Answer>> {
        let (done, answers) = oneshot::channel();
        let ended = || Error::internal("the batcher has ended");
        self.0.send(Waiting { rows, done }).await.map_err(|_| ended())?;
        answers.await.map_err(|_| ended())?
    }
}

fn run(serving: &Serving, mut queue: mpsc::Receiver<Waiting>) {
    let mut rows = Vec::new();
    let mut askers = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        let mut next = Some(first);
        while let Some(waiting) = next {
            askers.push((waiting.rows.len(), waiting.done));
            rows.extend(waiting.rows);
            next = if rows.len() < ROWS { queue.try_recv().ok() } else { None };
        }
        match serving.answer(&mut rows) {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (n, done) in askers.drain(..) {
                    // Whoever asked may have gone.
                    let _ = done.send(Ok(answers.by_ref().take(n).collect()));
                }
            }
            Err(e) => {
                for (_, done) in askers.drain(..) {
                    let _ = done.send(Err(Error::internal(e.to_string())));
                }
            }
        }
        rows.clear();
    }
}
