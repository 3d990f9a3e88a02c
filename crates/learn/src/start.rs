//! What an earlier model says of each row, from the column in the role [`Role::Start`]: logarithms of probabilities, or a number.

use tidemill_core::{Batch, Cell, Error, Kind, Result, Role, Row, START, Schema};

/// The place of the column.
///
/// # Errors
/// There is none.
pub(crate) fn place(schema: &Schema) -> Result<usize> {
    let wanted = "an earlier model's answer";
    schema.role(Role::Start).ok_or_else(|| Error::missing_column(START, wanted, schema.names()))
}

/// What is said of all rows, and how many numbers of each; `None` where there is no earlier model.
pub(crate) fn said(batch: &Batch) -> Result<Option<(&[f64], usize)>> {
    let Some(at) = batch.schema().role(Role::Start) else { return Ok(None) };
    match batch.schema().columns()[at].kind {
        Kind::Vector { len: width @ 1.., .. } => Ok(Some((batch.probabilities(at)?, width))),
        _ => Err(Error::internal("an earlier model's answer is not where it was promised")),
    }
}

/// What is said of one row.
pub(crate) fn of_row(row: &Row, at: usize) -> Result<&[f64]> {
    match row.cells.get(at) {
        Some(Cell::Probability(said)) => Ok(said),
        _ => Err(Error::internal("an earlier model's answer is not where it was promised")),
    }
}
