//! A plan's file: whatever is wrong with a value is shown with its line.

use serde::de::DeserializeOwned;
use tidemill_core::{Error, Result, nearest};

use crate::fault::{Fault, ValueError};

/// A file that has been read.
#[derive(Clone, Debug)]
pub struct Document(tidemill_core::Document);

impl Document {
    /// Reads a value from text; `file` is what errors call it. A key that is not known is refused with the nearest one.
    pub(crate) fn read<T: DeserializeOwned>(text: &str, file: &str) -> Result<(T, Document)> {
        let (value, document) = tidemill_core::Document::parse(text, file).map_err(ValueError::from)?;
        let document = Document(document);
        match serde_path_to_error::deserialize(value) {
            Ok(read) => Ok((read, document)),
            Err(e) => {
                let path = e.path().to_string();
                Err(document.refusal(&path, &e.inner().to_string()))
            }
        }
    }

    /// What serde says, in words that help.
    fn refusal(&self, path: &str, said: &str) -> Error {
        let mut quoted = said.split('`').skip(1).step_by(2);
        if said.starts_with("unknown field") || said.starts_with("unknown variant") {
            let key = quoted.next().unwrap_or_default();
            let known: Vec<&str> = quoted.collect();
            let hint = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean '{near}'?"),
                None => format!("known here: {}", known.join(", ")),
            };
            let problem = match said.starts_with("unknown field") {
                true => format!("there is no key '{key}'"),
                false => format!("'{path}' cannot be '{key}'"),
            };
            return self.wrong(path, problem, &hint);
        }
        if said.starts_with("missing field") {
            let key = quoted.next().unwrap_or_default();
            let part = if path == "." { "the file".into() } else { format!("'{path}'") };
            let problem = format!("{part} lacks '{key}'");
            return self.wrong(path, problem, &format!("add `{key} = …`"));
        }
        self.wrong(path, format!("'{path}': {said}"), "correct the value")
    }

    /// The error of a fault: the file, the line and its text.
    pub fn error(&self, fault: &Fault) -> Error {
        self.wrong(&fault.key, format!("'{}' {}", fault.key, fault.problem), &fault.remedy)
    }

    fn wrong(&self, path: &str, problem: String, remedy: &str) -> Error {
        ValueError::from(self.0.wrong(path, problem, remedy)).into()
    }
}
