//! The explicit lists of built-ins: adding one is its file and a line here.

use tidemill_core::{Entry, Registry};

/// Steps of preparation.
pub const STEPS: &[Entry] = &[];

/// Learners.
pub const LEARNERS: &[Entry] = &[];

/// Everything that a recipe can name or a model file can hold.
pub fn registry() -> Registry {
    Registry::new(STEPS.iter().chain(LEARNERS).copied())
}
