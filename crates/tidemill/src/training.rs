//! Fitting.

use std::path::Path;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result, Source};
use tidemill_engine::facts::{Outcome, Trained};
use tidemill_engine::fit::{self, Named};
use tidemill_engine::report::words::EN;
use tidemill_engine::{builtin, verbs};

use crate::Model;

/// A finished training, in memory.
pub struct Fit {
    /// The results: columns, split, leaderboard, scores on held-out rows, warnings.
    pub facts: Outcome,
    inner: fit::Fit,
}

/// Parses a recipe from TOML.
///
/// # Errors
/// A key does not exist or a value is invalid; the error has its line and the nearest key.
pub fn recipe(toml: &str) -> Result<Recipe> {
    tidemill_engine::recipe::parse(toml, "the recipe", &builtin::registry())
}

/// Fits the best model for these rows by this recipe: splits, compares learners by cross-validation, evaluates the chosen one on held-out
/// rows, and refits it on all rows.
///
/// # Errors
/// There is no target, there are too few rows, there is nothing to learn from, or the recipe asks for something that the rows do not
/// provide.
pub fn fit(rows: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Fit> {
    let named =
        Named { name: "memory".into(), source: "memory".into(), sha256: None, snapshot: None, start: None };
    let inner = fit::fit(rows, &named, recipe, context)?;
    Ok(Fit { facts: inner.facts.clone(), inner })
}

impl Fit {
    /// The model, ready to predict.
    pub fn model(&self) -> Result<Model> {
        Model::of_package(self.inner.package.clone())
    }

    /// The recipe that leads to the same model again, with everything that was inferred, as TOML.
    pub fn recipe(&self) -> &str {
        &self.inner.recipe
    }

    /// Writes `model.tidemill`, `tidemill.toml`, `metrics.json` and `report.html` into `folder`, which is created if necessary.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn write(self, folder: &Path) -> Result<Trained> {
        verbs::train::write(&EN, self.inner, folder, None)
    }
}
