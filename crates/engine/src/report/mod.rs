//! What people read: pages of HTML and text for the terminal.

pub mod page;
pub mod text;
