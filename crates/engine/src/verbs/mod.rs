//! The commands: each opens files, calls the other modules, and writes results.

pub mod backup;
pub mod compare;
pub mod compress;
pub mod data;
pub mod distill;
pub mod evaluate;
pub mod explain;
pub mod forget;
pub mod import;
pub mod init;
pub mod judge_texts;
pub mod labels;
pub mod monitor;
pub mod predict;
pub mod prepare;
pub mod synthesize;
pub mod texts;
pub mod train;
pub mod vectors;
