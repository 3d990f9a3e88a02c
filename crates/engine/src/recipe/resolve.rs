//! Turning a recipe and what was inferred into the resolved recipe that leads to the same model again.

use tidemill_core::recipe::{ColumnSpec, Recipe, SplitKind, Task};
use tidemill_core::{Error, Result, Role};
use tidemill_data::{ColumnPlan, Plan};

/// The recipe with everything that was inferred written into it.
pub(crate) fn recipe(asked: &Recipe, plan: &Plan, source: &str) -> Recipe {
    let mut recipe = asked.clone();
    recipe.data.source = Some(source.to_string());
    recipe.data.task = plan.task;
    if plan.task == Some(Task::Binary) {
        recipe.data.positive = plan.classes.last().cloned();
    }
    for column in &plan.columns {
        let spec = recipe.columns.entry(column.name.clone()).or_default();
        spec.kind = Some(column.kind);
        spec.role = Some(column.role);
        // The words of a flag are found again by themselves: it has a format that needs no saying.
        spec.format = Some(column.format.to_string()).filter(|word| !word.is_empty());
    }
    recipe.columns.sort_by_key(|name, _| plan.columns.iter().position(|c| c.name == *name));
    let given = recipe.split.column.is_some();
    recipe.split.kind.get_or_insert_with(|| {
        let has = |role| plan.columns.iter().any(|c| c.role == role);
        if given {
            SplitKind::Given
        } else if has(Role::Time) {
            SplitKind::Time
        } else if has(Role::Group) {
            SplitKind::Group
        } else {
            SplitKind::Stratified
        }
    });
    recipe
}

/// The plan's target.
pub(crate) fn target(plan: &Plan) -> Result<&ColumnPlan> {
    let target = plan.columns.iter().find(|c| c.role == Role::Target);
    target.ok_or_else(|| Error::internal("the plan has no target"))
}

/// The plan's task.
pub(crate) fn task(plan: &Plan) -> Result<Task> {
    plan.task.ok_or_else(|| Error::internal("the plan has no task"))
}

/// The recipe as TOML, each column with a word of why it was taken for what it is.
pub(crate) fn to_toml(recipe: &Recipe, plan: &Plan) -> Result<String> {
    let failed = |e: toml::ser::Error| Error::internal(format!("writing the recipe: {e}"));
    let bare = Recipe { columns: Default::default(), ..recipe.clone() };
    let mut text =
        String::from("# Written by tidemill; edit it and run `tidemill train` on this file again.\n");
    if let Some(task) = plan.task {
        text += &format!("# Task: {}, since {}.\n", task.word(), plan.why_task);
    }
    text += "\n";
    text += &toml::to_string(&bare).map_err(failed)?;
    for (name, column) in &recipe.columns {
        let why = plan.columns.iter().find(|c| c.name == *name).map(|c| c.why.replace('\n', " "));
        let only =
            Recipe { columns: [(name.clone(), column.clone())].into_iter().collect(), ..Recipe::default() };
        let section = toml::to_string(&Only { columns: &only.columns }).map_err(failed)?;
        text += &why.map(|why| format!("\n# {why}\n")).unwrap_or_else(|| "\n".into());
        text += section.trim_start();
    }
    Ok(text)
}

#[derive(serde::Serialize)]
struct Only<'a> {
    columns: &'a indexmap::IndexMap<String, ColumnSpec>,
}
