//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod agreement;
mod classical;
mod ensemble;
mod labels;
mod linear_edges;
mod policies;
mod series;
mod trees;
