//! Judging models and tables.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result, Source};
pub use tidemill_engine::audit::Audit;
pub use tidemill_engine::judge::{Comparison, Report};

use crate::Model;

/// Every metric that applies, on rows that have the target. Rows without it are left out.
///
/// # Errors
/// Rows without the target column, or without any known target.
pub fn evaluate(model: &Model, rows: &dyn Source) -> Result<Report> {
    tidemill_engine::verbs::evaluate::rows(model.opened(), rows, model.context())
}

/// Two models on the same rows, by the metric named or the usual one: which is better, and by more than chance?
///
/// # Errors
/// Models of different targets, a metric that does not judge these answers, rows without any target.
pub fn compare(first: &Model, second: &Model, rows: &dyn Source, metric: Option<&str>) -> Result<Comparison> {
    tidemill_engine::verbs::compare::on_rows([first.opened(), second.opened()], rows, metric, first.context())
}

/// What is wrong with a table: findings, the worst first, each with a remedy.
///
/// # Errors
/// Rows that cannot be read, a target that is not there.
pub fn check(rows: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Audit> {
    tidemill_engine::audit::check_rows("memory", rows, recipe, context)
}
