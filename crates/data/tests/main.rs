//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod copies;
mod inference;
mod intake;
mod layout;
mod measures;
mod odd_files;
mod pictures;
mod profile;
mod programs;
mod reading;
mod written;
