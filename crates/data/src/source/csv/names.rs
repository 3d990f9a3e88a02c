//! The names of the columns of a CSV file, and what belongs to them: a second row of names, a rule, units.

use std::collections::BTreeSet;

use tidemill_core::Result;

use super::layout::{Look, Record, look, over_numbers, usual_width};
use crate::Error;
use crate::parse::TimeFormat;
use crate::source::ReadOptions;
use crate::source::text::Shape;

/// The most records above a row of known names.
const ABOVE: usize = 10;

/// Where the row of names is by the names that are known: the target's where a model is trained, those of most columns where it answers.
pub(super) fn of_known(records: &[Record], options: &ReadOptions) -> Option<usize> {
    let known = |r: &Record| r.cells.iter().filter(|cell| is_known(cell, options)).count();
    let n = usual_width(records);
    let at = records.iter().take(ABOVE).position(|r| known(r) > 0)?;
    let row = &records[at];
    let enough = !options.every_line || known(row) * 2 >= row.n_filled();
    let names = row.cells.iter().any(|cell| look(cell) == Look::Text);
    (n > 1 && row.cells.len() == n && enough && names).then_some(at)
}

/// Whether a cell is a name that a row of names would have.
pub(super) fn is_known(cell: &[u8], options: &ReadOptions) -> bool {
    options.known.iter().any(|name| name.as_bytes() == cell.trim_ascii())
}

/// Whether names stand in two rows: the first says of several columns what they have in common, so that it has gaps or says a thing twice;
/// the second names each, over two columns of numbers or more.
pub(super) fn in_two_rows(first: &Record, body: &[Record]) -> bool {
    let Some((second, rows)) = body.split_first().filter(|(_, rows)| rows.len() >= 2) else { return false };
    let rows: Vec<&Record> = rows.iter().collect();
    let names = |r: &Record| r.cells.iter().all(|c| look(c) == Look::Text);
    let numbers = (0..second.cells.len()).filter(|&i| over_numbers(&rows, i)).count();
    let shared = first.n_filled() < first.cells.len() || repeats(&filled_on(first));
    first.cells.len() == second.cells.len() && first.n_filled() > 0 && shared && names(second) && numbers >= 2
        // Units below an index without a name are no names.
        && !units(first, body)
}

/// The names of two rows joined, where those of the second alone would repeat: `2024 mean`, `2024 sd`, `2025 mean`, ….
pub(super) fn joined(upper: &Record, lower: &[String]) -> Option<Vec<String>> {
    let join = |(above, name): (String, &String)| {
        if above.is_empty() { name.clone() } else { format!("{above} {name}") }
    };
    repeats(lower).then(|| filled_on(upper).into_iter().zip(lower).map(join).collect())
}

/// The cells of a row, an empty one as the one before it: it spans several columns.
fn filled_on(row: &Record) -> Vec<String> {
    let mut last = String::new();
    let cells = row.cells.iter().map(|cell| {
        let text = String::from_utf8_lossy(cell).trim().to_string();
        if !text.is_empty() {
            last = text;
        }
        last.clone()
    });
    cells.collect()
}

fn repeats(names: &[String]) -> bool {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    sorted.windows(2).any(|w| w[0] == w[1])
}

/// Whether years or dates in order stand over columns of other values: a table with a column for each of them.
pub(super) fn are_moments(first: &Record, body: &[Record]) -> bool {
    let moment = |cell: &[u8]| -> Option<i64> {
        let text = std::str::from_utf8(cell.trim_ascii()).ok()?;
        let year = text.parse().ok().filter(|year| text.len() == 4 && (1800..2200).contains(year));
        year.or_else(|| TimeFormat::Iso.parse(text))
    };
    let named: Vec<usize> =
        (0..first.cells.len()).filter(|&i| look(&first.cells[i]) == Look::Number).collect();
    let moments: Option<Vec<i64>> = named.iter().map(|&i| moment(&first.cells[i])).collect();
    let Some(moments) = moments.filter(|moments| moments.len() > 1 && body.len() > 1) else { return false };
    let in_order = moments.windows(2).all(|w| w[0] < w[1]) || moments.windows(2).all(|w| w[0] > w[1]);
    let repeat = |i: &usize| body.iter().filter_map(|r| r.cells.get(*i)).any(|cell| moment(cell).is_some());
    in_order && !named.iter().any(repeat)
}

/// Whether a record is a rule, as consoles and Markdown draw one below the names: `----+----`, `|---|---:|`.
pub(super) fn is_rule(record: &Record) -> bool {
    let text = record.cells.concat();
    let is_dash = |b: &u8| matches!(b, b'-' | b'=');
    let filled = record.cells.iter().filter(|cell| !cell.trim_ascii().is_empty());
    let drawn = filled.clone().all(|cell| cell.iter().any(is_dash));
    drawn
        && filled.count() > 0
        && text.iter().filter(|b| is_dash(b)).count() >= 3
        && text.iter().all(|b| b"-=+: ".contains(b))
}

/// Whether each row begins with a cell that has no name, as R writes the names of its rows: no two rows have the same. Where each row is
/// answered it must be known that rows have names; else one cell too many at their end would move every value into the next column.
pub(super) fn lack_one(first: &Record, body: &[Record], options: &ReadOptions) -> bool {
    let n = first.cells.len();
    let wider = |r: &Record| r.cells.len() == n + 1 && !r.is_padded(first);
    let named = || {
        let names: BTreeSet<&[u8]> = body.iter().map(|r| r.cells[0].as_slice()).collect();
        names.len() == body.len()
    };
    let may = !options.every_line || is_known(ROW, options);
    may && n > 1 && !body.is_empty() && body.iter().all(wider) && named()
}

/// What a column of names of rows is called.
pub(super) const ROW: &[u8] = b"row";

/// Takes off names that are empty and stand over empty cells at the end of each line; says whether lines may end with more
/// delimiters than there are columns.
pub(super) fn trim(first: &Record, body: &[Record], names: &mut Vec<String>) -> bool {
    let empty = |from: usize| body.iter().all(|r| r.width() <= from);
    let kept = first.width().max(1);
    if kept < first.cells.len() && !body.is_empty() && empty(kept) {
        names.truncate(kept);
        return true;
    }
    body.iter().any(|r| r.cells.len() > first.cells.len()) && empty(first.cells.len())
}

/// What stands for the unit of a column without one.
const TYPES: &[&str] = &[
    "text",
    "string",
    "str",
    "char",
    "varchar",
    "object",
    "category",
    "name",
    "date",
    "time",
    "datetime",
    "timestamp",
    "utc",
    "id",
    "none",
    "n/a",
    "-",
    "--",
];
/// Types of columns of numbers, as exports write them below the names.
const NUMBERS: &[&str] = &[
    "number", "numeric", "float", "float32", "float64", "double", "real", "decimal", "int", "int32", "int64",
    "integer", "bigint", "smallint", "long",
];
/// Units that are told by their name alone.
const UNITS: &[&str] = &[
    "m", "cm", "mm", "km", "kg", "g", "mg", "t", "s", "ms", "min", "h", "hours", "days", "years", "°c", "c",
    "k", "°f", "f", "%", "v", "a", "w", "kw", "kwh", "mwh", "hz", "pa", "hpa", "bar", "n", "j", "l", "ml",
    "mol", "eur", "usd", "€", "$", "m/s", "km/h", "mm/h", "ppm", "ppb", "psu", "deg", "degrees", "lbs", "lb",
    "ft", "in", "mi", "mph", "m2", "m²", "m3", "m³", "µm", "nm",
];

/// Whether the first row below the names holds units: words over columns that are numbers from the second row on.
pub(super) fn units(first: &Record, body: &[Record]) -> bool {
    let Some((row, rest)) = body
        .split_first()
        .filter(|(row, rest)| rest.len() >= 2 && row.cells.len() == first.cells.len() && row.n_filled() > 0)
    else {
        return false;
    };
    let rest: Vec<&Record> = rest.iter().collect();
    let (mut words, mut known) = (0, 0);
    for (i, cell) in row.cells.iter().enumerate() {
        let text = String::from_utf8_lossy(cell).trim().to_lowercase();
        let bracketed = text.len() > 2
            && matches!(
                (text.chars().next(), text.chars().last()),
                (Some('('), Some(')')) | (Some('['), Some(']'))
            );
        let bare = text.trim_matches(['(', ')', '[', ']']);
        let is_unit = bracketed || UNITS.contains(&bare) || NUMBERS.contains(&bare);
        match (look(cell), over_numbers(&rest, i)) {
            (Look::Number, _) => return false,
            (Look::Text, true) if text.chars().count() <= 16 => {
                words += 1;
                known += usize::from(is_unit);
            }
            (Look::Text, true) => return false,
            (Look::Text, false) if !is_unit && !TYPES.contains(&bare) && !bare.contains("yyyy") => {
                return false;
            }
            _ => {}
        }
        if look(&first.cells[i]) == Look::Number {
            return false;
        }
    }
    // One word over one column of numbers may well be a value that is missing.
    known > 0 && known * 2 >= words || words >= 3 && words == row.n_filled()
}

/// The names of the columns: of the header, trimmed; `column_<place from 1>` where there is none.
pub(super) fn of(first: &Record, header: bool, shape: Shape, file: &str, line: u64) -> Result<Vec<String>> {
    let mut names = Vec::with_capacity(first.cells.len());
    // Of `# x y z` the sign of a comment is no name.
    let from = usize::from(header && shape.spaces && first.cells[0] == b"#");
    for (i, cell) in first.cells[from..].iter().enumerate() {
        let cell = if header { cell.trim_ascii() } else { b"" };
        let name = std::str::from_utf8(cell).map_err(|_| Error::Encoding {
            file: file.into(),
            line,
            encoding: "UTF-8".into(),
        })?;
        names.push(if name.is_empty() { format!("column_{}", i + 1) } else { name.to_owned() });
    }
    Ok(names)
}

pub(super) fn check(names: &[String], file: &str) -> Result<()> {
    let mut sorted: Vec<&String> = names.iter().collect();
    sorted.sort_unstable();
    let mut twice: Vec<String> = sorted.windows(2).filter(|w| w[0] == w[1]).map(|w| w[0].clone()).collect();
    twice.dedup();
    if twice.is_empty() {
        return Ok(());
    }
    Err(Error::DuplicateNames { file: file.into(), names: twice }.into())
}
