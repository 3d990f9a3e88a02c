//! The recipe: what a user declares in `tidemill.toml`. Every key is optional; unknown keys are refused.
//!
//! The doc comments of its types are the reference page `docs/recipe.md` (generated; `cargo xtask docs`).

mod columns;
mod data;
mod split;
mod train;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use columns::{Changeable, ColumnSpec, Private, Spellings};
pub use data::{Backup, Coordinates, Data, Forecast, Graph, Policy, Privacy};
pub use split::{Copies, Folds, Split, SplitKind};
pub use train::{
    Balance, Calibration, Cost, Decision, LabelAction, Labels, OptimizeFor, Quality, Repair, Train,
};

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

fn yes() -> bool {
    true
}
