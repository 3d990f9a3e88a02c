//! Parquet and Arrow IPC: columns that know their types.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Float64Type;
use arrow_ipc::reader::{FileReader, StreamReader};
use arrow_schema::{ArrowError, DataType, SchemaRef};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::file::statistics::Statistics;
use tidemill_core::{BATCH_ROWS, Batch, Batches, Error as CoreError, Reading, Result, Schema, Source};

use super::input::Input;
use super::nested::Leaves;
use super::pieces;
use crate::Error;
use crate::parse::EXACT;

/// So many rows show whether a column of bytes holds texts.
const LOOKED_AT: usize = 1024;

/// A Parquet file; the number of rows is known.
pub(super) struct Parquet {
    input: Input,
    leaves: Leaves,
    reading: Reading,
    n_rows: usize,
}

impl Parquet {
    pub(super) fn open(input: Input) -> Result<Self> {
        let builder = builder(&input)?;
        let leaves = Leaves::of(builder.schema(), &input.name)?;
        let n_rows = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let wide = leaves.wide();
        let (settled, open): (Vec<_>, Vec<_>) = wide
            .into_iter()
            .map(|p| (p, within(&builder, &leaves, p)))
            .partition(|(_, within)| within.is_some());
        let mut texts: Vec<usize> =
            settled.iter().filter(|(_, w)| *w == Some(false)).map(|(p, _)| *p).collect();
        if !open.is_empty() {
            // The file does not say: one pass.
            let failed = |e: String| corrupt(&input, "Parquet", e);
            let rows = builder.with_batch_size(BATCH_ROWS).build().map_err(|e| failed(e.to_string()))?;
            let places = open.into_iter().map(|(p, _)| p).collect();
            texts.extend(rounded(&leaves, places, rows).map_err(|e| failed(e.to_string()))?);
        }
        if !leaves.bytes().is_empty() {
            let failed = |e: String| corrupt(&input, "Parquet", e);
            let rows = self::builder(&input)?.with_batch_size(LOOKED_AT).with_limit(LOOKED_AT);
            let rows = rows.build().map_err(|e| failed(e.to_string()))?;
            texts.extend(texts_as_bytes(&leaves, rows).map_err(|e| failed(e.to_string()))?);
        }
        let leaves = leaves.with_texts(&texts)?;
        let reading = Reading { left_out: leaves.left_out.clone(), ..Reading::default() };
        Ok(Parquet { input, leaves, reading, n_rows })
    }
}

/// Whether a column of whole numbers is within what 64-bit floats hold exactly, where the file's statistics say so.
fn within(builder: &ParquetRecordBatchReaderBuilder<File>, leaves: &Leaves, place: usize) -> Option<bool> {
    let name = &leaves.schema.columns()[place].name;
    let mut inside = true;
    // Parquet keeps the bits of unsigned numbers as those of signed ones.
    let size = |x: i64| match leaves.leaves[place].found {
        DataType::UInt64 => x.cast_unsigned(),
        _ => x.unsigned_abs(),
    };
    for group in builder.metadata().row_groups() {
        let column = group.columns().iter().find(|c| c.column_path().string() == *name)?;
        let Some(Statistics::Int64(found)) = column.statistics() else { return None };
        let (least, most) = (*found.min_opt()?, *found.max_opt()?);
        inside &= size(least).max(size(most)) < EXACT as u64;
    }
    Some(inside)
}

fn builder(input: &Input) -> Result<ParquetRecordBatchReaderBuilder<File>> {
    ParquetRecordBatchReaderBuilder::try_new(input.open()?)
        .map_err(|e| corrupt(input, "Parquet", e.to_string()))
}

fn corrupt(input: &Input, format: &'static str, problem: String) -> CoreError {
    if let Some((_, packing)) = problem.split_once("Disabled feature at compile time: ") {
        let found = format!("{format} packed with {packing}, which is not read");
        let remedy = "write it with snappy, zstd, lz4 or gzip".into();
        return Error::Format { file: input.name.clone(), found, remedy }.into();
    }
    Error::Corrupt { file: input.name.clone(), format, problem }.into()
}

impl Source for Parquet {
    fn schema(&self) -> &Arc<Schema> {
        &self.leaves.schema
    }

    fn n_rows(&self) -> Option<usize> {
        Some(self.n_rows)
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn reading(&self) -> Option<&Reading> {
        Some(&self.reading)
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let reader = builder(&self.input)?
            .with_batch_size(BATCH_ROWS)
            .build()
            .map_err(|e| corrupt(&self.input, "Parquet", e.to_string()))?;
        Ok(batches(&self.input, "Parquet", &self.leaves, reader))
    }

    /// A pass over the file.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

/// An Arrow IPC file or stream.
pub(super) struct Ipc {
    input: Input,
    leaves: Leaves,
    reading: Reading,
    is_stream: bool,
}

impl Ipc {
    pub(super) fn open(input: Input, is_stream: bool) -> Result<Self> {
        let (schema, rows) = ipc(&input, is_stream)?;
        let leaves = Leaves::of(&schema, &input.name)?;
        let wide = leaves.wide();
        let failed = |e: ArrowError| corrupt(&input, "Arrow IPC", e.to_string());
        let mut texts = Vec::new();
        if !wide.is_empty() {
            texts = rounded(&leaves, wide, rows).map_err(failed)?;
        }
        if !leaves.bytes().is_empty() {
            texts.extend(texts_as_bytes(&leaves, ipc(&input, is_stream)?.1).map_err(failed)?);
        }
        let leaves = leaves.with_texts(&texts)?;
        let reading = Reading { left_out: leaves.left_out.clone(), ..Reading::default() };
        Ok(Ipc { input, leaves, reading, is_stream })
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
        &self.leaves.schema
    }

    /// Not known without a pass: the format does not say.
    fn n_rows(&self) -> Option<usize> {
        None
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn reading(&self) -> Option<&Reading> {
        Some(&self.reading)
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let (_, arrays) = ipc(&self.input, self.is_stream)?;
        Ok(batches(&self.input, "Arrow IPC", &self.leaves, arrays))
    }

    /// A pass over the file.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}

fn batches<'a>(
    input: &'a Input,
    format: &'static str,
    leaves: &'a Leaves,
    arrays: impl Iterator<Item = Result<RecordBatch, ArrowError>> + Send + 'a,
) -> Batches<'a> {
    let batches = arrays.flat_map(move |arrays| {
        let batch = arrays.and_then(|a| batch(&a, leaves)).map_err(|e| corrupt(input, format, e.to_string()));
        pieces(batch, BATCH_ROWS)
    });
    Box::new(batches)
}

pub(super) fn batch(arrays: &RecordBatch, leaves: &Leaves) -> Result<Batch, ArrowError> {
    let columns = (0..leaves.leaves.len()).map(|place| leaves.array(arrays, place));
    Batch::with_rows(leaves.schema.clone(), columns.collect::<Result<_, _>>()?, arrays.num_rows())
        .map_err(|e| ArrowError::SchemaError(e.to_string()))
}

/// Which columns of bytes hold texts, by the first rows.
fn texts_as_bytes(
    leaves: &Leaves,
    mut arrays: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Vec<usize>, ArrowError> {
    arrays.next().transpose()?.map_or_else(|| Ok(Vec::new()), |rows| leaves.texts_as_bytes(&rows))
}

/// Which of these columns hold whole numbers that a 64-bit float would round: names of things, to be kept digit for digit.
fn rounded(
    leaves: &Leaves,
    places: Vec<usize>,
    arrays: impl Iterator<Item = Result<RecordBatch, ArrowError>>,
) -> Result<Vec<usize>, ArrowError> {
    let mut found: Vec<usize> = Vec::new();
    for arrays in arrays {
        let arrays = arrays?;
        for &place in places.iter().filter(|p| !found.contains(p)).collect::<Vec<_>>() {
            let numbers = leaves.array(&arrays, place)?;
            let far = |x: Option<f64>| x.is_some_and(|x| x.abs() >= EXACT);
            if numbers.as_primitive::<Float64Type>().iter().any(far) {
                found.push(place);
            }
        }
        if found.len() == places.len() {
            break;
        }
    }
    Ok(found)
}
