//! The place of a fault in the parameters of a built-in.

/// Where in a recipe a parameter is wrong, and how; the engine finds the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath {
    /// The dotted path below the estimator's own table; empty for the table itself.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl KeyPath {
    /// A problem with the parameter `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        KeyPath { path: path.into(), problem: problem.into() }
    }
}
