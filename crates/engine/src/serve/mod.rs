//! Models that answer callers, and what may be kept of what callers send.

pub mod privacy;
pub mod serving;
