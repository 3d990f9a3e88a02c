//! From a raw cell, of whatever type the source gave it, to the value that the plan wants: one rule for bulk and for single rows.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Float64Array, PrimitiveArray, StringArray, UInt32Array,
};
use hashbrown::HashMap;
use tidemill_core::{Batch, Categories, Cell, Error, Kind, Point, Result, Series};
use tidemill_kernel::sketch::hash_bytes;

use super::{picture, series};
use crate::parse::{Format, Missing, TimeFormat, plain_number, write_iso, yes_or_no};
use crate::plan::{InferredColumn, InferredSchema};

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

    fn of(value: Option<T>) -> Self {
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
}

impl<'a> RawColumn<'a> {
    /// Errors for kinds that are not a single value (vectors, tracks, …).
    pub(crate) fn of(batch: &'a Batch, place: usize) -> Result<Self> {
        let column = &batch.schema().columns()[place];
        Ok(match column.kind {
            Kind::Number => RawColumn::Number(batch.numbers(place)?),
            Kind::Flag => RawColumn::Flag(batch.flags(place)?),
            Kind::Time => RawColumn::Time(batch.times(place)?),
            Kind::Text => RawColumn::Text(batch.texts(place)?),
            Kind::Category => RawColumn::Category(batch.codes(place)?, column.categories()?),
            Kind::Image => RawColumn::Image(batch.images(place)?),
            Kind::Series => RawColumn::Series(batch.series(place)?, batch.column(place)),
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
        Cell::Vector(_) | Cell::Sparse(..) | Cell::Probability(_) => return None,
    })
}

/// Reads the cells of one column as its plan says.
pub(crate) struct Reader {
    pub(crate) kind: Kind,
    format: Format,
    missing: Missing,
    pub(crate) names: Option<Names>,
}

impl Reader {
    pub(crate) fn new(plan: &InferredSchema, column: &InferredColumn) -> Self {
        let extra = plan.missing.iter().chain(&column.missing).map(|m| m.trim().to_string());
        let names = (column.kind == Kind::Category).then(|| Names::new(&column.categories));
        Reader { kind: column.kind, format: column.format.clone(), missing: Missing::new(extra), names }
    }

    /// Whether a column of finite numbers can be taken over as it is.
    pub(crate) fn takes_numbers(&self) -> bool {
        !self.missing.has_numbers()
    }

    /// A finite number.
    pub(crate) fn number(&self, raw: Raw<'_>) -> Read<f64> {
        match raw {
            Raw::Number(x) if self.missing.is_number(x) => Read::Missing,
            Raw::Number(x) => Read::of(Some(x).filter(|x| x.is_finite())),
            Raw::Flag(yes) => Read::Value(f64::from(u8::from(yes))),
            Raw::Text(text) => {
                let found = match &self.format {
                    Format::Number(format) => format.parse(text),
                    _ => plain_number(text),
                };
                // Few cells are missing, so the question comes second; but `missing` may name a number, such as -999.
                match found {
                    Some(x) if !self.missing.is(text) && !self.missing.is_number(x) => Read::Value(x),
                    None if !self.missing.is(text) => Read::Bad,
                    _ => Read::Missing,
                }
            }
            Raw::Missing => Read::Missing,
            Raw::Time(_) | Raw::Image(_) | Raw::Points(_) => Read::Bad,
        }
    }

    pub(crate) fn flag(&self, raw: Raw<'_>) -> Read<bool> {
        match raw {
            Raw::Flag(yes) => Read::Value(yes),
            Raw::Number(x) if self.missing.is_number(x) => Read::Missing,
            Raw::Number(x) => Read::of(if x == 1.0 { Some(true) } else { (x == 0.0).then_some(false) }),
            Raw::Text(text) if self.missing.is(text) => Read::Missing,
            Raw::Text(text) => Read::of(match &self.format {
                Format::Flag(format) => format.parse(text),
                _ => yes_or_no(text),
            }),
            Raw::Missing => Read::Missing,
            Raw::Time(_) | Raw::Image(_) | Raw::Points(_) => Read::Bad,
        }
    }

    pub(crate) fn time(&self, raw: Raw<'_>) -> Read<i64> {
        let iso = TimeFormat::Iso;
        let format = if let Format::Time(format) = &self.format { format } else { &iso };
        match raw {
            Raw::Time(at) => Read::Value(at),
            Raw::Number(x) if self.missing.is_number(x) => Read::Missing,
            Raw::Number(x) => Read::of(format.of_number(x).or_else(|| format.parse(&written_number(x)))),
            Raw::Text(text) if self.missing.is(text) => Read::Missing,
            // Other tools write timestamps out as ISO: it is never mistaken for another format.
            Raw::Text(text) => Read::of(format.parse(text).or_else(|| iso.parse(text))),
            Raw::Missing => Read::Missing,
            Raw::Flag(_) | Raw::Image(_) | Raw::Points(_) => Read::Bad,
        }
    }

    /// The bytes of an image; the error says why there are none. See [`picture::read`].
    pub(crate) fn image<'a>(
        &self,
        raw: Raw<'a>,
        folder: Option<&Path>,
    ) -> Result<Read<Cow<'a, [u8]>>, String> {
        match raw {
            Raw::Text(text) if self.missing.is(text) => Ok(Read::Missing),
            _ => picture::read(raw, folder),
        }
    }

    /// The points of a series; the error says why there are none. See [`series::read`].
    pub(crate) fn series(&self, raw: Raw<'_>) -> Result<Read<Vec<Point>>, String> {
        let format = if let Format::Time(format) = &self.format { format } else { &TimeFormat::Iso };
        match raw {
            Raw::Text(text) if self.missing.is(text) => Ok(Read::Missing),
            _ => series::read(raw, format),
        }
    }

    /// Text as it is written.
    pub(crate) fn text<'a>(&self, raw: Raw<'a>) -> Option<Cow<'a, str>> {
        written(raw).filter(|text| !self.missing.is(text))
    }

    /// The name of a category: text without the spaces around it.
    pub(crate) fn name<'a>(&self, raw: Raw<'a>) -> Option<Cow<'a, str>> {
        Some(match self.text(raw)? {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_string()),
        })
    }

    /// The code of a category; only for columns that have names.
    pub(crate) fn code(&self, raw: Raw<'_>) -> Option<u32> {
        let name = self.name(raw)?;
        self.names.as_ref().map(|names| names.code(&name, raw))
    }

    /// A cell of the typed row, and whether the raw one could not be read.
    pub(crate) fn cell(&self, raw: Raw<'_>) -> (Cell, bool) {
        fn cell<T>(read: Read<T>, make: impl FnOnce(T) -> Cell) -> (Cell, bool) {
            match read {
                Read::Value(value) => (make(value), false),
                Read::Missing => (Cell::Missing, false),
                Read::Bad => (Cell::Missing, true),
            }
        }
        let sound = |cell: Option<Cell>| (cell.unwrap_or_default(), false);
        match self.kind {
            Kind::Number => cell(self.number(raw), Cell::Number),
            Kind::Flag => cell(self.flag(raw), Cell::Flag),
            Kind::Time => cell(self.time(raw), Cell::Time),
            Kind::Series => match self.series(raw) {
                Ok(Read::Value(points)) => (Cell::Series(points.into()), false),
                Ok(_) => (Cell::Missing, false),
                Err(_) => (Cell::Missing, true),
            },
            Kind::Image => match self.image(raw, None) {
                Ok(Read::Value(bytes)) => (Cell::Image(bytes.into_owned().into()), false),
                Ok(_) => (Cell::Missing, false),
                Err(_) => (Cell::Missing, true),
            },
            Kind::Category => {
                let code = self.code(raw);
                let unseen = self.names.as_ref().map(|names| names.categories.unseen());
                (code.map_or(Cell::Missing, Cell::Code), code.is_some() && code == unseen)
            }
            _ => sound(self.text(raw).map(|text| Cell::Text(text.into_owned()))),
        }
    }
}

/// A cell as text: a whole number without a point, a timestamp as ISO, a flag as `true` or `false`.
fn written(raw: Raw<'_>) -> Option<Cow<'_, str>> {
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
    })
}

/// A number as a text column holds it; zero has no sign.
pub(crate) fn written_number(x: f64) -> String {
    format!("{}", if x == 0.0 { 0.0 } else { x })
}

/// The names of a category column, found also when another source writes them in another way: `1.0` or the number 1 for `1`, a
/// flag for the word of yes or no.
pub(crate) struct Names {
    pub(crate) categories: Arc<Categories>,
    /// By the bits of the number, when every name is one.
    numbers: HashMap<u64, u32>,
    yes: Option<u32>,
    no: Option<u32>,
}

impl Names {
    pub(crate) fn new(names: &[String]) -> Self {
        let number = |name: &String| {
            let digits = name.trim_start_matches(['-', '+']);
            let padded = digits.len() > 1 && digits.starts_with('0') && !digits.starts_with("0.");
            plain_number(name).filter(|_| !padded)
        };
        let mut numbers = HashMap::new();
        for (code, name) in names.iter().enumerate() {
            match number(name) {
                Some(x) => numbers.entry(bits(x)).or_insert(code as u32),
                None => {
                    numbers.clear();
                    break;
                }
            };
        }
        let sole = |wanted: bool| {
            if names.len() != 2 {
                return None;
            }
            let mut found = names.iter().enumerate().filter(|(_, n)| yes_or_no(n) == Some(wanted));
            found.next().filter(|_| found.next().is_none()).map(|(code, _)| code as u32)
        };
        // Of `1` and `2` none means yes.
        let (yes, no) = (sole(true), sole(false));
        let paired = yes.is_some() && no.is_some();
        Names {
            categories: Categories::new(names),
            numbers,
            yes: yes.filter(|_| paired),
            no: no.filter(|_| paired),
        }
    }

    fn code(&self, name: &str, raw: Raw<'_>) -> u32 {
        let code = self.categories.code(name);
        if code != self.categories.unseen() {
            return code;
        }
        let found = match raw {
            Raw::Flag(yes) => {
                if yes {
                    self.yes
                } else {
                    self.no
                }
            }
            _ if self.numbers.is_empty() => None,
            _ => plain_number(name).and_then(|x| self.numbers.get(&bits(x)).copied()),
        };
        found.unwrap_or(code)
    }
}

fn bits(x: f64) -> u64 {
    if x == 0.0 { 0 } else { x.to_bits() }
}
