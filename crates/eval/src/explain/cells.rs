//! Columns of a table as numbers and back.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array};
use tidemill_core::{Batch, Kind, Role};

use crate::{Error, Result};

/// The feature columns of a table that are single numbers, flags (0 or 1) or categories (their codes); `NaN` for missing.
#[derive(Clone, Debug, PartialEq)]
pub struct Cells {
    places: Vec<usize>,
    names: Vec<String>,
    n_categories: Vec<Option<usize>>,
}

impl Cells {
    /// Those of `rows`; columns of other kinds are passed over.
    pub fn of(rows: &Batch) -> Self {
        let mut cells = Cells { places: Vec::new(), names: Vec::new(), n_categories: Vec::new() };
        for place in rows.schema().with_role(Role::Feature) {
            let column = &rows.schema().columns()[place];
            let n_categories = match column.kind {
                Kind::Number => None,
                Kind::Flag => Some(2),
                Kind::Category => Some(column.categories.as_ref().map_or(0, |names| names.len())),
                _ => continue,
            };
            cells.places.push(place);
            cells.names.push(column.name.clone());
            cells.n_categories.push(n_categories);
        }
        cells
    }

    /// The names of the columns.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// How many names each column has: none for numbers, 2 for flags.
    pub fn n_categories(&self) -> &[Option<usize>] {
        &self.n_categories
    }

    /// The cells of some rows, row after row.
    pub fn read(&self, rows: &Batch) -> Result<Vec<f64>> {
        let (p, n) = (self.places.len(), rows.n_rows());
        let mut out = vec![f64::NAN; n * p];
        for (j, &place) in self.places.iter().enumerate() {
            let mut put = |i: usize, value: f64| out[i * p + j] = value;
            match rows.schema().columns()[place].kind {
                Kind::Flag => {
                    let flags = rows.flags(place)?;
                    let there = (0..n).filter(|&i| flags.is_valid(i));
                    there.for_each(|i| put(i, f64::from(u8::from(flags.value(i)))));
                }
                Kind::Category => {
                    let codes = rows.codes(place)?;
                    (0..n).filter(|&i| codes.is_valid(i)).for_each(|i| put(i, f64::from(codes.value(i))));
                }
                _ => {
                    let numbers = rows.numbers(place)?;
                    (0..n).filter(|&i| numbers.is_valid(i)).for_each(|i| put(i, numbers.value(i)));
                }
            }
        }
        Ok(out)
    }

    /// Rows of cells as a table; all other columns are those of `row`, a single row.
    pub fn table(&self, row: &Batch, cells: &[f64]) -> Result<Batch> {
        let p = self.places.len().max(1);
        let n = cells.len() / p;
        if row.n_rows() != 1 {
            return Err(Error::Lengths { what: "rows to fill up from", found: row.n_rows(), wanted: 1 });
        }
        let mut columns = row.take(&vec![0; n])?.columns().to_vec();
        for (j, &place) in self.places.iter().enumerate() {
            let column = &row.schema().columns()[place];
            let values = cells[j..].iter().step_by(p).map(|x| (!x.is_nan()).then_some(*x));
            let array: ArrayRef = match column.kind {
                Kind::Flag => Arc::new(values.map(|x| x.map(|x| x != 0.0)).collect::<BooleanArray>()),
                Kind::Category => {
                    let codes = values.map(|x| x.map(|x| x as u32)).collect::<UInt32Array>();
                    column.categories()?.column(codes)?
                }
                _ => Arc::new(values.collect::<Float64Array>()),
            };
            columns[place] = array;
        }
        Ok(Batch::with_rows(Arc::clone(row.schema()), columns, n)?)
    }
}
