//! Evaluation of models on rows with a known target.

mod answered;
mod columns;
mod evidence;
mod judged;
mod labels;
pub(crate) mod masks;
mod metric;
mod naive;
pub(crate) mod policy;

pub(crate) use answered::AnsweredRows;
pub use columns::{Fact, Picture, Shape};
pub use evidence::{Evidence, Seen};
pub use judged::UnseenScore;
pub(crate) use judged::{Judged, interval};
pub use labels::PredictionColumns;
pub use masks::{ClassScores, MasksJudged, NaiveMasks, Overlay};
pub(crate) use metric::{metric_named, metric_of};
pub(crate) use naive::{BestNaive, held_against};
pub use policy::{ActionFacts, MayAct, PolicyJudged};
pub use tidemill_eval::Report;
pub use tidemill_eval::compare::Comparison;
pub use tidemill_eval::policy::{PolicyValue, ValueInterval};
