//! Numerics that several rooms need. Every reduction has a fixed order, so answers never depend on the number of
//! threads, and every random stream belongs to a named piece of work, not to a thread.

pub mod answer;
pub mod autocorrelation;
pub mod bayesian_ridge;
pub mod blocks;
pub mod calendar;
pub mod chi_squared;
pub mod cholesky;
mod classes;
mod comoments;
pub mod confident_learning;
pub mod descent;
mod design;
pub mod episodes;
mod features;
mod gather;
pub mod geo;
pub mod glm;
pub mod huber;
pub mod isotonic;
pub mod lbfgs;
pub mod least_squares;
pub mod logistic;
pub mod mutual_information;
pub mod neighbors;
pub mod nelder_mead;
pub mod normal;
pub mod picture;
pub mod quantile;
mod random;
pub mod reduce;
pub mod sgd;
pub mod sketch;
pub mod softmax;
pub mod symmetric;
pub mod trees;
pub mod truncated_svd;
pub mod vector;
pub mod words;

pub use classes::{ClassWeight, Classes};
pub use comoments::CoMoments;
pub use design::{Block, ByColumn, Design, Moments};
pub use features::{Feature, Features};
pub use gather::Gather;
pub use random::Random;
