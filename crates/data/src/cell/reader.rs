//! From a raw cell, of whatever type the source gave it, to the value that the plan wants: one rule for bulk and for single rows.

use std::borrow::Cow;
use std::path::Path;

use tidemill_core::{Cell, Kind, Layout, Point, Result};
use tidemill_kernel::geo::Metric;

use super::names::Names;
use super::{picture, point, series, vector};
use crate::parse::{Format, Missing, TimeFormat, is_missing_word, plain_number, unquoted, yes_or_no};
use crate::plan::{InferredColumn, InferredSchema};
use crate::raw::{Raw, Read, written, written_number};

/// Reads the cells of one column as its plan says.
pub(crate) struct Reader {
    pub(crate) kind: Kind,
    format: Format,
    missing: Missing,
    pub(crate) names: Option<Names>,
    /// Of a point, what its coordinates are measured in.
    metric: Metric,
}

impl Reader {
    pub(crate) fn new(plan: &InferredSchema, column: &InferredColumn) -> Self {
        let told = plan.missing.iter().chain(plan.missing_only.iter().flatten());
        let extra = told.chain(&column.missing).map(|m| m.trim().to_string());
        let missing = Missing::new(extra).but(&column.values);
        let missing = if plan.missing_only.is_some() { missing.only() } else { missing };
        let names = (column.kind == Kind::Category).then(|| Names::new(&column.categories));
        let names = if column.merged { names.map(|n| n.merged(&column.categories)) } else { names };
        let degrees = !matches!(column.layout, Some(Layout::Point { degrees: false }));
        let metric = Metric { degrees };
        Reader { kind: column.kind, format: column.format.clone(), missing, names, metric }
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
            Raw::Text(text) => {
                let found = match &self.format {
                    Format::Number(format) => format.parse(text),
                    _ => plain_number(text),
                };
                // Few cells are missing, so the question comes second; but `missing` may name a number, such as -999.
                match found {
                    Some(x) if !self.missing.is(text) && !self.missing.is_number(x) => Read::Value(x),
                    None if !self.says_nothing(text) => Read::Bad,
                    _ => Read::Missing,
                }
            }
            Raw::Missing => Read::Missing,
            // True is a fact, not the number 1.
            Raw::Flag(_) | Raw::Time(_) | Raw::Image(_) | Raw::Points(_) | Raw::Vector(_) | Raw::Place(_) => {
                Read::Bad
            }
        }
    }

    /// Whether a text means "no value" where only numbers, flags or timestamps do: a quoted word is none of them either.
    fn says_nothing(&self, text: &str) -> bool {
        self.missing.is(text) || is_missing_word(unquoted(text))
    }

    /// Whether a cell without a value was written as one, rather than as something that cannot be read.
    pub(crate) fn is_missing(&self, raw: Raw<'_>) -> bool {
        match raw {
            Raw::Missing => true,
            Raw::Text(text) => self.says_nothing(text),
            Raw::Number(x) => x.is_nan() || self.missing.is_number(x),
            _ => false,
        }
    }

    pub(crate) fn flag(&self, raw: Raw<'_>) -> Read<bool> {
        match raw {
            Raw::Flag(yes) => Read::Value(yes),
            Raw::Number(x) if self.missing.is_number(x) => Read::Missing,
            Raw::Number(x) => Read::of(if x == 1.0 { Some(true) } else { (x == 0.0).then_some(false) }),
            Raw::Text(text) if self.says_nothing(text) => Read::Missing,
            Raw::Text(text) => Read::of(match &self.format {
                Format::Flag(format) => format.parse(text),
                _ => yes_or_no(text),
            }),
            Raw::Missing => Read::Missing,
            Raw::Time(_) | Raw::Image(_) | Raw::Points(_) | Raw::Vector(_) | Raw::Place(_) => Read::Bad,
        }
    }

    pub(crate) fn time(&self, raw: Raw<'_>) -> Read<i64> {
        let iso = TimeFormat::Iso;
        let format = if let Format::Time(format) = &self.format { format } else { &iso };
        match raw {
            Raw::Time(at) => Read::Value(at),
            Raw::Number(x) if self.missing.is_number(x) => Read::Missing,
            Raw::Number(x) => Read::of(format.of_number(x).or_else(|| format.parse(&written_number(x)))),
            Raw::Text(text) if self.says_nothing(text) => Read::Missing,
            // Other tools write timestamps out as ISO: it is never mistaken for another format.
            Raw::Text(text) => Read::of(format.parse(text).or_else(|| iso.parse(text))),
            Raw::Missing => Read::Missing,
            Raw::Flag(_) | Raw::Image(_) | Raw::Points(_) | Raw::Vector(_) | Raw::Place(_) => Read::Bad,
        }
    }

    /// Whether a column of texts is written in the other order of day and month than training's: some of its dates cannot be read, and all
    /// of them can in the other order.
    pub(crate) fn is_in_other_order<'a>(&self, cells: impl Iterator<Item = Raw<'a>>) -> bool {
        let other = match &self.format {
            Format::Time(TimeFormat::DayFirst) => TimeFormat::MonthFirst,
            Format::Time(TimeFormat::MonthFirst) => TimeFormat::DayFirst,
            _ => return false,
        };
        let (mut bad, mut good) = (0, 0);
        for cell in cells {
            let Raw::Text(text) = cell else { continue };
            match self.time(cell) {
                Read::Bad if other.parse(text).is_none() => return false,
                Read::Bad => bad += 1,
                Read::Value(_) if other.parse(text).is_none() => return false,
                Read::Value(_) => good += 1,
                Read::Missing => {}
            }
        }
        // A single cell is a mistake; several without one that fits training's order alone are a file written otherwise.
        bad >= 2 || (bad == 1 && good == 0)
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

    /// Whether the points of a series come in the order of time.
    pub(crate) fn is_in_order(&self, raw: Raw<'_>) -> bool {
        let format = if let Format::Time(format) = &self.format { format } else { &TimeFormat::Iso };
        series::is_in_order(raw, format)
    }

    /// A place; the error says why there is none. See [`point::read`].
    pub(crate) fn place(&self, raw: Raw<'_>) -> Result<Read<[f64; 2]>, String> {
        match raw {
            Raw::Text(text) if self.missing.is(text) => Ok(Read::Missing),
            _ => point::read(raw, self.metric),
        }
    }

    /// The numbers of a vector; the error says why there are none. See [`vector::read`].
    pub(crate) fn vector(&self, raw: Raw<'_>, len: usize) -> Result<Read<Vec<f32>>, String> {
        match raw {
            Raw::Text(text) if self.missing.is(text) => Ok(Read::Missing),
            _ => vector::read(raw, len),
        }
    }

    /// Text as it is written, without the quotes that make a value of a word.
    pub(crate) fn text<'a>(&self, raw: Raw<'a>) -> Option<Cow<'a, str>> {
        let text = written(raw).filter(|text| !self.missing.is(text))?;
        Some(match text {
            Cow::Borrowed(text) => Cow::Borrowed(unquoted(text)),
            owned => owned,
        })
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
            Kind::Point => match self.place(raw) {
                Ok(Read::Value(place)) => (Cell::Point(place), false),
                Ok(_) => (Cell::Missing, false),
                Err(_) => (Cell::Missing, true),
            },
            Kind::Image => match self.image(raw, None) {
                Ok(Read::Value(bytes)) => (Cell::Image(bytes.into_owned().into()), false),
                Ok(_) => (Cell::Missing, false),
                Err(_) => (Cell::Missing, true),
            },
            // A vector has no way to be missing.
            Kind::Vector { len, .. } => match self.vector(raw, len) {
                Ok(Read::Value(numbers)) => (Cell::Vector(numbers), false),
                Ok(_) => (Cell::Vector(vec![0.0; len]), false),
                Err(_) => (Cell::Vector(vec![0.0; len]), true),
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
