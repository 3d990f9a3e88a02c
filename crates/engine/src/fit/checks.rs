//! What is refused before anything is learned.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Error, PREDICTION, PROBABILITY, Result, Role, Source, Table};
use tidemill_data::{InferredColumn, InferredSchema};

use crate::error::EngineError;
use crate::{audit, builtin};

/// Refuses learners that keep training rows where the recipe forbids it.
pub(super) fn privacy(recipe: &Recipe) -> Result<()> {
    if recipe.privacy.rows_in_model != Some(false) {
        return Ok(());
    }
    let keeps = |kind: &str| builtin::entry(kind).is_some_and(|entry| entry.keeps_rows);
    let keeping: Vec<String> =
        recipe.learners.iter().map(|spec| spec.kind.clone()).filter(|kind| keeps(kind)).collect();
    if keeping.is_empty() { Ok(()) } else { Err(EngineError::rows_in_model(&keeping).into()) }
}

/// Refuses a source without rows; `name` is what the user calls it.
pub(super) fn any_row(source: &dyn Source, name: &str) -> Result<()> {
    for batch in source.scan()? {
        if batch?.n_rows() > 0 {
            return Ok(());
        }
    }
    Err(Error::data(format!("{name} has columns but no rows"), "give rows to learn from"))
}

/// Refuses a column that stays beside the predictions and has the name of one of their columns.
pub(super) fn own_names(plan: &InferredSchema) -> Result<()> {
    let of_class = |name: &str| {
        let class = name.strip_prefix(PROBABILITY).and_then(|rest| rest.strip_prefix('_'));
        class.is_some_and(|class| plan.classes.iter().any(|c| c == class))
    };
    let clashes = |c: &&InferredColumn| match c.role {
        Role::Feature | Role::Ignore => false,
        Role::Target => c.name == PREDICTION || c.name == PROBABILITY,
        _ => c.name == PREDICTION || c.name == PROBABILITY || of_class(&c.name),
    };
    match plan.columns.iter().find(clashes) {
        None => Ok(()),
        Some(column) => Err(Error::data(
            format!("column '{}' has the name of a column that a model answers with", column.name),
            "rename it in the table",
        )),
    }
}

/// Refuses a table with too few rows, or without a column to learn from.
pub(super) fn rows(source: &str, plan: &InferredSchema, table: &Table) -> Result<()> {
    let n = table.batch().n_rows();
    if (n as u64) < audit::LEAST_ROWS {
        return Err(Error::data(
            format!("{source} has {n} rows with a target: too few to learn from and to judge by"),
            "gather at least 10, better some hundreds",
        ));
    }
    if !table.schema().columns().iter().any(|c| matches!(c.role, Role::Feature | Role::Time)) {
        return Err(Error::data(audit::without_features(plan), audit::WITHOUT_FEATURES));
    }
    Ok(())
}
