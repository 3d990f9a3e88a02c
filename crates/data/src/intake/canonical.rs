//! Raw columns of any source in one form, so that rows of several sources can stand below each other.

use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray};
use tidemill_core::{
    Batch, Batches, Cell, Column, Error, Kind, Result, Role, Schema, Source, dense_vector, point_column,
    series_column,
};

use super::bound::read_column;
use crate::cell::{Raw, RawColumn, Read, Reader, raw_cell};
use crate::parse::quoted;
use crate::plan::{InferredColumn, InferredSchema};
use crate::source::pieces;

/// The rows of a source, read as a plan says but not yet coded: numbers, flags and times as such, names as text.
///
/// Formats (a decimal comma, day before month) are those of the plan's own source; what comes out needs none, so that
/// rows that came another way, such as through a server, can be stacked below these and be read by the same plan.
pub struct Canonical {
    source: Box<dyn Source>,
    schema: Arc<Schema>,
    columns: Vec<(usize, Reader)>,
    batch_rows: usize,
}

impl Canonical {
    /// Errors when a column that the plan uses is missing.
    pub fn new(source: Box<dyn Source>, plan: &InferredSchema) -> Result<Self> {
        let used = plan.columns.iter().filter(|c| c.is_used());
        let columns = used.map(|column| {
            let place = source.schema().index(&column.name)?;
            Ok((place, Reader::new(plan, &InferredColumn { categories: Vec::new(), ..column.clone() })))
        });
        let columns = columns.collect::<Result<_>>()?;
        Ok(Canonical { columns, schema: Arc::new(schema(plan)?), batch_rows: plan.batch_rows(), source })
    }

    fn read(&self, batch: &Batch) -> Result<Batch> {
        let n = batch.n_rows();
        let arrays = self.columns.iter().map(|(place, reader)| -> Result<ArrayRef> {
            let raw = RawColumn::of(batch, *place)?;
            if matches!(reader.kind, Kind::Category | Kind::Text) {
                return Ok(Arc::new((0..n).map(|i| named(reader, raw.cell(i))).collect::<StringArray>()));
            }
            read_column(reader, &raw, n, self.source.folder(), &|row| row as u64 + 1, &mut None)
        });
        Batch::with_rows(self.schema.clone(), arrays.collect::<Result<_>>()?, n)
    }
}

fn named(reader: &Reader, raw: Raw<'_>) -> Option<String> {
    let text = if reader.kind == Kind::Category { reader.name(raw) } else { reader.text(raw) };
    // Whoever reads this again must not take a name for a missing word.
    text.map(|text| quoted(&text).into_owned())
}

fn schema(plan: &InferredSchema) -> Result<Schema> {
    let used = plan.columns.iter().filter(|c| c.is_used());
    let columns = used.map(|c| {
        let kind = if c.kind == Kind::Category { Kind::Text } else { c.kind };
        Column::new(&c.name, kind)
    });
    Schema::new(columns.collect())
}

impl Source for Canonical {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        self.source.n_rows()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let batches = self.source.scan()?.flat_map(|batch| pieces(batch, self.batch_rows));
        Ok(Box::new(batches.map(|batch| self.read(&batch?))))
    }

    fn take(&self, rows: &[u32]) -> Result<Batch> {
        self.read(&self.source.take(rows)?)
    }
}

/// Rows of cells, each in the order of `names`, in the form of [`Canonical`]. Columns of the plan that are not among
/// the names are missing (a weight is 1); a cell that cannot be read is missing.
pub fn canonical_rows(plan: &InferredSchema, names: &[String], rows: &[Vec<Cell>]) -> Result<Batch> {
    let used = plan.columns.iter().filter(|c| c.is_used());
    let arrays = used.map(|column| -> Result<ArrayRef> {
        // A label came as JSON, whatever the rows came as.
        let column = if column.role == Role::Target { column.of_typed() } else { column.clone() };
        let reader = Reader::new(plan, &InferredColumn { categories: Vec::new(), ..column.clone() });
        let place = names.iter().position(|name| *name == column.name);
        let weight = Cell::Number(1.0);
        let absent = if column.role == Role::Weight { &weight } else { &Cell::Missing };
        let cell =
            |row: &'_ Vec<Cell>| -> Cell { place.and_then(|at| row.get(at)).unwrap_or(absent).clone() };
        let cells: Vec<Cell> = rows.iter().map(cell).collect();
        let raws = || cells.iter().map(|cell| raw_cell(cell, None).unwrap_or(Raw::Missing));
        Ok(match reader.kind {
            Kind::Number => Arc::new(raws().map(|raw| value(reader.number(raw))).collect::<Float64Array>()),
            Kind::Flag => Arc::new(raws().map(|raw| value(reader.flag(raw))).collect::<BooleanArray>()),
            Kind::Time => {
                let times = raws().map(|raw| value(reader.time(raw)));
                let times: PrimitiveArray<TimestampMicrosecondType> = times.collect();
                Arc::new(times.with_timezone("UTC"))
            }
            Kind::Category | Kind::Text => {
                Arc::new(raws().map(|raw| named(&reader, raw)).collect::<StringArray>())
            }
            Kind::Vector { len, .. } => {
                let numbers = |raw| match reader.vector(raw, len) {
                    Ok(Read::Value(numbers)) => numbers,
                    _ => vec![0.0; len],
                };
                dense_vector(raws().flat_map(numbers).collect(), len)?
            }
            Kind::Point => {
                let place =
                    |raw| if let Ok(Read::Value(place)) = reader.place(raw) { Some(place) } else { None };
                point_column(raws().map(place).collect::<Vec<_>>())?
            }
            Kind::Image => {
                let picture = |raw| {
                    if let Ok(Read::Value(bytes)) = reader.image(raw, None) { Some(bytes) } else { None }
                };
                Arc::new(raws().map(picture).collect::<BinaryArray>())
            }
            Kind::Series => {
                let points =
                    |raw| if let Ok(Read::Value(points)) = reader.series(raw) { Some(points) } else { None };
                let cells: Vec<_> = raws().map(points).collect();
                series_column(cells.iter().map(Option::as_deref))?
            }
            kind => return Err(Error::internal(format!("a {} is not read", kind.word()))),
        })
    });
    Batch::with_rows(Arc::new(schema(plan)?), arrays.collect::<Result<_>>()?, rows.len())
}

fn value<T>(read: Read<T>) -> Option<T> {
    match read {
        Read::Value(value) => Some(value),
        Read::Missing | Read::Bad => None,
    }
}
