//! Rows in memory and in files.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch};
use tidemill_core::{Error, Result, Source, Table};
use tidemill_engine::rows;

/// The rows of these batches, which share one schema.
///
/// Numbers of any width become 64-bit floats, strings texts, timestamps and dates times, booleans flags, dictionaries
/// what they hold, binary columns images.
///
/// # Errors
/// No batch, batches of different schemas, two columns of one name, a column of a type that no kind holds (lists, maps).
pub fn table(batches: &[RecordBatch]) -> Result<Table> {
    rows::from_arrow(batches)
}

/// A table of number columns of one length.
///
/// # Errors
/// Columns of different lengths or of one name.
pub fn table_of_numbers(columns: &[(&str, &[f64])]) -> Result<Table> {
    let arrays = columns
        .iter()
        .map(|(name, values)| (*name, Arc::new(Float64Array::from(values.to_vec())) as ArrayRef));
    let batch = RecordBatch::try_from_iter(arrays)
        .map_err(|e| Error::data(e.to_string(), "give columns of one length, each with a name of its own"))?;
    table(&[batch])
}

/// The rows of a file, a glob or a folder of images: CSV, TSV, JSON lines, Parquet, Arrow IPC, compressed or not.
///
/// # Errors
/// Whatever keeps the file from being read, with its name, line and remedy.
pub fn open(location: &str) -> Result<Box<dyn Source>> {
    rows::open(location)
}
