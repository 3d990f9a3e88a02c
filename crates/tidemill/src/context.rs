//! The context of a piece of work.

use std::sync::Arc;

use tidemill_core::Context;
use tidemill_engine::builtin;

/// A context with all built-ins, this seed, all processors, and no progress listener. [`Context`] has more settings.
pub fn context(seed: u64) -> Context {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    Context::new(seed, threads, Arc::new(builtin::registry()))
}
