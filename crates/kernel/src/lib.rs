//! Numerics that several rooms need. Every reduction has a fixed order, so answers never depend on the number of
//! threads, and every random stream belongs to a named piece of work, not to a thread.

pub mod cholesky;
pub mod descent;
mod design;
mod features;
pub mod isotonic;
pub mod lbfgs;
pub mod least_squares;
pub mod logistic;
mod random;
pub mod reduce;
pub mod softmax;
pub mod trees;
pub mod vector;

pub use design::{Block, ByColumn, Design, Moments};
pub use features::{Feature, Features};
pub use random::Random;
