//! Learners: one file each, `impl Builtin`, listed in `engine::builtin`.

mod answer;
mod baseline;
mod error;
pub mod linear;
mod rows;
pub mod trees;

pub use baseline::{Baseline, FittedBaseline};
pub use error::LearnError;
