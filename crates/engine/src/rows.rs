//! Rows in files and in memory.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Result, Source};
use tidemill_data::ReadOptions;

pub use tidemill_data::{from_arrow, to_arrow};

/// The rows of a path, a glob, a folder of images or `-`.
pub fn open(location: &str) -> Result<Box<dyn Source>> {
    tidemill_data::open(location, &ReadOptions::default())
}

/// Rows to learn from, read as the recipe says.
pub fn open_to_learn(location: &str, recipe: &Recipe) -> Result<Box<dyn Source>> {
    tidemill_data::open(location, &ReadOptions::of(&recipe.data)?)
}

/// Rows for a model with this recipe to answer: judged by themselves, for they may be written in another way than those that it
/// learned from.
pub fn open_to_answer(location: &str, recipe: &Recipe) -> Result<Box<dyn Source>> {
    let known = recipe.columns.keys().map(String::as_str);
    tidemill_data::open(location, &ReadOptions::at_prediction(known))
}
