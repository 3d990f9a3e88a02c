//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod copula;
mod pictures;
mod reference;
mod resample;
mod texts;
mod words;
