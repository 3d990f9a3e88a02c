//! Point columns, where each cell contains a longitude and a latitude, or the x and y of a plane.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_array::{Array, ArrayRef, Float64Array, StructArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Field, Fields};

use crate::{Error, Result};

/// A point column.
#[derive(Clone, Copy, Debug)]
pub struct Points<'a> {
    array: &'a StructArray,
    x: &'a [f64],
    y: &'a [f64],
}

impl<'a> Points<'a> {
    /// The points of an array; `None` if it has another type.
    pub(crate) fn of_array(array: &'a ArrayRef) -> Option<Self> {
        let array = array.as_struct_opt()?;
        let [x, y] = array.columns() else { return None };
        let values = |column: &'a ArrayRef| Some(&**column.as_primitive_opt::<Float64Type>()?.values());
        Some(Points { array, x: values(x)?, y: values(y)? })
    }

    /// Longitude and latitude (or x and y) of row `i`; `None` if the cell is missing.
    pub fn of(&self, i: usize) -> Option<[f64; 2]> {
        self.array.is_valid(i).then(|| [self.x[i], self.y[i]])
    }
}

fn fields() -> Fields {
    Fields::from(vec![
        Field::new("lon", DataType::Float64, false),
        Field::new("lat", DataType::Float64, false),
    ])
}

/// The Arrow type of a point column.
pub(crate) fn data_type() -> DataType {
    DataType::Struct(fields())
}

/// A point column from cells of longitude and latitude (or x and y), `None` for a missing cell.
///
/// ```
/// let column = tidemill_core::point_column([Some([13.4, 52.5]), None]).unwrap();
/// assert_eq!((column.len(), column.null_count()), (2, 1));
/// ```
pub fn point_column(cells: impl IntoIterator<Item = Option<[f64; 2]>>) -> Result<ArrayRef> {
    let (mut x, mut y, mut present) = (Vec::new(), Vec::new(), Vec::new());
    for cell in cells {
        present.push(cell.is_some());
        let [lon, lat] = cell.unwrap_or_default();
        x.push(lon);
        y.push(lat);
    }
    let nulls = present.contains(&false).then(|| NullBuffer::from(present));
    let columns: Vec<ArrayRef> = vec![Arc::new(Float64Array::from(x)), Arc::new(Float64Array::from(y))];
    let points = StructArray::try_new(fields(), columns, nulls);
    Ok(Arc::new(points.map_err(|e| Error::internal(format!("points: {e}")))?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Batch, Cell, Column, Kind, Row, Schema};

    #[test]
    fn rows_and_slices_keep_their_points() {
        let schema = Arc::new(Schema::new(vec![Column::new("place", Kind::Point)]).unwrap());
        let cells = [Some([13.4, 52.5]), None, Some([0.0, -90.0])];
        let batch = Batch::new(schema.clone(), vec![point_column(cells).unwrap()]).unwrap();
        assert_eq!(Row::of(&batch, 0).unwrap().cells, [Cell::Point([13.4, 52.5])]);
        assert_eq!(Row::of(&batch, 1).unwrap().cells, [Cell::Missing]);
        assert_eq!(Row::of(&batch.slice(2, 1), 0).unwrap().cells, [Cell::Point([0.0, -90.0])]);
        assert_eq!(batch.take(&[2, 1]).unwrap().points(0).unwrap().of(0), Some([0.0, -90.0]));
        assert_eq!(batch.slice(1, 2).points(0).unwrap().of(1), Some([0.0, -90.0]));
        let rows: Vec<Row> = (0..3).map(|i| Row::of(&batch, i).unwrap()).collect();
        assert_eq!(Batch::of_rows(&schema, &rows).unwrap().column(0), batch.column(0));
        assert_eq!(Batch::concat(&schema, &[]).unwrap().n_rows(), 0);
    }
}
