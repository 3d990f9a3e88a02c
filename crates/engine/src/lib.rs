//! What each verb does, free of any user interface: [`train`], [`predict`], [`evaluate`], [`init`], and the lists
//! of built-ins in [`builtin`].

pub mod builtin;
pub mod docs;
pub mod error;
pub mod evaluate;
pub mod init;
pub mod model;
pub mod predict;
pub mod preparation;
pub mod recipe_file;
mod resolve;
pub mod schema;
pub mod search;
pub mod train;
pub mod words;

pub use tidemill_core as core;
