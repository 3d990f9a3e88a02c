//! CSV and its kin: text columns exactly as written, whatever the delimiter, quote and encoding.

mod dialect;
mod footer;
mod layout;
mod names;
mod records;
mod scanner;

pub(crate) use footer::is_total;

use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use encoding_rs::Encoding;
use tidemill_core::{BATCH_ROWS, Batch, Batches, Column, Kind, Reading, Result, Schema, Source};

use super::chunks::{Chunks, Cut, RECORD};
use super::input::{Input, fill};
use super::pipeline::{Pipeline, malformed};
use super::{Provenance, ReadOptions, encoding, pieces};
use crate::Error;
use layout::Layout;

/// What gives a CSV file its shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dialect {
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    /// Whether empty cells may stand behind the last column.
    pub(super) trailing: bool,
}

pub(super) struct Csv {
    input: Input,
    encoding: &'static Encoding,
    layout: Layout,
    reading: Reading,
    schema: Arc<Schema>,
    chunk: usize,
    /// Whether names that come again are a fault.
    every_line: bool,
}

impl Csv {
    /// Finds encoding, delimiter, quote and header from the beginning of the file.
    pub(super) fn open(input: Input, options: &ReadOptions, chunk: usize) -> Result<Self> {
        let prefers_tab = matches!(&*super::extension(&input.path), "tsv" | "tab");
        let mut looked_at = options.look;
        let (encoding, mut layout, first_line, whole) = loop {
            let (encoding, sample, whole) = sample(&input, options, looked_at)?;
            if let Some(layout) = Layout::of(&sample, whole, options, prefers_tab, &input.name)? {
                break (encoding, layout, first_line(&sample), whole);
            }
            // Not even the header ends within what was looked at.
            if looked_at > RECORD {
                return Err(Error::LongRow { file: input.name, line: 1, limit: RECORD }.into());
            }
            looked_at *= 8;
        };
        if !whole {
            layout.look_below(&input, encoding, options)?;
        }
        let columns = layout.names.iter().map(|name| Column::new(name, Kind::Text)).collect();
        let schema = Arc::new(Schema::new(columns)?);
        let delimiter = if layout.shape.spaces { ' ' } else { char::from(layout.dialect.delimiter) };
        let reading = Reading {
            delimiter: Some(delimiter),
            quote: Some(char::from(layout.dialect.quote)),
            header: Some(layout.header),
            skip: Some(layout.skip),
            footer: Some(layout.footer).filter(|lines| *lines > 0),
            encoding: Some(encoding.name().into()),
            first_line,
            notes: layout.notes.clone(),
            warnings: Vec::new(),
            left_out: Vec::new(),
        };
        Ok(Csv { input, encoding, layout, reading, schema, chunk, every_line: options.every_line })
    }

    /// Adds a sentence to what is said of the reading.
    pub(super) fn note(&mut self, note: String) {
        self.reading.notes.push(note);
    }

    pub(super) fn provenance(&self, location: &str) -> Provenance {
        Provenance {
            delimiter: self.reading.delimiter,
            quote: self.reading.quote,
            header: self.reading.header,
            encoding: self.reading.encoding.clone(),
            ..Provenance::new(location, "CSV")
        }
    }
}

impl Layout {
    /// Looks for what stands below the table of a text of which the beginning alone was looked at. (The end of a packed one costs a pass, so
    /// that there it is to be told.)
    fn look_below(
        &mut self,
        input: &Input,
        encoding: &'static Encoding,
        options: &ReadOptions,
    ) -> Result<()> {
        self.footer = options.footer.unwrap_or_default();
        if options.every_line || !(encoding == encoding_rs::UTF_8 || encoding.is_single_byte()) {
            return Ok(());
        }
        let Some(raw) = input.tail(footer::TAIL)? else { return Ok(()) };
        let text = self.shape.apply(encoding.decode_without_bom_handling(&raw).0.as_bytes());
        let found = footer::below(&text, false, options, self.dialect, self.names.len());
        self.footer = found.lines;
        self.notes.extend(found.note());
        Ok(())
    }
}

/// The first line of the text, shortened.
fn first_line(sample: &[u8]) -> String {
    let end = memchr::memchr2(b'\n', b'\r', sample).unwrap_or(sample.len()).min(400);
    crate::cell::clip(&tidemill_core::escaped(String::from_utf8_lossy(&sample[..end]).trim()))
}

/// The beginning of the text as UTF-8, and whether it is all of it.
fn sample(input: &Input, options: &ReadOptions, most: usize) -> Result<(&'static Encoding, Vec<u8>, bool)> {
    // No more than there is: requests are small and many. Packed bytes are more than they seem.
    let mut raw = Vec::new();
    let mut reader = input.unpacked()?.take(most as u64);
    reader.read_to_end(&mut raw).map_err(|e| input.failed(e))?;
    let whole = raw.len() < most;
    let encoding = match &options.encoding {
        Some(label) => encoding::named(label)?,
        None => encoding::detect(&raw, whole, options.usual_encoding.as_deref()),
    };
    if let Some(line) = encoding::binary_line(&raw, encoding) {
        return Err(Error::Binary { file: input.name.clone(), line }.into());
    }
    if encoding == encoding_rs::UTF_8 {
        let text = raw.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(raw);
        return Ok((encoding, text, whole));
    }
    let mut text = vec![0; most];
    let n = fill(&mut encoding::reader(input, encoding)?, &mut text).map_err(|e| match malformed(&e) {
        Some(line) => {
            Error::Encoding { file: input.name.clone(), line, encoding: encoding.name().into() }.into()
        }
        None => input.failed(e),
    })?;
    text.truncate(n);
    Ok((encoding, text, n < most))
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

    fn reading(&self) -> Option<&Reading> {
        Some(&self.reading)
    }

    fn scan(&self) -> Result<Batches<'_>> {
        let mut reader = self.layout.shape.reader(encoding::reader(&self.input, self.encoding)?);
        let above = self.layout.body_at as u64;
        std::io::copy(&mut reader.by_ref().take(above), &mut std::io::sink())
            .map_err(|e| self.input.failed(e))?;
        let reader = footer::Without::last(self.layout.footer, reader);
        let dialect = self.layout.dialect;
        let cut = Cut::Records { delimiter: dialect.delimiter, quote: dialect.quote };
        let chunks = Chunks::new(reader, cut, self.chunk);
        let schema = &self.schema;
        let again = records::Again { names: &self.layout.header_cells, is_fault: self.every_line };
        let parse = move |chunk: &[u8]| records::batch(chunk, dialect, again, schema);
        let (name, line) = (self.encoding.name(), self.layout.body_line);
        let pipeline = Pipeline::new(self.input.clone(), name, chunks, line, parse);
        Ok(Box::new(pipeline.flat_map(|piece| pieces(piece.map(|(_, batch)| batch), BATCH_ROWS))))
    }

    /// A pass over the file: cheap enough for a look, not for mini-batches.
    fn take(&self, rows: &[u32]) -> Result<Batch> {
        super::take_by_scan(self, rows)
    }
}
