//! The threads that answer: each has the connections it was given for itself, with a runtime of its own, so that no request and no
//! answer crosses from one thread to another.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tidemill_core::Result;
use tokio::runtime::Runtime;

struct Worker {
    runtime: Runtime,
    /// How many connections it has.
    open: Arc<AtomicUsize>,
}

/// One lane per thread.
pub(super) struct Workers(Vec<Worker>);

/// A connection of a lane, for as long as it lives.
struct Open(Arc<AtomicUsize>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    pub(super) fn start(threads: usize) -> Result<Self> {
        let lane = |_| Ok(Worker { runtime: super::runtime("lane")?, open: Arc::default() });
        (0..threads.max(1)).map(lane).collect::<Result<_>>().map(Workers)
    }

    /// Gives a connection to the lane that has the fewest.
    pub(super) fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let Some(lane) = self.0.iter().min_by_key(|lane| lane.open.load(Ordering::Relaxed)) else { return };
        lane.open.fetch_add(1, Ordering::Relaxed);
        let open = Open(lane.open.clone());
        lane.runtime.spawn(async move {
            let _open = open;
            connection.await;
        });
    }

    /// Ends the lanes; what still runs is dropped.
    pub(super) fn end(&mut self) {
        for lane in self.0.drain(..) {
            lane.runtime.shutdown_background();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.end();
    }
}
