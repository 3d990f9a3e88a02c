//! Generating text, token by token.

pub(crate) mod cache;
pub(crate) mod constrain;
pub(crate) mod generate;
pub(crate) mod sample;
pub(crate) mod stream;
