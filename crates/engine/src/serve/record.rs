//! What the prediction log keeps of a row and of its answer.

use std::borrow::Cow;

use serde_json::Value;
use tidemill_core::recipe::Private;
use tidemill_core::{Cell, Kind, Result, Role, Row};
use tidemill_data::parse::{FlagFormat, Format, is_missing_word, unquoted};
use tidemill_data::{CellIssue, InferredSchema, Ingest};
use tidemill_kernel::mask::Mask;
use tidemill_store::LoggedRow;
use uuid::Uuid;

use crate::files::sha256;
use crate::model::Model;
use crate::serve::privacy::Redactor;
use crate::serve::serving::{Answer, InputColumn, NOT_FINITE, Prediction, Serving};

/// Writes rows and answers as the log keeps them. Everything that follows from the model is found once.
pub struct Recorder {
    columns: Vec<RecordedColumn>,
    key: Option<RecordedColumn>,
    class_texts: Vec<String>,
    parts: Vec<RecordedTarget>,
}

/// One of several targets, as answers name it.
pub struct RecordedTarget {
    /// Its name as a JSON text.
    pub name: String,
    /// Each of its classes as a JSON text.
    pub class_texts: Vec<String>,
}

/// A column that the log keeps.
struct RecordedColumn {
    /// Its place among the cells of a row.
    place: usize,
    name: String,
    kind: Kind,
    /// Whether something is done to its values before they are kept.
    private: bool,
    /// How its values are read before they are hashed, where they are.
    hashed: Option<Hashed>,
}

impl Recorder {
    /// The recorder of a model. The log keeps every column in its features but the key, which it keeps apart.
    pub fn of(serving: &Serving) -> Self {
        let mut columns = Vec::with_capacity(serving.columns.len());
        let mut key = None;
        for (place, column) in serving.columns.iter().enumerate() {
            let private = serving.guard.of(&column.name);
            let hashed = (private == Some(Private::Hash)).then(|| Hashed::of(serving, column));
            let (name, private) = (column.name.clone(), private.is_some());
            let recorded = RecordedColumn { place, name, kind: column.kind, private, hashed };
            match column.role {
                Role::Key if key.is_none() => key = Some(recorded),
                _ => columns.push(recorded),
            }
        }
        let json = |text: &str| Value::from(text).to_string();
        let class_texts = |serving: &Serving| serving.classes.iter().map(|class| json(class)).collect();
        let parts = serving.parts.iter().map(|part| RecordedTarget {
            name: json(part.serving.target()),
            class_texts: class_texts(&part.serving),
        });
        Recorder { columns, key, parts: parts.collect(), class_texts: class_texts(serving) }
    }

    /// The names of the columns in the features, in their order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The name of the key column, where there is one.
    pub fn key_column(&self) -> Option<&str> {
        self.key.as_ref().map(|column| column.name.as_str())
    }

    /// Each class as a JSON text.
    pub fn class_texts(&self) -> &[String] {
        &self.class_texts
    }

    /// Of several targets: each; empty of one.
    pub fn parts(&self) -> &[RecordedTarget] {
        &self.parts
    }

    /// What the log keeps of a row of raw cells as it came.
    pub fn row(&self, row: &Row, guard: &Redactor) -> Result<LoggedRow> {
        let mut text = Vec::with_capacity(16 * row.cells.len());
        text.push(b'[');
        for (i, column) in self.columns.iter().enumerate() {
            if i > 0 {
                text.push(b',');
            }
            let start = text.len();
            column.write(&mut text, &column.meant(&row.cells[column.place]));
            if column.private {
                let came = into_text(text.split_off(start));
                text.extend_from_slice(guard.kept(&column.name, &came)?.to_string().as_bytes());
            }
        }
        text.push(b']');
        Ok(LoggedRow { features: into_text(text), row_key: self.key(row, guard)?, ..LoggedRow::default() })
    }

    fn key(&self, row: &Row, guard: &Redactor) -> Result<Option<String>> {
        let Some(column) = &self.key else { return Ok(None) };
        let key = match &row.cells[column.place] {
            Cell::Missing => return Ok(None),
            // A CSV body keeps the quotes of a key such as "NA"; they are not part of it.
            Cell::Text(text) => unquoted(text).to_string(),
            other => {
                let mut text = Vec::new();
                write_cell(&mut text, other);
                into_text(text)
            }
        };
        if !column.private {
            return Ok(Some(key));
        }
        let kept = guard.kept(&column.name, &Value::String(key).to_string())?;
        Ok(kept.as_str().map(String::from))
    }

    /// Adds the answer to what is kept of its row.
    pub fn answer(&self, logged: &mut LoggedRow, answer: &Answer, id: Uuid) {
        logged.id = id;
        logged.flaws = flaws(answer);
        let mut text = Vec::new();
        self.write_prediction(&mut text, answer);
        logged.prediction = into_text(text);
        let said = |answer: &Answer| !answer.probabilities.is_empty();
        logged.probabilities = (said(answer) || answer.parts.iter().any(said)).then(|| {
            let mut text = Vec::with_capacity(20 * answer.probabilities.len());
            match self.parts.as_slice() {
                [] => write_numbers(&mut text, &answer.probabilities),
                parts => {
                    let said = parts.iter().zip(&answer.parts).filter(|(_, answer)| said(answer));
                    write_each(&mut text, said, |out, _, answer| {
                        write_numbers(out, &answer.probabilities);
                    });
                }
            }
            into_text(text)
        });
    }

    /// A prediction as JSON: the number or the class; of several targets an object of these; a mask as its runs.
    pub fn write_prediction(&self, out: &mut Vec<u8>, answer: &Answer) {
        match self.parts.as_slice() {
            [] => match &answer.mask {
                Some(runs) => out.extend_from_slice(runs.as_bytes()),
                None => write_prediction(out, answer.prediction, &self.class_texts),
            },
            parts => write_each(out, parts.iter().zip(&answer.parts), |out, part, answer| {
                write_prediction(out, answer.prediction, &part.class_texts);
            }),
        }
    }
}

/// An object with a value for each of these targets.
pub fn write_each<'a>(
    out: &mut Vec<u8>,
    answers: impl Iterator<Item = (&'a RecordedTarget, &'a Answer)>,
    value: impl Fn(&mut Vec<u8>, &RecordedTarget, &Answer),
) {
    out.push(b'{');
    for (i, (part, answer)) in answers.enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(part.name.as_bytes());
        out.push(b':');
        value(out, part, answer);
    }
    out.push(b'}');
}

fn write_numbers(out: &mut Vec<u8>, numbers: &[f64]) {
    out.push(b'[');
    for (i, x) in numbers.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        write_number(out, *x);
    }
    out.push(b']');
}

/// The same as the log keeps it.
fn flaws(answer: &Answer) -> Option<String> {
    let codes = odd_codes(answer);
    (!codes.is_empty()).then(|| codes.join(" "))
}

/// The codes of all that is odd about an answer and its row, each once.
pub fn odd_codes(answer: &Answer) -> Vec<&'static str> {
    let mut codes: Vec<&'static str> = answer.flaws.iter().map(CellIssue::code).collect();
    if answer.is_not_finite() {
        codes.push(NOT_FINITE);
    }
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// How the values of a hashed column are read: what the model takes for the same must have the same hash, or nobody would know it again.
struct Hashed {
    flag: Option<FlagFormat>,
    /// Names that would mean "no value" elsewhere.
    names: Vec<String>,
}

impl Hashed {
    fn of(serving: &Serving, column: &InputColumn) -> Self {
        let flag = |plan: &InferredSchema| match &plan.column(&column.name)?.format {
            Format::Flag(format) => Some(format.clone()),
            _ => None,
        };
        let plan = serving.model().and_then(Model::intake).map(Ingest::plan);
        let flag = plan.ok().and_then(flag);
        let flag = (column.kind == Kind::Flag).then(|| flag.unwrap_or_default());
        let names = column.categories.iter().filter(|name| is_missing_word(name)).cloned().collect();
        Hashed { flag, names }
    }

    fn read(&self, text: &str) -> Cell {
        let word = text.trim();
        let is_name = self.names.iter().any(|name| name == word);
        if word.is_empty() || is_missing_word(word) && !is_name {
            return Cell::Missing;
        }
        let word = unquoted(word);
        match self.flag.as_ref().and_then(|flag| flag.parse(word)) {
            Some(yes) => Cell::Flag(yes),
            None => Cell::Text(word.into()),
        }
    }
}

impl RecordedColumn {
    /// A value as it is kept: as it came, or before hashing as the model reads it.
    fn meant<'a>(&self, value: &'a Cell) -> Cow<'a, Cell> {
        match (&self.hashed, value) {
            (Some(hashed), Cell::Text(text)) => Cow::Owned(hashed.read(text)),
            _ => Cow::Borrowed(value),
        }
    }

    fn write(&self, out: &mut Vec<u8>, value: &Cell) {
        match value {
            Cell::Text(picture) if self.kind == Kind::Image => {
                // Writing to memory cannot fail.
                let _ = serde_json::to_writer(out, &kept_picture(picture));
            }
            // As the list that it is, where it is one.
            Cell::Text(series) if self.kind == Kind::Series && is_json(series) => {
                out.extend_from_slice(series.as_bytes());
            }
            other => write_cell(out, other),
        }
    }
}

/// Images up to this many base64 characters are logged as they came, so that the next model can learn from them. Of larger ones only hash and
/// size are logged: photographs would fill a disk within days.
pub const MOST_KEPT: usize = 128 << 10;
const HASHED: &str = "sha256:";

/// What the log keeps of an image's text.
pub fn kept_picture(text: &str) -> Cow<'_, str> {
    if text.len() <= MOST_KEPT {
        return Cow::Borrowed(text);
    }
    let hash = sha256(text.as_bytes());
    Cow::Owned(format!("{HASHED}{hash}, {} characters of base64", text.len()))
}

/// Whether the log kept only the hash of a picture.
pub fn is_hash_of_picture(kept: &str) -> bool {
    kept.starts_with(HASHED)
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// The mask of these runs as a grey PNG in base64; nothing where they are none, which no model writes.
pub fn mask_png(runs: &str) -> String {
    Mask::of_rle(runs).map(|mask| mask.to_base64()).unwrap_or_default()
}

/// A number as JSON; `null` for what JSON has no word for.
pub fn write_number(out: &mut Vec<u8>, x: f64) {
    // Writing to memory cannot fail.
    let _ = serde_json::to_writer(out, &x);
}

/// A prediction as JSON: the number, or the class out of `class_texts`.
pub fn write_prediction(out: &mut Vec<u8>, prediction: Prediction, class_texts: &[String]) {
    match prediction {
        Prediction::Number(x) => write_number(out, x),
        // Its runs stand in the answer.
        Prediction::Mask => out.extend_from_slice(b"null"),
        Prediction::Class(code) => {
            out.extend_from_slice(class_texts.get(code as usize).map_or("null", String::as_str).as_bytes());
        }
    }
}

fn write_cell(out: &mut Vec<u8>, cell: &Cell) {
    match cell {
        Cell::Number(x) if *x == x.trunc() && x.abs() < 9e15 => {
            // Whole numbers without a point: that is how they came.
            let _ = serde_json::to_writer(out, &(*x as i64));
        }
        Cell::Number(x) => write_number(out, *x),
        Cell::Flag(yes) => out.extend_from_slice(if *yes { b"true" } else { b"false" }),
        Cell::Text(text) => {
            let _ = serde_json::to_writer(out, text);
        }
        _ => out.extend_from_slice(b"null"),
    }
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_kept_as_they_came() {
        let kept = |cell: Cell| {
            let mut out = Vec::new();
            write_cell(&mut out, &cell);
            into_text(out)
        };
        for (cell, text) in [
            (Cell::Number(3.0), "3"),
            (Cell::Number(-2.5), "-2.5"),
            (Cell::Number(f64::NAN), "null"),
            (Cell::Text("007".into()), "\"007\""),
            (Cell::Text("1234567890123456789".into()), "\"1234567890123456789\""),
            (Cell::Flag(true), "true"),
            (Cell::Missing, "null"),
        ] {
            assert_eq!(kept(cell), text);
        }
    }

    #[test]
    fn large_pictures_are_kept_as_their_hash() {
        let small = "a".repeat(MOST_KEPT);
        assert_eq!(kept_picture(&small), small);
        let large = "a".repeat(MOST_KEPT + 1);
        assert!(is_hash_of_picture(&kept_picture(&large)) && !is_hash_of_picture(&kept_picture(&small)));
    }
}
