//! What rows with known answers say of a model.

mod answered;
mod columns;
mod evidence;
mod judged;
mod labels;
mod metric;
mod naive;

pub(crate) use answered::Answered;
pub use columns::{Fact, Picture, Shape};
pub use evidence::{Evidence, Seen};
pub(crate) use judged::{Judged, interval};
pub use labels::Labels;
pub(crate) use metric::{metric_named, metric_of};
pub(crate) use naive::{BestNaive, held_against};
