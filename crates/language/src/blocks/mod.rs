//! The blocks of decoders and encoders, forwards; `tune` goes back through those of decoders.

pub(crate) mod attention;
pub(crate) mod bert;
pub(crate) mod decoder;
pub(crate) mod gelu;
pub(crate) mod linear;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod swiglu;
