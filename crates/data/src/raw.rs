//! A cell as its source gave it, before anybody says what it means.

use std::borrow::Cow;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array,
};
use tidemill_core::{Batch, Categories, Cell, Error, Kind, Point, Points, Result, Series};
use tidemill_kernel::sketch::hash_bytes;

use crate::parse::write_iso;

/// A cell as the source gave it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    Missing,
    Number(f64),
    Flag(bool),
    Time(i64),
    Text(&'a str),
    Image(&'a [u8]),
    Points(&'a [Point]),
    Vector(&'a [f32]),
    Place([f64; 2]),
}

/// What became of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Read<T> {
    Missing,
    /// Written, but not readable as what the column should hold.
    Bad,
    Value(T),
}

impl<T> Read<T> {
    /// The same with another value.
    pub(crate) fn map<U>(self, make: impl FnOnce(T) -> U) -> Read<U> {
        match self {
            Read::Missing => Read::Missing,
            Read::Bad => Read::Bad,
            Read::Value(value) => Read::Value(make(value)),
        }
    }

    pub(super) fn of(value: Option<T>) -> Self {
        value.map_or(Read::Bad, Read::Value)
    }
}

impl Raw<'_> {
    /// As a person would write it.
    pub(crate) fn shown(self) -> String {
        written(self).map(Cow::into_owned).unwrap_or_default()
    }
}

/// A raw column, its type resolved once.
pub(crate) enum RawColumn<'a> {
    Number(&'a Float64Array),
    Flag(&'a BooleanArray),
    Time(&'a PrimitiveArray<TimestampMicrosecondType>),
    Text(&'a StringArray),
    Category(&'a UInt32Array, &'a Categories),
    Image(&'a BinaryArray),
    Series(Series<'a>, &'a ArrayRef),
    Place(Points<'a>),
    /// So many numbers a row.
    Vector(&'a [f32], usize),
}

impl<'a> RawColumn<'a> {
    /// Errors for kinds that no cell is read from (sparse vectors, tracks, …).
    pub(crate) fn of(batch: &'a Batch, place: usize) -> Result<Self> {
        let column = &batch.schema().columns()[place];
        Ok(match column.kind {
            Kind::Number => RawColumn::Number(batch.numbers(place)?),
            Kind::Flag => RawColumn::Flag(batch.flags(place)?),
            Kind::Time => RawColumn::Time(batch.times(place)?),
            Kind::Text => RawColumn::Text(batch.texts(place)?),
            Kind::Category => RawColumn::Category(batch.codes(place)?, column.categories()?),
            Kind::Image => RawColumn::Image(batch.images(place)?),
            Kind::Point => RawColumn::Place(batch.points(place)?),
            Kind::Series => RawColumn::Series(batch.series(place)?, batch.column(place)),
            Kind::Vector { len, sparse: false } => RawColumn::Vector(batch.vector(place)?, len),
            found => {
                return Err(Error::WrongKind {
                    column: column.name.clone(),
                    found,
                    wanted: "a single value".into(),
                });
            }
        })
    }

    pub(crate) fn cell(&self, row: usize) -> Raw<'a> {
        match self {
            RawColumn::Number(a) if a.is_valid(row) => Raw::Number(a.value(row)),
            RawColumn::Flag(a) if a.is_valid(row) => Raw::Flag(a.value(row)),
            RawColumn::Time(a) if a.is_valid(row) => Raw::Time(a.value(row)),
            RawColumn::Text(a) if a.is_valid(row) => Raw::Text(a.value(row)),
            RawColumn::Category(a, names) if a.is_valid(row) => Raw::Text(names.name(a.value(row))),
            RawColumn::Image(a) if a.is_valid(row) => Raw::Image(a.value(row)),
            // What is in it is taken over as a column.
            RawColumn::Series(a, _) if a.of(row).is_some() => Raw::Points(&[]),
            RawColumn::Place(a) => a.of(row).map_or(Raw::Missing, Raw::Place),
            RawColumn::Vector(a, len) => Raw::Vector(&a[row * len..(row + 1) * len]),
            _ => Raw::Missing,
        }
    }
}

/// A raw cell of a row. Codes need the names of the bound schema.
pub(crate) fn raw_cell<'a>(cell: &'a Cell, names: Option<&'a Categories>) -> Option<Raw<'a>> {
    Some(match cell {
        Cell::Missing => Raw::Missing,
        Cell::Number(x) => Raw::Number(*x),
        Cell::Flag(yes) => Raw::Flag(*yes),
        Cell::Time(at) => Raw::Time(*at),
        Cell::Text(text) => Raw::Text(text),
        Cell::Image(bytes) => Raw::Image(bytes),
        Cell::Series(points) => Raw::Points(points),
        Cell::Code(code) => Raw::Text(names?.name(*code)),
        Cell::Point(place) => Raw::Place(*place),
        Cell::Vector(numbers) => Raw::Vector(numbers),
        Cell::Sparse(..) | Cell::Probability(_) => return None,
    })
}

/// A cell as text: a whole number without a point, a timestamp as ISO, a flag as `true` or `false`.
pub(super) fn written(raw: Raw<'_>) -> Option<Cow<'_, str>> {
    Some(match raw {
        Raw::Missing => return None,
        Raw::Number(x) if x.is_nan() => return None,
        Raw::Number(x) => Cow::Owned(written_number(x)),
        Raw::Flag(yes) => Cow::Borrowed(if yes { "true" } else { "false" }),
        Raw::Time(at) => Cow::Owned(write_iso(at)),
        Raw::Text(text) => Cow::Borrowed(text),
        // Equal images are called equal.
        Raw::Image(bytes) => Cow::Owned(format!("image {:016x}", hash_bytes(bytes))),
        Raw::Points(_) => Cow::Borrowed("a series"),
        Raw::Vector(_) => Cow::Borrowed("a vector"),
        Raw::Place([x, y]) => Cow::Owned(format!("POINT ({x} {y})")),
    })
}

/// A number as a text column holds it; zero has no sign.
pub(crate) fn written_number(x: f64) -> String {
    format!("{}", if x == 0.0 { 0.0 } else { x })
}

/// A value short enough for a message.
pub(crate) fn clip(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_string() } else { text.chars().take(39).chain(['…']).collect() }
}
