//! Errors in files of other programs, with their position.

use crate::error::EngineError;

/// What to do about a file that is not whole.
const AGAIN: &str =
    "save the model again with its own program: `save_model` of LightGBM or XGBoost, `to_onnx` of skl2onnx";

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Where in the file: a line, a key or a byte.
    at: Option<String>,
    problem: String,
    remedy: String,
}

impl Fault {
    /// The file is not what its program writes.
    pub(super) fn broken(problem: impl Into<String>) -> Self {
        Fault { at: None, problem: problem.into(), remedy: AGAIN.into() }
    }

    /// The file is whole, and holds something that is not taken over.
    pub(super) fn refused(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Fault { at: None, problem: problem.into(), remedy: remedy.into() }
    }

    /// The same at a place, where none is known yet.
    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.at.get_or_insert(place.into());
        self
    }

    /// The same about a file.
    pub(super) fn of_file(self, file: &str) -> EngineError {
        let at = self.at.map(|at| format!(", {at}")).unwrap_or_default();
        EngineError::Import { place: format!("{file}{at}"), problem: self.problem, remedy: self.remedy }
    }
}
