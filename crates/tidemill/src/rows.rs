//! Rows in memory and in files.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use tidemill_core::{Error, Result, Source, Table};
use tidemill_engine::rows;

/// A table of the rows in these batches, which must share one schema.
///
/// Numbers of any width become 64-bit floats, strings become texts, timestamps and dates become times, booleans become flags, dictionaries
/// become what they contain, and binary columns become images.
///
/// # Errors
/// There is no batch, the batches have different schemas, two columns have the same name, or a column has an unsupported type (lists,
/// maps).
pub fn table(batches: &[RecordBatch]) -> Result<Table> {
    rows::from_arrow(batches)
}

/// A table of numeric columns of equal length.
///
/// # Errors
/// Columns have different lengths or the same name.
pub fn table_of_numbers(columns: &[(&str, &[f64])]) -> Result<Table> {
    let arrays = columns
        .iter()
        .map(|(name, values)| (*name, Arc::new(Float64Array::from(values.to_vec())) as ArrayRef));
    let batch = RecordBatch::try_from_iter(arrays)
        .map_err(|e| Error::data(e.to_string(), "give columns of one length, each with a name of its own"))?;
    table(&[batch])
}

/// Opens a file, a glob or a folder of images: CSV, TSV, JSON lines, Parquet, Arrow IPC, compressed or not.
///
/// # Errors
/// The file cannot be read; the error has its name, the line and a remedy.
pub fn open(location: &str) -> Result<Box<dyn Source>> {
    rows::open(location)
}
