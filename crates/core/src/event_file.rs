//! Event files that TensorBoard shows: curves, distributions, pictures, precision over recall, and what was tried.
//!
//! A file is a run of TFRecords (length, its checksum, bytes, their checksum), each holding an `Event` in the wire form of
//! protocol buffers. Only the fields that TensorBoard reads are written; `event.proto`, `summary.proto` and `tensor.proto` of
//! TensorFlow are the reference, and of the plugins `hparams/plugin_data.proto` and `pr_curve/plugin_data.proto` of TensorBoard.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Map, Value};

use crate::{Error, Result};

/// Bars of a histogram.
const BARS: usize = 30;
/// The type of a tensor of 32-bit floats.
const FLOATS: u64 = 1;
/// A session that ended as it should.
const SUCCESS: u64 = 1;

/// An event file in the making.
pub struct EventFile {
    file: BufWriter<File>,
    path: PathBuf,
    /// Seconds since 1970 at the start, and a watch for those since.
    started: f64,
    watch: Instant,
}

/// How a class is found at evenly spaced thresholds from 0 to 1: a number of rows or a share for each.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PrCurve {
    /// Rows of the class that are predicted as it.
    pub true_positives: Vec<f64>,
    /// Rows of other classes that are.
    pub false_positives: Vec<f64>,
    /// Rows of other classes that are not.
    pub true_negatives: Vec<f64>,
    /// Rows of the class that are not.
    pub false_negatives: Vec<f64>,
    /// The share of the rows predicted as the class that are of it.
    pub precision: Vec<f64>,
    /// The share of the rows of the class that are predicted as it.
    pub recall: Vec<f64>,
}

impl EventFile {
    /// Starts a file in `folder`, which is made where it is not there. `started` is in seconds since 1970.
    ///
    /// # Errors
    /// A folder or file that cannot be written.
    pub fn create(folder: &Path, started: f64) -> Result<Self> {
        let wrong = |path: &Path, e| Error::io(path, e);
        std::fs::create_dir_all(folder).map_err(|e| wrong(folder, e))?;
        let path = folder.join(format!("events.out.tfevents.{:.0}.tidemill", started.floor()));
        let file = BufWriter::new(File::create(&path).map_err(|e| wrong(&path, e))?);
        let mut events = EventFile { file, path, started, watch: Instant::now() };
        let mut event = events.event(0);
        text(&mut event, 3, "brain.Event:2");
        events.record(&event)?;
        Ok(events)
    }

    /// One point of the curve `tag`.
    ///
    /// # Errors
    /// A file that cannot be written, as with all that follow.
    pub fn scalar(&mut self, step: u64, tag: &str, value: f64) -> Result<()> {
        let mut point = Vec::new();
        text(&mut point, 1, tag);
        key(&mut point, 2, Wire::Bits32);
        point.extend((value as f32).to_le_bytes());
        self.summary(step, &point)
    }

    /// The distribution of `values` under `tag`. Nothing is written of none, or where one is not a number.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn histogram(
        &mut self,
        step: u64,
        tag: &str,
        values: impl Iterator<Item = f64> + Clone,
    ) -> Result<()> {
        let Some(histogram) = histogram(values) else { return Ok(()) };
        let mut bars = Vec::new();
        text(&mut bars, 1, tag);
        bytes(&mut bars, 5, &histogram);
        self.summary(step, &bars)
    }

    /// A picture, encoded as PNG, JPEG, GIF or BMP.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn image(&mut self, step: u64, tag: &str, (width, height): (u32, u32), encoded: &[u8]) -> Result<()> {
        let mut image = Vec::new();
        whole(&mut image, 1, u64::from(height));
        whole(&mut image, 2, u64::from(width));
        // Red, green and blue.
        whole(&mut image, 3, 3);
        bytes(&mut image, 4, encoded);
        let mut value = Vec::new();
        text(&mut value, 1, tag);
        bytes(&mut value, 4, &image);
        self.summary(step, &value)
    }

    /// Precision over recall under `tag`. All lists must be of one length.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn pr_curve(&mut self, step: u64, tag: &str, curve: &PrCurve) -> Result<()> {
        let n = curve.precision.len() as u64;
        let rows = [
            &curve.true_positives,
            &curve.false_positives,
            &curve.true_negatives,
            &curve.false_negatives,
            &curve.precision,
            &curve.recall,
        ];
        let numbers = rows.into_iter().flatten().copied();
        let mut content = Vec::new();
        whole(&mut content, 2, n);
        let mut value = Vec::new();
        text(&mut value, 1, &format!("{tag}/pr_curves"));
        bytes(&mut value, 8, &tensor(&[rows.len() as u64, n], numbers));
        bytes(&mut value, 9, &plugin("pr_curves", &content));
        self.summary(step, &value)
    }

    /// The settings that this run was tried with: the start and the end of a session of the plugin for hyper-parameters. Numbers,
    /// flags and words stand for themselves, anything else as JSON.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn settings(&mut self, group: &str, settings: &Map<String, Value>) -> Result<()> {
        let mut start = Vec::new();
        for (name, setting) in settings {
            let mut entry = Vec::new();
            text(&mut entry, 1, name);
            bytes(&mut entry, 2, &value_of(setting));
            bytes(&mut start, 1, &entry);
        }
        text(&mut start, 4, group);
        double(&mut start, 5, self.started);
        let mut end = Vec::new();
        whole(&mut end, 1, SUCCESS);
        double(&mut end, 2, self.started + self.watch.elapsed().as_secs_f64());
        let sides = [("_hparams_/session_start_info", 3, start), ("_hparams_/session_end_info", 4, end)];
        for (tag, field, side) in sides {
            let mut content = Vec::new();
            bytes(&mut content, field, &side);
            let mut value = Vec::new();
            text(&mut value, 1, tag);
            bytes(&mut value, 8, &tensor(&[], std::iter::once(0.0)));
            bytes(&mut value, 9, &plugin("hparams", &content));
            self.summary(0, &value)?;
        }
        Ok(())
    }

    /// Puts what was written where TensorBoard finds it.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        self.file.flush().map_err(|e| Error::io(&self.path, e))
    }

    fn event(&self, step: u64) -> Vec<u8> {
        let mut event = Vec::new();
        double(&mut event, 1, self.started + self.watch.elapsed().as_secs_f64());
        whole(&mut event, 2, step);
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

fn whole(out: &mut Vec<u8>, field: u64, value: u64) {
    key(out, field, Wire::Varint);
    varint(out, value);
}

/// A `TensorProto` of 32-bit floats.
fn tensor(sizes: &[u64], values: impl Iterator<Item = f64>) -> Vec<u8> {
    let mut shape = Vec::new();
    for &size in sizes {
        let mut dimension = Vec::new();
        whole(&mut dimension, 1, size);
        bytes(&mut shape, 2, &dimension);
    }
    let mut out = Vec::new();
    whole(&mut out, 1, FLOATS);
    bytes(&mut out, 2, &shape);
    bytes(&mut out, 4, &values.flat_map(|x| (x as f32).to_le_bytes()).collect::<Vec<u8>>());
    out
}

/// A `SummaryMetadata` that hands a value to a plugin of TensorBoard.
fn plugin(name: &str, content: &[u8]) -> Vec<u8> {
    let mut data = Vec::new();
    text(&mut data, 1, name);
    bytes(&mut data, 2, content);
    let mut out = Vec::new();
    bytes(&mut out, 1, &data);
    out
}

/// A `google.protobuf.Value`.
fn value_of(setting: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    match setting {
        Value::Bool(yes) => whole(&mut out, 4, u64::from(*yes)),
        Value::Number(number) => double(&mut out, 2, number.as_f64().unwrap_or(f64::NAN)),
        Value::String(word) => text(&mut out, 3, word),
        other => text(&mut out, 3, &other.to_string()),
    }
    out
}

/// A `HistogramProto` of bars of equal width; `None` of nothing, or where a value is not a number.
fn histogram(values: impl Iterator<Item = f64> + Clone) -> Option<Vec<u8>> {
    let (min, max) = values.clone().fold((f64::MAX, f64::MIN), |(a, b), x| (a.min(x), b.max(x)));
    if min > max || values.clone().any(|x| !x.is_finite()) {
        return None;
    }
    let width = ((max - min) / BARS as f64).max(f64::MIN_POSITIVE);
    let (mut counts, mut n) = ([0.0; BARS], 0.0);
    for x in values.clone() {
        counts[(((x - min) / width) as usize).min(BARS - 1)] += 1.0;
        n += 1.0;
    }
    let mut out = Vec::new();
    double(&mut out, 1, min);
    double(&mut out, 2, max);
    double(&mut out, 3, n);
    double(&mut out, 4, values.clone().sum());
    double(&mut out, 5, values.map(|x| x * x).sum());
    let limits = (1..=BARS).map(|i| if i == BARS { max } else { min + width * i as f64 });
    bytes(&mut out, 6, &limits.flat_map(f64::to_le_bytes).collect::<Vec<u8>>());
    bytes(&mut out, 7, &counts.into_iter().flat_map(f64::to_le_bytes).collect::<Vec<u8>>());
    Some(out)
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

    #[test]
    fn distributions_are_of_numbers_alone() {
        assert_eq!(histogram(std::iter::empty()), None);
        assert_eq!(histogram([1.0, f64::INFINITY].into_iter()), None);
        assert_eq!(histogram([1.0, f64::NAN].into_iter()), None);
        assert!(histogram([2.0].into_iter()).is_some());
    }
}
