//! What a model goes by.

mod permutation;

pub use permutation::{Importance, permutation};
