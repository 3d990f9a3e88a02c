//! The settings of splits and folds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// How rows are divided into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// Randomly.
    Random,
    /// Randomly, with each class (or tenth of a numeric target) in proportion.
    Stratified,
    /// Randomly, with whole groups together.
    Group,
    /// Randomly, with whole groups together, and each class (or tenth of a numeric target) as nearly in proportion as the groups allow.
    StratifiedGroup,
    /// The latest rows are the test part; folds never train on later rows.
    Time,
    /// By a column that names the part of each row: `train` or `test`.
    Given,
    /// By a hash of the key, so that a row stays in its part when the table grows.
    Hash,
    /// By place: whole blocks of neighbours, with a buffer around the evaluated rows that is excluded from training. For rows that have a
    /// place (see `point` of `[data]`): in a random split, nearly every evaluated row has a neighbour in the training data.
    Spatial,
}

/// How the test part is held out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// How rows are divided. By default, by time or group if such a column is named, else stratified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SplitKind>,
    /// The share of rows held out for the final test, between 0 and 1.
    pub test: f64,
    /// For `given`: the column that contains `train` or `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// For `time`, for the test part and for folds: rows less than this before the first evaluated row are excluded from training, such as
    /// `12h`, `7d` or `4w`, or if the time is a number, a number in its unit. What only becomes known later must not help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// For `spatial`: the number of blocks of neighbours. By default 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// For `spatial`, for the test part and for folds: rows at most this far from an evaluated row are excluded from training, in metres if
    /// places are in degrees, else in their unit. By default, the median distance from a row to its fifth nearest other row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer: Option<f64>,
    /// The number of outer folds, each of which is the test part once (nested cross-validation): the whole search is repeated for each, and
    /// the reported score covers all rows. By default, there is one test part. Costs this many additional searches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested: Option<usize>,
    /// Whether copies of a row (equal or nearly equal, where that cannot be chance) and rows with the same key stay on one side of every
    /// split.
    #[serde(skip_serializing_if = "is_default")]
    pub copies: Copies,
}

/// How copies of a row are treated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// They stay on one side of every split: no row is evaluated by a model that learned from its copy.
    #[default]
    Together,
    /// They are treated like any other rows.
    Ignore,
}

impl Default for Split {
    fn default() -> Self {
        Split {
            kind: None,
            test: 0.2,
            column: None,
            gap: None,
            blocks: None,
            buffer: None,
            nested: None,
            copies: Copies::Together,
        }
    }
}

/// How learners are compared on the training part.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Folds {
    /// How rows are divided into folds. By default, like the test part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SplitKind>,
    /// The number of folds, at least 2. By default 5, or 10 with fewer than 1,000 training rows (with few rows, the choice between learners
    /// is largely luck, and more folds cost little), or 3 from 200,000 rows on, where they are enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// How often all rows are randomly divided into folds again. By default once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<usize>,
}

impl Folds {
    /// The number of folds for this number of training rows.
    pub fn count(&self, n_rows: usize) -> usize {
        self.n.unwrap_or(match n_rows {
            0..1000 => 10,
            1000..200_000 => 5,
            _ => 3,
        })
    }
}
