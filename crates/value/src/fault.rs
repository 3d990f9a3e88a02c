//! What is wrong with a plan, a price list or a table of events.

use tidemill_core::{Coded, DocumentError};

/// What is wrong with the value of a key, before it is known in which line it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// The dotted path of the key: `products[0].churn`.
    pub key: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl Fault {
    /// A fault of the key.
    pub fn new(key: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Fault { key: key.into(), problem: problem.into(), remedy: remedy.into() }
    }
}

/// The errors of this crate.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// A plan or a price list is not what it should be.
    #[error("{file}{}: {problem}", at_line(.line))]
    Plan {
        /// The file, as the user named it.
        file: String,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        problem: String,
        /// What to do, and the line's text.
        remedy: String,
    },
}

impl From<DocumentError> for ValueError {
    fn from(e: DocumentError) -> Self {
        ValueError::Plan { file: e.file, line: e.line, problem: e.problem, remedy: e.remedy }
    }
}

impl Coded for ValueError {
    fn code(&self) -> &'static str {
        "plan"
    }

    fn remedy(&self) -> Option<String> {
        let ValueError::Plan { remedy, .. } = self;
        Some(remedy.clone())
    }

    fn line(&self) -> Option<u64> {
        let ValueError::Plan { line, .. } = self;
        line.map(|n| n as u64)
    }
}

fn at_line(line: &Option<usize>) -> String {
    line.map(|n| format!(", line {n}")).unwrap_or_default()
}
