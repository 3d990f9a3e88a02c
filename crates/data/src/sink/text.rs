//! CSV, TSV and JSON lines.

use std::io::Write;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::DataType;
use tidemill_core::{Batch, Error as CoreError, Result};

use super::Sink;
use super::flat::Flat;
use super::output::Output;
use crate::parse::unquoted;

/// A cell as it is written.
enum Cell<'a> {
    Missing,
    /// Needs no quotes in any format.
    Plain(&'a str),
    Text(&'a str),
    /// Plain in CSV, a text in JSON.
    Time(&'a str),
    /// A number that JSON cannot write.
    Infinite(&'a str),
}

/// One cell; numbers and times are written into `room`.
fn cell<'a>(column: &'a ArrayRef, row: usize, room: &'a mut String) -> Result<Cell<'a>> {
    use std::fmt::Write;
    if column.is_null(row) {
        return Ok(Cell::Missing);
    }
    room.clear();
    // Writing to a string cannot fail.
    let _ = match column.data_type() {
        DataType::Utf8 => return Ok(Cell::Text(column.as_string::<i32>().value(row))),
        DataType::Boolean => write!(room, "{}", column.as_boolean().value(row)),
        DataType::Float64 => {
            let x = column.as_primitive::<Float64Type>().value(row);
            if x.is_nan() {
                return Ok(Cell::Missing);
            }
            // Both are the shortest that read back as the same number; the exponent keeps them short.
            let written = match x.abs() {
                0.0 | 1e-5..1e16 | f64::INFINITY => write!(room, "{x}"),
                _ => write!(room, "{x:e}"),
            };
            if x.is_infinite() {
                return Ok(Cell::Infinite(room));
            }
            written
        }
        DataType::Float32 => {
            let x = column.as_primitive::<Float32Type>().value(row);
            if x.is_nan() {
                return Ok(Cell::Missing);
            }
            if x.is_infinite() {
                let _ = write!(room, "{x}");
                return Ok(Cell::Infinite(room));
            }
            write!(room, "{x}")
        }
        DataType::Timestamp(..) => {
            let micros = column.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = jiff::Timestamp::from_microsecond(micros).map_err(|_| {
                CoreError::data(
                    format!("a time of {micros} microseconds since 1970 is beyond the year 9999"),
                    "correct it, or write to .parquet or .arrow",
                )
            })?;
            let _ = write!(room, "{time}");
            return Ok(Cell::Time(room));
        }
        other => return Err(CoreError::internal(format!("no text for {other}"))),
    };
    Ok(Cell::Plain(room))
}

/// Cells divided by a comma or a tab; quoted where they hold the delimiter, a quote or a line break.
pub(super) struct Csv {
    output: Output,
    delimiter: u8,
    flat: Flat,
}

impl Csv {
    /// Writes the header.
    pub(super) fn new(output: Output, delimiter: u8, flat: Flat) -> Result<Self> {
        let mut csv = Csv { output, delimiter, flat };
        let mut line = Vec::new();
        for (i, field) in csv.flat.schema.fields().iter().enumerate() {
            csv.divide(i, &mut line);
            csv.quoted(field.name(), &mut line);
        }
        line.push(b'\n');
        csv.output.write_all(&line).map_err(|e| csv.output.failed(e))?;
        Ok(csv)
    }

    fn divide(&self, i: usize, out: &mut Vec<u8>) {
        if i > 0 {
            out.push(self.delimiter);
        }
    }

    fn quoted(&self, text: &str, out: &mut Vec<u8>) {
        let bytes = text.as_bytes();
        // A word in quotes that was read as a value is written as it was read.
        if unquoted(text).len() < text.len() {
            return out.extend_from_slice(bytes);
        }
        let special = |b: &u8| *b == self.delimiter || matches!(b, b'"' | b'\n' | b'\r');
        // A leading single quote or space could be read as something else than itself.
        let begins = bytes.first().is_some_and(|b| matches!(b, b'\'' | b' '));
        if !begins && !bytes.iter().any(special) {
            return out.extend_from_slice(bytes);
        }
        out.push(b'"');
        for (i, part) in text.split('"').enumerate() {
            if i > 0 {
                out.extend_from_slice(b"\"\"");
            }
            out.extend_from_slice(part.as_bytes());
        }
        out.push(b'"');
    }

    fn rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let mut room = String::new();
        for row in 0..batch.num_rows() {
            let start = out.len();
            for (i, column) in batch.columns().iter().enumerate() {
                self.divide(i, out);
                match cell(column, row, &mut room)? {
                    Cell::Missing => {}
                    Cell::Plain(text) | Cell::Time(text) | Cell::Infinite(text) => {
                        out.extend_from_slice(text.as_bytes());
                    }
                    Cell::Text(text) => self.quoted(text, out),
                }
            }
            if out.len() == start {
                // An empty cell that is a whole line would be read as no row.
                out.extend_from_slice(b"\"\"");
            }
            out.push(b'\n');
        }
        Ok(())
    }
}

impl Sink for Csv {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = Vec::new();
        self.rows(&self.flat.batch(batch)?, &mut lines)?;
        self.output.write_all(&lines).map_err(|e| self.output.failed(e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }

    fn is_closed(&self) -> bool {
        self.output.closed
    }
}

/// One JSON object per line; a missing value is null.
pub(super) struct JsonLines {
    output: Output,
    flat: Flat,
    /// The names as JSON writes them, with what stands before and after.
    keys: Vec<String>,
}

impl JsonLines {
    pub(super) fn new(output: Output, flat: Flat) -> Self {
        let keys = flat.schema.fields().iter().enumerate().map(|(i, field)| {
            let before = if i == 0 { "{" } else { "," };
            format!("{before}{}:", serde_json::Value::from(field.name().as_str()))
        });
        let keys = keys.collect();
        JsonLines { output, flat, keys }
    }

    fn rows(&self, batch: &RecordBatch, out: &mut Vec<u8>) -> Result<()> {
        let mut room = String::new();
        for row in 0..batch.num_rows() {
            for (column, key) in batch.columns().iter().zip(&self.keys) {
                out.extend_from_slice(key.as_bytes());
                match cell(column, row, &mut room)? {
                    Cell::Missing | Cell::Infinite(_) => out.extend_from_slice(b"null"),
                    Cell::Plain(text) => out.extend_from_slice(text.as_bytes()),
                    Cell::Text(text) | Cell::Time(text) => serde_json::to_writer(&mut *out, text)
                        .map_err(|e| CoreError::internal(format!("JSON text: {e}")))?,
                }
            }
            out.extend_from_slice(if self.keys.is_empty() { b"{}\n" } else { b"}\n" });
        }
        Ok(())
    }
}

impl Sink for JsonLines {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let mut lines = Vec::new();
        self.rows(&self.flat.batch(batch)?, &mut lines)?;
        self.output.write_all(&lines).map_err(|e| self.output.failed(e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.output.finish()
    }
}
