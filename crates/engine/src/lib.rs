//! What each verb does, free of any user interface.
//!
//! Arrows between the modules run one way (`cargo xtask layers` holds them):
//!
//! ```text
//! verbs, improve -> fit -> report -> facts, judge -> search -> forecast -> recipe -> builtin -> links
//! verbs, serve -> explain -> search, model
//! verbs, report -> import -> model
//! verbs, improve -> feedback -> serve -> model -> recipe          ground: audit, backup, links, files, format, error
//! ```

pub mod audit;
pub mod backup;
pub mod builtin;
pub mod error;
pub mod explain;
pub mod facts;
pub mod feedback;
pub mod files;
pub mod fit;
pub mod forecast;
pub mod format;
pub mod import;
pub mod improve;
pub mod judge;
pub mod links;
pub mod model;
pub mod recipe;
pub mod report;
pub mod rows;
pub mod search;
pub mod serve;
pub mod verbs;

pub use tidemill_core as core;
pub use tidemill_language as language;
pub use tidemill_package as package;
