//! What a recipe says of splits and folds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::is_default;

/// How rows are divided into parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SplitKind {
    /// By chance.
    Random,
    /// By chance, each class (or tenth of a numeric target) in proportion.
    Stratified,
    /// By chance, whole groups together.
    Group,
    /// By chance, whole groups together, each class (or tenth of a numeric target) as nearly in proportion as the groups
    /// allow.
    StratifiedGroup,
    /// The latest rows are the test part; folds never train on what came later.
    Time,
    /// By a column that names each row's part: `train` or `test`.
    Given,
    /// By a hash of the key, so that a row stays in its part when the table grows.
    Hash,
    /// By place: whole blocks of neighbours, with a belt around those that are judged from which nothing is learned. For rows that have
    /// a place (see `point` of `[data]`): divided by chance, nearly each judged row has a neighbour that was learned from.
    Spatial,
}

/// How the test part is set aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Split {
    /// How rows are divided; without it: by time or group where one is named, else stratified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SplitKind>,
    /// The share of rows set aside for the final test, between 0 and 1.
    pub test: f64,
    /// For `given`: the column that says `train` or `test`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// For `time`, of the test part and of folds: rows less than this before the first judged row are left out of training,
    /// such as `12h`, `7d` or `4w`, or where the time is a number, a number in its unit: what is known only later must not
    /// help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
    /// For `spatial`: into how many blocks of neighbours the rows are cut; without it 25.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocks: Option<usize>,
    /// For `spatial`, of the test part and of folds: rows at most this far from a judged row are left out of training, in metres where
    /// places are degrees, else in their unit; without it the median distance from a row to its fifth nearest other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buffer: Option<f64>,
    /// Into how many outer folds the rows are divided, each of which is the test part once (nested cross-validation): the whole
    /// search is done anew for each, and the quoted score is over all rows. Without it there is one test part. Costs as many
    /// searches more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nested: Option<usize>,
    /// Whether copies of a row (equal or nearly equal, where that cannot be chance) and rows of one key stay on one side of
    /// every split.
    #[serde(skip_serializing_if = "is_default")]
    pub copies: Copies,
}

/// What is done about copies of a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Copies {
    /// They stay on one side of every split: no row is judged by a model that learned from its copy.
    #[default]
    Together,
    /// They are treated as any other rows.
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
    /// How rows are divided into folds; without it: as the test part was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<SplitKind>,
    /// How many folds, at least 2; without it 5, or 10 where there are fewer than 1,000 training rows: few rows
    /// make the choice between learners a matter of luck, and cost little; or 3 from 200,000 rows on, where they say enough.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub n: Option<usize>,
    /// How often all rows are divided into folds anew, by chance; without it once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repeats: Option<usize>,
}

impl Folds {
    /// How many folds for so many training rows.
    pub fn count(&self, n_rows: usize) -> usize {
        self.n.unwrap_or(match n_rows {
            0..1000 => 10,
            1000..200_000 => 5,
            _ => 3,
        })
    }
}
