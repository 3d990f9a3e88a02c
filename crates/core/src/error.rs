//! Errors that help: what was found, where, and what to do.

use std::borrow::Cow;
use std::path::PathBuf;

use crate::Kind;

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error of another crate, carried through `core` with its stable code and its remedy.
pub trait Coded: std::error::Error + Send + Sync + 'static {
    /// A stable, machine-readable name such as `"csv_ragged_row"`.
    fn code(&self) -> &'static str;
    /// What to do about it, as a sentence; `None` if the message already says so.
    fn remedy(&self) -> Option<String> {
        None
    }
    /// The line of the input that caused it, from 1.
    fn line(&self) -> Option<u64> {
        None
    }
}

/// The errors of `core`, and through [`Error::Room`] those of every other crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A required column does not exist.
    #[error("column '{}' is missing from {place}{}", escaped(.column), near(.nearest))]
    MissingColumn {
        /// The required column.
        column: String,
        /// Where it was looked for: a file, "the request", …
        place: String,
        /// The existing column with the most similar name.
        nearest: Option<String>,
    },
    /// A column contains another kind of value than required.
    #[error("column '{}' is of kind {found}, but {wanted} is needed", escaped(.column), found = .found.word())]
    WrongKind {
        /// The column.
        column: String,
        /// Its kind.
        found: Kind,
        /// The required kind, as a word.
        wanted: String,
    },
    /// The data cannot be used for the request.
    #[error("{problem}")]
    Data {
        /// What was found, and where.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// A parameter has an invalid value.
    #[error("'{key}': {problem}")]
    Parameter {
        /// Its dotted path within the recipe or the step.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A saved model contains something that this build cannot read.
    #[error("saved '{kind}': {problem}")]
    State {
        /// The kind of the saved part.
        kind: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Reading or writing failed.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// The user asked to stop.
    #[error("stopped on request; nothing was written")]
    Cancelled,
    /// A bug in Tidemill; please report it.
    #[error("internal error: {0}")]
    Internal(String),
    /// An error of another crate.
    #[error("{0}")]
    Room(Box<dyn Coded>),
}

impl Error {
    /// A stable, machine-readable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::MissingColumn { .. } => "missing_column",
            Error::WrongKind { .. } => "wrong_kind",
            Error::Data { .. } => "data",
            Error::Parameter { .. } => "parameter",
            Error::State { .. } => "state",
            Error::Io { .. } => "io",
            Error::Cancelled => "cancelled",
            Error::Internal(_) => "internal",
            Error::Room(e) => e.code(),
        }
    }

    /// The line of the input that caused it, from 1, if there is one.
    pub fn line(&self) -> Option<u64> {
        match self {
            Error::Room(e) => e.line(),
            _ => None,
        }
    }

    /// What to do about it, if the message does not say so itself.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Error::MissingColumn { nearest: None, .. } => {
                Some("check the name; `tidemill check FILE` lists the columns".into())
            }
            Error::Data { remedy, .. } => Some(remedy.clone()),
            Error::State { .. } => {
                Some("use the tidemill version that wrote the model, or a newer one".into())
            }
            Error::Internal(_) => Some("please report it with the command that led here".into()),
            Error::Room(e) => e.remedy(),
            _ => None,
        }
    }

    /// The data cannot be used; `remedy` says what to do.
    pub fn data(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Data { problem: problem.into(), remedy: remedy.into() }
    }

    /// A parameter is out of range.
    pub fn parameter(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Error::Parameter { key: key.into(), problem: problem.into() }
    }

    /// A broken invariant between our own crates.
    pub fn internal(problem: impl Into<String>) -> Self {
        Error::Internal(problem.into())
    }

    /// A saved part that cannot be read.
    pub fn state(kind: impl Into<String>, problem: impl Into<String>) -> Self {
        Error::State { kind: kind.into(), problem: problem.into() }
    }

    /// A file or folder that cannot be read or written.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Error::Io { path: path.into(), source }
    }

    /// A column that is not among `names`.
    pub fn missing_column<'a>(
        column: &str,
        place: impl Into<String>,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Error::MissingColumn {
            column: column.into(),
            place: place.into(),
            nearest: nearest(column, names).map(String::from),
        }
    }
}

impl<E: Coded> From<E> for Error {
    fn from(e: E) -> Self {
        Error::Room(Box::new(e))
    }
}

fn near(nearest: &Option<String>) -> String {
    nearest.as_ref().map(|n| format!("; did you mean '{}'?", escaped(n))).unwrap_or_default()
}

/// A name on one line: line breaks, tabs and other control characters are written as `\\n`, `\\t`, `\\u{7}`.
///
/// ```
/// assert_eq!(tidemill_core::escaped("Total\n(EUR)"), "Total\\n(EUR)");
/// assert_eq!(tidemill_core::escaped("naïve"), "naïve");
/// ```
pub fn escaped(name: &str) -> Cow<'_, str> {
    if !name.chars().any(char::is_control) {
        return Cow::Borrowed(name);
    }
    let one = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(name.chars().map(one).collect())
}

/// From 0 to 1. In short words, a single typo or swap lowers the Jaro-Winkler similarity a lot, although it is an obvious typo.
fn similarity(a: &str, b: &str) -> f64 {
    let slip = a.chars().count() > 2 && strsim::osa_distance(a, b) <= 1;
    strsim::jaro_winkler(a, b).max(if slip { 0.9 } else { 0.0 })
}

/// The candidate most similar to `word`, if any is similar enough to be what was meant.
///
/// ```
/// assert_eq!(tidemill_core::nearest("speceis", ["island", "species"]), Some("species"));
/// assert_eq!(tidemill_core::nearest("aeg", ["age", "sex"]), Some("age"));
/// assert_eq!(tidemill_core::nearest("zzz", ["island", "species"]), None);
/// ```
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase();
    candidates
        .into_iter()
        .map(|c| (similarity(&folded, &c.to_lowercase()), c))
        .filter(|(similarity, _)| *similarity >= 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}
