//! Arrow batches in memory.

use arrow_array::RecordBatch;
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
    let leaves = Leaves::of(&first.schema(), "memory")?;
    if let Some(other) = batches.iter().find(|b| b.schema().fields() != first.schema().fields()) {
        return Err(Error::data(
            format!("batches of different columns: {} and {}", first.schema(), other.schema()),
            "give batches of one schema",
        ));
    }
    let typed = batches.iter().map(|b| batch(b, &leaves));
    let typed = typed.collect::<std::result::Result<Vec<_>, _>>();
    let typed =
        typed.map_err(|e| Error::data(e.to_string(), "give columns of the types that Tidemill reads"))?;
    Ok(Table::new(Batch::concat(&leaves.schema, &typed)?))
}
