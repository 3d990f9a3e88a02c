//! Trouble that repeats: whether the store refuses just now, and log lines that come at most every ten seconds.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a line is not repeated.
const PAUSE: Duration = Duration::from_secs(10);

/// A kind of log line that would come with every request while something is wrong.
pub(crate) struct Repeated {
    /// When it came last, in milliseconds after the first line of any kind; 0 for never.
    last: AtomicU64,
    held_back: AtomicU64,
}

impl Repeated {
    pub(crate) const fn new() -> Self {
        Repeated { last: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    /// Whether the line is due, and how many were held back since the last one.
    pub(crate) fn due(&self) -> Option<u64> {
        static BEGAN: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
        let elapsed = BEGAN.get_or_init(Instant::now).elapsed().as_millis() as u64 + 1;
        self.due_at(elapsed)
    }

    fn due_at(&self, now: u64) -> Option<u64> {
        let last = self.last.load(Ordering::Relaxed);
        let due = last == 0 || now >= last + PAUSE.as_millis() as u64;
        if due && self.last.compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

/// Whether the store keeps rows: known from the last that was to be kept, and while it does not, from a probe now and then.
#[derive(Default)]
pub struct StoreHealth(AtomicBool);

impl StoreHealth {
    /// Notes how keeping something ended.
    pub(crate) fn note<T>(&self, kept: tidemill_store::Result<T>) -> tidemill_store::Result<T> {
        // Nothing is written where nothing changes: every request comes here.
        if kept.is_err() != self.refuses() {
            self.0.store(kept.is_err(), Ordering::Relaxed);
            if kept.is_ok() {
                self.well();
            }
        }
        kept
    }

    /// Notes that the store refuses.
    pub(crate) fn refuse(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Says that it is well again.
    fn well(&self) {
        static LINE: Repeated = Repeated::new();
        if let Some(held_back) = LINE.due() {
            tracing::info!(held_back, "the store keeps rows again");
        }
    }

    /// Whether the store refuses.
    pub(crate) fn refuses(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::Repeated;

    #[test]
    fn a_line_comes_at_once_and_then_every_ten_seconds_with_a_count() {
        let line = Repeated::new();
        assert_eq!(line.due_at(5), Some(0));
        assert!((6..10_005).step_by(100).all(|now| line.due_at(now).is_none()));
        assert_eq!(line.due_at(10_005), Some(100));
        assert_eq!(line.due_at(10_006), None);
        assert_eq!(line.due_at(99_999), Some(1));
    }
}
