//! Workbooks of Excel and OpenDocument: a sheet becomes text, and the text is read as any CSV is, titles above the table included.

use std::fmt::Write as _;
use std::path::Path;

use calamine::{Data, Reader, SheetVisible, open_workbook_auto};
use tidemill_core::{Error as CoreError, Result, Source};

use super::csv::Csv;
use super::input::Input;
use super::{Provenance, ReadOptions, extension};
use crate::Error;

const EXTENSIONS: [&str; 6] = ["xlsx", "xlsm", "xlsb", "xls", "ods", "xlam"];

type Book = calamine::Sheets<std::io::BufReader<std::fs::File>>;

/// A sheet of a workbook: `FILE.xlsx` (the first visible one that is a table) or `FILE.xlsx?sheet=NAME`.
pub(super) struct Sheet<'a> {
    path: &'a str,
    name: Option<&'a str>,
}

impl<'a> Sheet<'a> {
    /// The sheet that a location names; `None` where it is no workbook.
    pub(super) fn of(location: &'a str) -> Option<Self> {
        let (path, name) = match location.split_once("?sheet=") {
            Some((path, name)) => (path, Some(name)),
            None => (location, None),
        };
        EXTENSIONS.contains(&&*extension(Path::new(path))).then_some(Sheet { path, name })
    }

    pub(super) fn path(&self) -> &'a str {
        self.path
    }

    pub(super) fn open(
        &self,
        location: &str,
        options: &ReadOptions,
        chunk: usize,
    ) -> Result<(Box<dyn Source>, Provenance)> {
        let bytes = std::fs::metadata(self.path).map_err(|e| CoreError::io(self.path, e))?.len();
        let corrupt = |e: calamine::Error| Error::Corrupt {
            file: self.path.into(),
            format: "a workbook",
            problem: e.to_string(),
        };
        let mut book = open_workbook_auto(self.path).map_err(corrupt)?;
        let sheets = book.sheet_names();
        let mut text = String::new();
        let mut others: Vec<String> = Vec::new();
        let mut read = String::new();
        match self.name {
            Some(name) if !sheets.iter().any(|s| s == name) => {
                let (found, remedy) =
                    (format!("there is no sheet '{name}'"), format!("the sheets are: {}", sheets.join(", ")));
                return Err(Error::Format { file: self.path.into(), found, remedy }.into());
            }
            Some(name) => {
                let mut range = book.worksheet_range(name).map_err(corrupt)?;
                self.check_formulas(&mut book, name, &range, options)?;
                spread_merged(&mut book, name, &mut range);
                write_sheet(&range, &mut text);
            }
            None => {
                let hidden = |name: &String| {
                    let about = book.sheets_metadata().iter().find(|sheet| sheet.name == *name);
                    about.is_some_and(|sheet| sheet.visible != SheetVisible::Visible)
                };
                let (hidden, shown): (Vec<String>, Vec<String>) = sheets.into_iter().partition(hidden);
                let mut found = Vec::new();
                for name in shown.iter().chain(&hidden) {
                    let range = book.worksheet_range(name).map_err(corrupt)?;
                    if range.height() > 1 {
                        found.push((name.clone(), table_rows(&range), range));
                    }
                }
                let most = found.iter().filter(|(name, ..)| shown.contains(name)).map(|f| f.1).max();
                let first = found.iter().position(|f| most.is_none_or(|most| is_table(f.1, most)));
                if let Some(at) = first {
                    let (name, _, mut range) = found.remove(at);
                    self.check_formulas(&mut book, &name, &range, options)?;
                    spread_merged(&mut book, &name, &mut range);
                    write_sheet(&range, &mut text);
                    read = name;
                }
                others = found.into_iter().map(|(name, ..)| name).collect();
            }
        }
        let options = ReadOptions { delimiter: Some(','), encoding: Some("utf-8".into()), ..options.clone() };
        let mut rows = Csv::open(Input::memory(location, text.into_bytes()), &options, chunk)?;
        if !others.is_empty() {
            rows.note(format!(
                "the sheet '{read}' is read; others with rows are {}: name one as {}?sheet=NAME",
                others.join(", "),
                self.path
            ));
        }
        Ok((Box::new(rows), Provenance { bytes, ..Provenance::new(location, "workbook") }))
    }
}

impl Sheet<'_> {
    /// Refuses a column of formulas of which the file holds no value, unless it is not used: a program wrote them that does not calculate.
    fn check_formulas(
        &self,
        book: &mut Book,
        name: &str,
        range: &calamine::Range<Data>,
        options: &ReadOptions,
    ) -> Result<()> {
        let empty = (0..range.width()).filter(|&at| {
            let mut cells =
                range.rows().filter_map(|row| row.get(at)).skip_while(|cell| **cell == Data::Empty);
            let named = cells.next().map(Data::to_string);
            let used = named.is_some_and(|named| !options.ignored.iter().any(|known| known == named.trim()));
            used && cells.clone().count() > 0 && cells.all(|cell| *cell == Data::Empty)
        });
        let empty: Vec<usize> = empty.collect();
        let Some((_, left)) = range.start().filter(|_| !empty.is_empty()) else { return Ok(()) };
        // Where formulas cannot be read, nothing is known of them.
        let Ok(formulas) = book.worksheet_formula(name) else { return Ok(()) };
        let of_column = |at: &usize| {
            let absolute = left + *at as u32;
            let found = formulas.used_cells().filter(|(_, column, text)| {
                formulas.start().is_some_and(|start| start.1 + *column as u32 == absolute) && !text.is_empty()
            });
            found.count()
        };
        match empty.iter().map(|at| (at, of_column(at))).find(|(_, n)| *n > 0) {
            None => Ok(()),
            Some((at, n)) => Err(Error::Format {
                file: self.path.into(),
                found: format!(
                    "column {} of sheet '{name}' holds {n} formulas without their values",
                    left as usize + at + 1
                ),
                remedy: "open the workbook in a program that calculates it, and save it there; or leave the column out with --ignore"
                    .into(),
            }
            .into()),
        }
    }
}

/// Gives each row of a merged cell what stands in its first one: a person reads it as that of all of them. (What spans columns are titles
/// and names, which the reader of the header knows.)
fn spread_merged(book: &mut Book, name: &str, range: &mut calamine::Range<Data>) {
    let regions = match book {
        calamine::Sheets::Xlsx(book) => book.merge_cells_by_sheet_name(name).unwrap_or_default(),
        calamine::Sheets::Xls(book) => book.merge_cells_by_sheet_name(name).unwrap_or_default(),
        _ => Vec::new(),
    };
    let Some((last, _)) = range.end() else { return };
    for region in regions {
        let ((top, column), bottom) = (region.start, region.end.0.min(last));
        let value = range.get_value((top, column)).filter(|cell| **cell != Data::Empty).cloned();
        for row in top + 1..=bottom {
            if let Some(value) = &value {
                range.set_value((row, column), value.clone());
            }
        }
    }
}

/// How many rows of a sheet look like those of a table: several cells of each are filled, or the sheet has one column.
fn table_rows(range: &calamine::Range<Data>) -> usize {
    let least = range.width().min(2);
    range.rows().filter(|row| row.iter().filter(|cell| **cell != Data::Empty).count() >= least).count()
}

/// Whether a sheet of so many rows is a table where the longest has `most`: a few lines before a long sheet are its cover.
fn is_table(rows: usize, most: usize) -> bool {
    rows >= FEW || rows * 5 >= most
}

/// A sheet of fewer rows may be a cover.
const FEW: usize = 20;

/// The sheet as CSV: timestamps as ISO 8601, whole numbers without a point, errors such as `#N/A` as nothing.
fn write_sheet(range: &calamine::Range<Data>, out: &mut String) {
    // Rows at the end that were only formatted are part of the range.
    let is_empty = |cell: &Data| match cell {
        Data::Empty => true,
        Data::String(text) => text.trim().is_empty(),
        _ => false,
    };
    let n_rows = range.rows().rposition(|row| !row.iter().all(is_empty)).map_or(0, |last| last + 1);
    for row in range.rows().take(n_rows) {
        for (i, cell) in row.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            let _ = match cell {
                Data::Empty | Data::Error(_) => Ok(()),
                Data::Int(x) => write!(out, "{x}"),
                Data::Float(x) => write!(out, "{x}"),
                Data::Bool(yes) => write!(out, "{yes}"),
                Data::DateTime(at) if at.is_datetime() => write_moment(out, at),
                Data::DateTime(at) => write!(out, "{}", at.as_f64()),
                other => write_text(out, &other.to_string()),
            };
        }
        out.push('\n');
    }
}

/// A date, with its time of day where that is not midnight; or a time of day alone, which Excel keeps as a part of a day.
fn write_moment(out: &mut String, at: &calamine::ExcelDateTime) -> std::fmt::Result {
    let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
    if (0.0..1.0).contains(&at.as_f64()) {
        return write!(out, "{hour:02}:{minute:02}:{second:02}");
    }
    write!(out, "{year:04}-{month:02}-{day:02}")?;
    if (hour, minute, second, milli) == (0, 0, 0, 0) {
        return Ok(());
    }
    write!(out, "T{hour:02}:{minute:02}:{second:02}")?;
    if milli > 0 { write!(out, ".{milli:03}") } else { Ok(()) }
}

fn write_text(out: &mut String, text: &str) -> std::fmt::Result {
    if text.contains([',', '"', '\n', '\r']) {
        return write!(out, "\"{}\"", text.replace('"', "\"\""));
    }
    out.write_str(text)
}
