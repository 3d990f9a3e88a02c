//! The blocks of decoders and encoders, forwards; `tune` goes back through those of decoders.

pub(crate) mod attention;
pub(crate) mod bert;
pub(crate) mod decoder;
pub(crate) mod dots;
pub(crate) mod gelu;
mod gpt2;
mod int8;
pub(crate) mod layer_norm;
pub(crate) mod linear;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod panels;
pub(crate) mod precision;
pub(crate) mod rope;
pub(crate) mod sums;
pub(crate) mod swiglu;
