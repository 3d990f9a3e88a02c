//! How a text file was read: [`Reading`].

use serde::{Deserialize, Serialize};

/// How a text file was read: what was said about it, and what was found where nothing was said. It is saved with a model and
/// written into the resolved recipe, so that the same file is read the same way again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reading {
    /// What divides the cells; a space stands for any run of spaces and tabs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<char>,
    /// What encloses cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<char>,
    /// Whether the first row of the table holds the names of the columns.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// How many lines above the table are passed over: titles, comments, blank lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<usize>,
    /// How many lines below the table are passed over: totals, counts of rows, sources.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<usize>,
    /// The encoding of the text, by its name in the Encoding Standard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
    /// The first line of the file, shortened: it is quoted where a column is missing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub first_line: String,
    /// What was passed over or taken in an unusual way, one sentence each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// What is worth a look besides, one sentence each; it is about the rows as they came, and not saved.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// Columns that cannot be read, each with what it holds: they matter only where they are used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<(String, String)>,
}
