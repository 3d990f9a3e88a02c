//! A finding of `check`: severity, rows, and remedy.

use std::borrow::Cow;

use serde::Serialize;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// A model trained on this would be wrong or look better than it is.
    Severe,
    /// A model would be worse than it could be, or its score less sure.
    Warning,
    /// Worth knowing; tidemill copes with it.
    Note,
}

impl Severity {
    /// The word that people read.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Severe => "severe",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable, machine-readable name, such as `mixed_types`.
    pub code: Cow<'static, str>,
    /// The columns that it is about; none where it is about whole rows.
    pub columns: Vec<String>,
    /// What was found and where, as a sentence.
    pub message: String,
    /// The first rows that show it, counted from 1.
    pub rows: Vec<u64>,
    /// What to do, in words.
    pub remedy: String,
    /// Lines for the recipe that do it, where the recipe can; TOML.
    pub recipe: Option<String>,
}

impl Finding {
    pub(super) fn new(severity: Severity, code: &'static str, message: impl Into<String>) -> Self {
        Finding {
            severity,
            code: code.into(),
            columns: Vec::new(),
            message: message.into(),
            rows: Vec::new(),
            remedy: String::new(),
            recipe: None,
        }
    }

    pub(super) fn of(mut self, columns: &[&str]) -> Self {
        self.columns = columns.iter().map(ToString::to_string).collect();
        self
    }

    pub(super) fn at(mut self, rows: &[u64]) -> Self {
        self.rows = rows.to_vec();
        self
    }

    pub(super) fn remedy(mut self, words: impl Into<String>) -> Self {
        self.remedy = words.into();
        self
    }

    pub(super) fn recipe(mut self, lines: impl Into<String>) -> Self {
        self.recipe = Some(lines.into());
        self
    }
}

/// `[columns.NAME]` and a line below it.
pub(super) fn column_line(name: &str, line: &str) -> String {
    format!("[columns.{}]\n{line}", key(name))
}

/// Lines that leave these columns out.
pub(super) fn ignore(names: &[&str]) -> String {
    format!("[data]\nignore = {}", list(names))
}

/// A step of preparation for these columns.
pub(super) fn step(kind: &str, names: &[&str]) -> String {
    format!("[[steps]]\nkind = {}\ncolumns = {}", quoted(kind), list(names))
}

/// A list of texts.
pub(super) fn list(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|t| quoted(t)).collect();
    format!("[{}]", quoted.join(", "))
}

fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if bare { name.to_string() } else { quoted(name) }
}

/// A TOML string on one line.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => out += &format!("\\u{:04X}", u32::from(c)),
            c => out.push(c),
        }
    }
    out + "\""
}

/// `12 of 344 (3.5%)`.
pub(super) fn share(count: u64, of: u64) -> String {
    let percent = 100.0 * count as f64 / of.max(1) as f64;
    let digits = if percent >= 10.0 || percent == 0.0 { 0 } else { 1 };
    let shown = format!("{percent:.digits$}");
    if count > 0 && shown == "0.0" {
        format!("{count} of {of} (under 0.1%)")
    } else {
        format!("{count} of {of} ({shown}%)")
    }
}

/// `row 4` or `rows 4, 9, 12, …`.
pub(super) fn rows(rows: &[u64], count: u64) -> String {
    let more = if count > rows.len() as u64 { ", …" } else { "" };
    let shown: Vec<String> = rows.iter().map(u64::to_string).collect();
    format!("row{} {}{more}", if count == 1 { "" } else { "s" }, shown.join(", "))
}

/// `'a', 'b' and 'c'`, or the first few of many.
pub(super) fn names<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().take(6).map(|n| format!("'{}'", n.as_ref())).collect();
    match quoted.as_slice() {
        _ if names.len() > 6 => format!("{} and {} more", quoted.join(", "), names.len() - 6),
        [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
        _ => quoted.join(""),
    }
}
