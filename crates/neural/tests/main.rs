//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod agreement;
mod denoise;
mod graph;
mod training;
