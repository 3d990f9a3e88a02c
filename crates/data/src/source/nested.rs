//! Nested columns of typed files as plain ones: a struct as a column per field (`user.age`), a list of fixed size as a vector, any
//! other list as JSON text. What is left (maps, unions) is left out, which matters only to who uses it.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, RecordBatch, StringArray};
use arrow_schema::{ArrowError, DataType, Fields, SchemaRef};
use tidemill_core::{Column, Kind, Result, Schema, dense_vector};

use super::convert;
use crate::Error;

/// Structs within structs that are spread.
const DEPTH: usize = 16;

/// A column, and where it lies in the file: the place of its root, then those of fields within structs.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    pub(super) path: Vec<usize>,
    pub(super) found: DataType,
}

/// The columns of a typed file.
pub(super) struct Leaves {
    pub(super) schema: Arc<Schema>,
    pub(super) leaves: Vec<Leaf>,
    /// Columns that cannot be read, each with its type.
    pub(super) left_out: Vec<(String, String)>,
}

impl Leaves {
    /// # Errors
    /// Two columns of one name.
    pub(super) fn of(schema: &SchemaRef, file: &str) -> Result<Self> {
        let (mut columns, mut leaves, mut left_out) = (Vec::new(), Vec::new(), Vec::new());
        gather(schema.fields(), "", &[], &mut |name, path, found| match kind(found) {
            Some(kind) => {
                columns.push(Column::new(name, kind));
                leaves.push(Leaf { path: path.to_vec(), found: found.clone() });
            }
            None => left_out.push((name, found.to_string())),
        });
        let mut names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
        names.sort_unstable();
        let mut twice: Vec<String> =
            names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].clone()).collect();
        twice.dedup();
        if !twice.is_empty() {
            return Err(Error::DuplicateNames { file: file.into(), names: twice }.into());
        }
        Ok(Leaves { schema: Arc::new(Schema::new(columns)?), leaves, left_out })
    }

    /// The places of whole numbers that may be too long for a 64-bit float.
    pub(super) fn wide(&self) -> Vec<usize> {
        let may = |leaf: &Leaf| match leaf.found {
            DataType::Int64 | DataType::UInt64 => true,
            DataType::Decimal128(precision, 0) | DataType::Decimal256(precision, 0) => precision > 15,
            _ => false,
        };
        (0..self.leaves.len()).filter(|&i| may(&self.leaves[i])).collect()
    }

    /// The places of bytes without a type of their own: images, or texts of a writer that does not mark them.
    pub(super) fn bytes(&self) -> Vec<usize> {
        (0..self.leaves.len()).filter(|&i| self.schema.columns()[i].kind == Kind::Image).collect()
    }

    /// The columns of bytes that hold nothing but texts in these rows. Formats of images all have bytes that no text has.
    ///
    /// # Errors
    /// Bytes that cannot be read.
    pub(super) fn texts_as_bytes(&self, rows: &RecordBatch) -> Result<Vec<usize>, ArrowError> {
        let is_text = |bytes: &[u8]| {
            let control = |c: char| c.is_control() && !c.is_whitespace();
            std::str::from_utf8(bytes).is_ok_and(|text| !text.contains(control))
        };
        let mut found = Vec::new();
        for place in self.bytes() {
            let array = self.array(rows, place)?;
            let mut values = array.as_binary::<i32>().iter().flatten().peekable();
            if values.peek().is_some() && values.all(is_text) {
                found.push(place);
            }
        }
        Ok(found)
    }

    /// The same with these columns as text: numbers digit for digit, bytes as UTF-8.
    pub(super) fn with_texts(mut self, places: &[usize]) -> Result<Self> {
        let mut columns = self.schema.columns().to_vec();
        for &place in places {
            columns[place].kind = Kind::Text;
        }
        self.schema = Arc::new(Schema::new(columns)?);
        Ok(self)
    }

    pub(super) fn array(&self, rows: &RecordBatch, place: usize) -> Result<ArrayRef, ArrowError> {
        let leaf = &self.leaves[place];
        let mut array = rows.column(leaf.path[0]).clone();
        for &field in &leaf.path[1..] {
            let of = array.as_struct();
            let inner = of.column(field);
            // A missing struct has missing fields.
            let nulls = arrow_buffer::NullBuffer::union(of.nulls(), inner.nulls());
            array = arrow_array::make_array(inner.to_data().into_builder().nulls(nulls).build()?);
        }
        cast(&array, self.schema.columns()[place].kind)
    }
}

fn gather(fields: &Fields, prefix: &str, path: &[usize], each: &mut impl FnMut(String, &[usize], &DataType)) {
    for (i, field) in fields.iter().enumerate() {
        let name = format!("{prefix}{}", field.name());
        let path = [path, &[i]].concat();
        match field.data_type() {
            DataType::Struct(inner) if path.len() < DEPTH => gather(inner, &format!("{name}."), &path, each),
            found => each(name, &path, found),
        }
    }
}

fn kind(found: &DataType) -> Option<Kind> {
    match found {
        DataType::Boolean => Some(Kind::Flag),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(Kind::Text),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Some(Kind::Time),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Some(Kind::Image),
        DataType::Dictionary(_, value) => kind(value),
        DataType::FixedSizeList(item, n) if item.data_type().is_numeric() && *n > 0 => {
            Some(Kind::Vector { len: *n as usize, sparse: false })
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            convert::writes_json(item.data_type()).then_some(Kind::Text)
        }
        // Of days and lengths of time: in seconds.
        DataType::Time32(_) | DataType::Time64(_) | DataType::Duration(_) => Some(Kind::Number),
        number if number.is_numeric() => Some(Kind::Number),
        _ => None,
    }
}

fn cast(array: &ArrayRef, kind: Kind) -> Result<ArrayRef, ArrowError> {
    let plain = convert::plain(array)?;
    Ok(match (kind, plain.data_type()) {
        (Kind::Number, _) => Arc::new(convert::floats(&plain)?),
        (Kind::Text, DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..)) => {
            let texts = (0..plain.len()).map(|row| {
                let mut text = String::new();
                plain.is_valid(row).then(|| convert::write_json(&plain, row, &mut text)).transpose()?;
                Ok(plain.is_valid(row).then_some(text))
            });
            Arc::new(texts.collect::<Result<StringArray, ArrowError>>()?)
        }
        (Kind::Text, _) => Arc::new(convert::texts(&plain)?),
        (Kind::Image, _) => Arc::new(convert::bytes(&plain)?),
        (Kind::Time, _) => Arc::new(convert::times(&plain)?),
        (Kind::Vector { len, .. }, _) => vector(&plain, len)?,
        _ => plain,
    })
}

/// The numbers of a list of fixed size; what is missing is 0.
fn vector(array: &ArrayRef, len: usize) -> Result<ArrayRef, ArrowError> {
    let list = array.as_fixed_size_list();
    let numbers = convert::floats(list.values())?;
    let values = (0..list.len()).flat_map(|row| {
        let from = list.value_offset(row) as usize;
        let here = list.is_valid(row);
        let numbers = &numbers;
        (from..from + len)
            .map(move |i| if here && numbers.is_valid(i) { numbers.value(i) as f32 } else { 0.0 })
    });
    dense_vector(values.collect(), len).map_err(|e| ArrowError::ComputeError(e.to_string()))
}
