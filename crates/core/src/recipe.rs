//! The recipe: what a user declares in `tidemill.toml`. Every key is optional; unknown keys are refused.
//!
//! The doc comments below are the reference page `docs/recipe.md` (generated; `cargo xtask docs`).

use std::collections::BTreeMap;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Kind, Role};

/// A recipe: data, columns, split, preparation, learners, training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Where the rows are and what they mean.
    pub data: Data,
    /// What is known about single columns, by name; what is not said is inferred.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub columns: IndexMap<String, ColumnSpec>,
    /// Makes of a dated table a forecast of its target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Ties rows to each other, for learners that ask a row's neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    /// Makes of a table of logged decisions a policy that chooses the action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// How the test part is set aside.
    pub split: Split,
    /// How learners are compared on the training part.
    pub folds: Folds,
    /// Steps of preparation, in order, before those that the engine adds for a learner's needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Spec>,
    /// What becomes of training rows whose label is probably wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Whether classes are brought into balance, and how.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// The learners to compare; without any, those that suit the task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learners: Vec<Spec>,
    /// The training itself.
    pub train: Train,
    /// Which repairs of the rows `train` tried by itself, and what came of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// From which probability on the positive class is predicted.
    #[serde(skip_serializing_if = "is_default")]
    pub decision: Decision,
    /// What guards the private columns.
    #[serde(skip_serializing_if = "is_default")]
    pub privacy: Privacy,
    /// Where `tidemill backup run` keeps copies of the recipe, its data and what else it is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

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

/// What is to be predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// A number.
    Regression,
    /// One of two classes.
    Binary,
    /// One of several classes.
    Multiclass,
    /// Which action to take: see `[policy]`.
    Policy,
    /// For each pixel of a picture a class: the target is a column of masks.
    Masks,
}

impl Task {
    /// The word in recipes and reports.
    pub fn word(self) -> &'static str {
        match self {
            Task::Regression => "regression",
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Policy => "policy",
            Task::Masks => "masks",
        }
    }

    /// Whether answers are classes, as actions are.
    pub fn is_classes(self) -> bool {
        !matches!(self, Task::Regression | Task::Masks)
    }
}

/// What is known about one column.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColumnSpec {
    /// What its values are: `number`, `flag`, `category`, `text`, `time`, `point` or `image` (of a file: paths below the file's folder).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<Role>,
    /// How its values are written, where that is not plain: for a number any of `decimal_comma`,
    /// `thousands_comma`, `thousands_point`, `thousands_space`, `thousands_apostrophe`, `thousands_lakh`, `percent`, `currency`,
    /// `magnitude` (`1.2K`, `3 bn`), `clock` (`h:mm:ss`, as seconds), `censored` (`<0.5`, as its bound), `unit:kg`, joined by `+`; for a time
    /// `day_first`, `month_first`, `year`, `quarter`, `period` (`Jan 2018`, `2019-W02`, `1995-H1`), `unix_seconds`, `unix_millis` or a strftime pattern.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Why the column was taken for what it is, as reports tell it; written by `train`, without any effect of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// How missing values are filled: the steps named `impute_…`, without that prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Spec>,
    /// How outliers are found and treated: the parameters of the step `outliers`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outliers: Option<Map<String, Value>>,
    /// How numbers are scaled: the steps named `scale_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<Spec>,
    /// How categories are encoded: the steps named `encode_…`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode: Option<Spec>,
    /// What becomes of names that differ only in case, spaces or accents, such as `Yes` and `YES`; without it, each is a name of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spellings: Option<Spellings>,
    /// How the prediction log keeps what callers send in this column; without it, as it came.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub private: Option<Private>,
    /// Whether whoever is judged could change it, and which way: `tidemill explain --method counterfactual` looks for another answer among
    /// the columns that are marked. Where none is marked, every number, flag and category that is a feature may change, but for those
    /// that say `no`. Without effect on training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changeable: Option<Changeable>,
    /// Of a number that is `changeable`: the least and the greatest that it may become, such as `[18, 65]`; without it, what training
    /// saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change_within: Option<[f64; 2]>,
}

/// Which way a column could be changed by whoever is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Changeable {
    /// To any other value.
    Any,
    /// A number to a greater one, a flag from no to yes.
    Up,
    /// A number to a smaller one, a flag from yes to no.
    Down,
    /// Not at all, such as age or country of birth.
    No,
}

/// What becomes of the spellings of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Spellings {
    /// Each is a name of its own.
    Keep,
    /// They are one name, written as most rows write it.
    Merge,
}

/// How a value is kept out of the prediction log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Private {
    /// Not at all. What is dropped cannot train later: `improve` sees a missing value.
    Drop,
    /// As a keyed hash (HMAC-SHA256 under the secret in the environment's `TIDEMILL_HASH_KEY`). With the same secret, `improve`
    /// knows the categories of training again; other values stay hashes.
    Hash,
    /// Encrypted for the [age](https://age-encryption.org) recipient of `[privacy]`: the server cannot read it back. With
    /// the identity's file, `improve` can.
    Seal,
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

/// Something named by its kind, with its parameters beside it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// Which one: see the list below.
    pub kind: String,
    /// Its parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

impl Spec {
    /// This kind with its default parameters.
    pub fn new(kind: impl Into<String>) -> Self {
        Spec { kind: kind.into(), params: Map::new() }
    }

    /// The same with one more parameter.
    pub fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.params.insert(key.into(), value.into());
        self
    }
}

/// Finds training rows whose target is probably wrong, and leaves them out or makes them count for less. Classes by confident learning
/// (Northcutt, Jiang and Chuang 2021): a learner says of each row, fitted on other rows, how probable each class is; a row that reaches
/// the usual probability of another class, more than that of its own, is doubtful. A number is doubtful where it lies more than five robust
/// deviations (of residuals among 100 rows of like prediction) from what the learner says. Only rows that a learner is fitted on are touched,
/// anew in each fold; rows that judge never are. Not for forecasts. `tidemill check --labels` lists them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Labels {
    /// What becomes of doubtful rows.
    pub action: LabelAction,
    /// What a doubtful row counts with `down_weight`, from 0 to 1.
    pub weight: f64,
    /// The learner, with its defaults, that says how probable each class is, or what number.
    pub learner: String,
    /// Into how many parts rows are divided, from 2: each is judged by the learner fitted on the others.
    pub folds: usize,
}

impl Default for Labels {
    fn default() -> Self {
        Labels { action: LabelAction::Drop, weight: 0.1, learner: "random_forest".into(), folds: 5 }
    }
}

/// What becomes of training rows whose label is probably wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LabelAction {
    /// They are left out.
    Drop,
    /// They count for less.
    DownWeight,
}

/// Brings the classes of the training rows into balance, for learners that would otherwise overlook the rare ones. Only rows that
/// a learner is fitted on are touched: those of each fold, and in the end those of the model. Rows that judge never are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balance {
    /// Which one: see the list below.
    pub kind: String,
    /// Whether probabilities are brought back to the shares that the classes had before: without that they answer for rows
    /// of which as many were of each class.
    #[serde(default = "yes")]
    pub correct: bool,
    /// Its parameters.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

fn yes() -> bool {
    true
}

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

/// The training itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Train {
    /// The metric that chooses the best learner; without it: `log_loss` for classes, `rmse` for regression.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// From which every random choice is derived.
    pub seed: u64,
    /// How much work the search may do; `trials`, or learners that are named, win over it.
    #[serde(skip_serializing_if = "is_default")]
    pub quality: Quality,
    /// How many settings of each learner are tried at most, whatever they cost; without it as many as `quality` allows, and
    /// 12 of learners that are named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<usize>,
    /// When the search must end, such as `90s`, `10m` or `2h`; the best so far is then taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<String>,
    /// What matters most in the model: its score, or, among learners whose scores are within one standard error of the
    /// best, how little work a row is or how small the model is.
    #[serde(skip_serializing_if = "is_default")]
    pub optimize_for: OptimizeFor,
    /// A model file to start from: boosted trees and ridge go on from what it says of a row. It must be of the same target and the same
    /// classes, and columns of the same name must be of the same kind; categories that it does not know are unseen to it. Starting from it is
    /// compared with starting from nothing on the folds, and kept only where it helps by more than chance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// The hash of that model, written by `train`; with another file the recipe is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_sha256: Option<String>,
    /// Whether several learners may answer together, weighted, where that is better than the best alone (with
    /// `optimize_for = "quality"`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blend: Option<bool>,
    /// How probabilities are brought in line with what was seen; without it, whichever lowers the log loss of held-out rows
    /// of training by more than chance, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<Calibration>,
    /// Whether repairs of what `check` finds in the rows (spellings, outliers, missing values, skewed columns, rare classes, doubtful
    /// labels) are tried, and kept where they help held-out rows by more than chance. Without it, where the recipe names neither
    /// steps nor learners and forecasts nothing; with `true`, where it names learners too. What the recipe says of a column, of balance and of
    /// labels is never changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repairs: Option<bool>,
}

impl Default for Train {
    fn default() -> Self {
        Train {
            metric: None,
            seed: 0,
            quality: Quality::Default,
            trials: None,
            time_limit: None,
            optimize_for: OptimizeFor::Quality,
            start: None,
            start_sha256: None,
            blend: None,
            calibrate: None,
            repairs: None,
        }
    }
}

/// A repair that `train` tried by itself. It is written by `train` and has no effect of its own, but that with any here none is tried
/// again: those that were kept stand in the recipe as what they are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Repair {
    /// Which one: `merge_spellings`, `clip_outliers`, `outliers_missing`, `impute_iterative`, `power`, `class_weights`, `smote`,
    /// `labels`, or `together` for all that were tried at once.
    pub kind: String,
    /// The columns that it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// Whether it was kept.
    pub kept: bool,
    /// By how much the metric of held-out rows was better with it, on average over the folds; below 0 where it was worse.
    pub better_by: f64,
    /// How likely so large a difference is by chance (the corrected resampled t-test).
    pub p_value: f64,
    /// The learner that was best with it.
    pub learner: String,
    /// What it was tried for.
    pub why: String,
}

/// How much work a search may do. The work is counted in operations by the size of the table, not by a clock: the same rows
/// give the same model on any machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quality {
    /// One good setting of one learner per family.
    Fast,
    /// About a minute on two cores for a table of up to a million cells, and in proportion beyond.
    #[default]
    Default,
    /// Up to ten times that.
    Best,
}

/// What matters most in a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizeFor {
    /// Its score.
    #[default]
    Quality,
    /// How little work the answer for a row is.
    Latency,
    /// How few bytes it has.
    Size,
}

/// How probabilities are brought in line with what was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calibration {
    /// Not at all.
    None,
    /// All of them surer or less sure, by one number.
    Temperature,
    /// By a logistic curve per class (Platt 1999).
    Platt,
    /// By any rising curve per class.
    Isotonic,
}

/// From which probability on the positive class of a binary task is predicted; without a key, from one half. The probabilities
/// stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Decision {
    /// The metric of labels, such as `f1`, that the threshold makes best on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// What mistakes cost: the threshold makes their sum least on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// The threshold itself, between 0 and 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
}

/// What mistakes cost, in any unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cost {
    /// A negative row predicted as positive.
    pub false_positive: f64,
    /// A positive row predicted as negative.
    pub false_negative: f64,
}
