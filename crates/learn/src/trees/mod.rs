//! Trees: boosted by gradients, or as forests.

mod boosted;
mod boosting;
mod curves;
mod features;
mod fitted;
mod forest;
mod imported;
pub mod losses;
mod start;
mod stopping;

pub use boosted::{BoostedTrees, GrowthOrder, LossName};
pub use fitted::FittedTrees;
pub use forest::{ExtraTrees, RandomForest};
pub use imported::{ImportedColumn, ImportedTrees};
