//! Rows in files and in memory.

use arrow_array::Array;
use serde_json::Value;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Cell, Error, Kind, Result, Source};
use tidemill_data::ReadOptions;
use tidemill_data::parse::write_iso;

pub use tidemill_data::{from_arrow, to_arrow};

/// The rows of a path, a glob, a folder of images or `-`.
pub fn open(location: &str) -> Result<Box<dyn Source>> {
    tidemill_data::open(location, &ReadOptions::default())
}

/// Rows to learn from, read as the recipe says, with their ties where it has a graph.
pub fn open_to_learn(location: &str, recipe: &Recipe) -> Result<Box<dyn Source>> {
    tidemill_data::tie(tidemill_data::open(location, &ReadOptions::of(&recipe.data)?)?, recipe)
}

/// Rows for a model with this recipe to answer: judged by themselves, for they may be written in another way than those that it
/// learned from; what their bytes do not tell, such as which of the older encodings they are in, is as it was there.
pub fn open_to_answer(location: &str, recipe: &Recipe) -> Result<Box<dyn Source>> {
    let known = recipe.columns.keys().map(String::as_str);
    let options = ReadOptions::at_prediction(known).usually_in(recipe.data.encoding.as_deref());
    tidemill_data::open(location, &options)
}

/// Refuses to write rows over those that they are made from, which would be lost.
///
/// # Errors
/// `out` is one of the files that `location` is read from.
pub fn check_out(out: &str, location: &str) -> Result<()> {
    match tidemill_data::is_read_from(out, location) {
        false => Ok(()),
        true => Err(Error::data(
            format!("{out} is what is read: its rows would be lost"),
            "name another file with -o; nothing was written",
        )),
    }
}

/// A value as JSON has it, as a cell.
pub fn cell(value: &Value) -> Cell {
    match value {
        Value::Number(x) => x.as_f64().map_or(Cell::Missing, Cell::Number),
        Value::Bool(yes) => Cell::Flag(*yes),
        Value::String(text) => Cell::Text(text.clone()),
        // A series.
        Value::Array(_) => Cell::Text(value.to_string()),
        _ => Cell::Missing,
    }
}

/// A number as JSON has it; whole numbers stay whole: `3`, not `3.0`.
pub fn number(x: f64) -> Value {
    if x == x.trunc() && x.abs() < 9e15 { Value::from(x as i64) } else { Value::from(x) }
}

/// A raw cell of a batch as JSON has it.
pub fn value(batch: &Batch, c: usize, i: usize) -> Result<Value> {
    if batch.column(c).is_null(i) {
        return Ok(Value::Null);
    }
    Ok(match batch.schema().columns()[c].kind {
        Kind::Number => number(batch.numbers(c)?.value(i)),
        Kind::Flag => batch.flags(c)?.value(i).into(),
        Kind::Time => write_iso(batch.times(c)?.value(i)).into(),
        Kind::Text => batch.texts(c)?.value(i).into(),
        Kind::Category => batch.schema().columns()[c].categories()?.name(batch.codes(c)?.value(i)).into(),
        _ => Value::Null,
    })
}
