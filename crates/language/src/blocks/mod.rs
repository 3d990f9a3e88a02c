//! The blocks of decoders, forwards; `tune` goes back through them.

pub(crate) mod attention;
pub(crate) mod decoder;
pub(crate) mod matrix;
pub(crate) mod norm;
pub(crate) mod rope;
pub(crate) mod swiglu;
