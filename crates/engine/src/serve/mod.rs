//! Models that answer callers, and what may be kept of what callers send.

mod ahead;
pub mod answer;
mod bound;
pub mod language;
pub mod privacy;
pub mod record;
pub mod secrets;
pub mod serving;
pub mod together;
