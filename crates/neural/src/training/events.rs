//! Event files that TensorBoard shows: curves of training, and the distribution of each array of weights.
//!
//! A file is a run of TFRecords (length, its checksum, bytes, their checksum), each holding an `Event` in the wire form of
//! protocol buffers. Only the fields that TensorBoard reads are written; `tensorflow/core/util/event.proto` and
//! `summary.proto` are the reference.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use tidemill_core::{Error, Result};

/// Bars of a histogram.
const BARS: usize = 30;

/// An event file in the making.
pub(crate) struct Events {
    file: BufWriter<File>,
    path: PathBuf,
    /// Seconds since 1970 at the start, and a watch for those since.
    started: f64,
    watch: Instant,
}

impl Events {
    /// Starts a file in `folder`, which is made where it is not there.
    pub(crate) fn create(folder: &Path, started: f64) -> Result<Self> {
        let wrong = |path: &Path, e| Error::io(path, e);
        std::fs::create_dir_all(folder).map_err(|e| wrong(folder, e))?;
        let path = folder.join(format!("events.out.tfevents.{:.0}.tidemill", started.floor()));
        let file = BufWriter::new(File::create(&path).map_err(|e| wrong(&path, e))?);
        let mut events = Events { file, path, started, watch: Instant::now() };
        let mut event = events.event(0);
        text(&mut event, 3, "brain.Event:2");
        events.record(&event)?;
        Ok(events)
    }

    /// One point of the curve `tag`.
    pub(crate) fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<()> {
        let mut point = Vec::new();
        text(&mut point, 1, tag);
        key(&mut point, 2, Wire::Bits32);
        point.extend((value as f32).to_le_bytes());
        self.summary(step, &point)
    }

    /// The distribution of `values` under `tag`. Nothing is written of none, or where one is not a number.
    pub(crate) fn histogram(&mut self, step: u64, tag: &str, values: &[f32]) -> Result<()> {
        if values.is_empty() || values.iter().any(|x| !x.is_finite()) {
            return Ok(());
        }
        let mut bars = Vec::new();
        text(&mut bars, 1, tag);
        bytes(&mut bars, 5, &histogram(values));
        self.summary(step, &bars)
    }

    /// Puts what was written where TensorBoard finds it.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io(&self.path, e))
    }

    fn event(&self, step: u64) -> Vec<u8> {
        let mut event = Vec::new();
        double(&mut event, 1, self.started + self.watch.elapsed().as_secs_f64());
        key(&mut event, 2, Wire::Varint);
        varint(&mut event, step);
        event
    }

    fn summary(&mut self, step: u64, value: &[u8]) -> Result<()> {
        let mut summary = Vec::new();
        bytes(&mut summary, 1, value);
        let mut event = self.event(step);
        bytes(&mut event, 5, &summary);
        self.record(&event)
    }

    fn record(&mut self, data: &[u8]) -> Result<()> {
        self.file.write_all(&framed(data)).map_err(|e| Error::io(&self.path, e))
    }
}

/// `data` as a TFRecord.
fn framed(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = length.to_vec();
    record.extend(masked(crc32c(&length)).to_le_bytes());
    record.extend(data);
    record.extend(masked(crc32c(data)).to_le_bytes());
    record
}

/// A checksum as TFRecords hold it: turned and moved, since bytes that hold their own checksum would have a weak one.
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// CRC-32C (Castagnoli's polynomial, RFC 3720, appendix B.4).
fn crc32c(data: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    !data.iter().fold(!0, |crc, &byte| (crc >> 8) ^ TABLE[((crc ^ u32::from(byte)) & 0xff) as usize])
}

/// How a field lies in the wire form.
#[derive(Clone, Copy)]
enum Wire {
    Varint = 0,
    Bits64 = 1,
    Bytes = 2,
    Bits32 = 5,
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn key(out: &mut Vec<u8>, field: u64, wire: Wire) {
    varint(out, (field << 3) | wire as u64);
}

fn double(out: &mut Vec<u8>, field: u64, value: f64) {
    key(out, field, Wire::Bits64);
    out.extend(value.to_le_bytes());
}

fn bytes(out: &mut Vec<u8>, field: u64, data: &[u8]) {
    key(out, field, Wire::Bytes);
    varint(out, data.len() as u64);
    out.extend(data);
}

fn text(out: &mut Vec<u8>, field: u64, text: &str) {
    bytes(out, field, text.as_bytes());
}

/// A `HistogramProto` of bars of equal width.
fn histogram(values: &[f32]) -> Vec<u8> {
    let numbers = || values.iter().map(|&x| f64::from(x));
    let (min, max) = numbers().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
    let width = ((max - min) / BARS as f64).max(f64::MIN_POSITIVE);
    let mut counts = [0.0; BARS];
    numbers().for_each(|x| counts[(((x - min) / width) as usize).min(BARS - 1)] += 1.0);
    let mut out = Vec::new();
    double(&mut out, 1, min);
    double(&mut out, 2, max);
    double(&mut out, 3, values.len() as f64);
    double(&mut out, 4, numbers().sum());
    double(&mut out, 5, numbers().map(|x| x * x).sum());
    let limits = (1..=BARS).map(|i| if i == BARS { max } else { min + width * i as f64 });
    bytes(&mut out, 6, &limits.flat_map(f64::to_le_bytes).collect::<Vec<u8>>());
    bytes(&mut out, 7, &counts.into_iter().flat_map(f64::to_le_bytes).collect::<Vec<u8>>());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check value of CRC-32C, and those of RFC 3720, appendix B.4.
    #[test]
    fn checksums_are_those_of_the_standard() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let rising: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&rising), 0x46dd_794e);
    }

    /// The example of the protocol buffers' own documentation: field 1 holding 150.
    #[test]
    fn whole_numbers_are_written_as_the_format_says() {
        let mut out = Vec::new();
        key(&mut out, 1, Wire::Varint);
        varint(&mut out, 150);
        assert_eq!(out, [0x08, 0x96, 0x01]);
    }
}
