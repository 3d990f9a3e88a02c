//! The data settings: where the rows are, what they are for, how they are protected and backed up.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Task;

/// Where the rows are and what they mean.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Data {
    /// A file (CSV, TSV, Parquet, JSON lines, Arrow IPC, an Excel or OpenDocument workbook; gzip or zstd), a glob, a folder of images (one
    /// subfolder per class), `sqlite:FILE?table=NAME`, or `-` for standard input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The column to predict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Several columns to predict, instead of `target`: each gets its own model, which never sees the other targets, and one file contains
    /// them all. Classification and regression targets can be mixed, and a row may lack some of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub targets: Vec<String>,
    /// The kind of prediction. By default, a target of paths of existing images is masks, one of two values is binary, one of text or few
    /// integers is multi-class, and anything else is regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
    /// Why the task was inferred, as shown in reports. Written by `train`; has no effect.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why_task: Option<String>,
    /// The positive class of a binary task.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// The column that identifies the row: links feedback to it, never a feature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The column with the time of the row: the test part then consists of the latest rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Rows that share a value of this column are never split across parts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where the rows are located: the columns of longitude and latitude or of x and y, in this order, or one column of points
    /// (`POINT (13.4 52.5)`). By default, detected by names such as `lon` and `lat`, `pickup_longitude` and `pickup_latitude`, `x` and `y`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Vec<String>>,
    /// The unit of the coordinates. By default, detected from names and ranges.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coordinates: Option<Coordinates>,
    /// The column with the weight of each row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<String>,
    /// Columns not to use.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Drop the columns suspected of leaking the target, instead of warning about them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub drop_leaks: bool,
    /// Keep a copy of the rows that the model is trained on, which `tidemill data restore --of MODEL` restores; encrypted if `[privacy]`
    /// names a recipient.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// The folder of snapshots, relative to the recipe's folder if it exists there. By default `tidemill-snapshots`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<String>,
    /// Texts that mean "no value", in addition to the usual ones (empty, `NA`, `N/A`, `NaN`, `null`, `None`, `?`, `-`). A text that is a
    /// number, such as `-999`, also means that number if the source has types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The only texts that mean "no value", instead of the usual ones: `[]` if `NA` or `None` is a name like any other. An empty cell
    /// always means no value, and so does a word in a column where every other cell is a number or a date.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_only: Option<Vec<String>>,
    /// Whether the first row of a CSV file or sheet contains the column names. By default, detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// The number of lines above the table in a CSV file or sheet (titles, comments). By default, detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip: Option<usize>,
    /// The number of lines below the table in a CSV file or sheet (totals, `(3 rows)`, sources). By default, detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub footer: Option<usize>,
    /// The delimiter of a CSV file: one character, or a space for any run of spaces. By default, detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delimiter: Option<String>,
    /// The encoding of a text file, such as `utf-8` or `windows-1252`. By default, detected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoding: Option<String>,
}

/// The unit of coordinates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coordinates {
    /// Longitude and latitude on the earth, in degrees: distances are great circles, in metres.
    Degrees,
    /// x and y in a plane: distances are straight lines, in the same unit.
    Plane,
}

/// Forecasts the target at timestamps after the last known one, from its own past, the calendar and what is known in advance. Needs the
/// `target` of `[data]`, and its `time` if the table has more than one time column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Forecast {
    /// The forecast horizon: a number of steps, such as `24`, or a duration, such as `24h`, `7d` or `4w`.
    pub horizon: String,
    /// The number of steps in a season. By default, that of the calendar (12 months, 4 quarters, 7 days, 24 hours, …), or another if the
    /// autocorrelation of the target shows it clearly and not that of the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub season: Option<usize>,
    /// The number of past steps that a forecast uses. By default, enough for two seasons, and for a week if steps are hours or days, but at
    /// most a quarter of the series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub window: Option<usize>,
    /// The number of past steps that a row contains, for methods that use the whole series; at least `window`. By default, as many as fit
    /// into memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<usize>,
    /// The distance between consecutive rows of a series, such as `30 minutes`, `1 day`, `weekdays mon tue wed thu fri`, `1 month` or
    /// `3 months end`. By default, inferred from the timestamps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The column that identifies the series of a row. By default, the `group` of `[data]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Columns whose values are known in advance for the times to be forecast, such as holidays. No other columns are used.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub known: Vec<String>,
}

/// Connects rows, for learners that use a row's neighbours: `graph_net` and `label_propagation`. The `key` of `[data]` identifies the rows,
/// and edges are undirected. A new row brings its own edges: it lists the keys of its neighbours in `neighbors_column`. A forecast connects
/// its series: the `group` of `[forecast]` identifies them, and each uses the past of its neighbours in addition to its own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Graph {
    /// An edge file: a table with the columns `from` and `to` (keys) and optionally `weight`; or a `.gal` file, whose numbers from 0 stand
    /// for the rows in order unless they are keys.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edges: Option<String>,
    /// Instead of a file: each row is connected to this number of others, the nearest by place (see `point` of `[data]`). A new row finds
    /// its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors: Option<usize>,
    /// The column that lists the keys of a row's neighbours: `Ohio;Iowa`, with weights `Ohio=2;Iowa=0.5`, or in JSON `["Ohio", "Iowa"]`.
    /// `edges` fills it; a table that has it needs no file. By default `neighbors`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub neighbors_column: Option<String>,
    /// The edges between series. A forecast writes them into its resolved recipe, so that the model needs no edge file.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ties: BTreeMap<String, String>,
}

impl Graph {
    /// The name of the column that lists the neighbours of a row.
    pub fn column(&self) -> &str {
        self.neighbors_column.as_deref().unwrap_or("neighbors")
    }

    /// Whether rows list their neighbours; otherwise neighbours are found by place.
    pub fn lists(&self) -> bool {
        self.neighbors.is_none()
    }
}

/// Learns a policy, a model that chooses actions, from logged decisions: each row is a decision, and its features are the context. The
/// policy is evaluated by the reward it would have earned.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Policy {
    /// The column with the action that was taken.
    pub action: String,
    /// The column with the reward: a number, or a flag that counts as 1 and 0. More is better.
    pub reward: String,
    /// The column with the probability with which the action was taken, above 0 and up to 1. It is needed to evaluate a policy on decisions
    /// other than its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub propensity: Option<String>,
    /// If there is no such column, estimate the probability from the context, by multinomial logistic regression. The evaluation of the
    /// policy is then only valid if nothing else influenced the logged decisions.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimate_propensity: bool,
    /// If a decision affects later ones: the column that identifies the episode of a row. The rows of an episode are ordered by the `time`
    /// of `[data]`, else as they are. The value of a policy is then the sum of the rewards of an episode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub episode: Option<String>,
}

/// Protects the private columns of the prediction log.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Privacy {
    /// The age recipient (`age1…`) for which columns with `private = "seal"` are encrypted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<String>,
    /// Whether the model file may contain training rows, like those of nearest neighbours; `false` forbids it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_in_model: Option<bool>,
}

/// Where `tidemill backup run` stores copies.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Backup {
    /// The second place: a folder, best on another disk or machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The number of sets that are kept. By default 14.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep: Option<usize>,
    /// How often `tidemill serve --backup` makes a set, such as `1d` or `6h`. By default once a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<String>,
}
