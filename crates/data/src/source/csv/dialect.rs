//! The layout of a CSV file, found from its beginning: delimiter, quote, header.

use tidemill_core::Result;

use super::Dialect;
use super::records::first_record;
use crate::Error;
use crate::source::ReadOptions;
use crate::source::chunks::{RECORD, count_lines};

/// How many records are looked at.
const RECORDS: usize = 500;
/// Candidates, the rarer in plain text first: where two fit equally well, the rarer one is meant.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];

/// How the file is laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    pub(super) header: bool,
    pub(super) names: Vec<String>,
    /// Where the rows begin: the byte of the text (as UTF-8, without byte order mark) and the line, from 1.
    pub(super) body_at: usize,
    pub(super) body_line: u64,
}

struct Record {
    cells: Vec<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Layout {
    /// From the beginning of the text; `whole` says that it is all of it.
    ///
    /// The delimiter is the candidate that divides most records like the first one. The first record is a header
    /// when one of its texts stands over a column of numbers; or when all its cells are texts none of which
    /// comes again in its column.
    pub(super) fn of(
        mut sample: Vec<u8>,
        whole: bool,
        options: &ReadOptions,
        prefers_tab: bool,
        file: &str,
    ) -> Result<Self> {
        if whole && sample.last().is_some_and(|&b| b != b'\n') {
            sample.push(b'\n');
        }
        if sample.iter().all(|b| matches!(b, b'\n' | b'\r' | b' ')) {
            return Err(Error::Empty { file: file.into() }.into());
        }
        let dialect = match options.delimiter {
            Some(delimiter) => Dialect { delimiter: byte(delimiter)?, quote: b'"' },
            None => delimiter(&sample, prefers_tab),
        };
        let dialect = Dialect { quote: quote(&sample, dialect.delimiter), ..dialect };
        let records = records(&sample, dialect);
        let Some(first) = records.first() else {
            let line = 1;
            return Err(match whole {
                true => Error::UnclosedQuote { file: file.into(), line },
                false => Error::LongRow { file: file.into(), line, limit: RECORD },
            }
            .into());
        };
        let header = options.header.unwrap_or_else(|| has_header(&records));
        let body_at = if header { first.end } else { first.start };
        let body_line = 1 + count_lines(&sample[..body_at]);
        let names = names(first, header, file)?;
        Ok(Layout { dialect, header, names, body_at, body_line })
    }
}

fn byte(delimiter: char) -> Result<u8> {
    match u8::try_from(delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"' | 0) => Ok(byte),
        _ => Err(tidemill_core::Error::parameter(
            "delimiter",
            format!("{delimiter:?} cannot divide cells; use one ASCII character such as , or ;"),
        )),
    }
}

/// The first records; blank lines are left out.
fn records(sample: &[u8], dialect: Dialect) -> Vec<Record> {
    let (mut found, mut at) = (Vec::new(), 0);
    while found.len() < RECORDS
        && let Some((cells, length)) = first_record(&sample[at..], dialect)
    {
        let blank = matches!(&sample[at..at + length], b"\n" | b"\r\n");
        if !blank {
            found.push(Record { cells, start: at, end: at + length });
        }
        at += length;
    }
    found
}

fn delimiter(sample: &[u8], prefers_tab: bool) -> Dialect {
    let mut best = (0.0, Dialect { delimiter: if prefers_tab { b'\t' } else { b',' }, quote: b'"' });
    for delimiter in DELIMITERS {
        let dialect = Dialect { delimiter, quote: b'"' };
        let records = records(sample, dialect);
        let Some(first) = records.first() else { continue };
        let alike = records.iter().filter(|r| r.cells.len() == first.cells.len()).count();
        let share = alike as f64 / records.len() as f64;
        if first.cells.len() > 1 && share > best.0 {
            best = (share, dialect);
        }
    }
    best.1
}

/// A single quote where many cells stand in single quotes and no double quote is to be seen.
fn quote(sample: &[u8], delimiter: u8) -> u8 {
    if memchr::memchr(b'"', sample).is_some() {
        return b'"';
    }
    let (mut wrapped, mut opened) = (0, 0);
    for cell in sample.split(|&b| b == delimiter || b == b'\n').map(<[u8]>::trim_ascii) {
        opened += usize::from(cell.starts_with(b"'"));
        wrapped += usize::from(cell.len() > 1 && cell.starts_with(b"'") && cell.ends_with(b"'"));
    }
    if wrapped >= 2 && wrapped * 2 >= opened { b'\'' } else { b'"' }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    Missing,
    Number,
    Text,
}

/// What a cell looks like, at a glance: dates and amounts of money count as numbers.
fn look(cell: &[u8]) -> Look {
    let cell = cell.trim_ascii();
    let lower = cell.to_ascii_lowercase();
    if matches!(&*lower, b"" | b"na" | b"n/a" | b"nan" | b"null" | b"none" | b"?" | b"-" | b".") {
        return Look::Missing;
    }
    let number = |b: &u8| b.is_ascii_digit() || b".,+-$%/: eETZ'\xe2\x82\xac\xc2\xa3".contains(b);
    let begins = |b: &u8| b.is_ascii_digit() || b".+-$\xe2\xc2".contains(b);
    let is_number =
        cell.first().is_some_and(begins) && cell.iter().all(number) && cell.iter().any(u8::is_ascii_digit);
    if is_number { Look::Number } else { Look::Text }
}

fn has_header(records: &[Record]) -> bool {
    let Some((first, body)) = records.split_first() else { return false };
    let looks: Vec<Look> = first.cells.iter().map(|c| look(c)).collect();
    let column = |i: usize| body.iter().filter_map(move |r| r.cells.get(i));
    let over_numbers = |i: usize| {
        let mut seen = column(i).map(|c| look(c)).filter(|l| *l != Look::Missing).peekable();
        seen.peek().is_some() && seen.all(|l| l == Look::Number)
    };
    if (0..looks.len()).any(|i| looks[i] == Look::Text && over_numbers(i)) {
        return true;
    }
    let comes_again = |i: usize| looks[i] == Look::Text && column(i).any(|c| *c == first.cells[i]);
    looks.contains(&Look::Text) && !looks.contains(&Look::Number) && !(0..looks.len()).any(comes_again)
}

/// The names of the columns: of the header, trimmed; `column_<place from 1>` where there is none.
fn names(first: &Record, header: bool, file: &str) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(first.cells.len());
    for (i, cell) in first.cells.iter().enumerate() {
        let cell = if header { cell.trim_ascii() } else { b"" };
        let name = std::str::from_utf8(cell).map_err(|_| Error::Encoding {
            file: file.into(),
            line: 1,
            encoding: "UTF-8".into(),
        })?;
        names.push(if name.is_empty() { format!("column_{}", i + 1) } else { name.to_owned() });
    }
    let mut sorted = names.clone();
    sorted.sort_unstable();
    let mut twice: Vec<String> = sorted.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].clone()).collect();
    twice.dedup();
    if twice.is_empty() {
        return Ok(names);
    }
    Err(Error::DuplicateNames { file: file.into(), names: twice }.into())
}
