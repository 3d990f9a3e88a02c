//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod agreement;
mod bad_input;
mod embed;
mod embed_text;
mod forms;
mod merge;
mod preferences;
mod together;
mod tune;
