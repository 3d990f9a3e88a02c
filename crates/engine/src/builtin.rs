//! The explicit lists of built-ins: adding one is its file and a line here.

use tidemill_core::{Entry, Registry};

/// Steps of preparation.
pub const STEPS: &[Entry] = &[];

/// Learners.
pub const LEARNERS: &[Entry] = &[
    Entry::of::<tidemill_learn::Baseline>(),
    Entry::of::<tidemill_learn::linear::ElasticNet>(),
    Entry::of::<tidemill_learn::linear::Lasso>(),
    Entry::of::<tidemill_learn::linear::Logistic>(),
    Entry::of::<tidemill_learn::linear::Ridge>(),
];

/// Everything that a recipe can name or a model file can hold.
pub fn registry() -> Registry {
    Registry::new(STEPS.iter().chain(LEARNERS).copied())
}
