//! Learners made of other learners, which they build by name from the list of built-ins.

mod ada_boost;
mod bagged;
mod inner;
mod members;
mod stacked;

pub use ada_boost::{AdaBoost, FittedAdaBoost, RegressionLoss};
pub use bagged::{Bagged, FittedBagged};
pub use stacked::{FittedStacked, Stacked};
