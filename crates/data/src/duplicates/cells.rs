//! The cells of one column, by what equality they have.

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array};
use rayon::prelude::*;
use tidemill_core::{Batch, Column, Kind, Result};
use tidemill_kernel::picture;
use tidemill_kernel::sketch::{hash_bytes, mix};

/// What a missing cell counts as; no other hash is meant to be equal to it.
const MISSING: u64 = 0x6d69_7373_696e_6721;
/// A vector or series with at least so many values that are not all the same cannot be equal to another by chance.
const MANY: usize = 8;

/// A column.
pub(super) struct Cells<'a> {
    pub(super) column: &'a Column,
    array: &'a ArrayRef,
    pub(super) values: Values<'a>,
}

/// Its values.
pub(super) enum Values<'a> {
    Numbers(&'a Float64Array),
    Times(&'a PrimitiveArray<TimestampMicrosecondType>),
    Flags(&'a BooleanArray),
    Codes(&'a UInt32Array),
    Texts(&'a StringArray),
    /// Vectors, series and pictures: the hash of each, and whether it says enough that equality is no chance.
    Hashed(Vec<(u64, bool)>),
}

impl<'a> Cells<'a> {
    pub(super) fn of(batch: &'a Batch, at: usize) -> Result<Self> {
        let column = &batch.schema().columns()[at];
        let n = batch.n_rows();
        let values = match column.kind {
            Kind::Number => Values::Numbers(batch.numbers(at)?),
            Kind::Time => Values::Times(batch.times(at)?),
            Kind::Flag => Values::Flags(batch.flags(at)?),
            Kind::Category => Values::Codes(batch.codes(at)?),
            Kind::Text => Values::Texts(batch.texts(at)?),
            Kind::Vector { sparse: false, len } => {
                let values = batch.vector(at)?;
                hashed(n, |row| {
                    of_floats(values[row * len..(row + 1) * len].iter().map(|x| (0, f64::from(*x))))
                })
            }
            Kind::Vector { sparse: true, .. } => {
                let sparse = batch.sparse(at)?;
                let of = |row: usize| {
                    let cells = sparse.range(row);
                    let places = sparse.indices[cells.clone()].iter().map(|&place| u64::from(place) + 1);
                    of_floats(places.zip(sparse.values[cells].iter().map(|x| f64::from(*x))))
                };
                hashed(n, of)
            }
            Kind::Series => {
                let series = batch.series(at)?;
                let of = |row: usize| match series.of(row) {
                    Some((times, values)) => {
                        of_floats(times.iter().map(|&t| t as u64).zip(values.iter().copied()))
                    }
                    None => (MISSING, false),
                };
                hashed(n, of)
            }
            Kind::Image => {
                let pictures = batch.images(at)?;
                hashed(n, |row| {
                    if pictures.is_null(row) { (MISSING, false) } else { of_picture(pictures.value(row)) }
                })
            }
            Kind::Point => {
                let points = batch.points(at)?;
                // Two numbers alone may be equal by chance: many homes share an address.
                hashed(n, |row| match points.of(row) {
                    Some([x, y]) => of_floats([(0, x), (1, y)].into_iter()),
                    None => (MISSING, false),
                })
            }
            Kind::Track => Values::Hashed(vec![(MISSING, false); n]),
        };
        Ok(Cells { column, array: batch.column(at), values })
    }

    pub(super) fn is_missing(&self, row: usize) -> bool {
        self.array.is_null(row) || matches!(&self.values, Values::Numbers(x) if x.value(row).is_nan())
    }

    /// A hash of what the cell says.
    pub(super) fn hash(&self, row: usize) -> u64 {
        if self.is_missing(row) {
            return MISSING;
        }
        match &self.values {
            // -0 is 0.
            Values::Numbers(x) => mix((x.value(row) + 0.0).to_bits()),
            Values::Times(x) => mix(x.value(row) as u64),
            Values::Flags(x) => mix(u64::from(x.value(row))),
            Values::Codes(x) => mix(u64::from(x.value(row))),
            Values::Texts(x) => hash_bytes(x.value(row).as_bytes()),
            Values::Hashed(x) => x[row].0,
        }
    }

    /// Takes the cells of these rows into their hashes.
    pub(super) fn add_to(&self, rows: &mut [(u64, u32)]) {
        for (hash, row) in rows {
            *hash = mix(*hash ^ self.hash(*row as usize));
        }
    }

    /// The cell as a quantity, where it is one.
    pub(super) fn quantity(&self, row: usize) -> Option<f64> {
        if self.is_missing(row) {
            return None;
        }
        match &self.values {
            Values::Numbers(x) => Some(x.value(row)),
            Values::Times(x) => Some(x.value(row) as f64),
            _ => None,
        }
    }
}

fn hashed<'a>(n: usize, of: impl Fn(usize) -> (u64, bool) + Sync + Send) -> Values<'a> {
    Values::Hashed((0..n).into_par_iter().map(of).collect())
}

/// The hash of numbers with their places, and whether enough of them differ.
fn of_floats(values: impl Iterator<Item = (u64, f64)>) -> (u64, bool) {
    let (mut hash, mut first, mut varies, mut n) = (0u64, None, false, 0);
    for (place, x) in values {
        let x = (x + 0.0).to_bits();
        hash = mix(hash ^ mix(place) ^ x);
        varies |= *first.get_or_insert(x) != x;
        n += 1;
    }
    (hash, varies && n >= MANY)
}

/// Pictures are equal when their pixels are, whatever format they came in.
fn of_picture(bytes: &[u8]) -> (u64, bool) {
    match picture::decode(bytes) {
        Ok(found) => {
            let size = u64::from(found.width) << 32 | u64::from(found.height);
            let varies = found.pixels.iter().any(|x| *x != found.pixels[0]);
            (
                mix(hash_bytes(&found.pixels) ^ mix(size ^ found.channels as u64)),
                varies && found.pixels.len() >= MANY,
            )
        }
        Err(_) => (hash_bytes(bytes), bytes.len() >= MANY),
    }
}
