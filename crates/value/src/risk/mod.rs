//! What the ranges of a plan make of its results.

mod outcome;
mod simulation;
mod tornado;

pub use outcome::Outcome;
pub(crate) use outcome::play;
pub use simulation::{Simulated, simulate};
pub use tornado::{Swing, tornado};
