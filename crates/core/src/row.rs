//! A single row, for the path that handles one request in microseconds.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array,
};

use crate::{Batch, Column, Error, Kind, Point, Result, Schema, point_column, series_column, sparse_vector};

/// One value of a [`Row`].
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cell {
    /// Missing.
    #[default]
    Missing,
    /// In a number column.
    Number(f64),
    /// In a flag column.
    Flag(bool),
    /// In a category column: its code, [`crate::Categories::unseen`] for a value unseen at fit.
    Code(u32),
    /// In a text column (and in any column that the client sends as text).
    Text(String),
    /// In a time column, microseconds since 1970 (UTC).
    Time(i64),
    /// In a dense vector column.
    Vector(Vec<f32>),
    /// In a sparse vector column: the ascending indices of its numbers, and the numbers.
    Sparse(Vec<u32>, Vec<f32>),
    /// In an image column: the encoded bytes.
    Image(Arc<[u8]>),
    /// In a series column.
    Series(Arc<[Point]>),
    /// In a point column: longitude and latitude, or x and y.
    Point([f64; 2]),
    /// In a probability or expected-reward column.
    Probability(Vec<f64>),
}

impl Cell {
    /// The number in a number column: `NaN` if missing. Any other kind is an internal error.
    pub fn number(&self) -> Result<f64> {
        match self {
            Cell::Number(x) => Ok(*x),
            Cell::Missing => Ok(f64::NAN),
            other => Err(Error::internal(format!("a number was promised, {other:?} came"))),
        }
    }
}

/// One row: a cell for each column of the schema it was bound to, in schema order.
///
/// Each [`crate::Run::row`] of a chain receives the cells of its input schema and leaves those of its output schema, reusing the buffer. A
/// one-row Arrow batch costs microseconds, a cell costs nanoseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The values.
    pub cells: Vec<Cell>,
}

impl Row {
    /// A row of `n` missing cells.
    pub fn missing(n: usize) -> Self {
        Row { cells: vec![Cell::Missing; n] }
    }

    /// Row `i` of a batch. Errors for kinds that have no cell yet (track).
    pub fn of(batch: &Batch, i: usize) -> Result<Row> {
        let cells = (0..batch.schema().len()).map(|c| cell(batch, c, i)).collect::<Result<_>>()?;
        Ok(Row { cells })
    }

    /// Keeps the cells for which `keep` is true at their index.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut place = 0;
        self.cells.retain(|_| {
            place += 1;
            keep.get(place - 1).copied().unwrap_or(false)
        });
    }
}

impl Batch {
    /// The batch of these rows: the inverse of [`Row::of`]. Errors for a cell of another kind than its column, and for kinds that have no
    /// cell yet.
    pub fn of_rows(schema: &Arc<Schema>, rows: &[Row]) -> Result<Batch> {
        let columns = schema.columns().iter().enumerate();
        let arrays = columns.map(|(c, column)| array(column, rows.iter().map(|row| row.cells.get(c))));
        Batch::with_rows(schema.clone(), arrays.collect::<Result<_>>()?, rows.len())
    }
}

fn array<'a>(column: &Column, cells: impl Iterator<Item = Option<&'a Cell>>) -> Result<ArrayRef> {
    let wrong = |cell: Option<&Cell>| {
        Error::internal(format!("a cell of '{}', a {}, came as {cell:?}", column.name, column.kind.word()))
    };
    macro_rules! read {
        ($array:ty, $pattern:pat => $value:expr) => {
            cells
                .map(|cell| match cell {
                    Some($pattern) => Ok(Some($value)),
                    Some(Cell::Missing) => Ok(None),
                    other => Err(wrong(other)),
                })
                .collect::<Result<$array>>()?
        };
    }
    Ok(match column.kind {
        Kind::Number => Arc::new(read!(Float64Array, Cell::Number(x) => *x)),
        Kind::Flag => Arc::new(read!(BooleanArray, Cell::Flag(yes) => *yes)),
        Kind::Text => Arc::new(read!(StringArray, Cell::Text(text) => text.as_str())),
        Kind::Image => Arc::new(read!(BinaryArray, Cell::Image(bytes) => &**bytes)),
        Kind::Time => {
            let times = read!(PrimitiveArray<TimestampMicrosecondType>, Cell::Time(at) => *at);
            Arc::new(times.with_timezone("UTC"))
        }
        Kind::Category => column.categories()?.column(read!(UInt32Array, Cell::Code(code) => *code))?,
        Kind::Vector { len, sparse: true } => sparse_array(cells, len, wrong)?,
        Kind::Series => {
            let cell = |cell: Option<&'a Cell>| match cell {
                Some(Cell::Series(points)) => Ok(Some(&**points)),
                Some(Cell::Missing) => Ok(None),
                other => Err(wrong(other)),
            };
            series_column(cells.map(cell).collect::<Result<Vec<_>>>()?)?
        }
        Kind::Point => {
            let cell = |cell: Option<&'a Cell>| match cell {
                Some(Cell::Point(at)) => Ok(Some(*at)),
                Some(Cell::Missing) => Ok(None),
                other => Err(wrong(other)),
            };
            point_column(cells.map(cell).collect::<Result<Vec<_>>>()?)?
        }
        kind => return Err(Error::internal(format!("no one-row cell for a {} yet", kind.word()))),
    })
}

fn sparse_array<'a>(
    cells: impl Iterator<Item = Option<&'a Cell>>,
    len: usize,
    wrong: impl Fn(Option<&Cell>) -> Error,
) -> Result<ArrayRef> {
    let (mut offsets, mut indices, mut values, mut present) = (vec![0], Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        match cell {
            Some(Cell::Sparse(places, numbers)) => {
                indices.extend_from_slice(places);
                values.extend_from_slice(numbers);
                present.push(true);
            }
            Some(Cell::Missing) => present.push(false),
            other => return Err(wrong(other)),
        }
        offsets.push(values.len() as i32);
    }
    let present = present.contains(&false).then_some(present);
    sparse_vector(offsets, indices, values, len, present)
}

fn cell(batch: &Batch, c: usize, i: usize) -> Result<Cell> {
    if batch.column(c).is_null(i) {
        return Ok(Cell::Missing);
    }
    let column = &batch.schema().columns()[c];
    Ok(match column.kind {
        Kind::Number => Cell::Number(batch.numbers(c)?.value(i)),
        Kind::Flag => Cell::Flag(batch.flags(c)?.value(i)),
        Kind::Category => Cell::Code(batch.codes(c)?.value(i)),
        Kind::Text => Cell::Text(batch.texts(c)?.value(i).to_owned()),
        Kind::Time => Cell::Time(batch.times(c)?.value(i)),
        Kind::Image => Cell::Image(batch.images(c)?.value(i).into()),
        Kind::Vector { len, sparse: false } if column.role.is_wide() => {
            Cell::Probability(batch.probabilities(c)?[i * len..(i + 1) * len].to_vec())
        }
        Kind::Vector { len, sparse: false } => {
            Cell::Vector(batch.vector(c)?[i * len..(i + 1) * len].to_vec())
        }
        Kind::Vector { sparse: true, .. } => {
            let sparse = batch.sparse(c)?;
            let range = sparse.range(i);
            Cell::Sparse(sparse.indices[range.clone()].to_vec(), sparse.values[range].to_vec())
        }
        Kind::Series => match batch.series(c)?.of(i) {
            Some((times, values)) => {
                Cell::Series(times.iter().copied().zip(values.iter().copied()).collect())
            }
            None => Cell::Missing,
        },
        Kind::Point => batch.points(c)?.of(i).map_or(Cell::Missing, Cell::Point),
        kind => return Err(Error::internal(format!("no one-row cell for a {} yet", kind.word()))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Categories;

    #[test]
    fn rows_become_the_batch_they_came_from() {
        let names = Categories::new(["a", "b"]);
        let columns = vec![
            Column::number("n"),
            Column::new("f", Kind::Flag),
            Column::new("t", Kind::Text),
            Column::new("at", Kind::Time),
            Column::category("c", names),
            Column::new("i", Kind::Image),
        ];
        let schema = Arc::new(Schema::new(columns).unwrap());
        let full = vec![
            Cell::Number(1.5),
            Cell::Flag(true),
            Cell::Text("x".into()),
            Cell::Time(7),
            Cell::Code(2),
            Cell::Image([1, 2, 3].into()),
        ];
        let rows = [Row { cells: full }, Row::missing(6)];
        let batch = Batch::of_rows(&schema, &rows).unwrap();
        assert_eq!([Row::of(&batch, 0).unwrap(), Row::of(&batch, 1).unwrap()], rows);
        assert_eq!(Batch::of_rows(&schema, &[]).unwrap().n_rows(), 0);
        let wrong = [Row { cells: vec![Cell::Flag(true); 6] }];
        assert!(Batch::of_rows(&schema, &wrong).is_err());
    }
}
