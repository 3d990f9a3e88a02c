//! Other tables that a step looks into: their points become parameters of the step, so that the crates of preparation open no file and a
//! model needs none when it answers.

use serde_json::{Map, Value, json};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Context, Error, Result};
use tidemill_data::Ingest;
use tidemill_kernel::geo::Located;

use crate::builtin;
use crate::rows::open_to_learn;

/// The parameters of a step, with the points of the tables that it names.
///
/// # Errors
/// A table that cannot be opened, or that says no place; a row of it without one is passed over, with a warning.
pub(super) fn read(spec: &Spec, context: &Context) -> Result<Map<String, Value>> {
    let mut params = spec.params.clone();
    let opens = builtin::entry(&spec.kind).is_some_and(|entry| entry.opens_tables);
    let Some(Value::Object(tables)) = params.get_mut("tables").filter(|_| opens) else { return Ok(params) };
    for (name, table) in tables.iter_mut() {
        let Some(source) = table.get("source").and_then(Value::as_str).map(String::from) else { continue };
        let mut recipe = Recipe::default();
        recipe.data.point = table.get("point").and_then(|names| serde_json::from_value(names.clone()).ok());
        let points = points((&spec.kind, name), &source, &recipe, context)?;
        if let Value::Object(table) = table {
            table.insert("points".into(), json!(points));
        }
    }
    Ok(params)
}

fn points(
    (step, name): (&str, &str),
    source: &str,
    recipe: &Recipe,
    context: &Context,
) -> Result<Vec<[f64; 2]>> {
    let rows = open_to_learn(source, recipe)?;
    // What it says of its columns is of no interest: they are not learned from.
    let quiet = context.quiet();
    let plan = tidemill_data::infer(&*rows, recipe, &quiet)?;
    let (_, table) = Ingest::fit(&*rows, plan, &quiet)?;
    let located = Located::of(table.batch())?.ok_or_else(|| {
        let problem =
            format!("table '{name}' of '{step}' ({source}) has no columns that say where its rows are");
        Error::data(
            problem,
            format!("name them: tables.{name} = {{ source = \"…\", point = [\"lon\", \"lat\"] }}"),
        )
    })?;
    let lost = located.places.iter().filter(|place| place.is_none()).count();
    if lost > 0 {
        let message = format!("table '{name}' of '{step}': {lost} rows have no place; they are passed over");
        context.warn("no_place", message);
    }
    Ok(located.places.into_iter().flatten().collect())
}
