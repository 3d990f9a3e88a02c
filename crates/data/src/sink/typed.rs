//! Parquet and Arrow IPC.

use std::path::PathBuf;

use arrow_ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use tidemill_core::{Batch, Error as CoreError, Result};

use super::Sink;
use super::flat::Flat;
use super::output::Output;
use crate::Error;

/// What the system said, out of the format's own error.
fn failed(path: &str, e: impl std::error::Error + Send + Sync + 'static) -> CoreError {
    Error::Write { path: PathBuf::from(path), source: std::io::Error::other(e) }.into()
}

/// Parquet, pages packed with Snappy.
pub(super) struct Parquet {
    writer: ArrowWriter<Output>,
    flat: Flat,
    path: String,
}

impl Parquet {
    pub(super) fn new(output: Output, flat: Flat) -> Result<Self> {
        let path = output.name();
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = ArrowWriter::try_new(output, flat.schema.clone(), Some(properties))
            .map_err(|e| failed(&path, e))?;
        Ok(Parquet { writer, flat, path })
    }
}

impl Sink for Parquet {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.writer.write(&self.flat.batch(batch)?).map_err(|e| failed(&self.path, e))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.writer.into_inner().map_err(|e| failed(&self.path, e))?.finish()
    }
}

/// An Arrow IPC file.
pub(super) struct Ipc {
    writer: FileWriter<Output>,
    flat: Flat,
    path: String,
}

impl Ipc {
    pub(super) fn new(output: Output, flat: Flat) -> Result<Self> {
        let path = output.name();
        let writer = FileWriter::try_new(output, &flat.schema).map_err(|e| failed(&path, e))?;
        Ok(Ipc { writer, flat, path })
    }
}

impl Sink for Ipc {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.writer.write(&self.flat.batch(batch)?).map_err(|e| failed(&self.path, e))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(|e| failed(&self.path, e))?;
        self.writer.into_inner().map_err(|e| failed(&self.path, e))?.finish()
    }
}
