//! Reading single rows of callers, who are told what is wrong with each cell.

use std::sync::Arc;

use tidemill_core::{Cell, Kind, Result, Role, Row, Schema};

use super::Ingest;
use super::bound::BoundIntake;
use crate::cell::{Raw, Reader, raw_cell};
use crate::seen::Unfamiliar;

/// What is odd about a cell of a caller's row.
#[derive(Clone, Debug, PartialEq)]
pub enum CellIssue {
    /// It is not what the column holds; the model takes it as missing.
    Unreadable {
        /// The column.
        column: String,
        /// What the column holds.
        wanted: Kind,
        /// What came, shortened.
        value: String,
    },
    /// A category that training never saw.
    Unseen {
        /// The column.
        column: String,
        /// What came, shortened.
        value: String,
    },
    /// A number beyond those of training.
    Outside {
        /// The column.
        column: String,
        /// What came.
        value: f64,
        /// The least and the greatest of training.
        range: [f64; 2],
    },
    /// Something of which training told the model little or nothing.
    Unfamiliar {
        /// The column.
        column: String,
        /// What it is, such as `unknown_text`.
        code: &'static str,
        /// The same as a sentence, without the value.
        says: String,
    },
}

impl CellIssue {
    /// A stable, machine-readable name.
    pub fn code(&self) -> &'static str {
        match self {
            CellIssue::Unreadable { .. } => "wrong_type",
            CellIssue::Unseen { .. } => "unseen_category",
            CellIssue::Outside { .. } => "outside_training_range",
            CellIssue::Unfamiliar { code, .. } => code,
        }
    }

    /// The column that it is about.
    pub fn column(&self) -> &str {
        match self {
            CellIssue::Unreadable { column, .. }
            | CellIssue::Unseen { column, .. }
            | CellIssue::Outside { column, .. }
            | CellIssue::Unfamiliar { column, .. } => column,
        }
    }

    /// What is odd, without the value: it may go into an answer or a log.
    pub fn message(&self) -> String {
        match self {
            CellIssue::Unreadable { wanted: Kind::Image, .. } => "the value is not an image".into(),
            CellIssue::Unreadable { wanted, .. } => format!("the value is not a {}", wanted.word()),
            CellIssue::Unseen { .. } => "training never saw this value; the model knows nothing of it".into(),
            CellIssue::Outside { range: [least, greatest], .. } => {
                format!("in training the values lay between {least} and {greatest}")
            }
            CellIssue::Unfamiliar { says, .. } => says.clone(),
        }
    }
}

impl std::fmt::Display for CellIssue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "column '{}': {}", self.column(), self.message())
    }
}

/// Points that came out of the order of time: they are put into it, but whoever sent them may have mixed up something else, too.
fn disordered(reader: &Reader, raw: Raw<'_>) -> Option<Unfamiliar> {
    let (code, says) =
        ("history_out_of_order", "its points are not in the order of time; they were put into it");
    (reader.kind == Kind::Series && !reader.is_in_order(raw)).then(|| Unfamiliar { code, says: says.into() })
}

/// An intake bound for rows of callers.
pub struct RowReader(BoundIntake, Arc<Ingest>);

impl Ingest {
    /// Binds the intake for single rows of this schema. Errors as [`tidemill_core::Fitted::bind`].
    pub fn rows(self: &Arc<Self>, input: &Schema) -> Result<RowReader> {
        Ok(RowReader(BoundIntake::new(self.clone(), input)?, self.clone()))
    }
}

impl RowReader {
    /// Reads a raw row in place, as [`tidemill_core::Run::row`] does, and adds what is odd about it to `flaws`.
    pub fn read(&mut self, row: &mut Row, flaws: &mut Vec<CellIssue>) -> Result<()> {
        let RowReader(bound, intake) = self;
        bound.convert(row, |at, raw, cell, bad| {
            let output = &intake.outputs[at];
            let column = &output.column;
            let name = || column.name.clone();
            let shown = || raw.shown().chars().take(40).collect::<String>();
            match cell {
                Cell::Code(_) if bad && column.role == Role::Feature => {
                    flaws.push(CellIssue::Unseen { column: name(), value: shown() });
                }
                Cell::Missing if bad => {
                    flaws.push(CellIssue::Unreadable { column: name(), wanted: column.kind, value: shown() });
                }
                Cell::Number(x) if column.role == Role::Feature => {
                    if let Some(range) = output.range.filter(|[a, b]| x < a || x > b) {
                        flaws.push(CellIssue::Outside { column: name(), value: *x, range });
                    }
                }
                _ => {}
            }
            if matches!(column.role, Role::Feature | Role::Time | Role::Neighbors) && !output.seen.is_empty()
            {
                // What could not be read has been said.
                let typed = raw_cell(cell, None).filter(|_| !bad).and_then(|typed| output.seen.judge(typed));
                let found = typed
                    .or_else(|| output.seen.judge_written(raw))
                    .or_else(|| disordered(&output.reader, raw));
                flaws.extend(found.map(|f| CellIssue::Unfamiliar {
                    column: name(),
                    code: f.code,
                    says: f.says,
                }));
            }
        })
    }
}
