//! How a text file was read: [`Reading`].

use serde::{Deserialize, Serialize};

/// How a text file was read: what was declared about it, and what was detected otherwise. It is saved with a model and written into the
/// resolved recipe, so that the same file is read the same way again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// The delimiter of the cells; a space stands for any run of spaces and tabs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// The quote character around cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<char>,
    /// Whether the first row of the table contains the column names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The number of lines skipped above the table: titles, comments, blank lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<usize>,
    /// The number of lines skipped below the table: totals, row counts, sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<usize>,
    /// The encoding of the text, by its name in the Encoding Standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The first line of the file, shortened; quoted in errors about a missing column.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_line: String,
    /// What was skipped or interpreted in an unusual way, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Other notable findings, one sentence each; they concern the original rows and are not saved.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// Columns that cannot be read, each with its content; they only matter if they are used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<(String, String)>,
}
