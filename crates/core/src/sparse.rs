//! Sparse vector columns, which store only the non-zero numbers of each row with their indices.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, UInt32Type};
use arrow_array::{ArrayRef, Float32Array, ListArray, StructArray, UInt32Array};
use arrow_buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, Field, Fields};

use crate::{Batch, Error, Result};

/// A sparse vector column: row `i` has the numbers `values[range(i)]` at the indices `indices[range(i)]`.
#[derive(Clone, Copy, Debug)]
pub struct Sparse<'a> {
    /// Where each row starts in `indices` and `values`; one entry more than there are rows.
    pub offsets: &'a [i32],
    /// The indices, from 0, ascending within a row.
    pub indices: &'a [u32],
    /// The numbers at these indices.
    pub values: &'a [f32],
}

impl Sparse<'_> {
    /// The range of row `i` in `indices` and `values`.
    #[inline]
    pub fn range(&self, i: usize) -> Range<usize> {
        self.offsets[i] as usize..self.offsets[i + 1] as usize
    }
}

fn item_fields() -> Fields {
    Fields::from(vec![
        Field::new("index", DataType::UInt32, false),
        Field::new("value", DataType::Float32, false),
    ])
}

/// The Arrow type of a sparse vector column.
pub(crate) fn data_type() -> DataType {
    DataType::List(Arc::new(Field::new("item", DataType::Struct(item_fields()), false)))
}

/// A sparse vector column with `len` numbers per row. Row `i` has `values[offsets[i]..offsets[i + 1]]` at the corresponding `indices`;
/// `present`, if given, says which rows are not missing.
///
/// Errors unless offsets increase from 0 to the number of values, and indices increase within each row and are below `len`.
///
/// ```
/// let column = tidemill_core::sparse_vector(vec![0, 2, 2], vec![1, 4], vec![0.5, 2.0], 5, None).unwrap();
/// assert_eq!(column.len(), 2);
/// assert!(tidemill_core::sparse_vector(vec![0, 1], vec![9], vec![1.0], 5, None).is_err());
/// ```
pub fn sparse_vector(
    offsets: Vec<i32>,
    indices: Vec<u32>,
    values: Vec<f32>,
    len: usize,
    present: Option<Vec<bool>>,
) -> Result<ArrayRef> {
    let wrong = |what: &str| Error::internal(format!("sparse vector: {what}"));
    let rising = offsets.windows(2).all(|w| w[0] <= w[1]);
    let ends = offsets.first() == Some(&0) && offsets.last().is_some_and(|&n| n as usize == values.len());
    if !rising || !ends || indices.len() != values.len() {
        return Err(wrong("offsets must rise from 0 to the number of values, and each value have a place"));
    }
    let sound = |row: &[u32]| {
        row.windows(2).all(|w| w[0] < w[1]) && row.last().is_none_or(|&last| (last as usize) < len)
    };
    if !offsets.windows(2).all(|w| sound(&indices[w[0] as usize..w[1] as usize])) {
        return Err(wrong(&format!("places must rise within a row and be below {len}")));
    }
    let columns: Vec<ArrayRef> =
        vec![Arc::new(UInt32Array::from(indices)), Arc::new(Float32Array::from(values))];
    let items = StructArray::try_new(item_fields(), columns, None).map_err(|e| wrong(&e.to_string()))?;
    let field = Arc::new(Field::new("item", DataType::Struct(item_fields()), false));
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let nulls = present.map(NullBuffer::from);
    let list = ListArray::try_new(field, offsets, Arc::new(items), nulls);
    Ok(Arc::new(list.map_err(|e| wrong(&e.to_string()))?))
}

impl Batch {
    /// A sparse vector column. Does not copy.
    pub fn sparse(&self, i: usize) -> Result<Sparse<'_>> {
        let wrong = || self.wrong(i, "a sparse vector");
        let list = self.column(i).as_list_opt::<i32>().ok_or_else(wrong)?;
        let items = list.values().as_struct_opt().ok_or_else(wrong)?;
        let (Some(indices), Some(values)) = (items.columns().first(), items.columns().get(1)) else {
            return Err(wrong());
        };
        Ok(Sparse {
            offsets: list.value_offsets(),
            indices: indices.as_primitive_opt::<UInt32Type>().ok_or_else(wrong)?.values(),
            values: values.as_primitive_opt::<Float32Type>().ok_or_else(wrong)?.values(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cell, Column, Kind, Row, Schema};

    fn batch() -> Batch {
        let column = Column::new("words", Kind::Vector { len: 5, sparse: true });
        let schema = Arc::new(Schema::new(vec![column]).unwrap());
        let present = Some(vec![true, true, false]);
        let array = sparse_vector(vec![0, 2, 3, 3], vec![1, 4, 0], vec![0.5, 2.0, 7.0], 5, present).unwrap();
        Batch::new(schema, vec![array]).unwrap()
    }

    #[test]
    fn rows_and_slices_keep_their_numbers() {
        let batch = batch();
        let cell = |indices: &[u32], values: &[f32]| Cell::Sparse(indices.to_vec(), values.to_vec());
        assert_eq!(Row::of(&batch, 0).unwrap().cells, [cell(&[1, 4], &[0.5, 2.0])]);
        assert_eq!(Row::of(&batch, 2).unwrap().cells, [Cell::Missing]);
        assert_eq!(Row::of(&batch.slice(1, 1), 0).unwrap().cells, [cell(&[0], &[7.0])]);
        assert_eq!(Row::of(&batch.take(&[1, 0]).unwrap(), 0).unwrap().cells, [cell(&[0], &[7.0])]);
        let rows: Vec<Row> = (0..3).map(|i| Row::of(&batch, i).unwrap()).collect();
        let again = Batch::of_rows(batch.schema(), &rows).unwrap();
        assert_eq!(again.column(0), batch.column(0));
        let none = Batch::concat(batch.schema(), &[]).unwrap();
        assert_eq!(none.sparse(0).unwrap().offsets, [0]);
    }

    #[test]
    fn unsound_places_are_refused() {
        let made = |offsets: &[i32], indices: &[u32]| {
            sparse_vector(offsets.to_vec(), indices.to_vec(), vec![1.0; indices.len()], 3, None)
        };
        assert!(made(&[0, 2], &[0, 2]).is_ok());
        for (offsets, indices) in [
            (&[0, 2], &[2, 0]),
            (&[0, 2], &[1, 1]),
            (&[0, 2], &[0, 3]),
            (&[0, 1], &[0, 1]),
            (&[1, 2], &[0, 1]),
        ] {
            assert!(made(offsets, indices).is_err(), "{offsets:?} {indices:?}");
        }
        assert!(made(&[], &[]).is_err());
    }
}
