//! What each verb does, free of any user interface.
//!
//! Arrows between the modules run one way (`cargo xtask layers` holds them):
//!
//! ```text
//! verbs, improve -> report -> facts, judge -> search -> forecast -> recipe -> builtin -> links
//! verbs, improve -> feedback -> serve -> model -> recipe          ground: audit, links, files, format, error
//! ```

pub mod audit;
pub mod builtin;
pub mod error;
pub mod facts;
pub mod feedback;
pub mod files;
pub mod forecast;
pub mod format;
pub mod improve;
pub mod judge;
pub mod links;
pub mod model;
pub mod recipe;
pub mod report;
pub mod search;
pub mod serve;
pub mod verbs;

pub use tidemill_core as core;
