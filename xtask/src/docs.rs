//! The generated pages of `docs/`: the program writes them from its own doc comments and schemas. That they are
//! unchanged is a test of `engine`, so that checking them costs no build of its own.

use crate::{Outcome, cargo};

/// Writes the pages.
pub(crate) fn write() -> Outcome {
    let mut command = cargo(&["run", "--quiet", "--package", "tidemill-cli", "--", "docs", "docs"]);
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`tidemill docs` failed: {status}")),
        Err(e) => Err(format!("{command:?}: {e}")),
    }
}
