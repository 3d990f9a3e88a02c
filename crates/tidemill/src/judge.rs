//! Evaluating models and tables.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result, Source};
pub use tidemill_engine::audit::Audit;
pub use tidemill_engine::judge::{Comparison, Report};

use crate::Model;

/// Computes every metric that applies, on the rows that have the target. Rows without it are ignored.
///
/// # Errors
/// The rows have no target column, or no known target.
pub fn evaluate(model: &Model, rows: &dyn Source) -> Result<Report> {
    tidemill_engine::verbs::evaluate::rows(model.opened(), rows, model.context())
}

/// Compares two models on the same rows, by the given metric or the default one: which is better, and by more than chance?
///
/// # Errors
/// The models have different targets, the metric does not apply to these predictions, or no row has a target.
pub fn compare(first: &Model, second: &Model, rows: &dyn Source, metric: Option<&str>) -> Result<Comparison> {
    tidemill_engine::verbs::compare::on_rows([first.opened(), second.opened()], rows, metric, first.context())
}

/// Checks a table and returns findings, the worst first, each with a remedy.
///
/// # Errors
/// The rows cannot be read, or the target does not exist.
pub fn check(rows: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Audit> {
    tidemill_engine::audit::check_rows("memory", rows, recipe, context)
}
