//! What each verb does, free of any user interface.

pub mod builtin;
