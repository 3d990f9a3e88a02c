//! The verbs: each opens, calls and writes.

pub mod backup;
pub mod compare;
pub mod compress;
pub mod data;
pub mod distill;
pub mod evaluate;
pub mod explain;
pub mod import;
pub mod init;
pub mod labels;
pub mod monitor;
pub mod predict;
pub mod prepare;
pub mod synthesize;
pub mod train;
pub mod vectors;
