//! `explain`: opens the model and the rows, explains, and writes the values.

use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use serde_json::Value;
use tidemill_core::{Batch, Column, Context, Event, Kind, Result, Schema};

use crate::explain::{Asked, Explained, Method, explain};
use crate::model;
use crate::recipe;
use crate::rows::open_to_answer;

/// Explains rows of a file, and writes the values of every row to `out` where one is named. Of a model of several targets, `target` is
/// the one to explain.
///
/// # Errors
/// Those of [`explain()`], and of reading and writing.
pub fn file(
    model: &Path,
    target: Option<&str>,
    data: &str,
    background: Option<&str>,
    asked: &Asked,
    out: Option<&str>,
    context: &Context,
) -> Result<Explained> {
    let opened = model::open_target(model, target, context)?;
    let recipe = recipe::parse(&opened.package.recipe, "the model's recipe", context.registry())?;
    let open = |location: &str| open_to_answer(location, &recipe);
    let rows = open(data)?;
    let background = background.map(open).transpose()?;
    context.tell(&Event::Begin { what: "explaining".into(), steps: None });
    let explained = explain(&opened, &*rows, background.as_deref(), asked, context)?;
    context.tell(&Event::End);
    if let Some(out) = out {
        let table = table(&explained)?;
        let mut sink = tidemill_data::create(out, table.schema())?;
        sink.write(&table)?;
        sink.finish()?;
    }
    opened.model.warn_of_cells(context)?;
    Ok(explained)
}

/// A row per explained row: its number and key, the prediction, and for each output the base and a number per column.
fn table(explained: &Explained) -> Result<Batch> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let word = if explained.method == Method::Lime { "lime" } else { "shap" };
    let mut columns = vec![Column::number("row")];
    let mut arrays: Vec<ArrayRef> =
        vec![Arc::new(Float64Array::from_iter_values(explained.rows.iter().map(|r| r.row as f64)))];
    if explained.rows.iter().any(|row| row.key.is_some()) {
        columns.push(Column::new("key", Kind::Text));
        let keys = explained.rows.iter().map(|row| row.key.as_ref().and_then(text));
        arrays.push(Arc::new(keys.collect::<StringArray>()));
    }
    columns.push(Column::new("prediction", Kind::Text));
    arrays.push(Arc::new(explained.rows.iter().map(|row| text(&row.prediction)).collect::<StringArray>()));
    for (at, output) in explained.outputs.iter().enumerate() {
        let of = if explained.outputs.len() > 1 { format!("_{output}") } else { String::new() };
        columns.push(Column::number(format!("base{of}")));
        let base = explained
            .rows
            .iter()
            .map(|row| row.local.get(at).map_or(explained.base[at], |fit| fit.intercept));
        arrays.push(Arc::new(Float64Array::from_iter_values(base)));
        if explained.method == Method::Lime {
            let r2 = explained.rows.iter().map(|row| row.local.get(at).map(|fit| fit.r2));
            columns.push(Column::number(format!("r2{of}")));
            arrays.push(Arc::new(r2.collect::<Float64Array>()));
        }
        for (place, column) in explained.columns.iter().enumerate() {
            columns.push(Column::number(format!("{word}{of}_{column}")));
            let values = explained.rows.iter().map(|row| row.values[at][place]);
            arrays.push(Arc::new(Float64Array::from_iter_values(values)));
        }
    }
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, explained.rows.len())
}
