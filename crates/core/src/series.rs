//! Series columns, where each cell contains values over time.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, Float64Array, ListArray, PrimitiveArray, StructArray};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use crate::{Batch, Error, Result};

/// A timestamp (microseconds since 1970, UTC) and the value at it.
pub type Point = (i64, f64);

/// A series column.
#[derive(Clone, Copy, Debug)]
pub struct Series<'a> {
    list: &'a ListArray,
    times: &'a [i64],
    values: &'a [f64],
}

impl<'a> Series<'a> {
    /// The timestamps of row `i` and the values at them; `None` if the cell is missing.
    pub fn of(&self, i: usize) -> Option<(&'a [i64], &'a [f64])> {
        let offsets = self.list.value_offsets();
        let range = offsets[i] as usize..offsets[i + 1] as usize;
        self.list.is_valid(i).then(|| (&self.times[range.clone()], &self.values[range]))
    }
}

fn point_fields() -> Fields {
    let moment = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Fields::from(vec![Field::new("time", moment, false), Field::new("value", DataType::Float64, false)])
}

/// The Arrow type of a series column.
pub(crate) fn data_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Struct(point_fields()), false)))
}

/// A series column from these cells, `None` for a missing cell.
///
/// Errors if all cells together have more points than a column can hold.
///
/// ```
/// let column = tidemill_core::series_column([Some(&[(0, 1.5), (60, 2.0)][..]), None]).unwrap();
/// assert_eq!((column.len(), column.null_count()), (2, 1));
/// ```
pub fn series_column<'a>(cells: impl IntoIterator<Item = Option<&'a [Point]>>) -> Result<ArrayRef> {
    let (mut offsets, mut times, mut values, mut present) = (vec![0i32], Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        present.push(cell.is_some());
        for &(time, value) in cell.unwrap_or_default() {
            times.push(time);
            values.push(value);
        }
        let end = i32::try_from(times.len());
        offsets.push(end.map_err(|_| {
            Error::data("a column of series has more than 2^31 points", "give fewer rows, or shorter series")
        })?);
    }
    let times = PrimitiveArray::<TimestampMicrosecondType>::from(times).with_timezone("UTC");
    let columns: Vec<ArrayRef> = vec![Arc::new(times), Arc::new(Float64Array::from(values))];
    let wrong = |e: arrow_schema::ArrowError| Error::internal(format!("series: {e}"));
    let points = StructArray::try_new(point_fields(), columns, None).map_err(wrong)?;
    let field = Arc::new(Field::new("item", DataType::Struct(point_fields()), false));
    let nulls = present.contains(&false).then(|| NullBuffer::from(present));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(points), nulls).map_err(wrong)?))
}

impl Batch {
    /// A series column. Does not copy.
    pub fn series(&self, i: usize) -> Result<Series<'_>> {
        let wrong = || self.wrong(i, "a series");
        let list = self.column(i).as_list_opt::<i32>().ok_or_else(wrong)?;
        let points = list.values().as_struct_opt().ok_or_else(wrong)?;
        let (Some(times), Some(values)) = (points.columns().first(), points.columns().get(1)) else {
            return Err(wrong());
        };
        Ok(Series {
            list,
            times: times.as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(wrong)?.values(),
            values: values.as_primitive_opt::<Float64Type>().ok_or_else(wrong)?.values(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Column, Kind, Row, Schema};

    #[test]
    fn rows_and_slices_keep_their_points() {
        let schema = Arc::new(Schema::new(vec![Column::new("history", Kind::Series)]).unwrap());
        let cells = [Some(&[(0, 1.0), (5, 2.0)][..]), None, Some(&[]), Some(&[(7, -1.0)])];
        let batch = Batch::new(schema.clone(), vec![series_column(cells).unwrap()]).unwrap();
        let cell = |points: &[Point]| Cell::Series(points.into());
        assert_eq!(Row::of(&batch, 0).unwrap().cells, [cell(&[(0, 1.0), (5, 2.0)])]);
        assert_eq!(Row::of(&batch, 1).unwrap().cells, [Cell::Missing]);
        assert_eq!(Row::of(&batch, 2).unwrap().cells, [cell(&[])]);
        assert_eq!(Row::of(&batch.slice(3, 1), 0).unwrap().cells, [cell(&[(7, -1.0)])]);
        assert_eq!(Row::of(&batch.take(&[3, 1]).unwrap(), 0).unwrap().cells, [cell(&[(7, -1.0)])]);
        let rows: Vec<Row> = (0..4).map(|i| Row::of(&batch, i).unwrap()).collect();
        assert_eq!(Batch::of_rows(&schema, &rows).unwrap().column(0), batch.column(0));
        assert_eq!(Batch::concat(&schema, &[]).unwrap().n_rows(), 0);
    }
}
