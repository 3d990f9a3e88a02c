//! What the columns of a source mean: the decisions of [`crate::infer`], which [`crate::Ingest`] carries out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidemill_core::recipe::Task;
use tidemill_core::{Axis, Kind, Layout, Reading, Role, escaped};

use crate::parse::{Format, is_missing_word, plain_number};
use crate::seen::Seen;

/// What one column of the source means, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferredColumn {
    /// Its name in the source.
    pub name: String,
    /// What its values become.
    pub kind: Kind,
    /// What it is for.
    pub role: Role,
    /// How its values are written.
    #[serde(default, skip_serializing_if = "Format::is_plain")]
    pub format: Format,
    /// The reason for kind and role, in plain words.
    pub why: String,
    /// Texts that mean "no value" in this column, besides those of the whole plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// Texts that usually mean "no value" and are values of this column, such as `None` among the names of allergies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether the recipe said the kind, so that it is never widened.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declared: bool,
    /// Whether names that differ only in case, spaces or accents are one name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub merged: bool,
    /// Of a category, once [`crate::Ingest::fit`] has seen all rows: the names in the order of their codes. Before, names that it is to
    /// know whether rows have them or not: those of an earlier model.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// Of a number, once [`crate::Ingest::fit`] has seen all rows: the least and the greatest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f64; 2]>,
    /// Of other kinds, what training saw: the words of texts, the sizes of images, the levels of series, the zones of times.
    #[serde(default, skip_serializing_if = "Seen::is_empty")]
    pub seen: Seen,
    /// Of a point, and of the two numbers that say together where a row is: what they are measured in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layout: Option<Layout>,
}

impl InferredColumn {
    /// A column with nothing special about it.
    pub fn new(name: impl Into<String>, kind: Kind, role: Role, why: impl Into<String>) -> Self {
        InferredColumn {
            name: name.into(),
            kind,
            role,
            format: Format::Plain,
            why: why.into(),
            missing: Vec::new(),
            values: Vec::new(),
            declared: false,
            merged: false,
            categories: Vec::new(),
            range: None,
            seen: Seen::default(),
            layout: None,
        }
    }

    /// The same for cells of sources that tell texts from nothing, such as JSON: of the words that usually mean "no value", those that
    /// training learned as names are values there, quoted or not.
    pub(crate) fn of_typed(&self) -> Self {
        let words = self.categories.iter().filter(|name| is_missing_word(name)).cloned();
        InferredColumn { values: self.values.iter().cloned().chain(words).collect(), ..self.clone() }
    }

    /// Whether it is part of the typed table.
    pub fn is_used(&self) -> bool {
        self.role != Role::Ignore
    }
}

/// Columns that give the target away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leak {
    /// The columns, all needed together.
    pub columns: Vec<String>,
    /// How they give it away, as a sentence or a formula.
    pub how: String,
    /// Whether every row looked at obeys it (to rounding).
    pub exact: bool,
}

/// How much a [`Note`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weight {
    /// What is learned is probably wrong without an answer.
    Severe,
    /// Worth a look.
    Warning,
    /// For the record.
    Remark,
}

/// What was decided in reading a table where something else was possible, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// A stable name, such as `ambiguous_dates`.
    pub code: String,
    /// How much it matters.
    pub weight: Weight,
    /// The column, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// What was found, and what was made of it.
    pub message: String,
    /// What to write into the recipe if that is wrong.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

impl Note {
    /// A note about a column.
    pub(crate) fn of(
        column: &str,
        code: &str,
        weight: Weight,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let (message, remedy) = (message.into(), remedy.into());
        Note { code: code.into(), weight, column: Some(column.into()), message, remedy }
    }

    /// The note as one sentence for a terminal: the column, what was found, what to do.
    pub fn text(&self) -> String {
        let column =
            self.column.as_ref().map(|name| format!("column '{}': ", escaped(name))).unwrap_or_default();
        let remedy = if self.remedy.is_empty() {
            String::new()
        } else {
            format!(" (if that is wrong: {})", self.remedy)
        };
        format!("{column}{}{remedy}", self.message)
    }
}

/// What every column of a source means, and what is to be predicted. Plain data: it is saved with the model.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InferredSchema {
    /// One per column of the source, in its order.
    pub columns: Vec<InferredColumn>,
    /// What kind of prediction; `None` without a target.
    pub task: Option<Task>,
    /// The reason for the task, in plain words.
    #[serde(default)]
    pub why_task: String,
    /// The classes in the order of their codes; in a binary task the positive one is last. Empty for regression.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// The class that counts as positive, in a binary task.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<String>,
    /// Columns suspected of giving the target away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// Texts that mean "no value", besides the usual ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The only texts that mean "no value" besides the empty one, where the recipe names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_only: Option<Vec<String>>,
    /// How the text behind the rows was read, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reading: Option<Reading>,
    /// What was decided where something else was possible, too, and what a reader should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<Note>,
    /// How many rows the source had when the plan was made.
    #[serde(default)]
    pub n_rows: usize,
}

impl InferredSchema {
    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&InferredColumn> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// All columns by their names: for who looks up many of them, as [`InferredSchema::column`] goes through the columns each time.
    ///
    /// ```
    /// use tidemill_core::{Kind, Role};
    /// use tidemill_data::{InferredColumn, InferredSchema};
    /// let columns = vec![InferredColumn::new("age", Kind::Number, Role::Feature, "numbers")];
    /// let plan = InferredSchema { columns, ..InferredSchema::default() };
    /// assert_eq!(plan.by_name()["age"].kind, Kind::Number);
    /// ```
    pub fn by_name(&self) -> BTreeMap<&str, &InferredColumn> {
        // Of two columns of one name the first counts, as in `column`.
        self.columns.iter().rev().map(|c| (c.name.as_str(), c)).collect()
    }

    /// The first column in this role.
    pub fn role(&self, role: Role) -> Option<&InferredColumn> {
        self.columns.iter().find(|c| c.role == role)
    }

    /// Where the rows are: the names of the columns that say it (one of points, or two of coordinates, x first), and whether these are
    /// degrees.
    pub fn place(&self) -> Option<(Vec<&str>, bool)> {
        let used = || self.columns.iter().filter(|c| c.role == Role::Feature);
        let axis = |wanted: Axis| {
            used().find_map(|c| match c.layout {
                Some(Layout::Coordinate { axis, degrees }) if axis == wanted => Some((&*c.name, degrees)),
                _ => None,
            })
        };
        let point = used().find_map(|c| match c.layout {
            Some(Layout::Point { degrees }) => Some((vec![&*c.name], degrees)),
            _ => None,
        });
        let pair = || axis(Axis::X).zip(axis(Axis::Y)).map(|((x, degrees), (y, _))| (vec![x, y], degrees));
        pair().or(point)
    }

    /// The column to predict.
    pub fn target(&self) -> Option<&InferredColumn> {
        self.role(Role::Target)
    }
}

/// How many of `n` values may be unreadable without the column being taken for something else.
pub(crate) fn tolerated(n: u64) -> u64 {
    (n / 100).max((n / 20).min(2))
}

/// The order in which names get their codes: numbers by size where all are numbers, else by their bytes.
pub(crate) fn class_order(names: &[String]) -> Vec<String> {
    let mut keyed: Vec<(f64, &String)> =
        names.iter().map(|n| (plain_number(n).unwrap_or(f64::NAN), n)).collect();
    let numeric = keyed.iter().all(|(x, _)| !x.is_nan());
    keyed.sort_by(|a, b| if numeric { a.0.total_cmp(&b.0).then(a.1.cmp(b.1)) } else { a.1.cmp(b.1) });
    keyed.into_iter().map(|(_, name)| name.clone()).collect()
}

/// Columns of single values, points, images, series and dense vectors are read; anything else is left out of plans.
pub(crate) fn is_readable(kind: Kind) -> bool {
    !matches!(kind, Kind::Vector { sparse: true, .. } | Kind::Track)
}

/// Whether a cell of the kind is a list of numbers.
pub(crate) fn is_vector(kind: Kind) -> bool {
    matches!(kind, Kind::Vector { .. })
}
