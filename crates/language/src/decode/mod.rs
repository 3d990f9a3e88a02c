//! Generating text, token by token.

pub(crate) mod batch;
pub(crate) mod cache;
pub(crate) mod constrain;
pub(crate) mod generate;
pub(crate) mod generation;
mod prompts;
pub(crate) mod sample;
mod step;
pub(crate) mod stream;
