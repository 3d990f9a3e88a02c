//! Arrow batches in memory.

use arrow_array::RecordBatch;
use arrow_schema::ArrowError;
use tidemill_core::{Batch, Error, Result, Table};

use super::nested::Leaves;
use super::typed::batch;

/// The rows of these batches, which share one schema, as a table.
///
/// # Errors
/// No batch; batches of different schemas; two columns of one name; a column of a type that no kind holds.
pub fn from_arrow(batches: &[RecordBatch]) -> Result<Table> {
    let Some(first) = batches.first() else {
        return Err(Error::data("there is no batch", "give at least one, if need be without rows"));
    };
    let failed = |e: ArrowError| Error::data(e.to_string(), "give columns of the types that Tidemill reads");
    let leaves = Leaves::of(&first.schema(), "memory")?;
    let texts = leaves.texts_as_bytes(first).map_err(failed)?;
    let leaves = leaves.with_texts(&texts)?;
    if let Some(other) = batches.iter().find(|b| b.schema().fields() != first.schema().fields()) {
        return Err(Error::data(
            format!("batches of different columns: {} and {}", first.schema(), other.schema()),
            "give batches of one schema",
        ));
    }
    let typed = batches.iter().map(|b| batch(b, &leaves));
    let typed = typed.collect::<std::result::Result<Vec<_>, _>>().map_err(failed)?;
    Ok(Table::new(Batch::concat(&leaves.schema, &typed)?))
}
