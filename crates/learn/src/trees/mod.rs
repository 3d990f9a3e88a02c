//! Trees: boosted by gradients, or as forests.

mod balanced_forest;
mod boosted;
mod boosting;
mod curves;
mod features;
mod fitted;
pub mod focal;
mod forest;
mod imported;
pub mod losses;
mod start;
mod stopping;

pub use balanced_forest::BalancedForest;
pub use boosted::{BoostedTrees, GrowthOrder, LossName};
pub use fitted::FittedTrees;
pub use forest::{ExtraTrees, RandomForest};
pub use imported::{ImportedColumn, ImportedTrees};
