//! Learners: one file each, `impl Builtin`, listed in `engine::builtin`.

mod baseline;
pub mod bayes;
pub mod ensemble;
mod error;
pub mod linear;
pub mod masks;
pub mod neighbors;
pub mod policy;
mod relative;
mod rows;
mod sample;
mod scorer;
pub mod series;
mod start;
pub mod svm;
pub mod trees;

pub use baseline::{Baseline, FittedBaseline};
pub use error::LearnError;
pub use relative::{BaseLearner, FittedRelative, Relation, TransformedTarget};
