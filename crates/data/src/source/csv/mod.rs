//! CSV and its kin: text columns exactly as written, whatever the delimiter, quote and encoding.

mod dialect;
mod records;
mod scanner;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use tidemill_core::{BATCH_ROWS, Batch, Batches, Column, Kind, Result, Schema, Source};

use super::chunks::{Chunks, Cut};
use super::input::{Input, fill};
use super::pipeline::{Pipeline, malformed};
use super::{Provenance, ReadOptions, encoding, pieces};
use crate::Error;
use dialect::Layout;

/// How much of the text is looked at to find its layout.
const SAMPLE: usize = 1 << 20;

/// The two bytes that give a CSV file its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
}

pub(super) struct Csv {
    input: Input,
    encoding: &'static Encoding,
    layout: Layout,
    schema: Arc<Schema>,
    chunk: usize,
}

impl Csv {
    /// Finds encoding, delimiter, quote and header from the beginning of the file.
    pub(super) fn open(input: Input, options: &ReadOptions, chunk: usize) -> Result<Self> {
        let (encoding, sample, whole) = sample(&input, options)?;
        let prefers_tab = super::extension(&input.path) == "tsv";
        let layout = Layout::of(sample, whole, options, prefers_tab, &input.name)?;
        let columns = layout.names.iter().map(|name| Column::new(name, Kind::Text)).collect();
        let schema = Arc::new(Schema::new(columns)?);
        Ok(Csv { input, encoding, layout, schema, chunk })
    }

    pub(super) fn provenance(&self, location: &str) -> Provenance {
        Provenance {
            delimiter: Some(char::from(self.layout.dialect.delimiter)),
            quote: Some(char::from(self.layout.dialect.quote)),
            header: Some(self.layout.header),
            encoding: Some(self.encoding.name().into()),
            ..Provenance::new(location, "CSV")
        }
    }
}

/// The beginning of the text as UTF-8, and whether it is all of it.
fn sample(input: &Input, options: &ReadOptions) -> Result<(&'static Encoding, Vec<u8>, bool)> {
    let mut raw = vec![0; SAMPLE];
    let n = fill(&mut input.unpacked()?, &mut raw).map_err(|e| input.failed(e))?;
    raw.truncate(n);
    let encoding = match &options.encoding {
        Some(label) => encoding::named(label)?,
        None => encoding::detect(&raw, n < SAMPLE),
    };
    if encoding::is_binary(&raw, encoding) {
        return Err(Error::Binary { file: input.name.clone(), line: 1 }.into());
    }
    let mut text = vec![0; SAMPLE];
    let n = fill(&mut encoding::reader(input, encoding)?, &mut text).map_err(|e| match malformed(&e) {
        Some(line) => {
            Error::Encoding { file: input.name.clone(), line, encoding: encoding.name().into() }.into()
        }
        None => input.failed(e),
    })?;
    text.truncate(n);
    Ok((encoding, text, n < SAMPLE))
}

impl Source for Csv {
    fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// Not known without a pass.
    fn n_rows(&self) -> Option<usize> {
        None
    }

    fn folder(&self) -> Option<&Path> {
        self.input.folder()
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let mut reader = encoding::reader(&self.input, self.encoding)?;
        let header = self.layout.body_at as u64;
        std::io::copy(&mut reader.by_ref().take(header), &mut std::io::sink())
            .map_err(|e| self.input.failed(e))?;
        let dialect = self.layout.dialect;
        let cut = Cut::Records { delimiter: dialect.delimiter, quote: dialect.quote };
        let chunks = Chunks::new(reader, cut, self.chunk);
        let schema = &self.schema;
        let parse = move |chunk: &[u8]| records::batch(chunk, dialect, schema);
        let (name, line) = (self.encoding.name(), self.layout.body_line);
        let pipeline = Pipeline::new(self.input.clone(), name, chunks, line, parse);
        Ok(Box::new(pipeline.flat_map(|piece| pieces(piece.map(|(_, batch)| batch), BATCH_ROWS))))
    }

    /// A pass over the file: cheap enough for a look, not for mini-batches.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}
