//! Parts of a model that the engine adds. They are saved in model files and never written in a recipe.

pub(crate) mod answer;
pub mod blend;
pub mod calibrate;
pub mod interval;
pub mod prior;
pub mod smooth;
pub mod start;
pub mod threshold;
