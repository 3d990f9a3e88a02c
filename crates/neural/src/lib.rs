//! Nets and their one training loop: tables, pictures, series and texts. Built on burn; everything else builds without it.
//!
//! A [`NeuralNet`] takes every feature column through an encoder (`encoders/`), joins what they give, sends it through
//! fully connected layers (`body.rs`) and ends in a head with its loss (`head.rs`). burn computes gradients
//! (`graph.rs`); a trained net answers in plain Rust (`dense.rs`), a row alone and a row in a batch with the same bits.

mod body;
mod dense;
mod device;
mod encoders;
mod error;
mod fitted;
mod graph;
mod head;
mod learner;
mod math;
mod net;
mod ops;
mod parameters;
mod standard;
#[cfg(test)]
mod tests;
mod training;

pub use encoders::{Augment, Images, Series, SeriesNet, Tokens};
pub use error::NeuralError;
pub use fitted::FittedNet;
pub use learner::{Activation, NetLoss, NeuralNet, NumberEncoding};
pub use training::{Optimizer, Schedule};
