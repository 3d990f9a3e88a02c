//! The values of one column over some rows as bytes, always the same for the same values.
//!
//! A tag, the number of rows, which of them are missing, then the values, all little-endian. Missing values are written as zeros, so
//! that what happened to lie behind them does not count. Kinds that are not plain are written as an Arrow IPC stream.

use std::sync::Arc;

use arrow_array::builder::{BinaryBuilder, StringBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, TimestampMicrosecondType};
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, RecordBatch, TimestampMicrosecondArray};
use arrow_buffer::NullBuffer;
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{DataType, Field, Schema};
use tidemill_core::{Error, Kind, Result};

const NUMBER: u8 = 1;
const FLAG: u8 = 2;
const TEXT: u8 = 3;
const TIME: u8 = 4;
const BYTES: u8 = 5;
const ARROW: u8 = 6;

/// The bytes of these values.
pub(super) fn encode(kind: Kind, array: &ArrayRef) -> Result<Vec<u8>> {
    let n = array.len();
    let mut out = Vec::with_capacity(16 + 8 * n);
    let tag = match kind {
        Kind::Number => NUMBER,
        Kind::Flag => FLAG,
        Kind::Text => TEXT,
        Kind::Time => TIME,
        Kind::Image => BYTES,
        _ => ARROW,
    };
    out.push(tag);
    out.extend((n as u32).to_le_bytes());
    if tag == ARROW {
        arrow(array, &mut out)?;
        return Ok(out);
    }
    let missing = array.null_count() > 0;
    out.push(u8::from(missing));
    if missing {
        bits((0..n).map(|row| array.is_null(row)), &mut out);
    }
    let present = |row: &usize| array.is_valid(*row);
    match tag {
        NUMBER => {
            let values = array.as_primitive::<Float64Type>();
            (0..n).for_each(|row| {
                out.extend(if present(&row) { values.value(row) } else { 0.0 }.to_le_bytes())
            });
        }
        TIME => {
            let values = array.as_primitive::<TimestampMicrosecondType>();
            (0..n)
                .for_each(|row| out.extend(if present(&row) { values.value(row) } else { 0 }.to_le_bytes()));
        }
        FLAG => bits((0..n).map(|row| present(&row) && array.as_boolean().value(row)), &mut out),
        _ => {
            let value = |row: usize| -> &[u8] {
                match tag {
                    _ if array.is_null(row) => &[],
                    TEXT => array.as_string::<i32>().value(row).as_bytes(),
                    _ => array.as_binary::<i32>().value(row),
                }
            };
            (0..n).for_each(|row| out.extend((value(row).len() as u32).to_le_bytes()));
            (0..n).for_each(|row| out.extend(value(row)));
        }
    }
    Ok(out)
}

/// The values of these bytes; what is wrong with them where they are not those of so many values of this kind.
pub(super) fn decode(kind: Kind, bytes: &[u8], n: usize) -> std::result::Result<ArrayRef, String> {
    let mut rest = Rest(bytes);
    let tag = rest.take(1)?[0];
    let rows = rest.u32()? as usize;
    if rows != n {
        return Err(format!("it holds {rows} values, not {n}"));
    }
    if tag == ARROW {
        return read_arrow(rest.0, n);
    }
    let nulls = match rest.take(1)?[0] {
        0 => None,
        _ => Some(NullBuffer::from_iter(unbits(rest.take(n.div_ceil(8))?, n).map(|missing| !missing))),
    };
    let array: ArrayRef = match (tag, kind) {
        (NUMBER, Kind::Number) => {
            let values: Vec<f64> = rest.words(n)?.map(f64::from_le_bytes).collect();
            Arc::new(Float64Array::new(values.into(), nulls))
        }
        (TIME, Kind::Time) => {
            let values: Vec<i64> = rest.words(n)?.map(i64::from_le_bytes).collect();
            Arc::new(TimestampMicrosecondArray::new(values.into(), nulls).with_timezone("UTC"))
        }
        (FLAG, Kind::Flag) => {
            let values = unbits(rest.take(n.div_ceil(8))?, n).collect();
            Arc::new(BooleanArray::new(values, nulls))
        }
        (TEXT, Kind::Text) | (BYTES, Kind::Image) => rest.texts(tag == TEXT, n, nulls.as_ref())?,
        _ => return Err(format!("it holds no {}", kind.word())),
    };
    rest.end()?;
    Ok(array)
}

struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn take(&mut self, n: usize) -> std::result::Result<&'a [u8], String> {
        let (head, rest) = self.0.split_at_checked(n).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(head)
    }

    fn u32(&mut self) -> std::result::Result<u32, String> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn words(&mut self, n: usize) -> std::result::Result<impl Iterator<Item = [u8; 8]> + 'a, String> {
        Ok(self.take(n.checked_mul(8).ok_or("it is too long")?)?.as_chunks::<8>().0.iter().copied())
    }

    fn texts(
        &mut self,
        text: bool,
        n: usize,
        nulls: Option<&NullBuffer>,
    ) -> std::result::Result<ArrayRef, String> {
        let mut lengths = Rest(self.take(n.checked_mul(4).ok_or("it is too long")?)?);
        let (mut texts, mut binary) = (StringBuilder::new(), BinaryBuilder::new());
        for row in 0..n {
            let value = self.take(lengths.u32()? as usize)?;
            let value = nulls.is_none_or(|nulls| nulls.is_valid(row)).then_some(value);
            if text {
                let value = value.map(std::str::from_utf8).transpose();
                texts.append_option(value.map_err(|_| "a text in it is not UTF-8")?);
            } else {
                binary.append_option(value);
            }
        }
        let array: ArrayRef = if text { Arc::new(texts.finish()) } else { Arc::new(binary.finish()) };
        Ok(array)
    }

    fn end(&self) -> std::result::Result<(), String> {
        if self.0.is_empty() { Ok(()) } else { Err("it goes on after its last value".into()) }
    }
}

fn bits(flags: impl Iterator<Item = bool>, out: &mut Vec<u8>) {
    let mut byte = 0u8;
    let mut at = 0;
    for flag in flags {
        byte |= u8::from(flag) << (at % 8);
        at += 1;
        if at % 8 == 0 {
            out.push(std::mem::take(&mut byte));
        }
    }
    if at % 8 != 0 {
        out.push(byte);
    }
}

fn unbits(bytes: &[u8], n: usize) -> impl Iterator<Item = bool> + '_ {
    (0..n).map(|at| bytes[at / 8] >> (at % 8) & 1 == 1)
}

fn arrow(array: &ArrayRef, out: &mut Vec<u8>) -> Result<()> {
    let failed = |e: arrow_schema::ArrowError| Error::internal(format!("a chunk of a snapshot: {e}"));
    let schema = Arc::new(Schema::new(vec![Field::new("", array.data_type().clone(), true)]));
    let mut writer = StreamWriter::try_new(out, &schema).map_err(failed)?;
    let rows = RecordBatch::try_new(schema, vec![array.clone()]).map_err(failed)?;
    writer.write(&rows).and_then(|()| writer.finish()).map_err(failed)
}

fn read_arrow(bytes: &[u8], n: usize) -> std::result::Result<ArrayRef, String> {
    let mut reader = StreamReader::try_new(bytes, None).map_err(|e| e.to_string())?;
    let rows = reader.next().ok_or("it holds no values")?.map_err(|e| e.to_string())?;
    match rows.columns() {
        [only] if only.len() == n => Ok(only.clone()),
        _ => Err("it is not one column of so many values".into()),
    }
}

/// Whether sources give such columns: they give texts where a dictionary would be, whose codes mean nothing by themselves.
pub(super) fn is_storable(found: &DataType) -> bool {
    !matches!(found, DataType::Dictionary(..))
}
