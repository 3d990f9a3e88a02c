//! The layers' heavy work: operations on slices with their own backward, as nodes of burn's graph (`fused.rs`).
//!
//! Each file holds one, beside the same composed of burn's own operations: for tensors on another device than the
//! processor, and for tests; or of burn's operations as one node (`node.rs`), where a graph would do more than the layer. They run on the thread
//! that calls; threads work on different shards of a batch.

pub(crate) mod activation;
#[cfg(test)]
mod agreement;
pub(crate) mod attention;
pub(crate) mod convolution;
pub(crate) mod embedding;
mod fused;
pub(crate) mod group_norm;
pub(crate) mod gru;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod lstm;
mod math;
mod node;
pub(crate) mod pool;
pub(crate) mod product;
pub(crate) mod recurrent;
pub(crate) mod rise;
pub(crate) mod segments;
mod sums;
