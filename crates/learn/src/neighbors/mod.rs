//! Learners that answer by the rows of training most like the one asked about.

mod k_neighbors;
mod label_propagation;

pub use k_neighbors::{FittedKNeighbors, KNeighbors, Metric, Votes};
pub use label_propagation::{FittedLabelPropagation, LabelPropagation};
