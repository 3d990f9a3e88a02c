//! What each verb does, free of any user interface: [`train`], [`predict`], [`evaluate`], [`init`], and the lists
//! of built-ins in [`builtin`].

mod answer;
pub mod blend;
pub mod builtin;
pub mod calibrate;
pub mod check;
pub mod compare;
pub mod docs;
pub mod error;
pub mod evaluate;
pub mod feedback;
pub mod improve;
pub mod init;
mod judged;
pub mod leaderboard;
pub mod model;
pub mod monitor;
pub mod predict;
pub mod preparation;
pub mod privacy;
pub mod recipe_file;
pub mod reporting;
mod resolve;
pub mod schema;
pub mod search;
pub mod serving;
pub mod threshold;
pub mod train;
pub mod words;

pub use tidemill_core as core;
