//! Rows that follow each other: the decisions of an episode.

use std::collections::BTreeMap;

use arrow_array::Array;
use tidemill_core::{Batch, Error, Kind, Result, Role};

/// The rows of each episode in order: by the column with the role time, if there is one, else as they are. The column with the role group
/// identifies episodes; without one, every row stands alone and the result is `None`. Episodes come in the order of their first rows.
///
/// # Errors
/// A row has no episode, or no time.
///
/// ```
/// use std::sync::Arc;
/// use arrow_array::{ArrayRef, Float64Array, StringArray};
/// use tidemill_core::{Batch, Column, Kind, Role, Schema};
/// let day = Column::new("day", Kind::Text).with_role(Role::Group);
/// let at = Column::number("hour").with_role(Role::Time);
/// let days: ArrayRef = Arc::new(StringArray::from(vec!["mon", "tue", "mon"]));
/// let hours: ArrayRef = Arc::new(Float64Array::from(vec![9.0, 8.0, 7.0]));
/// let batch = Batch::new(Arc::new(Schema::new(vec![day, at])?), vec![days, hours])?;
/// assert_eq!(tidemill_kernel::episodes::episodes(&batch)?, Some(vec![vec![2, 0], vec![1]]));
/// # Ok::<(), tidemill_core::Error>(())
/// ```
pub fn episodes(batch: &Batch) -> Result<Option<Vec<Vec<u32>>>> {
    let Some(at) = batch.schema().role(Role::Group) else { return Ok(None) };
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut found: Vec<Vec<u32>> = Vec::new();
    for row in 0..batch.n_rows() {
        let name = name(batch, at, row)?;
        let place = *places.entry(name).or_insert(found.len());
        match found.get_mut(place) {
            Some(rows) => rows.push(row as u32),
            None => found.push(vec![row as u32]),
        }
    }
    if let Some(times) = times(batch)? {
        for rows in &mut found {
            rows.sort_by(|a, b| times[*a as usize].total_cmp(&times[*b as usize]));
        }
    }
    Ok(Some(found))
}

fn missing(batch: &Batch, at: usize, row: usize) -> Error {
    let name = &batch.schema().columns()[at].name;
    Error::data(format!("'{name}' is missing in row {}", row + 1), "say it, or remove the row")
}

fn name(batch: &Batch, at: usize, row: usize) -> Result<String> {
    let column = &batch.schema().columns()[at];
    if batch.column(at).is_null(row) {
        return Err(missing(batch, at, row));
    }
    Ok(match column.kind {
        Kind::Text => batch.texts(at)?.value(row).to_string(),
        Kind::Category => column.categories()?.name(batch.codes(at)?.value(row)).to_string(),
        _ => batch.numbers(at)?.value(row).to_string(),
    })
}

/// The time of each row; microseconds as floats are exact for 285 years around 1970.
fn times(batch: &Batch) -> Result<Option<Vec<f64>>> {
    let Some(at) = batch.schema().role(Role::Time) else { return Ok(None) };
    if let Some(row) = (0..batch.n_rows()).find(|row| batch.column(at).is_null(*row)) {
        return Err(missing(batch, at, row));
    }
    Ok(Some(match batch.schema().columns()[at].kind {
        Kind::Time => batch.times(at)?.values().iter().map(|t| *t as f64).collect(),
        _ => batch.numbers(at)?.values().to_vec(),
    }))
}
