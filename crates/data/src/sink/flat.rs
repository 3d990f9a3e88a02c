//! Columns as files hold them: vectors spread, categories by name.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Float64Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema as ArrowSchema, SchemaRef, TimeUnit};
use tidemill_core::{Batch, Column, Error as CoreError, Kind, Result, Schema};

use crate::Error;
use crate::source::plain;

/// One column of the file: a whole column of the batch, or one number of a vector.
struct Place {
    column: usize,
    part: Option<usize>,
}

pub(super) struct Flat {
    pub(super) schema: SchemaRef,
    places: Vec<Place>,
}

impl Flat {
    /// Errors for a kind that no cell can hold, and when a spread name is taken already.
    pub(super) fn new(schema: &Schema, file: &str) -> Result<Self> {
        let (mut fields, mut places) = (Vec::new(), Vec::new());
        for (column, about) in schema.columns().iter().enumerate() {
            if let Kind::Vector { len, sparse: false } = about.kind {
                let wide = about.role.is_wide();
                let item = if wide { DataType::Float64 } else { DataType::Float32 };
                for part in 0..len {
                    fields.push(Field::new(part_name(about, part), item.clone(), true));
                    places.push(Place { column, part: Some(part) });
                }
                continue;
            }
            let Some(item) = data_type(about.kind) else {
                let (column, kind) = (about.name.clone(), about.kind.word());
                return Err(Error::Unwritable { file: file.into(), column, kind }.into());
            };
            fields.push(Field::new(&about.name, item, true));
            places.push(Place { column, part: None });
        }
        let mut names: Vec<String> = fields.iter().map(|f| f.name().clone()).collect();
        names.sort_unstable();
        if let Some(twice) = names.windows(2).find(|w| w[0] == w[1]) {
            return Err(Error::DuplicateNames { file: file.into(), names: vec![twice[0].clone()] }.into());
        }
        Ok(Flat { schema: Arc::new(ArrowSchema::new(fields)), places })
    }

    pub(super) fn batch(&self, batch: &Batch) -> Result<RecordBatch> {
        let columns = self.places.iter().map(|place| {
            let column = &batch.schema().columns()[place.column];
            match place.part {
                Some(part) => spread(batch, place.column, part),
                None if column.kind == Kind::Category => plain(batch.column(place.column)).map_err(internal),
                None => Ok(batch.column(place.column).clone()),
            }
        });
        let columns = columns.collect::<Result<Vec<_>>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(batch.n_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(internal)
    }
}

fn internal(e: arrow_schema::ArrowError) -> CoreError {
    CoreError::internal(format!("columns to write: {e}"))
}

fn part_name(column: &Column, part: usize) -> String {
    let class = column.categories.as_ref().and_then(|c| c.names().get(part)).map(|n| n.to_string());
    let named = column.parts.as_ref().and_then(|p| p.get(part)).cloned();
    format!("{}_{}", column.name, class.or(named).unwrap_or_else(|| part.to_string()))
}

fn data_type(kind: Kind) -> Option<DataType> {
    Some(match kind {
        Kind::Number => DataType::Float64,
        Kind::Flag => DataType::Boolean,
        Kind::Category | Kind::Text => DataType::Utf8,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        _ => return None,
    })
}

/// One number of every row of a vector.
fn spread(batch: &Batch, column: usize, part: usize) -> Result<ArrayRef> {
    let about = &batch.schema().columns()[column];
    let Kind::Vector { len, .. } = about.kind else {
        return Err(CoreError::internal(format!("'{}' is not a vector", about.name)));
    };
    if about.role.is_wide() {
        let values = batch.probabilities(column)?.iter().skip(part).step_by(len).copied();
        return Ok(Arc::new(Float64Array::from_iter_values(values)));
    }
    let values = batch.vector(column)?.iter().skip(part).step_by(len).copied();
    Ok(Arc::new(Float32Array::from_iter_values(values)))
}
