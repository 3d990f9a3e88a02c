//! Options of long-running work that do not affect its result.

use std::path::PathBuf;

/// Where long-running work is computed, and which files it writes along the way. None of this is in a recipe, and except for the last
/// digits, which may differ on another device, none of it changes what is learned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runtime {
    /// Where nets are trained: `cpu`, or `cuda:0`. If not set, the first GPU that this build can use if steps are large enough to benefit,
    /// else the CPU.
    pub device: Option<String>,
    /// The folder in which training saves its state at intervals.
    pub checkpoint: Option<PathBuf>,
    /// Whether training resumes from the state in that folder.
    pub resume: bool,
    /// The folder for TensorBoard's event files.
    pub tensorboard: Option<PathBuf>,
    /// When the work began, in seconds since 1970; used only in event files, never in a model.
    pub began: f64,
}
