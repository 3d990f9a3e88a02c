//! Workbooks of Excel and OpenDocument: a sheet becomes text, and the text is read as any CSV is, titles above the table included.

use std::fmt::Write as _;
use std::path::Path;

use calamine::{Data, Reader, open_workbook_auto};
use tidemill_core::{Error as CoreError, Result, Source};

use super::csv::Csv;
use super::input::Input;
use super::{Provenance, ReadOptions, extension};
use crate::Error;

const EXTENSIONS: [&str; 6] = ["xlsx", "xlsm", "xlsb", "xls", "ods", "xlam"];

/// A sheet of a workbook: `FILE.xlsx` (the first with more than one row) or `FILE.xlsx?sheet=NAME`.
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
        let mut others = Vec::new();
        match self.name {
            Some(name) if !sheets.iter().any(|s| s == name) => {
                let (found, remedy) =
                    (format!("there is no sheet '{name}'"), format!("the sheets are: {}", sheets.join(", ")));
                return Err(Error::Format { file: self.path.into(), found, remedy }.into());
            }
            Some(name) => write_sheet(&book.worksheet_range(name).map_err(corrupt)?, &mut text),
            None => {
                for name in &sheets {
                    let range = book.worksheet_range(name).map_err(corrupt)?;
                    if text.is_empty() && range.height() > 1 {
                        write_sheet(&range, &mut text);
                    } else if range.height() > 1 {
                        others.push(name.clone());
                    }
                }
            }
        }
        let options = ReadOptions { delimiter: Some(','), encoding: Some("utf-8".into()), ..options.clone() };
        let mut rows = Csv::open(Input::memory(location, text.into_bytes()), &options, chunk)?;
        if !others.is_empty() {
            rows.note(format!(
                "the first sheet with rows is read; the others are {}: name one as {}?sheet=NAME",
                others.join(", "),
                self.path
            ));
        }
        Ok((Box::new(rows), Provenance { bytes, ..Provenance::new(location, "workbook") }))
    }
}

/// The sheet as CSV: timestamps as ISO 8601, whole numbers without a point, errors such as `#N/A` as nothing.
fn write_sheet(range: &calamine::Range<Data>, out: &mut String) {
    for row in range.rows() {
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

/// A date, with its time of day where that is not midnight.
fn write_moment(out: &mut String, at: &calamine::ExcelDateTime) -> std::fmt::Result {
    let (year, month, day, hour, minute, second, milli) = at.to_ymd_hms_milli();
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
