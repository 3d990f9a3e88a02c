//! Nets and their one training loop: tables, images, series and texts. Their encoders are built on burn, without which the
//! rest of the workspace builds.
//!
//! A [`NeuralNet`] takes every feature column through an encoder (`encoders/`), joins what they give, sends it through
//! fully connected layers (`body.rs`) and ends in a head with its loss (`head.rs`). Encoders
//! that learn are graphs of burn's (`graph.rs`); all else is plain Rust, and so is a trained net as a whole (`dense.rs`): a row alone
//! and a row in a batch give the same bits.

mod attention_shares;
mod body;
mod denoise;
mod dense;
mod device;
mod encoders;
mod error;
mod fitted;
mod gan;
mod grad_cam;
mod graph;
mod graph_net;
mod head;
mod learner;
mod math;
mod net;
mod ops;
#[cfg(test)]
mod oracle;
mod parameters;
mod path_gradients;
mod standard;
mod stcn;
#[cfg(test)]
mod tests;
mod training;
mod u_net;

pub use attention_shares::AttentionShares;
pub use denoise::{Denoise, DenoiseOutput};
pub use device::{Precision, check_device};
pub use encoders::neighbors::GraphLayer;
pub use encoders::{Augment, Images, Noise, Series, SeriesNet, Tokens};
pub use error::NeuralError;
pub use fitted::FittedNet;
pub use gan::Gan;
pub use grad_cam::GradCam;
pub use graph_net::GraphNet;
pub use learner::{Activation, NetLoss, NeuralNet, NumberEncoding};
pub use path_gradients::PathGradients;
pub use stcn::Stcn;
pub use training::{Optimizer, Schedule, shape_of};
pub use u_net::UNet;
