//! One column, unit by unit.

use std::borrow::Cow;

use arrow_array::{Array, BooleanArray, Float64Array};
use serde::Serialize;
use tidemill_core::{Batch, Kind, Result, Role};
use tidemill_kernel::sketch::{self, Frequent, Tally, hash_bytes};
use tidemill_kernel::vector;

use super::cells::Cells;
use super::dates::{DateShape, Dates};
use super::names::{self, Variants};
use super::numbers::{NumberGather, Numbers};
use super::thin::{Thin, Values};
use super::words::Words;
use crate::cell::{Raw, RawColumn, Read, Reader};
use crate::parse::{bare, write_iso};
use crate::plan::{InferredColumn, InferredSchema, is_readable, is_vector};

/// So many names of a column are counted exactly.
const NAMES: usize = 4096;
/// The most frequent names that are told.
const TOLD: usize = 10;

/// What one column looks like.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnProfile {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// How its values are written, where that is not plain.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format: String,
    /// Why it was taken for that.
    pub why: String,
    /// Rows that say something readable.
    pub values: u64,
    /// Rows that say nothing.
    pub missing: Cells,
    /// Rows that say something that cannot be read as the column's kind.
    pub unreadable: Cells,
    /// How many different values.
    pub distinct: Distinct,
    /// Of numbers: their distribution.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<Numbers>,
    /// Of times: the first and the last, in ISO 8601.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<[String; 2]>,
    /// Of names: the most frequent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub top: Vec<TopName>,
    /// By how much the counts of names may be too low.
    pub top_error: u64,
    /// Names that are written in several ways, and rare ones that are probably misspelt.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variants>,
    /// Faults of texts and names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<Words>,
    /// The ways in which dates are written.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dates: Vec<DateShape>,
}

/// How many different values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Distinct {
    /// The number.
    pub count: u64,
    /// Whether it was counted, not estimated.
    pub exact: bool,
}

/// A name and how often it comes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopName {
    /// The name without the spaces around it.
    pub name: String,
    /// How many rows.
    pub count: u64,
}

/// A unit of a column as the other gatherers need it.
pub(super) struct Seen<'a> {
    /// A hash of each cell; 0 where it is missing.
    pub(super) hashes: Vec<u64>,
    /// Of numbers, flags and times: the values, `NaN` where missing; else empty.
    pub(super) numbers: Cow<'a, [f64]>,
}

/// The hash of a vector: of its numbers, or of the text that lists them.
fn of_vector(cell: Raw<'_>) -> u64 {
    let hash = match cell {
        Raw::Vector(numbers) => {
            let bytes: Vec<u8> = numbers.iter().flat_map(|x| (x + 0.0).to_le_bytes()).collect();
            hash_bytes(&bytes)
        }
        Raw::Text(text) => hash_bytes(bare(text).as_bytes()),
        _ => return 0,
    };
    hash.max(1)
}

pub(super) struct Gather {
    column: InferredColumn,
    place: usize,
    reader: Reader,
    missing: Cells,
    unreadable: Cells,
    distinct: sketch::Distinct,
    numbers: Option<NumberGather>,
    names: Option<Frequent>,
    words: Words,
    dates: Dates,
}

impl Gather {
    pub(super) fn new(plan: &InferredSchema, place: usize, thin: &Thin) -> Self {
        let column = plan.columns[place].clone();
        let numeric = matches!(column.kind, Kind::Number | Kind::Time);
        let numbers = thin
            .numbers(place)
            .filter(|_| numeric)
            .map(|x| NumberGather::new(x, column.kind == Kind::Number));
        let repeats = match &thin.columns[place] {
            Values::Texts(hashes) => {
                let mut known = hashes.clone();
                known.sort_unstable();
                known.dedup();
                known.len() * 2 <= hashes.len()
            }
            _ => true,
        };
        let named = !numeric && is_readable(column.kind) && !is_vector(column.kind) && repeats;
        Gather {
            place,
            reader: Reader::new(plan, &column),
            missing: Cells::default(),
            unreadable: Cells::default(),
            distinct: sketch::Distinct::default(),
            numbers,
            names: named.then(|| Frequent::new(NAMES)),
            words: Words::default(),
            dates: Dates::default(),
            column,
        }
    }

    pub(super) fn see<'a>(&mut self, batch: &'a Batch, first: u64) -> Result<Seen<'a>> {
        let n = batch.n_rows();
        if !is_readable(self.column.kind) || matches!(self.column.kind, Kind::Vector { sparse: true, .. }) {
            return Ok(Seen { hashes: vec![1; n], numbers: Cow::Borrowed(&[]) });
        }
        let raw = RawColumn::of(batch, self.place)?;
        if is_vector(self.column.kind) {
            let hashes: Vec<u64> = (0..n).map(|row| of_vector(raw.cell(row))).collect();
            self.distinct.extend(&hashes);
            return Ok(Seen { hashes, numbers: Cow::Borrowed(&[]) });
        }
        let roomy = self.names.as_ref().is_some_and(|names| names.has_room_for(n));
        Ok(match (self.column.kind, &raw) {
            (Kind::Number, RawColumn::Number(array)) if self.reader.takes_numbers() => {
                self.see_typed_numbers(array, first)
            }
            (Kind::Flag, RawColumn::Flag(array)) => self.see_typed_flags(array, first),
            (Kind::Number | Kind::Time | Kind::Flag, raw) => self.see_read(raw, n, first),
            (_, RawColumn::Text(texts)) if roomy => self.see_names(&raw, &Tally::of(texts), first),
            (_, raw) => self.see_texts(raw, n, first),
        })
    }

    /// Numbers as the source holds them.
    fn see_typed_numbers<'a>(&mut self, array: &'a Float64Array, first: u64) -> Seen<'a> {
        if array.null_count() == 0 && vector::all_finite(array.values()) {
            return self.take_numbers(Cow::Borrowed(array.values().as_ref()), first);
        }
        let mut numbers = array.values().to_vec();
        if let Some(nulls) = array.nulls() {
            (!nulls.inner()).set_indices().for_each(|row| numbers[row] = f64::NAN);
        }
        for (row, x) in numbers.iter_mut().enumerate().filter(|(_, x)| !x.is_finite()) {
            if x.is_nan() {
                self.missing.note(first + row as u64, String::new);
            } else {
                self.unreadable.note(first + row as u64, || x.to_string());
                *x = f64::NAN;
            }
        }
        self.take_numbers(Cow::Owned(numbers), first)
    }

    /// Flags as the source holds them: counted, and each of the two names hashed once.
    fn see_typed_flags(&mut self, array: &BooleanArray, first: u64) -> Seen<'static> {
        let number = |row: usize| match array.is_valid(row) {
            true => f64::from(u8::from(array.value(row))),
            false => f64::NAN,
        };
        let numbers: Vec<f64> = (0..array.len()).map(number).collect();
        if array.null_count() > 0 {
            for row in (0..array.len()).filter(|&row| array.is_null(row)) {
                self.missing.note(first + row as u64, String::new);
            }
        }
        let mut met: Vec<(usize, &str, u64)> = [("false", 0.0), ("true", 1.0)]
            .into_iter()
            .filter_map(|(name, value)| {
                let at = numbers.iter().position(|x| *x == value)?;
                Some((at, name, numbers.iter().map(|x| u64::from(*x == value)).sum()))
            })
            .collect();
        met.sort_unstable();
        for (at, name, times) in met {
            self.name(name, hash_bytes(name.as_bytes()), first + at as u64, times);
        }
        self.take_numbers(Cow::Owned(numbers), first)
    }

    /// Numbers, times and flags out of whatever the source holds.
    fn see_read(&mut self, raw: &RawColumn<'_>, n: usize, first: u64) -> Seen<'static> {
        let mut numbers = Vec::with_capacity(n);
        for row in 0..n {
            let (cell, at) = (raw.cell(row), first + row as u64);
            let read = match self.column.kind {
                Kind::Number => self.reader.number(cell),
                Kind::Flag => self.reader.flag(cell).map(|yes| f64::from(u8::from(yes))),
                _ => self.reader.time(cell).map(|micros| micros as f64 / 1e6),
            };
            numbers.push(match read {
                Read::Value(x) => x,
                Read::Missing => {
                    self.missing.note(at, String::new);
                    f64::NAN
                }
                Read::Bad => {
                    self.unreadable.note(at, || cell.shown());
                    f64::NAN
                }
            });
            match (self.column.kind, cell) {
                (Kind::Time, Raw::Text(text)) => self.dates.see(text, 1, at),
                (Kind::Flag, Raw::Text(text)) if read != Read::Missing => {
                    self.name(text, hash_bytes(bare(text).as_bytes()), at, 1)
                }
                _ => {}
            }
        }
        self.take_numbers(Cow::Owned(numbers), first)
    }

    fn take_numbers<'a>(&mut self, numbers: Cow<'a, [f64]>, first: u64) -> Seen<'a> {
        let counted = self.numbers.is_some();
        let hashes = sketch::hash_numbers(&numbers);
        if counted {
            self.distinct.extend(&hashes);
        }
        if let Some(gather) = &mut self.numbers {
            gather.see(&numbers, first);
        }
        Seen { hashes, numbers }
    }

    /// Names, each written form looked at once; where there are too many of them to keep count, see [`Gather::see_texts`].
    fn see_names(&mut self, raw: &RawColumn<'_>, tally: &Tally, first: u64) -> Seen<'static> {
        let mut known = Vec::with_capacity(tally.first.len());
        for (&row, &times) in tally.first.iter().zip(&tally.times) {
            let text = self.reader.text(raw.cell(row as usize));
            known.push(text.map_or(0, |text| {
                let hash = hash_bytes(bare(&text).as_bytes()).max(1);
                self.name(&text, hash, first + u64::from(row), times);
                hash
            }));
        }
        let hash = |place: &Option<u32>| place.map_or(0, |place| known[place as usize]);
        let hashes: Vec<u64> = tally.places.iter().map(hash).collect();
        let missing = hashes.iter().enumerate().filter(|(_, hash)| **hash == 0);
        missing.for_each(|(row, _)| self.missing.note(first + row as u64, String::new));
        Seen { hashes, numbers: Cow::Borrowed(&[]) }
    }

    /// Names and texts.
    fn see_texts(&mut self, raw: &RawColumn<'_>, n: usize, first: u64) -> Seen<'static> {
        let mut hashes = Vec::with_capacity(n);
        for row in 0..n {
            let (cell, at) = (raw.cell(row), first + row as u64);
            let text = self.reader.text(cell);
            let Some(text) = text else {
                self.missing.note(at, String::new);
                hashes.push(0);
                continue;
            };
            let hash = hash_bytes(bare(&text).as_bytes()).max(1);
            hashes.push(hash);
            if self.names.is_some() {
                self.name(&text, hash, at, 1);
            } else {
                self.distinct.add(hash);
                self.words.see(&text, 1, at);
                self.dates.see(&text, 1, at);
            }
        }
        Seen { hashes, numbers: Cow::Borrowed(&[]) }
    }

    /// A name as written that comes so many times; `hash` is that of the name without the spaces around it.
    fn name(&mut self, text: &str, hash: u64, row: u64, times: u64) {
        let Some(names) = &mut self.names else { return };
        let own = if text.len() == bare(text).len() { hash } else { hash_bytes(text.as_bytes()) };
        if names.add_times(text, own, row, times) {
            self.distinct.add(hash);
        }
    }

    pub(super) fn finish(mut self, n_rows: u64) -> ColumnProfile {
        let mut variants = Vec::new();
        let (mut top, mut top_error, mut different) = (Vec::new(), 0, None);
        if let Some(found) = &self.names {
            for counted in found.counters() {
                self.words.see(&counted.name, counted.count, counted.row);
                self.dates.see(&counted.name, counted.count, counted.row);
            }
            top = names::top(found, if self.column.merged { usize::MAX } else { TOLD });
            top_error = found.error();
            if self.column.merged {
                top = names::merged(top);
                different = Some(top.len() as u64).filter(|_| self.distinct.is_exact() && top_error == 0);
                top.truncate(TOLD);
            }
            if self.column.kind != Kind::Flag {
                variants = names::variants(found);
                variants.retain(|v| !self.column.merged || v.differ == ["spelling"]);
            }
        }
        let spread = self.numbers.and_then(NumberGather::finish);
        let times = spread.as_ref().filter(|_| self.column.kind == Kind::Time);
        let times = times.map(|s| [s.min, s.max].map(|secs| write_iso((secs * 1e6) as i64)));
        let values = n_rows - self.missing.count - self.unreadable.count;
        // An estimate may be a little above what is possible.
        let count = different.unwrap_or_else(|| self.distinct.count().min(values));
        let distinct = Distinct { count, exact: self.distinct.is_exact() };
        let texts = matches!(self.column.kind, Kind::Category | Kind::Text);
        ColumnProfile {
            name: self.column.name,
            kind: self.column.kind,
            role: self.column.role,
            format: self.column.format.to_string(),
            why: self.column.why,
            values,
            missing: Cells { examples: Vec::new(), ..self.missing },
            unreadable: self.unreadable,
            distinct,
            numbers: spread.filter(|_| self.column.kind == Kind::Number),
            times,
            top,
            top_error,
            variants,
            words: texts.then_some(self.words),
            dates: self.dates.finish(),
        }
    }
}
