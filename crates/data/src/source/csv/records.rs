//! One chunk of CSV as columns of text.

use std::sync::Arc;

use arrow_array::{ArrayRef, StringArray};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use tidemill_core::{Batch, Schema};

use super::Dialect;
use super::scanner::Scanner;
use crate::parse::is_missing_word;
use crate::source::pipeline::{Fault, Problem, check_text};

/// The longest word that means "no value", in bytes.
const LONGEST_WORD: usize = 4;

/// The cells of one column, one after the other.
struct Cells {
    text: Vec<u8>,
    ends: Vec<i32>,
}

impl Cells {
    /// Adds to the cell that is being read. Most cells are short: those are copied as 16 bytes, which costs less
    /// than asking how many they are.
    #[inline]
    fn push(&mut self, bytes: &[u8], from: usize, to: usize) {
        if to - from <= 16
            && let Some(wide) = bytes[from..].first_chunk::<16>()
        {
            let kept = self.text.len() + to - from;
            self.text.extend_from_slice(wide);
            self.text.truncate(kept);
        } else {
            self.text.extend_from_slice(&bytes[from..to]);
        }
    }

    #[inline]
    fn end(&mut self) {
        self.ends.push(self.text.len() as i32);
    }

    /// A word that would mean "no value" was quoted, so that it is a value: it stays quoted. See [`crate::parse::unquoted`].
    fn keep_quotes(&mut self, whole: bool) {
        let from = self.ends.last().map_or(0, |end| *end as usize);
        let word = std::str::from_utf8(&self.text[from..]).unwrap_or_default();
        if whole && is_missing_word(word) {
            self.text.insert(from, b'"');
            self.text.push(b'"');
        }
    }

    fn array(self) -> Result<ArrayRef, arrow_schema::ArrowError> {
        let offsets = OffsetBuffer::new(ScalarBuffer::from(self.ends));
        Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(self.text), None)?))
    }
}

/// The records of a chunk of whole records; blank lines are skipped, and so are those that say the names again.
///
/// A quote opens a quoted cell only as its first byte; within it, two quotes are one; what follows the closing
/// quote belongs to the cell as it stands. Lines end with `\n` or `\r\n`.
pub(super) fn batch(
    chunk: &[u8],
    dialect: Dialect,
    again: Again<'_>,
    schema: &Arc<Schema>,
) -> Result<Batch, Fault> {
    if let Some(at) = memchr::memchr(0, chunk) {
        return Err(Fault::new(at, Problem::Binary));
    }
    let n = schema.len();
    let mut columns: Vec<Cells> =
        (0..n).map(|_| Cells { text: Vec::with_capacity(chunk.len() / n + 64), ends: vec![0] }).collect();
    let n_rows = read(chunk, dialect, again, &mut columns)?;
    let mut arrays = Vec::with_capacity(n);
    for cells in columns {
        match cells.array() {
            Ok(array) => arrays.push(array),
            // Whether the chunk is UTF-8 is checked column by column; only the place needs the whole chunk.
            Err(e) => {
                check_text(chunk)?;
                return Err(Fault::new(0, Problem::Internal(e.to_string())));
            }
        }
    }
    Batch::with_rows(schema.clone(), arrays, n_rows)
        .map_err(|e| Fault::new(0, Problem::Internal(e.to_string())))
}

/// The names, where they come again.
#[derive(Clone, Copy)]
pub(super) struct Again<'a> {
    /// The cells of the line of the names; nothing where it does not matter.
    pub(super) names: &'a [Vec<u8>],
    /// Whether it is a fault; else it is passed over.
    pub(super) is_fault: bool,
}

impl Again<'_> {
    /// The place after the lines at `at` that say the names again. Of files put one behind the other, each may begin with a byte order
    /// mark.
    fn skip(self, chunk: &[u8], dialect: Dialect, mut at: usize) -> Result<usize, Fault> {
        loop {
            let begins = at + mark(&chunk[at..]);
            match self.length(&chunk[begins..], dialect) {
                Some(_) if self.is_fault => return Err(Fault::new(begins, Problem::HeaderAgain)),
                Some(length) => at = begins + length,
                None => return Ok(begins),
            }
        }
    }

    /// The length of a line that says the names, with or without quotes and spaces around them. Few other lines begin as it does.
    fn length(self, line: &[u8], dialect: Dialect) -> Option<usize> {
        let first = self.names.first()?.trim_ascii();
        let bare = line.strip_prefix(&[dialect.quote]).unwrap_or(line).trim_ascii_start();
        let ends = |b: &u8| [dialect.delimiter, dialect.quote, b' '].contains(b);
        if !bare.starts_with(first) || !bare.get(first.len()).is_some_and(ends) {
            return None;
        }
        let (cells, length) = first_record(line, dialect)?;
        says_same(&cells, self.names).then_some(length)
    }
}

/// Whether two lines say the same, but for the spaces around it.
pub(super) fn says_same(cells: &[Vec<u8>], others: &[Vec<u8>]) -> bool {
    cells.len() == others.len() && cells.iter().zip(others).all(|(a, b)| a.trim_ascii() == b.trim_ascii())
}

/// The length of a byte order mark at the beginning of a text.
fn mark(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

fn read(chunk: &[u8], dialect: Dialect, again: Again<'_>, columns: &mut [Cells]) -> Result<usize, Fault> {
    let Dialect { delimiter, quote, trailing } = dialect;
    let mut scanner = Scanner::new(chunk, [delimiter, b'\n', quote]);
    let (mut n_rows, mut row_start, mut i) = (0, again.skip(chunk, dialect, 0)?, 0);
    let mut start = row_start;
    // Whether the cell began with a quoted part, which is already pushed.
    let mut quoted = false;
    if row_start > 0 {
        scanner.skip_to(row_start);
    }
    while let Some(at) = scanner.next() {
        let byte = chunk[at];
        if byte == delimiter {
            match columns.get_mut(i) {
                Some(cells) => {
                    cells.push(chunk, start, at);
                    cells.end();
                }
                None if trailing && !quoted && chunk[start..at].trim_ascii().is_empty() => {}
                None => return Err(ragged(chunk, row_start, dialect, columns.len())),
            }
            i += 1;
        } else if byte == b'\n' {
            let end = if at > start && chunk[at - 1] == b'\r' { at - 1 } else { at };
            let blank = i == 0 && end == start && !quoted;
            if !blank {
                if i + 1 == columns.len() {
                    columns[i].push(chunk, start, end);
                    columns[i].end();
                } else if !(trailing
                    && i >= columns.len()
                    && !quoted
                    && chunk[start..end].trim_ascii().is_empty())
                {
                    return Err(ragged(chunk, row_start, dialect, columns.len()));
                }
                n_rows += 1;
            }
            (i, row_start) = (0, again.skip(chunk, dialect, at + 1)?);
            if row_start > at + 1 {
                (start, quoted) = (row_start, false);
                scanner.skip_to(row_start);
                continue;
            }
        } else {
            if at != start || quoted {
                continue; // a quote within a cell stands for itself
            }
            let Some(cells) = columns.get_mut(i) else {
                return Err(ragged(chunk, row_start, dialect, columns.len()));
            };
            start =
                push_quoted(chunk, at, quote, cells).ok_or_else(|| Fault::new(at, Problem::UnclosedQuote))?;
            if is_broken(chunk, at..start, delimiter) {
                return Err(Fault::new(at, Problem::UnclosedQuote));
            }
            if start - at <= LONGEST_WORD + 2 {
                cells.keep_quotes(
                    chunk.get(start).is_none_or(|b| *b == delimiter || matches!(b, b'\r' | b'\n')),
                );
            }
            quoted = true;
            scanner.skip_to(start);
            continue;
        }
        (start, quoted) = (at + 1, false);
    }
    Ok(n_rows)
}

/// Whether text stands behind the closing quote of a cell of several lines: its first line lacks the closing quote, and the next quote of
/// the file was taken for it.
fn is_broken(chunk: &[u8], quoted: std::ops::Range<usize>, delimiter: u8) -> bool {
    let ends = |b: &u8| *b == delimiter || matches!(b, b'\r' | b'\n');
    let behind = chunk[quoted.end..].iter().find(|b| ends(b) || !matches!(b, b' ' | b'\t'));
    behind.is_some_and(|b| !ends(b)) && memchr::memchr(b'\n', &chunk[quoted]).is_some()
}

/// Adds the content of the quoted part that opens at `open`; gives the place after its closing quote.
fn push_quoted(chunk: &[u8], open: usize, quote: u8, cells: &mut Cells) -> Option<usize> {
    let mut from = open + 1;
    loop {
        let found = from + memchr::memchr(quote, &chunk[from..])?;
        if chunk.get(found + 1) != Some(&quote) {
            cells.push(chunk, from, found);
            return Some(found + 1);
        }
        cells.push(chunk, from, found + 1);
        from = found + 2;
    }
}

/// The fault of a row with another number of cells; counts them.
fn ragged(chunk: &[u8], row_start: usize, dialect: Dialect, expected: usize) -> Fault {
    let found = first_record(&chunk[row_start..], dialect).map_or(0, |(cells, _)| cells.len());
    Fault::new(row_start, Problem::Ragged { found, expected })
}

/// The cells of the first record of a text, and the place after it; `None` when it does not end.
pub(super) fn first_record(bytes: &[u8], dialect: Dialect) -> Option<(Vec<Vec<u8>>, usize)> {
    let Dialect { delimiter, quote, .. } = dialect;
    let (mut cells, mut cell, mut at, mut begins) = (Vec::new(), Vec::new(), mark(bytes), true);
    loop {
        let byte = *bytes.get(at)?;
        if byte == quote && begins {
            let mut content = Cells { text: Vec::new(), ends: Vec::new() };
            at = push_quoted(bytes, at, quote, &mut content)?;
            (cell, begins) = (content.text, false);
            continue;
        }
        at += 1;
        begins = byte == delimiter;
        if byte == delimiter {
            cells.push(std::mem::take(&mut cell));
        } else if byte == b'\n' {
            if at > 1 && bytes[at - 2] == b'\r' {
                cell.pop();
            }
            cells.push(cell);
            return Some((cells, at));
        } else {
            cell.push(byte);
        }
    }
}
