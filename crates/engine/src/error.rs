//! Errors about a request as a whole.

use tidemill_core::{Coded, DocumentError};

/// The errors of the engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The recipe is not what it should be.
    #[error("{file}{}: {problem}", at_line(.line))]
    Recipe {
        /// The recipe's file, as the user named it.
        file: String,
        /// The line, counted from 1, where it is known.
        line: Option<usize>,
        /// What is wrong.
        problem: String,
        /// The offending line's text and what to do.
        remedy: String,
    },
    /// A model of another program cannot be taken over.
    #[error("{place}: {problem}")]
    Import {
        /// The file, and where in it.
        place: String,
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
    /// An argument of a verb cannot be used.
    #[error("{problem}")]
    Usage {
        /// What is wrong.
        problem: String,
        /// What to do.
        remedy: String,
    },
}

impl Coded for EngineError {
    fn code(&self) -> &'static str {
        match self {
            EngineError::Recipe { .. } => "recipe",
            EngineError::Import { .. } => "import",
            EngineError::Usage { .. } => "usage",
        }
    }

    fn remedy(&self) -> Option<String> {
        match self {
            EngineError::Recipe { remedy, .. }
            | EngineError::Import { remedy, .. }
            | EngineError::Usage { remedy, .. } => Some(remedy.clone()),
        }
    }
}

impl From<DocumentError> for EngineError {
    fn from(e: DocumentError) -> Self {
        EngineError::Recipe { file: e.file, line: e.line, problem: e.problem, remedy: e.remedy }
    }
}

impl EngineError {
    /// What would hold rows of the training data where the recipe refuses that.
    pub(crate) fn rows_in_model(kinds: &[String]) -> Self {
        EngineError::usage(
            format!(
                "the model would hold rows of the training data ({}), and [privacy] rows_in_model is false",
                kinds.join(", ")
            ),
            "leave these out of the recipe, or allow rows in the model: rows_in_model = true",
        )
    }

    /// An argument that cannot be used, and what to do.
    pub fn usage(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        EngineError::Usage { problem: problem.into(), remedy: remedy.into() }
    }
}

fn at_line(line: &Option<usize>) -> String {
    line.map(|n| format!(", line {n}")).unwrap_or_default()
}
