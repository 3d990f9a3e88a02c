//! Parquet and Arrow IPC: columns that know their types.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use tidemill_core::{BATCH_ROWS, Batch, Batches, Column, Error as CoreError, Kind, Result, Schema, Source};

use super::input::Input;
use super::pieces;
use crate::Error;

/// A Parquet file; the number of rows is known.
pub(super) struct Parquet {
    input: Input,
    schema: Arc<Schema>,
    n_rows: usize,
}

impl Parquet {
    pub(super) fn open(input: Input) -> Result<Self> {
        let builder = builder(&input)?;
        let schema = columns(builder.schema(), &input.name)?;
        let n_rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        Ok(Parquet { input, schema, n_rows })
    }
}

fn builder(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    ParquetRecordBatchReaderBuilder::try_new(input.open()?)
        .map_err(|e| corrupt(input, "Parquet", e.to_string()))
}

fn corrupt(input: &Input, format: &'static str, problem: String) -> CoreError {
    Error::Corrupt { file: input.name.clone(), format, problem }.into()
}

impl Source for Parquet {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.n_rows)
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let reader = builder(&self.input)?
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| corrupt(&self.input, "Parquet", e.to_string()))?;
        Ok(batches(&self.input, "Parquet", &self.schema, reader))
    }

    /// A pass over the file.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

/// An Arrow IPC file or stream.
pub(super) struct Ipc {
    input: Input,
    schema: Arc<Schema>,
    is_stream: bool,
}

impl Ipc {
    pub(super) fn open(input: Input, is_stream: bool) -> Result<Self> {
        let schema = columns(&ipc(&input, is_stream)?.0, &input.name)?;
        Ok(Ipc { input, schema, is_stream })
    }
}

type Arrays = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

fn ipc(input: &Input, is_stream: bool) -> Result<(SchemaRef, Arrays)> {
    let file = BufReader::new(input.open()?);
    let failed = |e: ArrowError| corrupt(input, "Arrow IPC", e.to_string());
    if is_stream {
        let reader = StreamReader::try_new(file, None).map_err(failed)?;
        return Ok((reader.schema(), Box::new(reader)));
    }
    let reader = FileReader::try_new(file, None).map_err(failed)?;
    Ok((reader.schema(), Box::new(reader)))
}

impl Source for Ipc {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Not known without a pass: the format does not say.
    fn n_rows(&self) -> Option<usize> {
        None
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let (_, arrays) = ipc(&self.input, self.is_stream)?;
        Ok(batches(&self.input, "Arrow IPC", &self.schema, arrays))
    }

    /// A pass over the file.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

fn batches<'a>(
    input: &'a Input,
    format: &'static str,
    schema: &'a Arc<Schema>,
    arrays: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'a,
) -> Batches<'a> {
    let batches = arrays.flat_map(move |arrays| {
        let batch = arrays.and_then(|a| batch(&a, schema)).map_err(|e| corrupt(input, format, e.to_string()));
        pieces(batch, BATCH_ROWS)
    });
    Box::new(batches)
}

pub(super) fn batch(arrays: &RecordBatch, schema: &Arc<Schema>) -> Result<Batch, ArrowError> {
    let columns = schema.columns().iter().zip(arrays.columns()).map(|(column, a)| cast(a, column.kind));
    Batch::with_rows(schema.clone(), columns.collect::<Result<_, _>>()?, arrays.num_rows())
        .map_err(|e| ArrowError::SchemaError(e.to_string()))
}

/// The columns of an Arrow schema; nested ones are an error that names the column.
pub(super) fn columns(schema: &SchemaRef, file: &str) -> Result<Arc<Schema>> {
    let mut columns = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let Some(kind) = kind(field.data_type()) else {
            let (column, found) = (field.name().clone(), field.data_type().to_string());
            return Err(Error::Nested { file: file.into(), column, found }.into());
        };
        columns.push(Column::new(field.name(), kind));
    }
    let mut names: Vec<String> = columns.iter().map(|c| c.name.clone()).collect();
    names.sort_unstable();
    let mut twice: Vec<String> = names.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].clone()).collect();
    twice.dedup();
    if !twice.is_empty() {
        return Err(Error::DuplicateNames { file: file.into(), names: twice }.into());
    }
    Ok(Arc::new(Schema::new(columns)?))
}

fn kind(found: &DataType) -> Option<Kind> {
    match found {
        DataType::Boolean => Some(Kind::Flag),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => Some(Kind::Text),
        DataType::Timestamp(..) | DataType::Date32 | DataType::Date64 => Some(Kind::Time),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => Some(Kind::Image),
        DataType::Dictionary(_, value) => kind(value),
        number if number.is_numeric() => Some(Kind::Number),
        _ => None,
    }
}

fn cast(array: &ArrayRef, kind: Kind) -> Result<ArrayRef, ArrowError> {
    let plain = match array.data_type() {
        DataType::Dictionary(_, value) => arrow_cast::cast(array, value)?,
        _ => array.clone(),
    };
    match kind {
        Kind::Number => arrow_cast::cast(&plain, &DataType::Float64),
        Kind::Text => arrow_cast::cast(&plain, &DataType::Utf8),
        Kind::Image => arrow_cast::cast(&plain, &DataType::Binary),
        Kind::Time => time(&plain),
        _ => Ok(plain),
    }
}

/// Timestamps in UTC: a time zone changes only how they are shown; times without one are taken as UTC.
fn time(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let zone = match array.data_type() {
        DataType::Timestamp(_, zone) => zone.clone(),
        _ => None,
    };
    let micros = arrow_cast::cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(Arc::new(micros.as_primitive::<TimestampMicrosecondType>().clone().with_timezone("UTC")))
}
