//! What a recipe says of the data: where it is, what it is for, what guards and copies it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Task;

/// Where the rows are and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// A file (CSV, TSV, Parquet, JSON lines, Arrow IPC, an Excel or OpenDocument workbook; gzip or zstd), a glob, a folder of
    /// images (each of its folders a class), `sqlite:FILE?table=NAME`, or `-` for standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The column to predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Several columns to predict, instead of `target`: each gets a model of its own, which never sees the other targets, and one
    /// file holds them all. Classes and numbers may be mixed, and a row may lack some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// What kind of prediction; without it: a target of paths of pictures that are there is masks, of two values binary, of text or few
    /// whole numbers multi-class, anything else regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Why the task was taken for what it is, as reports tell it; written by `train`, without any effect of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_task: Option<String>,
    /// The class that counts as positive in a binary task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The column that names the row: ties feedback to it, never a feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The column that says when the row happened: the test part is then the latest rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Rows that share a value of this column are never split across parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where the rows are: the columns of longitude and latitude or of x and y, in this order, or one column of points
    /// (`POINT (13.4 52.5)`). Found without it by names such as `lon` and `lat`, `pickup_longitude` and `pickup_latitude`, `x` and `y`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Vec<String>>,
    /// What the coordinates are measured in; found without it by names and ranges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
    /// The column that says how much a row counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Columns not to use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Drop the columns suspected of giving the target away, instead of warning about them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_leaks: bool,
    /// Keep a copy of the rows that the model is trained on, to be brought back by `tidemill data restore --of MODEL`; encrypted where
    /// `[privacy]` names a recipient.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// The folder of snapshots; seen from the recipe's folder where it is there; without it `tidemill-snapshots`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// Texts that mean "no value", besides the usual ones (empty, `NA`, `N/A`, `NaN`, `null`, `None`, `?`, `-`); one that is a
    /// number, such as `-999`, also means that number where a source has types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The only texts that mean "no value", instead of the usual ones: `[]` where `NA` or `None` is a name like any other. An
    /// empty cell always means no value, and so does a word where every other cell is a number or a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_only: Option<Vec<String>>,
    /// Whether the first row of a CSV file or sheet holds the names of the columns; found out without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// How many lines of a CSV file or sheet stand above the table (titles, comments); found out without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<usize>,
    /// How many lines of a CSV file or sheet stand below the table (totals, `(3 rows)`, sources); found out without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<usize>,
    /// What divides the cells of a CSV file: one character, a space for any run of spaces; found out without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The encoding of a text file, such as `utf-8` or `windows-1252`; found out without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// What coordinates are measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    /// Longitude and latitude on the earth, in degrees: distances are great circles, in metres.
    Degrees,
    /// x and y in a plane: distances are straight lines, in their unit.
    Plane,
}

/// What is to be forecast: the target, at timestamps after the last one that is known, from its own past, the calendar and what is known
/// beforehand. Needs the `target` of `[data]`, and its `time` where the table has more than one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Forecast {
    /// How far ahead: a number of steps, such as `24`, or a length of time, such as `24h`, `7d` or `4w`.
    pub horizon: String,
    /// How many steps make a season; without it that of the calendar (12 months, 4 quarters, 7 days, 24 hours, …), or another where the
    /// autocorrelation of the target shows it clearly and the calendar's not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<usize>,
    /// How many steps of the past a forecast looks at; without it what covers two seasons, and a week where steps are hours or days,
    /// but at most a quarter of the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// How many steps of the past a row holds, for methods that follow all of a series; at least `window`, without it as many as fit
    /// into memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<usize>,
    /// The distance of neighbouring rows of a series, such as `30 minutes`, `1 day`, `weekdays mon tue wed thu fri`, `1 month` or `3 months
    /// end`; without it the one that the timestamps show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The column that says which series a row belongs to; the `group` of `[data]` is taken for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Columns whose values are known beforehand for the moments to be forecast, such as holidays. No other column is looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
}

/// Ties rows to each other, for learners that ask a row's neighbours: `graph_net` and `label_propagation`. The `key` of `[data]` names the
/// rows; ties hold in both directions. A new row brings its own: it lists the keys of its neighbours in `neighbors_column`. A forecast ties
/// its series: the `group` of `[forecast]` names them, and each looks at the past of its neighbours beside its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Graph {
    /// A file of ties: a table with the columns `from` and `to` (keys) and, where ties count differently, `weight`; or a `.gal` file, whose
    /// numbers from 0 stand for the rows in their order unless they are keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<String>,
    /// Instead of a file: each row is tied to so many others, the nearest by place (see `point` of `[data]`). A new row finds its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<usize>,
    /// The column that lists the keys of a row's neighbours: `Ohio;Iowa`, with weights `Ohio=2;Iowa=0.5`, or in JSON `["Ohio", "Iowa"]`.
    /// `edges` fills it; a table that has it needs no file. Without it `neighbors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors_column: Option<String>,
    /// Who is tied to whom, by series: a forecast writes it into its resolved recipe, so that the model needs no file of edges.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ties: BTreeMap<String, String>,
}

impl Graph {
    /// The name of the column that lists a row's neighbours.
    pub fn column(&self) -> &str {
        self.neighbors_column.as_deref().unwrap_or("neighbors")
    }

    /// Whether rows list their neighbours; otherwise these are found by place.
    pub fn lists(&self) -> bool {
        self.neighbors.is_none()
    }
}

/// Which columns of a table say what was decided and what came of it: each row is a decision, its context the features. The model
/// is a policy, which chooses the action; it is judged by what it would have earned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The action that was taken.
    pub action: String,
    /// What came of it: a number, or a flag that counts as 1 and 0. More is better.
    pub reward: String,
    /// The probability with which the action was taken, above 0 and up to 1: judging a policy by other decisions than its own needs it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<String>,
    /// Where no column says it: estimate the probability from the context, by multinomial logistic regression. What is then said of the
    /// policy holds only if nothing else had a part in the logged decisions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimate_propensity: bool,
    /// Where a decision changes what comes next: the column that says which episode a row belongs to. Its rows follow each other by the
    /// `time` of `[data]`, else as they stand. The value of a policy is then the sum of the rewards of an episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
}

/// What guards the private columns of the prediction log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Privacy {
    /// The age recipient (`age1…`) that columns with `private = "seal"` are encrypted for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Whether the model file may hold rows of the training data, as those of nearest neighbours do; `false` refuses them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_in_model: Option<bool>,
}

/// Where `tidemill backup run` keeps copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The second place: a folder, best on another disk or machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// How many sets are kept; without it 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// How often `tidemill serve --backup` makes one, such as `1d` or `6h`; without it once a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
}
