//! The recipe: its file, its schema and reference pages, and what inference adds to it.

mod contradictions;
pub mod docs;
mod file;
mod label;
mod leaks;
pub mod masks;
mod place;
pub mod policy;
pub(crate) mod resolve;
pub mod schema;
pub mod targets;

pub(crate) use contradictions::check_task;
pub use file::*;
pub use label::{label, labels, named};
pub use leaks::warn_about_leaks;
pub(crate) use place::in_model;
pub use place::{RESOLVED, located};
