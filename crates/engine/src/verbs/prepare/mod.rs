//! Preparation alone: what a recipe does to rows before a learner sees them, fitted, written, saved and applied to other rows.
//!
//! The chain is the one that training fits ([`crate::search::preparation`]), without a learner. It is fitted on all rows that are
//! given: whoever judges on rows of their own keeps these out, and prepares them with what was saved.

mod apply;
mod changes;
mod learn;
pub(super) mod shape;

use std::path::Path;

use serde_json::Value;
use tidemill_core::recipe::Spec;
use tidemill_core::{Context, Error, Result, Role, Schema};
use tidemill_package::Package;

use crate::error::EngineError;
use crate::facts::{ColumnStory, StepFacts};
use crate::model::{self, Model, PREPARATION};
pub use apply::apply;
pub(super) use learn::left_out;
pub use learn::{Job, learn};
use shape::Shapes;

/// The columns that are written: all but the marks of copied rows.
fn written(schema: &Schema) -> Vec<usize> {
    schema.places(|c| c.role != Role::Block)
}

/// Each column before and after, those that steps added last.
fn stories(before: Shapes, after: Shapes, steps: &[StepFacts]) -> Vec<ColumnStory> {
    let mut after = after.finish();
    let mut stories: Vec<ColumnStory> = Vec::new();
    for (column, shape) in before.finish().into_iter().filter(|(c, _)| c.role != Role::Block) {
        let at = after.iter().position(|(c, _)| c.name == column.name);
        let after = at.map(|at| after.remove(at).1);
        stories.push(ColumnStory {
            steps: worked_on(&column.name, steps),
            name: column.name,
            role: column.role,
            before: Some(shape),
            after,
        });
    }
    let added = after.into_iter().filter(|(c, _)| c.role != Role::Block);
    stories.extend(added.map(|(column, shape)| ColumnStory {
        steps: worked_on(&column.name, steps),
        name: column.name,
        role: column.role,
        before: None,
        after: Some(shape),
    }));
    stories
}

fn worked_on(column: &str, steps: &[StepFacts]) -> Vec<String> {
    let named = |names: &[String]| names.iter().any(|name| name == column);
    let worked =
        |step: &&StepFacts| step.changed.contains_key(column) || named(&step.added) || named(&step.removed);
    steps.iter().filter(worked).map(|step| step.spec.kind.clone()).collect()
}

/// A saved preparation: its model without a learner, and its steps as a recipe says them.
fn open(path: &Path, context: &Context) -> Result<(Package, Model, Vec<Spec>)> {
    let (package, _) = tidemill_package::open(path)?;
    let Some(steps) = package.manifest.about.get(PREPARATION) else {
        return Err(EngineError::usage(
            format!("{} holds no preparation but a model", path.display()),
            "give what `tidemill prepare … --save FILE` wrote, or predict with this model",
        )
        .into());
    };
    let steps: Vec<Spec> = serde_json::from_value(steps.clone())
        .map_err(|e| Error::state(PREPARATION, format!("its list of steps: {e}")))?;
    let model = Model::load(package.state.clone(), context.registry())?;
    if model.chain.0.len() != steps.len() + 1 {
        return Err(Error::state(PREPARATION, "its list of steps is not that of its chain"));
    }
    Ok((package, model, steps))
}

/// The package of a preparation.
fn package(model: &Model, steps: &[Spec], source: Value, recipe: String) -> Result<Package> {
    let about = serde_json::json!({ PREPARATION: steps, "data": source });
    let kinds: Vec<&str> = steps.iter().map(|step| step.kind.as_str()).collect();
    let card = format!(
        "# A preparation\n\nIt makes prepared rows of raw ones and predicts nothing. Steps: {}.\n\n\
         `tidemill prepare NEW --with FILE -o OUT` applies it.\n",
        if kinds.is_empty() { "none".into() } else { kinds.join(", ") }
    );
    model::package(model, about, recipe, card, "{}\n")
}

/// The error of a file that cannot hold what a step makes, with what to do about the step.
fn unwritable(out: &str, e: Error) -> Error {
    if e.code() != "data_unwritable" {
        return e;
    }
    let remedy = "leave that step out, or put `reduce_svd` behind it: it makes numbers of a sparse vector";
    EngineError::usage(format!("{out}: {e}"), remedy).into()
}
