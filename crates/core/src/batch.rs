//! A batch of rows, stored as columns.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float32Type, Float64Type, TimestampMicrosecondType};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, FixedSizeListArray, Float32Array, Float64Array,
    PrimitiveArray, StringArray, UInt32Array,
};
use arrow_schema::{DataType, Field, TimeUnit};

use crate::{Column, Error, Kind, Points, Result, Role, Schema, category};

/// Rows stored as columns: Arrow arrays that match a [`Schema`]. Cloning does not copy data.
///
/// ```
/// use std::sync::Arc;
/// use tidemill_core::{Batch, Column, Schema};
/// use arrow_array::Float64Array;
/// let schema = Arc::new(Schema::new(vec![Column::number("age")]).unwrap());
/// let batch = Batch::new(schema, vec![Arc::new(Float64Array::from(vec![Some(31.0), None]))]).unwrap();
/// assert_eq!(batch.n_rows(), 2);
/// assert_eq!(batch.numbers(0).unwrap().value(0), 31.0);
/// ```
#[derive(Clone, Debug)]
pub struct Batch {
    schema: Arc<Schema>,
    columns: Vec<ArrayRef>,
    n_rows: usize,
}

impl Batch {
    /// Errors if a column has a different length, or a different Arrow type than its kind requires.
    pub fn new(schema: Arc<Schema>, columns: Vec<ArrayRef>) -> Result<Self> {
        let n_rows = columns.first().map_or(0, |c| c.len());
        Self::with_rows(schema, columns, n_rows)
    }

    /// Like [`Batch::new`]; needed where there may be rows but no columns.
    pub fn with_rows(schema: Arc<Schema>, columns: Vec<ArrayRef>, n_rows: usize) -> Result<Self> {
        if schema.len() != columns.len() {
            return Err(Error::internal(format!(
                "{} columns for a schema of {}",
                columns.len(),
                schema.len()
            )));
        }
        for (column, array) in schema.columns().iter().zip(&columns) {
            if array.len() != n_rows {
                return Err(Error::internal(format!(
                    "'{}' has {} rows of {n_rows}",
                    column.name,
                    array.len()
                )));
            }
            if !fits(column, array.data_type()) {
                return Err(Error::internal(format!(
                    "'{}' is a {} but came as {}",
                    column.name,
                    column.kind.word(),
                    array.data_type()
                )));
            }
        }
        Ok(Batch { schema, columns, n_rows })
    }

    /// The description of the columns.
    pub fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The number of rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// The arrays, in schema order.
    pub fn columns(&self) -> &[ArrayRef] {
        &self.columns
    }

    /// One array.
    pub fn column(&self, i: usize) -> &ArrayRef {
        &self.columns[i]
    }

    /// A number column.
    pub fn numbers(&self, i: usize) -> Result<&Float64Array> {
        self.columns[i].as_primitive_opt::<Float64Type>().ok_or_else(|| self.wrong(i, "a number"))
    }

    /// The block of each row, from the column with that role. Rows with the same block number are never divided between training and
    /// evaluation. `None` if no rows belong together.
    pub fn blocks(&self) -> Result<Option<Vec<u32>>> {
        let Some(at) = self.schema.role(Role::Block) else { return Ok(None) };
        Ok(Some(self.numbers(at)?.values().iter().map(|&block| block as u32).collect()))
    }

    /// A flag column.
    pub fn flags(&self, i: usize) -> Result<&BooleanArray> {
        self.columns[i].as_boolean_opt().ok_or_else(|| self.wrong(i, "a flag"))
    }

    /// The codes of a category column; the names are in the schema.
    pub fn codes(&self, i: usize) -> Result<&UInt32Array> {
        category::codes(&*self.columns[i]).ok_or_else(|| self.wrong(i, "a category"))
    }

    /// A text column.
    pub fn texts(&self, i: usize) -> Result<&StringArray> {
        self.columns[i].as_string_opt::<i32>().ok_or_else(|| self.wrong(i, "text"))
    }

    /// A time column, in microseconds since 1970 (UTC).
    pub fn times(&self, i: usize) -> Result<&PrimitiveArray<TimestampMicrosecondType>> {
        self.columns[i].as_primitive_opt::<TimestampMicrosecondType>().ok_or_else(|| self.wrong(i, "a time"))
    }

    /// A point column. Does not copy.
    pub fn points(&self, i: usize) -> Result<Points<'_>> {
        Points::of_array(&self.columns[i]).ok_or_else(|| self.wrong(i, "a point"))
    }

    /// An image column: the encoded bytes.
    pub fn images(&self, i: usize) -> Result<&BinaryArray> {
        self.columns[i].as_binary_opt::<i32>().ok_or_else(|| self.wrong(i, "an image"))
    }

    /// The numbers of a dense vector column, row after row (`n_rows * len` of them).
    pub fn vector(&self, i: usize) -> Result<&[f32]> {
        let list = self.columns[i].as_fixed_size_list_opt().ok_or_else(|| self.wrong(i, "a vector"))?;
        let values =
            list.values().as_primitive_opt::<Float32Type>().ok_or_else(|| self.wrong(i, "a vector"))?;
        let len = list.value_length() as usize;
        Ok(&values.values()[list.offset() * len..(list.offset() + list.len()) * len])
    }

    /// The numbers of a probability or expected-reward column, row after row (`n_rows * n_classes` of them).
    pub fn probabilities(&self, i: usize) -> Result<&[f64]> {
        let list = self.columns[i].as_fixed_size_list_opt().ok_or_else(|| self.wrong(i, "a probability"))?;
        let values =
            list.values().as_primitive_opt::<Float64Type>().ok_or_else(|| self.wrong(i, "a probability"))?;
        let len = list.value_length() as usize;
        Ok(&values.values()[list.offset() * len..(list.offset() + list.len()) * len])
    }

    /// Rows `offset..offset + len`, without copying.
    pub fn slice(&self, offset: usize, len: usize) -> Batch {
        Batch {
            schema: self.schema.clone(),
            columns: self.columns.iter().map(|c| c.slice(offset, len)).collect(),
            n_rows: len,
        }
    }

    /// The given rows, in this order (a row may occur twice). Errors if one is out of range.
    pub fn take(&self, rows: &[u32]) -> Result<Batch> {
        let indices = UInt32Array::from(rows.to_vec());
        let columns = self
            .columns
            .iter()
            .map(|c| arrow_select::take::take(c, &indices, None))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| Error::internal(format!("taking rows: {e}")))?;
        Batch::with_rows(self.schema.clone(), columns, rows.len())
    }

    /// Concatenates batches. Errors if their schemas differ.
    pub fn concat(schema: &Arc<Schema>, batches: &[Batch]) -> Result<Batch> {
        if let Some(other) = batches.iter().find(|b| b.schema != *schema && *b.schema != **schema) {
            return Err(Error::internal(format!("batches with other columns: {:?}", other.schema)));
        }
        let columns = schema.columns().iter().enumerate().map(|(i, column)| {
            let parts: Vec<&dyn Array> = batches.iter().map(|b| &*b.columns[i] as &dyn Array).collect();
            match parts.len() {
                0 => empty(column),
                1 => Ok(batches[0].columns[i].clone()),
                _ => concat(column, &parts),
            }
        });
        let n_rows = batches.iter().map(Batch::n_rows).sum();
        Batch::with_rows(schema.clone(), columns.collect::<Result<_>>()?, n_rows)
    }

    /// Only the columns at these indices, in this order.
    pub fn select(&self, places: &[usize]) -> Result<Batch> {
        let schema = Schema::new(places.iter().map(|&i| self.schema.columns()[i].clone()).collect())?;
        let columns = places.iter().map(|&i| self.columns[i].clone()).collect();
        Batch::with_rows(Arc::new(schema), columns, self.n_rows)
    }

    pub(crate) fn wrong(&self, i: usize, wanted: &str) -> Error {
        let column = &self.schema.columns()[i];
        Error::WrongKind { column: column.name.clone(), found: column.kind, wanted: wanted.into() }
    }
}

/// The rows of all parts of a column, in order.
fn concat(column: &Column, parts: &[&dyn Array]) -> Result<ArrayRef> {
    let joined = |parts: &[&dyn Array]| {
        arrow_select::concat::concat(parts).map_err(|e| {
            Error::data(
                format!("column '{}' cannot be held in memory as one: {e}", column.name),
                "use fewer rows, or give the column the role 'ignore'",
            )
        })
    };
    let codes = || parts.iter().map(|part| category::codes(*part).map(|codes| codes as &dyn Array)).collect();
    let codes: Option<Vec<&dyn Array>> = column.categories.as_ref().and_then(|_| codes());
    match (&column.categories, codes) {
        // Equal names may be held by several dictionaries. Arrow would append one to the other, and move the codes.
        (Some(categories), Some(codes)) => categories.column(joined(&codes)?.as_primitive().clone()),
        _ => joined(parts),
    }
}

/// A dense vector column with `len` numbers per row, from `n_rows * len` numbers, row after row; `len` is at least 1.
pub fn dense_vector(values: Vec<f32>, len: usize) -> Result<ArrayRef> {
    fixed_size_list(Arc::new(Float32Array::from(values)), len)
}

/// A probability column with `n_classes` numbers per row, from `n_rows * n_classes` numbers, row after row.
pub fn probability_vector(values: Vec<f64>, n_classes: usize) -> Result<ArrayRef> {
    fixed_size_list(Arc::new(Float64Array::from(values)), n_classes)
}

fn fixed_size_list(values: ArrayRef, len: usize) -> Result<ArrayRef> {
    let field = Arc::new(Field::new("item", values.data_type().clone(), false));
    let list = FixedSizeListArray::try_new(field, len as i32, values, None);
    Ok(Arc::new(list.map_err(|e| Error::internal(format!("vector: {e}")))?))
}

fn empty(column: &Column) -> Result<ArrayRef> {
    Ok(match column.kind {
        Kind::Category => column.categories()?.column(UInt32Array::from(Vec::<u32>::new()))?,
        Kind::Vector { len, sparse: false } if column.role.is_wide() => probability_vector(vec![], len)?,
        Kind::Vector { len, sparse: false } => dense_vector(vec![], len)?,
        Kind::Vector { len, sparse: true } => crate::sparse_vector(vec![0], vec![], vec![], len, None)?,
        Kind::Time => {
            Arc::new(PrimitiveArray::<TimestampMicrosecondType>::from(Vec::<i64>::new()).with_timezone("UTC"))
        }
        Kind::Series => crate::series_column([])?,
        Kind::Point => crate::point_column([])?,
        kind => arrow_array::new_empty_array(&data_type(kind)),
    })
}

/// The Arrow type of a kind for which the kind alone determines it.
fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Number => DataType::Float64,
        Kind::Flag => DataType::Boolean,
        Kind::Image => DataType::Binary,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => DataType::Utf8,
    }
}

fn fits(column: &Column, found: &DataType) -> bool {
    match (column.kind, found) {
        (Kind::Category, DataType::Dictionary(key, value)) => {
            **key == DataType::UInt32 && **value == DataType::Utf8 && column.categories.is_some()
        }
        (Kind::Vector { len, sparse: false }, DataType::FixedSizeList(item, n)) => {
            let wide = column.role.is_wide();
            *n as usize == len
                && *item.data_type() == if wide { DataType::Float64 } else { DataType::Float32 }
        }
        (Kind::Vector { sparse: true, .. }, found) => *found == crate::sparse::data_type(),
        (Kind::Series, found) => *found == crate::series::data_type(),
        (Kind::Track, DataType::List(_)) => true,
        (Kind::Point, found) => *found == crate::point::data_type(),
        (Kind::Number | Kind::Flag | Kind::Text | Kind::Time | Kind::Image, found) => {
            data_type(column.kind) == *found
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Categories;

    /// Two columns of the same names, each with a dictionary of its own.
    #[test]
    fn codes_stay_when_batches_of_equal_names_are_joined() {
        let batch = |codes: Vec<Option<u32>>| {
            let categories = Categories::new(["red", "blue", "green"]);
            let schema = Schema::new(vec![Column::category("colour", categories.clone())]).unwrap();
            Batch::new(Arc::new(schema), vec![categories.column(UInt32Array::from(codes)).unwrap()]).unwrap()
        };
        let parts = [batch(vec![Some(2), None]), batch(vec![Some(0), Some(3), Some(2)])];
        let joined = Batch::concat(parts[0].schema(), &parts).unwrap();
        let codes = category::codes(joined.column(0)).unwrap();
        assert_eq!(codes.iter().collect::<Vec<_>>(), [Some(2), None, Some(0), Some(3), Some(2)]);
    }
}
