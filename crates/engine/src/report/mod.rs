//! What people read: pages of HTML and text for the terminal, each in the language whose words it is given.

pub mod page;
pub mod text;

/// The sentences of each language.
pub use tidemill_report::words;
