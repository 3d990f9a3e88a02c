//! The tests of the crate as one program: each file is a module, so that the crate is linked once.

mod backup;
mod check;
mod coefficients;
mod conformance;
mod counterfactual;
mod docs;
mod effects;
mod explain;
mod forecast;
mod golden;
mod golden_models;
mod gradients;
mod held_base;
mod import;
mod languages;
mod links;
mod masks;
mod onnx;
mod panels;
mod policies;
mod repairs;
mod selection;
mod tagged;
mod targets;
mod translated;
