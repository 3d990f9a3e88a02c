//! Learners that answer by the rows of training most like the one asked about.

mod k_neighbors;

pub use k_neighbors::{FittedKNeighbors, KNeighbors, Metric, Votes};
