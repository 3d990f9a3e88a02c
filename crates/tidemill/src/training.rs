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
    /// What was found: columns, split, leaderboard, scores on held-out rows, warnings.
    pub facts: Outcome,
    inner: fit::Fit,
}

/// A recipe from its TOML text.
///
/// # Errors
/// A key that does not exist or a value that does not fit, with its line and the nearest key.
pub fn recipe(toml: &str) -> Result<Recipe> {
    tidemill_engine::recipe::parse(toml, "the recipe", &builtin::registry())
}

/// Fits the best model for these rows by this recipe: splits, compares learners by cross-validation, judges the chosen one
/// on held-out rows, and fits it again on all rows.
///
/// # Errors
/// No target, too few rows, nothing to learn from, or what the recipe asks and the rows cannot give.
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

    /// Writes `model.tidemill`, `tidemill.toml`, `metrics.json` and `report.html` into `folder`, which is made if need be.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn write(self, folder: &Path) -> Result<Trained> {
        verbs::train::write(&EN, self.inner, folder, None)
    }
}
