//! What a user asks of long work beside its result.

use std::path::PathBuf;

/// Where long work computes, and what it leaves behind on the way: nothing of this is in a recipe, and but for the last
/// digits that another device may give, nothing of it changes what is learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runtime {
    /// Where nets are trained: `cpu`, or `cuda:0`; without it the first GPU that this build can use, if steps
    /// are large enough to gain by it, else the CPU.
    pub device: Option<String>,
    /// The folder where training leaves its state now and then.
    pub checkpoint: Option<PathBuf>,
    /// Whether training goes on from what it finds there.
    pub resume: bool,
    /// The folder for TensorBoard's event files.
    pub tensorboard: Option<PathBuf>,
    /// When the work began, in seconds since 1970: for event files alone, no model knows it.
    pub began: f64,
}
