//! The effect of preparation on a table: each column before and after, and what each step changed.

use std::path::PathBuf;

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_core::recipe::Spec;
use tidemill_core::{Role, Warning};

use crate::search::BalanceFacts;

/// What `prepare` did.
#[derive(Clone, Debug, Serialize)]
pub struct PreparedFacts {
    /// The rows, as the user named them.
    pub source: String,
    /// Whether the steps were fitted on these rows, or came from a saved preparation.
    pub fitted: bool,
    /// Rows that came in and were read.
    pub rows_before: u64,
    /// Rows that were written.
    pub rows_after: u64,
    /// Rows in which at least one cell changed; of columns that were there before and after.
    pub rows_touched: u64,
    /// Each column, in the order of the table; columns that steps added come last.
    pub columns: Vec<ColumnStory>,
    /// The steps, in order.
    pub steps: Vec<StepFacts>,
    /// Columns of the source that are not written.
    pub left_out: Vec<LeftOut>,
    /// What balancing did to the rows, where it was asked for.
    pub balance: Option<BalanceFacts>,
    /// The resampler that the recipe names and that was not applied, since nobody asked for it.
    pub balance_skipped: Option<String>,
    /// The file of rows that was written.
    pub out: Option<String>,
    /// The saved preparation that was written.
    pub saved: Option<PathBuf>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// A column that is not written, and why.
#[derive(Clone, Debug, Serialize)]
pub struct LeftOut {
    /// The column.
    pub column: String,
    /// Why it is not used.
    pub why: String,
}

/// A column before and after.
#[derive(Clone, Debug, Serialize)]
pub struct ColumnStory {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// What it held; absent where a step added it.
    pub before: Option<ColumnShape>,
    /// What it holds; absent where a step took it away.
    pub after: Option<ColumnShape>,
    /// The kinds of the steps that changed, added or removed it, in order.
    pub steps: Vec<String>,
}

/// What a column holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ColumnShape {
    /// The kind of its values.
    pub kind: &'static str,
    /// How many rows.
    pub rows: u64,
    /// How many have no value.
    pub missing: u64,
    /// How many different values; absent for vectors, images and series.
    pub distinct: Option<u64>,
    /// Whether that is exact, not an estimate.
    pub exact: bool,
    /// Of a number.
    pub numbers: Option<Numbers>,
    /// Of a time.
    pub times: Option<TimeRange>,
    /// The most frequent values with their counts, of a category or flag.
    pub top: Vec<(String, u64)>,
}

/// The distribution of a number. Quantiles as numpy's default; exact up to 4,096 values, then to about 0.1% in rank.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Numbers {
    /// The mean of the finite values.
    pub mean: f64,
    /// Their standard deviation, of a sample (n - 1); absent for fewer than two.
    pub std: Option<f64>,
    /// The least value, the quartiles, the greatest value.
    pub quantiles: [f64; 5],
    /// Values that are infinite.
    pub infinite: u64,
    /// Counts in bins of equal width from the least to the greatest finite value.
    pub histogram: Vec<u64>,
}

/// The first and the last moment of a column, in ISO 8601 and UTC.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimeRange {
    /// The first.
    pub first: String,
    /// The last.
    pub last: String,
}

/// What a step did.
#[derive(Clone, Debug, Serialize)]
pub struct StepFacts {
    /// The step as a recipe says it.
    pub spec: Spec,
    /// The columns of which cells changed.
    pub changed: IndexMap<String, CellChanges>,
    /// Columns that it added.
    pub added: Vec<String>,
    /// Columns that it took away, or replaced by others.
    pub removed: Vec<String>,
    /// Rows in which it changed at least one cell.
    pub rows_touched: u64,
    /// Rows that it dropped.
    pub rows_dropped: u64,
}

/// How many cells of a column changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CellChanges {
    /// Missing before, a value after.
    pub filled: u64,
    /// A value before, missing after.
    pub emptied: u64,
    /// Another value.
    pub replaced: u64,
}

impl CellChanges {
    /// Whether no cell changed.
    pub fn is_none(&self) -> bool {
        *self == CellChanges::default()
    }
}
