//! Files that are written whole or not at all: CSV, TSV, JSON lines, Parquet, Arrow IPC; CSV on standard output.

mod flat;
mod output;
mod text;
mod typed;

use std::path::Path;

use tidemill_core::{Batch, Result, Schema};

use crate::Error;
use flat::Flat;
use output::Output;

/// Where rows go.
///
/// What was written stands at its place only after [`Sink::finish`]: a sink that is dropped before leaves nothing
/// behind (and an older file as it was).
pub trait Sink: Send {
    /// Adds rows; they have the columns that the sink was made for.
    fn write(&mut self, batch: &Batch) -> Result<()>;
    /// Puts the file in its place.
    fn finish(self: Box<Self>) -> Result<()>;
    /// Whether nobody reads any more (a pipe such as `| head` was closed): further rows are in vain.
    fn is_closed(&self) -> bool {
        false
    }
}

/// Makes a sink for these columns. The format is that of the name: `.csv`, `.tsv`, `.jsonl`, `.parquet`, `.arrow`;
/// `-` is CSV on standard output.
///
/// Vectors are spread: probabilities into `probability_<class>`, others into `<column>_<part>`. Categories are
/// written as their names, times in ISO 8601 and UTC, numbers as the shortest decimals that read back as the same
/// number. A missing value is an empty cell or a null; so is a number that is not a number.
///
/// # Errors
/// A name of another format, a folder that cannot be written, a column of a kind that no cell can hold.
///
/// ```
/// # fn main() -> tidemill_core::Result<()> {
/// use std::sync::Arc;
/// use arrow_array::Float64Array;
/// use tidemill_core::{Batch, Column, Schema};
/// # let folder = std::env::temp_dir().join(format!("tidemill-create-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder).unwrap();
/// let path = folder.join("out.csv").display().to_string();
/// let schema = Arc::new(Schema::new(vec![Column::number("x")])?);
/// let mut sink = tidemill_data::sink::create(&path, &schema)?;
/// sink.write(&Batch::new(schema, vec![Arc::new(Float64Array::from(vec![Some(0.1), None]))])?)?;
/// sink.finish()?;
/// assert_eq!(std::fs::read_to_string(&path).unwrap(), "x\n0.1\n\"\"\n");
/// # std::fs::remove_dir_all(&folder).unwrap();
/// # Ok(())
/// # }
/// ```
pub fn create(location: &str, schema: &Schema) -> Result<Box<dyn Sink>> {
    let flat = Flat::new(schema, location)?;
    if location == "-" {
        return Ok(Box::new(text::Csv::new(Output::standard(), b',', flat)?));
    }
    let path = Path::new(location);
    let extension = crate::source::extension(path);
    if !matches!(&*extension, "csv" | "tsv" | "jsonl" | "ndjson" | "parquet" | "arrow") {
        return Err(Error::Format {
            file: location.into(),
            found: format!("'.{extension}' is not a format that is written"),
            remedy: "name the file .csv, .tsv, .jsonl, .parquet or .arrow, or - for CSV on standard output"
                .into(),
        }
        .into());
    }
    let output = Output::file(path)?;
    Ok(match &*extension {
        "csv" => Box::new(text::Csv::new(output, b',', flat)?),
        "tsv" => Box::new(text::Csv::new(output, b'\t', flat)?),
        "parquet" => Box::new(typed::Parquet::new(output, flat)?),
        "arrow" => Box::new(typed::Ipc::new(output, flat)?),
        _ => Box::new(text::JsonLines::new(output, flat)),
    })
}

/// Rows as Arrow has them, with vectors spread and categories by name as [`create`] writes them.
///
/// # Errors
/// A column of a kind that no cell can hold; a spread name that is taken.
pub fn to_arrow(batch: &Batch) -> Result<arrow_array::RecordBatch> {
    Flat::new(batch.schema(), "memory")?.batch(batch)
}

#[cfg(test)]
mod tests;
