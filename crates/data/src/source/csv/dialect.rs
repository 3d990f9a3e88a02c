//! What divides and what encloses the cells of a text, found from its beginning.

use super::Dialect;
use super::layout::{Record, preamble, records, strong_header};
use crate::Error;
use crate::parse::TimeFormat;
use crate::source::text::Shape;

/// Candidates, the rarer in plain text first: where two fit equally well, the rarer one is meant.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];
/// What a run of spaces becomes: see [`super::super::text::Shape`].
pub(super) const OF_SPACES: u8 = b'\t';

/// The delimiter that a user names; a space stands for runs of spaces.
pub(super) fn told(delimiter: char) -> Result<u8, tidemill_core::Error> {
    match u8::try_from(delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'\n' | b'\r' | b'"' | 0) => Ok(byte),
        _ => Err(tidemill_core::Error::parameter(
            "data.delimiter",
            format!("{delimiter:?} cannot divide cells; use one ASCII character such as , or ;"),
        )),
    }
}

/// The delimiter that a first line `sep=;` names, as Excel writes it, and where the next line begins.
pub(super) fn of_sep_line(sample: &[u8]) -> Option<(u8, usize)> {
    let end = memchr::memchr(b'\n', sample)? + 1;
    let line = sample[..end].trim_ascii();
    let line = line.strip_prefix(b"\"").and_then(|l| l.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [s, e, p, b'=', delimiter] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => Some((*delimiter, end)),
        // A tab at the end of the line was trimmed.
        [s, e, p, b'='] if [*s, *e, *p].eq_ignore_ascii_case(b"sep") => Some((b'\t', end)),
        _ => None,
    }
}

/// The delimiter that divides most records alike; `None` where none divides them.
///
/// Either most records look like the first one, or like each other below a few lines of another shape (a title) and a header.
pub(super) fn delimiter(sample: &[u8]) -> Option<u8> {
    let mut best: (f64, Option<u8>) = (0.0, None);
    for delimiter in DELIMITERS {
        let records = records(sample, Dialect { delimiter, quote: b'"', trailing: false });
        let share = share(&records);
        if share > best.0 {
            best = (share, Some(delimiter));
        }
    }
    best.1
}

/// Whether a backslash stands before the quotes within cells of a text, and its records are no less alike once it is read so.
pub(super) fn escapes(sample: &[u8], told: Option<char>) -> bool {
    let Some(delimiter) = told.and_then(|c| u8::try_from(c).ok()).or_else(|| delimiter(sample)) else {
        return false;
    };
    if !Shape::has_backslashes(sample, delimiter) {
        return false;
    }
    let even = |text: &[u8]| share(&records(text, Dialect { delimiter, quote: b'"', trailing: false }));
    even(&Shape { backslashes: true, ..Shape::default() }.apply(sample)) >= even(sample)
}

/// Whether spaces stand between the delimiter and the quotes of cells (`"a", "b"`), and the records are no less alike without them.
pub(super) fn is_gapped(sample: &[u8], delimiter: u8) -> bool {
    let mut pairs = 0;
    for at in memchr::memchr_iter(b'"', sample) {
        let before = sample[..at].iter().rposition(|b| *b != b' ');
        pairs += usize::from(before.is_some_and(|last| last + 1 < at && sample[last] == delimiter));
    }
    if pairs < 2 {
        return false;
    }
    let even = |text: &[u8]| share(&records(text, Dialect { delimiter, quote: b'"', trailing: false }));
    let closed = Shape { gapped: delimiter, ..Shape::default() }.apply(sample);
    let cells = records(&closed, Dialect { delimiter, quote: b'"', trailing: false });
    // Where the quotes stand for themselves (` "x" is`), text follows them.
    let open = cells.iter().flat_map(|r| &r.cells).filter(|cell| cell.contains(&b'"')).count();
    even(&closed) >= even(sample) && open * 10 <= pairs
}

/// The share of records that are alike, where they have more than one cell.
fn share(records: &[Record]) -> f64 {
    let alike = |records: &[Record]| {
        let Some(first) = records.first().filter(|r| r.cells.len() > 1) else { return 0.0 };
        let n = records.iter().filter(|r| r.cells.len() == first.cells.len() || r.is_padded(first)).count();
        n as f64 / records.len() as f64
    };
    let below = preamble(records);
    let titled = match below {
        0 => 0.0,
        _ if records[below].cells.len() > 2 || strong_header(&records[below..]) => alike(&records[below..]),
        _ => 0.0,
    };
    alike(records).max(if titled >= 0.9 { titled } else { 0.0 })
}

/// Whether runs of spaces divide the records of a text that is already brought into that shape: all into the same number of cells, and
/// at least every second column a column of numbers; one of them, where the line of the names is `padded`, with runs of several spaces. A date and its time of day, or the groups of a large number, are one cell.
pub(super) fn is_spaced(shaped: &[u8], padded_names: bool) -> bool {
    let records = records(shaped, Dialect { delimiter: OF_SPACES, quote: b'"', trailing: false });
    let Some((first, body)) = records.split_first().filter(|(_, body)| !body.is_empty()) else {
        return false;
    };
    let n = body[0].cells.len();
    let same = |r: &Record| r.cells.len() == n;
    // Of the names one may be the sign of a comment, and the names of rows, as R writes them, have none themselves.
    let header = same(first)
        || (first.cells.len() == n + 1 && first.cells[0] == b"#")
        || (n > 2 && first.cells.len() + 1 == n);
    if n < 2 || !header || !body.iter().all(same) {
        return false;
    }
    let column = |i: usize| body.iter().map(move |r| std::str::from_utf8(&r.cells[i]).unwrap_or_default());
    let number = |i: usize| column(i).all(|t| crate::parse::plain_number(t).is_some());
    let numbers = (0..n).filter(|&i| number(i)).count();
    let dated = (1..n).any(|i| {
        column(i - 1).zip(column(i)).all(|(date, clock)| {
            clock.contains(':') && TimeFormat::Iso.parse(&format!("{date}T{clock}")).is_some()
        })
    });
    // Columns that are padded to one width, as printed tables are.
    let padded = padded_names && n > 2 && numbers > 0;
    let grouped = n == 2 && column(1).all(|t| t.len() == 3) && column(0).all(|t| t.len() <= 3);
    (numbers * 2 >= n || padded) && !dated && !grouped
}

/// A single quote where many cells stand in single quotes and no double quote is to be seen.
pub(super) fn quote(sample: &[u8], delimiter: u8) -> u8 {
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

/// Formats of machine learning that are texts, but no tables: of Weka, and of LIBSVM and SVMlight.
fn of_other_tools(text: &[u8], line: &[u8]) -> Option<(&'static str, &'static str)> {
    let head = String::from_utf8_lossy(&text[..text.len().min(4096)]).to_lowercase();
    if head.contains("@relation") && head.contains("@attribute") {
        let remedy = "save it as CSV: the names stand behind @attribute, the rows below @data";
        return Some(("an ARFF file of Weka, not CSV", remedy));
    }
    let line = std::str::from_utf8(line).ok()?;
    let mut words = line.split_ascii_whitespace();
    let number = |word: &str| crate::parse::plain_number(word).is_some();
    let pair =
        |word: &str| word.split_once(':').is_some_and(|(at, x)| at.parse::<u32>().is_ok() && number(x));
    let label = words.next().is_some_and(number);
    let pairs: Vec<&str> = words.take_while(|word| !word.starts_with('#')).collect();
    let places = pairs.iter().filter_map(|word| word.split_once(':')?.0.parse::<u32>().ok());
    // Times of day are pairs, too.
    let ascends = pairs.len() > 1 && places.collect::<Vec<_>>().windows(2).all(|w| w[0] < w[1]);
    (label && ascends && pairs.iter().all(|word| pair(word))).then_some((
        "a file of LIBSVM or SVMlight (label index:value ...), not CSV",
        "write its rows as CSV or Parquet, one column for each index",
    ))
}

/// What a text is where it is not a table: an HTML page or a spreadsheet in XML that somebody named `.csv`.
pub(super) fn not_a_table(sample: &[u8], file: &str) -> Option<Error> {
    let start = sample.trim_ascii_start();
    let line = start.split(|b| *b == b'\n').next().unwrap_or_default();
    if line.starts_with(b"{")
        && serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(line).is_ok()
    {
        let (found, remedy) = ("JSON lines, not CSV".into(), "name it .jsonl".into());
        return Some(Error::Format { file: file.into(), found, remedy });
    }
    if let Some((found, remedy)) = of_other_tools(start, line) {
        return Some(Error::Format { file: file.into(), found: found.into(), remedy: remedy.into() });
    }
    if !start.starts_with(b"<") {
        return None;
    }
    let head = String::from_utf8_lossy(&start[..start.len().min(4096)]).to_lowercase();
    let remedy = "open it in a browser or a spreadsheet and save the table as CSV";
    let (found, remedy) = if head.starts_with("<!doctype html")
        || head.contains("<html")
        || head.contains("<table")
    {
        let page = "look at what it says (often that one has to log in), or open it in a spreadsheet and save the table as CSV";
        ("an HTML page, not CSV", page)
    } else if head.contains("<workbook") || head.contains("urn:schemas-microsoft-com:office:spreadsheet") {
        ("an Excel workbook in XML, not CSV", "save the sheet as CSV or .xlsx")
    } else if head.starts_with("<?xml") {
        ("an XML document, not CSV", remedy)
    } else {
        return None;
    };
    Some(Error::Format { file: file.into(), found: found.into(), remedy: remedy.into() })
}
