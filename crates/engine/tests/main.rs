//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod check;
mod conformance;
mod docs;
mod forecast;
mod golden;
mod languages;
mod links;
