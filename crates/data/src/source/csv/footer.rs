//! Lines below a table: totals, `(3 rows)`, where the figures come from. They are no rows, and they are found from the end of the text.

use std::io::Read;

use super::Dialect;
use super::layout::{Look, look};
use super::records::first_record;
use crate::parse::plain_number;
use crate::source::ReadOptions;

/// The most lines that may stand below the table, blank ones included.
const BELOW: usize = 12;
/// How many bytes at the end of a text are looked at.
pub(super) const TAIL: usize = 1 << 14;

/// What stands below the table.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Footer {
    /// How many lines, blank ones included.
    pub(super) lines: usize,
    /// The lines that say something, from the first on.
    pub(super) says: Vec<String>,
}

impl Footer {
    /// What is said of it.
    pub(super) fn note(&self) -> Option<String> {
        let Some(first) = self.says.first().map(|line| tidemill_core::escaped(line)) else {
            return (self.lines > 0)
                .then(|| format!("the last {} lines are empty and passed over", self.lines));
        };
        Some(match self.lines {
            1 => format!("the last line, '{first}', stands below the table and is passed over"),
            n => format!("the last {n} lines, from '{first}' on, stand below the table and are passed over"),
        })
    }
}

/// What stands below the table: as it is told, or else found at the end of the text; nothing where every line is a row.
pub(super) fn below(tail: &[u8], whole: bool, options: &ReadOptions, dialect: Dialect, n: usize) -> Footer {
    match options.footer {
        Some(lines) => {
            let lost = String::from_utf8_lossy(&tail[start(tail, lines)..]).into_owned();
            Footer { lines, says: said(lost.lines()) }
        }
        None if options.every_line => Footer::default(),
        None => find(tail, whole, dialect, n).or_else(|| empty(tail, dialect)).unwrap_or_default(),
    }
}

/// Where so many lines at the end of a text begin.
pub(super) fn start(text: &[u8], lines: usize) -> usize {
    let kept = if text.last() == Some(&b'\n') { lines } else { lines.saturating_sub(1) };
    match lines {
        0 => text.len(),
        _ => memchr::memrchr_iter(b'\n', text).nth(kept).map_or(0, |at| at + 1),
    }
}

fn said<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    // Delimiters alone say nothing.
    let says = |line: &&str| line.chars().any(|c| !",;|\t ".contains(c));
    lines.map(str::trim).filter(says).map(crate::cell::clip).collect()
}

/// Words that begin a line of totals or means.
const TOTALS: &[&str] = &[
    "total",
    "totals",
    "subtotal",
    "sub-total",
    "sub total",
    "overall total",
    "average",
    "avg",
    "mean",
    "durchschnitt",
    "mittelwert",
    "zwischensumme",
    "moyenne",
    "promedio",
    "media",
    "grand total",
    "sum",
    "summe",
    "gesamt",
    "gesamtsumme",
    "insgesamt",
    "somme",
    "total général",
    "total general",
    "suma",
    "totale",
    "totaal",
    "soma",
    "razem",
    "итого",
    "всего",
    "合計",
    "合计",
    "总计",
    "總計",
];
/// Words that begin a line about the table.
const ABOUT: &[&str] = &[
    "source:",
    "sources:",
    "source ",
    "quelle:",
    "quelle ",
    "note:",
    "notes:",
    "generated ",
    "generated:",
    "exported ",
    "end of ",
    "eof",
    "copyright",
    "©",
    "data as of",
    "as of ",
    "stand:",
    "rows:",
    "records:",
    "count:",
    "number of ",
    "last updated",
    "disclaimer",
    "page ",
];

/// The lines below the table at the end of a text of `n` columns; `None` where the last line is a row. `tail` begins anywhere in a line, but
/// where `whole` says that it is all of the rows.
pub(super) fn find(tail: &[u8], whole: bool, dialect: Dialect, n: usize) -> Option<Footer> {
    let from = if whole { 0 } else { memchr::memchr(b'\n', tail)? + 1 };
    let ended = tail.last() == Some(&b'\n');
    let lines: Vec<&[u8]> = tail[from..].split_inclusive(|b| *b == b'\n').collect();
    let rows: Vec<Vec<Vec<u8>>> = lines.iter().map(|line| cells(line, dialect)).collect();
    let mut first = None;
    for at in (lines.len().saturating_sub(BELOW)..lines.len()).rev() {
        // A line with the end of a quoted cell is part of a row.
        let quotes = memchr::memchr_iter(dialect.quote, lines[at]).count();
        let cut_off = at + 1 == lines.len() && !ended;
        let above = &rows[..at];
        if is_blank(lines[at], dialect) {
            continue;
        }
        let is_sum = whole && adds_up(&rows[at], above, n);
        if quotes % 2 == 1 || !(is_sum || stands_below(&rows[at], above, n, cut_off)) {
            break;
        }
        first = Some(at);
    }
    let mut first = first?;
    // Of what is left, most must be rows; the blank lines between belong to neither.
    if rows[..first].iter().filter(|r| r.len() == n).count() < 2 {
        return None;
    }
    while first > 0 && is_blank(lines[first - 1], dialect) {
        first -= 1;
    }
    let lost = String::from_utf8_lossy(&lines[first..].concat()).into_owned();
    Some(Footer { lines: lines.len() - first, says: said(lost.lines()) })
}

/// Rows of delimiters alone at the end, two or more, as a spreadsheet writes the rows that were once formatted.
fn empty(tail: &[u8], dialect: Dialect) -> Option<Footer> {
    let lines = tail.split_inclusive(|b| *b == b'\n').rev();
    let lines: Vec<&[u8]> = lines.take_while(|line| is_blank(line, dialect)).collect();
    let rows = lines.iter().filter(|line| line.contains(&dialect.delimiter)).count();
    // What begins within the tail may be a part of a row.
    let lines = if lines.concat().len() == tail.len() { lines.len() - 1 } else { lines.len() };
    (rows > 1 && lines > 1).then_some(Footer { lines, says: Vec::new() })
}

/// Whether a line says nothing: blank, or delimiters alone, as spreadsheets write an empty row. A quote may be part of a cell of several lines.
fn is_blank(line: &[u8], dialect: Dialect) -> bool {
    line.iter().all(|&byte| byte == dialect.delimiter || byte.is_ascii_whitespace())
}

fn cells(line: &[u8], dialect: Dialect) -> Vec<Vec<u8>> {
    let ended = [line, if line.ends_with(b"\n") { b"" } else { b"\n" }].concat();
    first_record(&ended, dialect).map_or_else(Vec::new, |(cells, _)| cells)
}

/// Whether a line is no row of a table of `n` columns, with these lines above it; `cut_off` where it lacks its end, as a row does of
/// which a part is missing.
fn stands_below(cells: &[Vec<u8>], above: &[Vec<Vec<u8>>], n: usize, cut_off: bool) -> bool {
    let filled: Vec<usize> = (0..cells.len()).filter(|&i| !cells[i].trim_ascii().is_empty()).collect();
    let Some(&first) = filled.first().filter(|_| n > 1) else { return false };
    let text = String::from_utf8_lossy(&cells[first]).trim().to_lowercase();
    let others = &filled[1..];
    if is_total(&text) {
        // Several may follow each other: a total, a grand total, a mean.
        let totals = above.iter().rev().take_while(|row| begins_total(row)).count();
        let rows = &above[..above.len() - totals];
        let in_place = |i: usize| rows.iter().filter_map(move |row| row.get(i));
        let figures = others.iter().all(|&i| look(&cells[i]) != Look::Text);
        let own = in_place(first).any(|c| c.trim_ascii() == cells[first].trim_ascii());
        let over_others = in_place(first).all(|c| look(c) != Look::Text);
        let sparse = cells.len() == n && filled.len() < n;
        let apart = rows.last().is_some_and(|row| row.iter().all(|cell| cell.trim_ascii().is_empty()));
        return figures && !own && (over_others || sparse || apart || cells.len() < n);
    }
    let about = ABOUT.iter().any(|word| text.starts_with(word)) || is_remark(&text) || counts_rows(&text);
    if cells.len() == n {
        // Padded to the width of the table, as spreadsheets do.
        return about && n > 2 && filled.len() == 1 && first == 0;
    }
    let narrow = cells.len() <= (n / 2).max(1);
    let sentence = look(&cells[first]) == Look::Text && text.contains(' ') && narrow && !cut_off;
    (about && (narrow || filled.len() == 1 || cells.len() < n)) || sentence
}

/// The fewest rows whose sum cannot be chance.
const SUMMED: usize = 3;

/// Whether a line that fills all columns begins with a word for a total, and one of its figures is the sum of those above it; `above` are
/// all rows.
fn adds_up(cells: &[Vec<u8>], above: &[Vec<Vec<u8>>], n: usize) -> bool {
    let number = |cell: &[u8]| std::str::from_utf8(cell).ok().and_then(plain_number);
    let rows: Vec<_> = above.iter().filter(|row| row.len() == n && !begins_total(row)).collect();
    if cells.len() != n || !begins_total(cells) || rows.len() < SUMMED {
        return false;
    }
    let is_sum = |at: usize| {
        let Some(total) = number(&cells[at]) else { return false };
        // The first line may hold the names.
        let names = usize::from(number(&rows[0][at]).is_none());
        let found: Option<Vec<f64>> = rows[names..].iter().map(|row| number(&row[at])).collect();
        // It is rounded to its last digit, and so is each row.
        let text = String::from_utf8_lossy(&cells[at]);
        let decimals = text.trim().split_once('.').map_or(0, |(_, decimals)| decimals.len().min(15));
        let step = 0.1f64.powi(decimals as i32);
        found.filter(|all| all.len() >= SUMMED).is_some_and(|all| {
            let sum: f64 = all.iter().sum();
            total != 0.0 && (sum - total).abs() <= 0.51 * step + 1e-9 * sum.abs()
        })
    };
    (0..n).any(is_sum)
}

/// Whether a text, in lower case, is a word for a total.
pub(crate) fn is_total(text: &str) -> bool {
    TOTALS.contains(&text.trim_end_matches(':').trim_end())
}

/// Whether the first cell of a line that says something is a word for a total.
fn begins_total(cells: &[Vec<u8>]) -> bool {
    let first = cells.iter().find(|cell| !cell.trim_ascii().is_empty());
    first.is_some_and(|cell| is_total(&String::from_utf8_lossy(cell).trim().to_lowercase()))
}

/// Whether a text stands in brackets, or behind the sign of a comment or a rule.
fn is_remark(text: &str) -> bool {
    let bracketed = text.starts_with(['(', '[']) && text.ends_with([')', ']']);
    // The last is the end of a file of DOS.
    bracketed
        || text == "\u{1a}"
        || text.starts_with("--")
        || text.starts_with('#')
        || text.starts_with("==")
        || text.starts_with("+--")
        || text.starts_with("**")
}

/// Whether a text counts what it stands below: `3 rows`, `1,204 records selected.`
fn counts_rows(text: &str) -> bool {
    let mut words = text.split_whitespace();
    let number = words.next().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit() || b",.'".contains(&b)));
    number
        && words
            .next()
            .is_some_and(|w| w.starts_with("row") || w.starts_with("record") || w.starts_with("line"))
}

/// Reads a text without its last lines.
pub(super) struct Without {
    text: Box<dyn Read + Send>,
    lines: usize,
    held: Vec<u8>,
    /// What of `held` may be handed out, and what of that is not yet.
    free: std::ops::Range<usize>,
    ended: bool,
}

impl Without {
    /// The text without so many lines at its end.
    pub(super) fn last(lines: usize, text: Box<dyn Read + Send>) -> Box<dyn Read + Send> {
        match lines {
            0 => text,
            _ => Box::new(Without { text, lines, held: Vec::new(), free: 0..0, ended: false }),
        }
    }

    fn more(&mut self) -> std::io::Result<()> {
        self.held.drain(..self.free.end);
        let before = self.held.len();
        self.held.resize(before + (1 << 16), 0);
        let n = crate::source::input::fill(&mut self.text, &mut self.held[before..])?;
        self.held.truncate(before + n);
        self.ended = n < 1 << 16;
        // A text may end without a line break: until it has ended, one line more is kept back.
        let lines = if self.ended || self.held.last() == Some(&b'\n') { self.lines } else { self.lines + 1 };
        let lines = if self.ended { lines } else { lines + 1 };
        self.free = 0..start(&self.held, lines);
        Ok(())
    }
}

impl Read for Without {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        while self.free.is_empty() && !self.ended {
            self.more()?;
        }
        let n = out.len().min(self.free.len());
        out[..n].copy_from_slice(&self.held[self.free.start..self.free.start + n]);
        self.free.start += n;
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAS: Dialect = Dialect { delimiter: b',', quote: b'"', trailing: false };

    fn found(rows: &str, n: usize) -> Option<(usize, Vec<String>)> {
        find(rows.as_bytes(), true, COMMAS, n).map(|footer| (footer.lines, footer.says))
    }

    #[test]
    fn lines_below_a_table_are_told_from_rows() {
        let rows = "2024-01-01,a,5.1\n2024-01-02,b,6.2\n2024-01-03,c,7.3\n";
        for (below, lines) in [
            ("Total,,18.6\n", 1),
            ("Gesamt:,,18.6", 1),
            ("(3 rows)\n", 1),
            ("\n3 rows selected.\n\n", 3),
            ("\nSource: Ministry of Works, 2024\n", 2),
            // An empty row divides the table from what stands below it, as a blank line does.
            ("Total,,18.6\n,,\n-- end --\n", 3),
            (",,\nTotal,3,18.6\n", 2),
            ("\nTotal,3,18.6\n", 2),
            (",,\n,,\nTotal,3,18.6\nMean,1,6.2\n,,\n", 5),
            ("\"Source: a, b\",,\n", 1),
            ("Total,,18.6\nGrand total,,18.6\n", 2),
            ("Total,,18.6\nTotal:,,18.6\n", 2),
            ("Subtotal,1,18.6\nTotal,1,18.6\nAverage,1,6.2\n", 3),
            ("Prices are those of the day\n", 1),
        ] {
            let (n, says) = found(&format!("{rows}{below}"), 3).unwrap_or_else(|| panic!("{below:?}"));
            assert_eq!(n, lines, "{below:?}: {says:?}");
        }
        for row in [
            // Cut off, of another width, with a value like any other.
            "2024-01-04,d",
            "2024-01-04",
            "Prices are tho",
            "2024-01-04,Total,5\n",
            "2024-01-04,,\n",
            ",,18.6\n",
            "2024-01-04,\"a\nTotal\",5\n",
        ] {
            assert_eq!(found(&format!("{rows}{row}"), 3), None, "{row:?}");
        }
        // Rows that a spreadsheet once formatted are none; a blank line is none anyway.
        for (below, lines) in [(",,\n,,\n", 2), (",,\n,,\n,,\n\n", 4)] {
            let text = format!("{rows}{below}");
            assert_eq!(empty(text.as_bytes(), COMMAS).map(|f| f.lines), Some(lines), "{below:?}");
        }
        for below in [",,\n", "\n\n", "", "1,,\n1,,\n"] {
            assert_eq!(empty(format!("{rows}{below}").as_bytes(), COMMAS), None, "{below:?}");
        }
        // What adds up is a total, and no place of that name.
        assert_eq!(found("Oslo,1,2.5\nRome,2,3.25\nBern,4,1\nTotal,3,6.75\n", 3).map(|f| f.0), Some(1));
        let named = found("town,n,x\nOslo,1,2.5\nRome,2,3.25\nBern,4,1\nTotal,7,6.75\n", 3);
        assert_eq!(named.map(|f| f.0), Some(1));
        assert_eq!(found("Oslo,1,2.5\nRome,2,3.25\nBern,4,1\nTotal,3,6.5\n", 3), None);
        // A name that comes more than once is a name.
        assert_eq!(found("Total,,1\nOslo,a,2\nTotal,,3\n", 3), None);
        assert_eq!(found("Oslo,1,2\nRome,2,3\nTotal,3,5\n", 3), None, "may be a place as well");
        assert_eq!(found("Oslo,1,2\nRome,2,3\n,,\n", 3), None, "an empty row at the end is one");
        assert_eq!(found("oslo\nrome is big\n", 1), None);
    }

    #[test]
    fn the_last_lines_are_not_read() {
        let long = "x,y\n".repeat(40_000);
        for (text, lines, wanted) in [
            ("a\nb\nc\n", 1, "a\nb\n"),
            ("a\nb\nc", 1, "a\nb\n"),
            ("a\nb\n\n", 2, "a\n"),
            ("a\nb\n", 2, ""),
            ("a\n", 5, ""),
            ("", 1, ""),
            (&*format!("{long}end"), 2, &long[4..]),
            (&*format!("{long}end\n"), 1, &*long),
        ] {
            let mut read = String::new();
            let whole = std::io::Cursor::new(text.as_bytes().to_vec());
            Without::last(lines, Box::new(whole)).read_to_string(&mut read).unwrap();
            assert!(read == wanted, "{lines} of {} bytes: {} left", text.len(), read.len());
        }
    }
}
