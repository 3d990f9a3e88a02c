//! Feedback in a table: read as the tables that are learned from are, so that `4,5` is the same number in both.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use tidemill_core::{Error, Result};
use tidemill_data::ReadOptions;
use tidemill_data::infer::number_format;
use tidemill_data::parse::{NumberFormat, unquoted, yes_or_no};
use tidemill_store::{Fate, Feedback, FeedbackKind, Store};
use uuid::Uuid;

use super::judge::{accept_many, with_numbers};
use super::parse::{FeedbackError, fields};
use crate::rows::{number, value};

/// Rows that are stored together.
const PIECE: usize = 1000;

/// Stores the feedback of a file, all of it or nothing; `kind` is that of rows that name none, `now` in microseconds since 1970.
///
/// # Errors
/// A file that cannot be read; a row that is no feedback or cannot count, with its number.
pub fn import(file: &str, kind: Option<&str>, store: &Store, now: i64) -> Result<Vec<Fate>> {
    let refused = |row: usize, e: &FeedbackError| refused(file, row, e);
    let Table { rows, delimiter } = Table::open(file, kind)?;
    if rows.is_empty() {
        return Err(Error::data(format!("{file} has no rows"), "give a table with feedback"));
    }
    let said = rows.iter().filter(|row| row_kind(row).is_some_and(is_number));
    let format = format_of(said.filter_map(said_text), delimiter);
    let mut given = Vec::with_capacity(rows.len());
    // All is read before anything is stored: a fault in the last row must not leave the others behind.
    for (i, mut row) in rows.into_iter().enumerate() {
        if row_kind(&row).is_some_and(is_number) {
            read_number(row.get_mut("value"), format.as_ref());
        }
        given.push(fields(row, now).map_err(|e| refused(i + 1, &e))?);
    }
    read_answers(&mut given, store, delimiter)?;
    let judged = accept_many(store, given, PIECE)?;
    judged.map_err(|e| refused(e.item.unwrap_or(1), &e))
}

/// A row of a feedback file that cannot be taken.
fn refused(file: &str, row: usize, e: &FeedbackError) -> Error {
    // The row of the file says which piece it is.
    let message =
        e.message.split_once(": ").filter(|_| e.item.is_some()).map_or(e.message.as_str(), |(_, rest)| rest);
    Error::data(format!("{file}, row {row}: {message}"), e.remedy.clone().unwrap_or_default())
}

/// The rows of a file, each as a JSON object of what it says.
struct Table {
    rows: Vec<Map<String, Value>>,
    delimiter: Option<char>,
}

impl Table {
    fn open(file: &str, kind: Option<&str>) -> Result<Self> {
        let source = tidemill_data::open(file, &ReadOptions::default())?;
        let names: Vec<String> = source.schema().names().map(String::from).collect();
        let mut rows = Vec::new();
        for batch in source.scan()? {
            let batch = batch?;
            for i in 0..batch.n_rows() {
                let cell = |(c, name): (usize, &String)| Ok((name.clone(), bare(value(&batch, c, i)?)));
                let cells = names.iter().enumerate().map(cell).collect::<Result<_>>()?;
                rows.push(said(cells, kind));
            }
        }
        Ok(Table { rows, delimiter: source.reading().and_then(|reading| reading.delimiter) })
    }
}

/// A word such as `NA` comes with the quotes that make it a value in a CSV file; they are not part of it.
fn bare(cell: Value) -> Value {
    match cell {
        Value::String(text) => Value::String(unquoted(&text).to_string()),
        other => other,
    }
}

/// A row without its empty cells, and with a kind.
fn said(mut row: Map<String, Value>, kind: Option<&str>) -> Map<String, Value> {
    row.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    fold(&mut row);
    if let Some(kind) = kind.filter(|_| !row.contains_key("kind")) {
        row.insert("kind".into(), kind.into());
    }
    row
}

/// What the names of fields of an object in `value` begin with: each is a column of its own in a table.
const FIELD: &str = "value.";

/// Makes the fields of an object in `value`, as of several targets or a mask, one object again.
fn fold(row: &mut Map<String, Value>) {
    let names: Vec<String> = row.keys().filter(|name| name.starts_with(FIELD)).cloned().collect();
    if names.is_empty() || row.contains_key("value") {
        return;
    }
    // A list within it comes as the text that it was.
    let list = |value: Value| match value.as_str().filter(|text| text.starts_with('[')) {
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        None => value,
    };
    let fields = names.into_iter().filter_map(|name| {
        let value = row.remove(&name)?;
        Some((name.strip_prefix(FIELD)?.to_string(), list(value)))
    });
    let object: Map<String, Value> = fields.collect();
    row.insert("value".into(), Value::Object(object));
}

fn row_kind(row: &Map<String, Value>) -> Option<FeedbackKind> {
    FeedbackKind::of(row.get("kind")?.as_str()?)
}

/// Whether the value of this kind is a number, whatever the model.
fn is_number(kind: FeedbackKind) -> bool {
    matches!(kind, FeedbackKind::Rating | FeedbackKind::Outcome)
}

fn said_text(row: &Map<String, Value>) -> Option<&str> {
    row.get("value")?.as_str()
}

/// How the numbers among these texts are written; words of yes and no are none.
fn format_of<'a>(texts: impl Iterator<Item = &'a str>, delimiter: Option<char>) -> Option<NumberFormat> {
    number_format(texts.filter(|text| yes_or_no(text).is_none()), delimiter)
}

/// Reads the text of a number or a flag as what it is; what is neither stays as it is, and is refused as such.
fn read_number(cell: Option<&mut Value>, format: Option<&NumberFormat>) {
    let Some(cell) = cell else { return };
    let Some(text) = cell.as_str() else { return };
    let format = format.filter(|format| !format.is_plain());
    let plain = serde_json::from_str(&text.trim().to_lowercase()).ok();
    let plain = plain.filter(|read: &Value| read.is_boolean() || format.is_none());
    if let Some(read) = plain.or_else(|| format?.parse(text).map(number)) {
        *cell = read;
    }
}

/// Reads the right answers of predictions that are numbers.
fn read_answers(given: &mut [Feedback], store: &Store, delimiter: Option<char>) -> Result<()> {
    let is_answer = |f: &Feedback| matches!(f.kind, FeedbackKind::Label | FeedbackKind::Correction);
    let text = |f: &Feedback| f.value.as_ref().and_then(Value::as_str).map(String::from);
    let answers: Vec<Feedback> =
        given.iter().filter(|f| is_answer(f) && text(f).is_some()).cloned().collect();
    let numbers: BTreeSet<Uuid> = with_numbers(store, answers)?;
    let among = |f: &Feedback| is_answer(f) && numbers.contains(&f.prediction_id);
    let texts: Vec<String> = given.iter().filter(|f| among(f)).filter_map(text).collect();
    // Plain numbers are read when they are judged.
    let format = format_of(texts.iter().map(String::as_str), delimiter).filter(|format| !format.is_plain());
    let Some(format) = format else { return Ok(()) };
    given.iter_mut().filter(|f| among(f)).for_each(|f| read_number(f.value.as_mut(), Some(&format)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    fn read(header: &str, rows: &[&str]) -> Vec<Option<Value>> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.csv");
        let rows: Vec<String> = rows.iter().map(|row| row.replace("ID", ID)).collect();
        std::fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        let Table { rows, delimiter } = Table::open(&file.display().to_string(), Some("label")).unwrap();
        let format = format_of(
            rows.iter().filter(|row| row_kind(row).is_some_and(is_number)).filter_map(said_text),
            delimiter,
        );
        let one = |mut row: Map<String, Value>| {
            if row_kind(&row).is_some_and(is_number) {
                read_number(row.get_mut("value"), format.as_ref());
            }
            fields(row, 0).unwrap().value
        };
        rows.into_iter().map(one).collect()
    }

    #[test]
    fn numbers_are_read_as_the_file_writes_them() {
        let header = "prediction_id;kind;value;user";
        let said = read(
            header,
            &["ID;rating;4,5;ann", "ID;rating;True;", "ID;outcome;1.234,5;", "ID;outcome;1.234;"],
        );
        assert_eq!(said, [Some(json!(4.5)), Some(json!(true)), Some(json!(1234.5)), Some(json!(1234))]);
        let said =
            read("prediction_id,kind,value", &["ID,outcome,\"1,234.5\"", "ID,outcome,950", "ID,rating,4"]);
        assert_eq!(said, [Some(json!(1234.5)), Some(json!(950)), Some(json!(4))]);
        let said = read("prediction_id,value,kind", &["ID,$12.50,outcome", "ID,$7.00,outcome"]);
        assert_eq!(said, [Some(json!(12.5)), Some(json!(7))]);
    }

    #[test]
    fn answers_of_several_targets_and_masks_are_objects_in_lines_and_in_columns() {
        let folder = tempfile::tempdir().unwrap();
        let of = |name: &str, text: &str| {
            let file = folder.path().join(name);
            std::fs::write(&file, text.replace("ID", ID)).unwrap();
            let table = Table::open(&file.display().to_string(), Some("label")).unwrap();
            table.rows.into_iter().map(|row| fields(row, 0).unwrap().value.unwrap()).collect::<Vec<_>>()
        };
        let lines = "{\"prediction_id\":\"ID\",\"value\":{\"left\":\"yes\",\"spend\":90}}\n\
                     {\"prediction_id\":\"ID\",\"value\":{\"spend\":7.5}}\n";
        let wanted = [json!({ "left": "yes", "spend": 90 }), json!({ "spend": 7.5 })];
        assert_eq!(of("a.jsonl", lines), wanted);
        let columns = "prediction_id,value.left,value.spend\nID,yes,90\nID,,7.5\n";
        let said = of("a.csv", columns);
        assert_eq!(said, [json!({ "left": "yes", "spend": "90" }), json!({ "spend": "7.5" })]);
        let mask = "{\"prediction_id\":\"ID\",\"value\":{\"height\":1,\"width\":3,\"runs\":[[0,2],[1,1]]}}\n";
        assert_eq!(of("m.jsonl", mask), [json!({ "height": 1, "width": 3, "runs": [[0, 2], [1, 1]] })]);
    }

    #[test]
    fn labels_stay_texts_and_quotes_are_no_part_of_them() {
        let said = read("prediction_id,value", &["ID,007", "ID,\"NA\"", "ID,a"]);
        assert_eq!(said, [Some(json!("007")), Some(json!("NA")), Some(json!("a"))]);
    }
}
