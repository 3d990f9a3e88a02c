//! The layout of a CSV file, found from its beginning: what stands above the table, the names, the units below them.

use tidemill_core::Result;

use super::Dialect;
use super::dialect::{self, OF_SPACES};
use super::footer;
use super::names;
use super::records::{first_record, says_same};
use crate::Error;
use crate::source::ReadOptions;
use crate::source::chunks::count_lines;
use crate::source::text::Shape;

/// How many records are looked at.
const RECORDS: usize = 500;
/// The most records that may stand above the table.
const ABOVE: usize = 30;

/// How the file is laid out.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) dialect: Dialect,
    pub(super) shape: Shape,
    pub(super) header: bool,
    pub(super) names: Vec<String>,
    /// The cells of the line of the names, of a table of two columns or more: files put one behind the other hold it again.
    pub(super) header_cells: Vec<Vec<u8>>,
    /// How many lines stand above the table.
    pub(super) skip: usize,
    /// Where the rows begin: the byte of the text (as UTF-8, in its usual shape, without byte order mark) and the line, from 1.
    pub(super) body_at: usize,
    pub(super) body_line: u64,
    /// How many lines stand below the table.
    pub(super) footer: usize,
    /// What was passed over, one sentence each.
    pub(super) notes: Vec<String>,
}

pub(super) struct Record {
    pub(super) cells: Vec<Vec<u8>>,
    start: usize,
    end: usize,
}

impl Record {
    /// How many cells there are up to the last one that says something.
    pub(super) fn width(&self) -> usize {
        self.cells.iter().rposition(|c| !c.trim_ascii().is_empty()).map_or(0, |at| at + 1)
    }

    pub(super) fn n_filled(&self) -> usize {
        self.cells.iter().filter(|c| !c.trim_ascii().is_empty()).count()
    }

    /// Whether it is a row below `header` with nothing but empty cells beyond the header's.
    pub(super) fn is_padded(&self, header: &Record) -> bool {
        self.cells.len() > header.cells.len() && self.width() <= header.cells.len()
    }
}

impl Layout {
    /// From the beginning of the text; `whole` says that it is all of it. `None` where not even the first record ends within it.
    ///
    /// The delimiter is the candidate that divides most records alike. The header is the first record that is as wide as
    /// the table, where what stands above it is narrow, empty or a comment. It holds names when one of its texts stands over a
    /// column of numbers, or when all its cells are texts none of which comes again in its column.
    pub(super) fn of(
        sample: &[u8],
        whole: bool,
        options: &ReadOptions,
        prefers_tab: bool,
        file: &str,
    ) -> Result<Option<Self>> {
        let mut shape = Shape { lone_returns: Shape::has_lone_returns(sample), ..Shape::default() };
        let mut text = shape.apply(sample);
        if dialect::escapes(&text, options.delimiter) {
            shape.backslashes = true;
            text = shape.apply(sample);
        }
        if whole && text.last().is_some_and(|&b| b != b'\n') {
            text.push(b'\n');
        }
        if whole && text.iter().all(|b| matches!(b, b'\n' | b'\r' | b' ')) {
            return Err(Error::Empty { file: file.into() }.into());
        }
        if let Some(error) = dialect::not_a_table(&text, file) {
            return Err(error.into());
        }
        let mut notes = Vec::new();
        if shape.backslashes {
            notes.push("a backslash stands before the quotes within cells".into());
        }
        let sep = dialect::of_sep_line(&text).filter(|_| options.skip.is_none());
        let from = match (options.skip, sep) {
            (Some(lines), _) => after_lines(&text, lines),
            (None, Some((_, at))) => at,
            _ => 0,
        };
        let told = options.delimiter.map(dialect::told).transpose()?.or(sep.map(|(delimiter, _)| delimiter));
        let found = told.or_else(|| dialect::delimiter(&text[from..]));
        if found == Some(b' ') || (found.is_none() && spaced(&text[from..])) {
            shape.spaces = true;
            text = shape.apply(sample);
            if whole && text.last().is_some_and(|&b| b != b'\n') {
                text.push(b'\n');
            }
        }
        let from = options.skip.map_or(from, |lines| after_lines(&text, lines));
        let delimiter = match found {
            _ if shape.spaces => OF_SPACES,
            Some(delimiter) => delimiter,
            None if prefers_tab => b'\t',
            None => b',',
        };
        if !shape.spaces && dialect::is_gapped(&text[from..], delimiter) {
            shape.gapped = delimiter;
            text = shape.apply(sample);
            if whole && text.last().is_some_and(|&b| b != b'\n') {
                text.push(b'\n');
            }
        }
        let from = options.skip.map_or(from, |lines| after_lines(&text, lines)).min(text.len());
        let quote = dialect::quote(&text[from..], delimiter);
        let dialect = Dialect { delimiter, quote, trailing: false };
        let mut records = records(&text[from..], dialect);
        let n = usual_width(&records);
        let footer =
            if whole { footer::below(&text[from..], true, options, dialect, n) } else { Default::default() };
        if footer.lines > 0 {
            let end = from + footer::start(&text[from..], footer.lines);
            records.retain(|r| from + r.start < end);
        }
        if records.is_empty() {
            return match whole {
                true if from < text.len() && !text[from..].trim_ascii().is_empty() => {
                    let line = 1 + count_lines(&text[..from]);
                    Err(Error::UnclosedQuote { file: file.into(), line }.into())
                }
                true => Err(Error::Empty { file: file.into() }.into()),
                false => Ok(None),
            };
        }
        let above = match options.skip {
            Some(_) => 0,
            None => names::of_known(&records, options).unwrap_or_else(|| preamble(&records)),
        };
        let table = Table { records: &records[above..], from, text: &text };
        if above > 0 {
            let lines = count_lines(&text[..from + records[above].start]);
            notes.push(match lines {
                1 => "1 line stands above the table and is passed over".into(),
                n => format!("{n} lines stand above the table and are passed over"),
            });
        }
        let mut layout = table.layout(dialect, shape, options, file, notes)?;
        layout.notes.extend(footer.note());
        Ok(Some(Layout { footer: footer.lines, ..layout }))
    }
}

/// The records from the header on.
struct Table<'a> {
    records: &'a [Record],
    /// The text, and where in it the places of the records count from.
    text: &'a [u8],
    from: usize,
}

impl Table<'_> {
    fn layout(
        &self,
        dialect: Dialect,
        shape: Shape,
        options: &ReadOptions,
        file: &str,
        mut notes: Vec<String>,
    ) -> Result<Layout> {
        let (mut first, mut body) = (&self.records[0], &self.records[1..]);
        let may_name = options.header != Some(false);
        let upper = Some(first).filter(|first| may_name && names::in_two_rows(first, body));
        if upper.is_some() {
            (first, body) = (&body[0], &body[1..]);
        }
        let has_rule = may_name && body.first().is_some_and(names::is_rule);
        let has_units = may_name && !has_rule && names::units(first, body);
        let header = options.header.unwrap_or_else(|| {
            has_units
                || has_rule
                || upper.is_some()
                || first.cells.iter().any(|cell| names::is_known(cell, options))
                || has_header(self.records)
        });
        let line_of = |record: &Record| 1 + count_lines(&self.text[..self.from + record.start]);
        let mut names = names::of(first, header, shape, file, line_of(first))?;
        let mut begins = line_of(first);
        if let Some(upper) = upper {
            match names::joined(upper, &names) {
                Some(joined) => {
                    (names, begins) = (joined, line_of(upper));
                    notes.push("the names stand in two rows, and are joined".into());
                }
                None => notes.push("the names stand in two rows; those of the second are taken".into()),
            }
        }
        let lacks_one = header && names::lack_one(first, body, options);
        if lacks_one {
            names.insert(0, "row".into());
            notes.push("each row has one cell more than there are names: the first is called 'row'".into());
        }
        let trailing = header && !lacks_one && names::trim(first, body, &mut names);
        if trailing {
            let last = names.last().map_or("", String::as_str);
            let last = tidemill_core::escaped(last);
            notes.push(format!("the cells behind the last column, '{last}', are empty and passed over"));
        }
        let last = if has_units || has_rule { &body[0] } else { first };
        if has_units {
            let words: Vec<_> = last
                .cells
                .iter()
                .map(|c| String::from_utf8_lossy(c).trim().to_string())
                .filter(|word| !word.is_empty())
                .collect();
            notes.push(format!(
                "the row below the names holds units ({}) and is passed over",
                words.join(", ")
            ));
        }
        names::check(&names, file)?;
        let body_at = self.from + if header { last.end } else { first.start };
        let repeats = header && first.cells.len() > 1;
        let again = body.iter().filter(|r| repeats && says_same(&r.cells, &first.cells)).count();
        if again > 0 && !options.every_line {
            let times = if again == 1 { "once more".into() } else { format!("{again} times more") };
            notes.push(format!(
                "the line of the names comes {times} among the rows looked at, and is passed over there"
            ));
        }
        Ok(Layout {
            dialect: Dialect { trailing, ..dialect },
            shape,
            header,
            header_cells: if repeats { first.cells.clone() } else { Vec::new() },
            names,
            skip: begins as usize - 1,
            body_at,
            body_line: 1 + count_lines(&self.text[..body_at]),
            footer: 0,
            notes,
        })
    }
}

/// The place after so many lines.
fn after_lines(text: &[u8], lines: usize) -> usize {
    let mut breaks = memchr::memchr_iter(b'\n', text);
    match lines {
        0 => 0,
        _ => breaks.nth(lines - 1).map_or(text.len(), |at| at + 1),
    }
}

fn spaced(text: &[u8]) -> bool {
    let line = text.split(|b| *b == b'\n').next().unwrap_or_default().trim_ascii();
    let padded = line.windows(2).filter(|pair| pair == b"  ").count() > 1;
    dialect::is_spaced(&Shape { spaces: true, ..Shape::default() }.apply(text), padded)
}

/// The first records; blank lines are left out.
pub(super) fn records(sample: &[u8], dialect: Dialect) -> Vec<Record> {
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

/// How many records stand above the table: titles, comments and empty ones, where a header follows.
pub(super) fn preamble(records: &[Record]) -> usize {
    let n = usual_width(records);
    if n < 2 {
        return 0;
    }
    let is_comment = |r: &Record| r.cells[0].trim_ascii_start().starts_with(b"#");
    let is_title = |r: &Record| {
        let narrow = r.cells.len() != n && r.cells.len() <= (n / 2).max(2);
        narrow || (r.n_filled() <= 1 && (n > 2 || r.n_filled() == 0)) || is_comment(r)
    };
    for (at, record) in records.iter().enumerate().take(ABOVE) {
        let fits = record.cells.len() == n || (record.cells.len() + 1 == n && !is_above(records, at, n));
        let full = record.n_filled() * 5 >= record.cells.len().min(n) * 3 && record.n_filled() > 1;
        let below = &records[at..];
        // Names in two rows, of which the first has gaps, below a title.
        if at > 0 && record.cells.len() == n && names::in_two_rows(record, &below[1..]) {
            return at;
        }
        if fits && full && !(is_comment(record) && below.len() > 1 && strong_header(&records[at + 1..])) {
            let table = at > 0 && below.len() > 1 && has_header(below);
            return if table || (at > 0 && names::units(record, &below[1..])) { at } else { 0 };
        }
        let is_wide_title = record.cells.len() + 1 == n && is_above(records, at, n);
        if !is_title(record) && !is_wide_title {
            return 0;
        }
    }
    0
}

/// Whether a record that lacks one cell of the usual width is a title: it names no numbers, and the first record of full width
/// does. (A header that lacks a cell stands over rows with names, as R writes them.)
fn is_above(records: &[Record], at: usize, n: usize) -> bool {
    let full = records[at..].iter().position(|r| r.cells.len() == n);
    !strong_header(&records[at..]) && full.is_some_and(|next| strong_header(&records[at + next..]))
}

/// The number of cells that most records have.
pub(super) fn usual_width(records: &[Record]) -> usize {
    let mut widths: Vec<usize> = records.iter().map(|r| r.cells.len()).collect();
    widths.sort_unstable();
    let runs = widths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(0, |run| run[0])
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    Missing,
    Number,
    Text,
}

/// What a cell looks like, at a glance: dates and amounts of money count as numbers.
pub(super) fn look(cell: &[u8]) -> Look {
    let cell = cell.trim_ascii();
    let lower = cell.to_ascii_lowercase();
    if matches!(
        &*lower,
        b"" | b"na" | b"n/a" | b"nan" | b"null" | b"none" | b"nat" | b"<na>" | b"\\n" | b"?" | b"-" | b"."
    ) {
        return Look::Missing;
    }
    let number = |b: &u8| b.is_ascii_digit() || b".,+-$%/: eETZ'\xe2\x82\xac\xc2\xa3".contains(b);
    let begins = |b: &u8| b.is_ascii_digit() || b".+-$<>\xe2\xc2".contains(b);
    let is_number = cell.first().is_some_and(begins)
        && cell[1..].iter().all(number)
        && cell.iter().any(u8::is_ascii_digit);
    if is_number { Look::Number } else { Look::Text }
}

/// Whether a text stands over a column of numbers.
pub(super) fn strong_header(records: &[Record]) -> bool {
    let Some((first, body)) = records.split_first() else { return false };
    // Of files put one behind the other the names come again.
    let others: Vec<&Record> = body.iter().filter(|r| !says_same(&r.cells, &first.cells)).collect();
    (0..first.cells.len()).any(|i| look(&first.cells[i]) == Look::Text && over_numbers(&others, i))
}

/// Whether a column holds numbers alone.
pub(super) fn over_numbers(body: &[&Record], i: usize) -> bool {
    let cells = body.iter().filter_map(|r| r.cells.get(i));
    let mut seen = cells.map(|c| look(c)).filter(|l| *l != Look::Missing).peekable();
    seen.peek().is_some() && seen.all(|l| l == Look::Number)
}

fn has_header(records: &[Record]) -> bool {
    if strong_header(records) {
        return true;
    }
    let Some((first, body)) = records.split_first() else { return false };
    let looks: Vec<Look> = first.cells.iter().map(|c| look(c)).collect();
    let column = |i: usize| body.iter().filter_map(move |r| r.cells.get(i));
    let comes_again = |i: usize| looks[i] == Look::Text && column(i).any(|c| *c == first.cells[i]);
    if names::are_moments(first, body) && !(0..looks.len()).any(comes_again) {
        return true;
    }
    looks.contains(&Look::Text) && !looks.contains(&Look::Number) && !(0..looks.len()).any(comes_again)
}
