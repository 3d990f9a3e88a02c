//! The resolved recipe: the recipe with everything that was inferred. It leads to the same model again.

use std::collections::BTreeMap;

use tidemill_core::recipe::{Coordinates, Recipe, SplitKind, Task};
use tidemill_core::{Error, Result, Role};
use tidemill_data::{InferredColumn, InferredSchema};

/// The recipe with everything that was inferred written into it.
pub(crate) fn recipe(asked: &Recipe, plan: &InferredSchema, source: &str) -> Recipe {
    let mut recipe = asked.clone();
    recipe.data.source = Some(source.to_string());
    if let Some(reading) = &plan.reading {
        let data = &mut recipe.data;
        data.delimiter = data.delimiter.take().or(reading.delimiter.map(String::from));
        data.header = data.header.or(reading.header);
        data.skip = data.skip.or(reading.skip);
        data.footer = data.footer.or(reading.footer);
        data.encoding = data.encoding.take().or_else(|| reading.encoding.clone());
    }
    recipe.data.task = plan.task;
    recipe.data.why_task = plan.task.map(|_| plan.why_task.clone());
    if plan.task == Some(Task::Binary) {
        recipe.data.positive = plan.classes.last().cloned();
    }
    if let Some((names, degrees)) = plan.place() {
        recipe.data.point = Some(names.into_iter().map(String::from).collect());
        recipe.data.coordinates = Some(if degrees { Coordinates::Degrees } else { Coordinates::Plane });
    }
    for column in &plan.columns {
        let spec = recipe.columns.entry(column.name.clone()).or_default();
        spec.kind = Some(column.kind);
        spec.role = Some(column.role);
        // A kind that the user said has its reason in the recipe already; one that follows from a role has not.
        // So has not one of which the recipe gives a reason.
        let inferred =
            !column.declared || !matches!(column.role, Role::Feature | Role::Ignore) || spec.why.is_some();
        spec.why = Some(column.why.clone()).filter(|why| inferred && !why.is_empty());
        // The words of a flag are found again by themselves: it has a format that needs no saying.
        spec.format = Some(column.format.to_string()).filter(|word| !word.is_empty());
    }
    let places: BTreeMap<&str, usize> = plan.columns.iter().map(|c| c.name.as_str()).zip(0..).collect();
    recipe.columns.sort_by_key(|name, _| places.get(name.as_str()).copied());
    let given = recipe.split.column.is_some();
    // Masks have no strata.
    let masks = plan.task == Some(Task::Masks);
    recipe.split.kind.get_or_insert_with(|| {
        let has = |role| plan.columns.iter().any(|c| c.role == role);
        if given {
            SplitKind::Given
        } else if has(Role::Time) {
            SplitKind::Time
        } else if has(Role::Group) {
            if masks { SplitKind::Group } else { SplitKind::StratifiedGroup }
        } else if masks {
            SplitKind::Random
        } else {
            SplitKind::Stratified
        }
    });
    recipe
}

/// The plan's target.
pub(crate) fn target(plan: &InferredSchema) -> Result<&InferredColumn> {
    let target = plan.columns.iter().find(|c| c.role == Role::Target);
    target.ok_or_else(|| Error::internal("the plan has no target"))
}

/// The plan's task.
pub(crate) fn task(plan: &InferredSchema) -> Result<Task> {
    plan.task.ok_or_else(|| Error::internal("the plan has no task"))
}

/// The recipe as TOML.
pub(crate) fn to_toml(recipe: &Recipe) -> Result<String> {
    let text = toml::to_string(recipe).map_err(|e| Error::internal(format!("writing the recipe: {e}")))?;
    Ok(format!("# Written by tidemill; edit it and run `tidemill train` on this file again.\n\n{text}"))
}
