//! Texts with their vectors, in files: what `embed` writes, and `search` reads.

use std::fmt::Write;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use serde::Serialize;
use serde_json::{Value, json};
use tidemill_core::{Batch, Column, Error, Kind, Result, Schema, dense_vector};

use crate::error::EngineError;
use crate::files::replace;

/// The columns of such a file; in tables the vector is spread into one for each number.
const TEXT: &str = "text";
const VECTOR: &str = "vector";

/// Texts with their vectors.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    /// The texts.
    pub texts: Vec<String>,
    /// The numbers of all vectors, one after the other.
    pub vectors: Vec<f32>,
    /// Numbers of a vector.
    pub width: usize,
}

impl Texts {
    /// As JSON lines with text and vector.
    pub fn lines(&self) -> String {
        let mut lines = String::new();
        for (text, vector) in self.texts.iter().zip(self.vectors.chunks(self.width.max(1))) {
            // Writing into a text cannot fail.
            let _ = writeln!(lines, "{}", json!({ TEXT: text, VECTOR: vector }));
        }
        lines
    }

    /// Writes a file: JSON lines with text and vector, or a table with a column for each number (`.parquet`, `.csv`, `.tsv`, `.arrow`).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, out: &str) -> Result<()> {
        let ending = ending(out);
        if !matches!(&*ending, "parquet" | "csv" | "tsv" | "arrow") {
            return replace(Path::new(out), self.lines().as_bytes());
        }
        let parts: Vec<String> = (1..=self.width).map(|i| i.to_string()).collect();
        let columns = vec![Column::new(TEXT, Kind::Text), Column::vector(VECTOR, parts)];
        let schema = Arc::new(Schema::new(columns)?);
        let texts: ArrayRef = Arc::new(StringArray::from_iter_values(&self.texts));
        let vectors = dense_vector(self.vectors.clone(), self.width)?;
        let mut sink = tidemill_data::create(out, &schema)?;
        sink.write(&Batch::new(schema, vec![texts, vectors])?)?;
        sink.finish()
    }

    /// Reads what [`Texts::write`] wrote; none where a file holds no vectors.
    ///
    /// # Errors
    /// When the file cannot be read, or a line has no vector where others do; it is named.
    pub fn read(file: &Path) -> Result<Option<Self>> {
        match &*ending(&file.to_string_lossy()) {
            "jsonl" | "ndjson" => of_lines(file),
            "parquet" | "csv" | "tsv" | "arrow" => of_table(file),
            _ => Ok(None),
        }
    }
}

/// A text that was found for another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Found {
    /// The place of what was asked for, from 1.
    pub query_row: usize,
    /// What was asked for.
    pub query: String,
    /// 1 for the nearest.
    pub rank: usize,
    /// The place of what was found, from 1.
    pub row: usize,
    /// How near: 1 where the vectors point the same way, 0 at right angles.
    pub similarity: f64,
    /// What was found.
    pub text: String,
}

/// Writes finds as a table in the form of the file's ending; `-` is CSV on standard output.
///
/// # Errors
/// When the file cannot be written.
pub fn write_found(found: &[Found], out: &str) -> Result<()> {
    let numbers = |of: &dyn Fn(&Found) -> f64| -> ArrayRef {
        Arc::new(Float64Array::from_iter_values(found.iter().map(of)))
    };
    let texts = |of: &dyn Fn(&Found) -> &str| -> ArrayRef {
        let texts: Vec<&str> = found.iter().map(of).collect();
        Arc::new(StringArray::from(texts))
    };
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::number("query_row"), numbers(&|found| found.query_row as f64)),
        (Column::new("query", Kind::Text), texts(&|found| &found.query)),
        (Column::number("rank"), numbers(&|found| found.rank as f64)),
        (Column::number("row"), numbers(&|found| found.row as f64)),
        (Column::number("similarity"), numbers(&|found| found.similarity)),
        (Column::new("text", Kind::Text), texts(&|found| &found.text)),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    let schema = Arc::new(Schema::new(columns)?);
    let mut sink = tidemill_data::create(out, &schema)?;
    sink.write(&Batch::new(schema, arrays)?)?;
    sink.finish()
}

fn ending(name: &str) -> String {
    Path::new(name).extension().unwrap_or_default().to_string_lossy().to_ascii_lowercase()
}

fn wrong(file: &Path, at: usize, problem: &str) -> Error {
    let problem = format!("{}, line {}: {problem}", file.display(), at + 1);
    EngineError::usage(problem, "give a file that `tidemill embed` wrote").into()
}

fn of_lines(file: &Path) -> Result<Option<Texts>> {
    let fault = |e| Error::io(file, e);
    let mut found = Texts::default();
    for (at, line) in BufReader::new(File::open(file).map_err(fault)?).lines().enumerate() {
        let line = line.map_err(fault)?;
        if line.trim().is_empty() {
            continue;
        }
        let line: Value =
            serde_json::from_str(&line).map_err(|e| wrong(file, at, &format!("is not JSON: {e}")))?;
        let Some(vector) = line[VECTOR].as_array() else {
            if found.texts.is_empty() {
                return Ok(None);
            }
            return Err(wrong(file, at, "has no vector"));
        };
        if found.width == 0 {
            found.width = vector.len();
        }
        if vector.len() != found.width {
            return Err(wrong(file, at, "has a vector of another width than the first"));
        }
        found.texts.push(line[TEXT].as_str().unwrap_or_default().into());
        found.vectors.extend(vector.iter().map(|x| x.as_f64().map_or(f32::NAN, |x| x as f32)));
    }
    Ok(Some(found).filter(|found| found.width > 0))
}

fn of_table(file: &Path) -> Result<Option<Texts>> {
    let source = tidemill_data::open(&file.to_string_lossy(), &Default::default())?;
    let schema = source.schema().clone();
    let part = |i: usize| schema.position(&format!("{VECTOR}_{i}"));
    let places: Vec<usize> = (1..).map_while(part).collect();
    if places.is_empty() {
        return Ok(None);
    }
    let batch = source.collect()?;
    let (n, width) = (batch.n_rows(), places.len());
    let mut vectors = vec![f32::NAN; n * width];
    for (j, &at) in places.iter().enumerate() {
        let values = vectors.iter_mut().skip(j).step_by(width);
        if schema.columns()[at].kind == Kind::Number {
            values.zip(batch.numbers(at)?).for_each(|(to, x)| *to = x.map_or(f32::NAN, |x| x as f32));
        } else {
            let parsed = batch.texts(at)?.iter().map(|text| text.and_then(|text| text.parse().ok()));
            values.zip(parsed).for_each(|(to, x)| *to = x.unwrap_or(f32::NAN));
        }
    }
    let texts = match schema.position(TEXT) {
        Some(at) => batch.texts(at)?.iter().map(|text| text.unwrap_or_default().to_owned()).collect(),
        None => vec![String::new(); n],
    };
    Ok(Some(Texts { texts, vectors, width }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_from_each_form() {
        let folder = tempfile::tempdir().unwrap();
        let written = Texts {
            texts: vec!["a, \"b\"".into(), "é\nc".into()],
            vectors: vec![0.5, -1.25, 3.0e-9, 0.1, 7.0, -0.0],
            width: 3,
        };
        for name in ["a.jsonl", "a.parquet", "a.csv", "a.arrow"] {
            let file = folder.path().join(name);
            written.write(&file.display().to_string()).unwrap();
            assert_eq!(Texts::read(&file).unwrap().unwrap(), written, "{name}");
        }
        let plain = folder.path().join("b.csv");
        std::fs::write(&plain, "text\nx\n").unwrap();
        assert_eq!(Texts::read(&plain).unwrap(), None);
        let ragged = folder.path().join("b.jsonl");
        std::fs::write(
            &ragged,
            "{\"text\": \"a\", \"vector\": [1, 2]}\n{\"text\": \"b\", \"vector\": [1]}\n",
        )
        .unwrap();
        let error = Texts::read(&ragged).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }
}
