//! What can be wrong with data: what was found, in which file, line and column, and what to do.

use std::path::PathBuf;

use tidemill_core::{Coded, Schema};

/// The errors of this crate; they travel as [`tidemill_core::Error::Room`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A pattern that no file fits.
    #[error("no file fits '{pattern}'")]
    NoFiles {
        /// The glob.
        pattern: String,
    },
    /// A pattern that is not a glob.
    #[error("'{pattern}' is not a file pattern: {problem}")]
    Pattern {
        /// The glob.
        pattern: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of no bytes, or of blank lines only.
    #[error("{file} is empty")]
    Empty {
        /// The file.
        file: String,
    },
    /// A format that is not read or written.
    #[error("{file}: {found}")]
    Format {
        /// The file.
        file: String,
        /// What it seems to be.
        found: String,
        /// What to do.
        remedy: String,
    },
    /// A typed file (Parquet, Arrow) that its reader refuses.
    #[error("{file} cannot be read as {format}: {problem}")]
    Corrupt {
        /// The file.
        file: String,
        /// The format it was read as.
        format: &'static str,
        /// What its reader said.
        problem: String,
    },
    /// Bytes that are not text.
    #[error("{file}, line {line}: binary data (a NUL byte or its like) where text was expected")]
    Binary {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// Bytes that are not of the encoding.
    #[error("{file}, line {line}: bytes that are not {encoding}")]
    Encoding {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The name of the encoding.
        encoding: String,
    },
    /// A row with another number of cells than the first.
    #[error("{file}, line {line}: {found} field{}, but the first row has {expected}", if *found == 1 { "" } else { "s" })]
    Ragged {
        /// The file.
        file: String,
        /// The line on which the row begins, from 1.
        line: u64,
        /// How many cells it has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// The line of the names once more, where every line below the header is a row to be answered.
    #[error("{file}, line {line}: the names of the columns come again")]
    HeaderAgain {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A quote that is never closed.
    #[error("{file}, line {line}: a quoted cell begins here and never ends")]
    UnclosedQuote {
        /// The file.
        file: String,
        /// The line of the opening quote, from 1.
        line: u64,
    },
    /// A row longer than the bound.
    #[error("{file}, line {line}: the row that begins here is longer than {limit} bytes")]
    LongRow {
        /// The file.
        file: String,
        /// The line on which the row begins, from 1.
        line: u64,
        /// The bound.
        limit: usize,
    },
    /// Names that stand more than once in the header.
    #[error("{file}: more than one column is named {}", quoted(.names))]
    DuplicateNames {
        /// The file.
        file: String,
        /// The repeated names.
        names: Vec<String>,
    },
    /// Files of one pattern with different columns.
    #[error("{file} has other columns than {first}: {difference}")]
    OtherColumns {
        /// The file that differs.
        file: String,
        /// The first file.
        first: String,
        /// What differs.
        difference: String,
    },
    /// A column of a kind that is not read.
    #[error("{file}: column '{column}' holds {found}, which is not read yet")]
    Nested {
        /// The file, with the line where there is one.
        file: String,
        /// The column.
        column: String,
        /// Its type in words.
        found: String,
    },
    /// A line that is not a JSON object.
    #[error("{file}, line {line}: {problem}")]
    Json {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A cell that a format cannot hold.
    #[error("column '{column}' is a {kind}, which cannot be written to {file}")]
    Unwritable {
        /// The target.
        file: String,
        /// The column.
        column: String,
        /// Its kind.
        kind: &'static str,
    },
    /// Something about snapshots.
    #[error("{problem}")]
    Snapshot {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A file that cannot be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// The target.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A part or fold without rows.
    #[error("{problem}")]
    Split {
        /// What was found.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl Error {
    /// A split that cannot be made.
    pub(crate) fn split(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Split { problem: problem.into(), remedy: remedy.into() }
    }
}

impl Error {
    /// The line that it is about, from 1.
    fn place(&self) -> Option<u64> {
        match self {
            Error::Binary { line, .. }
            | Error::Encoding { line, .. }
            | Error::Ragged { line, .. }
            | Error::HeaderAgain { line, .. }
            | Error::UnclosedQuote { line, .. }
            | Error::LongRow { line, .. }
            | Error::Json { line, .. } => Some(*line),
            _ => None,
        }
    }
}

impl Coded for Error {
    fn line(&self) -> Option<u64> {
        self.place()
    }

    fn code(&self) -> &'static str {
        match self {
            Error::NoFiles { .. } => "data_no_files",
            Error::Pattern { .. } => "data_pattern",
            Error::Empty { .. } => "data_empty",
            Error::Format { .. } => "data_format",
            Error::Corrupt { .. } => "data_corrupt",
            Error::Binary { .. } => "data_binary",
            Error::Encoding { .. } => "data_encoding",
            Error::Ragged { .. } => "csv_ragged_row",
            Error::HeaderAgain { .. } => "csv_header_again",
            Error::UnclosedQuote { .. } => "csv_unclosed_quote",
            Error::LongRow { .. } => "data_long_row",
            Error::DuplicateNames { .. } => "data_duplicate_names",
            Error::OtherColumns { .. } => "data_other_columns",
            Error::Nested { .. } => "data_nested",
            Error::Json { .. } => "data_json",
            Error::Unwritable { .. } => "data_unwritable",
            Error::Write { .. } => "data_write",
            Error::Split { .. } => "split",
            Error::Snapshot { .. } => "snapshot",
        }
    }

    fn remedy(&self) -> Option<String> {
        let words = match self {
            Error::NoFiles { .. } => "check the folder and the pattern",
            Error::Pattern { .. } => "use * for any characters and ** for any folders",
            Error::Empty { .. } => "check that the export finished",
            Error::Format { remedy, .. } | Error::Split { remedy, .. } | Error::Snapshot { remedy, .. } => {
                remedy
            }
            Error::Corrupt { .. } => "write the file again, and check that its copy is complete",
            Error::Binary { .. } => {
                "give a CSV, TSV, JSON lines, Parquet or Arrow file; in a text, take the NUL byte out of that line"
            }
            Error::Encoding { .. } => "save the file as UTF-8, or name its encoding",
            Error::Ragged { .. } => {
                "quote cells that hold the delimiter or a line break, or name the delimiter if it is another one"
            }
            Error::HeaderAgain { .. } => "take that line out: each line below the first gets an answer",
            Error::UnclosedQuote { .. } => "close the quote, or double quotes that are part of a cell",
            Error::LongRow { .. } => {
                "look for a quote that is not closed on this line, and for missing line ends"
            }
            Error::DuplicateNames { .. } => "rename the columns so that each has a name of its own",
            Error::OtherColumns { .. } => "give files with the same columns, or train on them one by one",
            Error::Nested { .. } => "spread it into plain columns before, or leave it out: --ignore",
            Error::Json { .. } => "write one JSON object per line",
            Error::Unwritable { .. } => "write to .parquet, .arrow or .jsonl, or leave the column out",
            Error::Write { .. } => "check the folder, its permissions and the space left on the disk",
        };
        Some(words.into())
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|n| format!("'{}'", tidemill_core::escaped(n))).collect::<Vec<_>>().join(", ")
}

/// So many columns are listed where one is missing.
const LISTED: usize = 20;

/// The error of a column that is not in `place`, with the columns that are there.
pub fn absent(name: &str, place: &str, found: &Schema) -> tidemill_core::Error {
    let names: Vec<String> = found.names().take(LISTED).map(String::from).collect();
    let more = if found.len() > LISTED { ", …" } else { "" };
    let place = format!("{place}, whose columns are {}{more}", quoted(&names));
    tidemill_core::Error::missing_column(name, place, found.names())
}
