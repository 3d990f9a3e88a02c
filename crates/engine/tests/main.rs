//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod backup;
mod check;
mod conformance;
mod counterfactual;
mod docs;
mod effects;
mod explain;
mod forecast;
mod golden;
mod import;
mod languages;
mod links;
mod masks;
mod policies;
mod repairs;
mod targets;
