//! The recipe: what a user declares in `tidemill.toml`. Every key is optional; unknown keys are rejected.
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
    Augment, AugmentKind, Balance, Calibration, Cost, Decision, LabelAction, Labels, OptimizeFor, Quality,
    Repair, Train,
};

/// A recipe: data, columns, split, preparation, learners, training.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Where the rows are and what they mean.
    pub data: Data,
    /// Settings of single columns, by name; everything else is inferred.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub columns: IndexMap<String, ColumnSpec>,
    /// Forecasts the target of a dated table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Connects rows, for learners that use a row's neighbours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub graph: Option<Graph>,
    /// Learns a policy, which chooses actions, from a table of logged decisions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Policy>,
    /// How the test part is held out.
    pub split: Split,
    /// How learners are compared on the training part.
    pub folds: Folds,
    /// Preparation steps, in order, before those that the engine adds for a learner's needs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Spec>,
    /// What to do with training rows whose label is probably wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
    /// Whether and how the classes are balanced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub balance: Option<Balance>,
    /// Synthetic rows that are added to the training rows, if they help.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub augment: Option<Augment>,
    /// The learners to compare. By default, those that suit the task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub learners: Vec<Spec>,
    /// Settings of the training.
    pub train: Train,
    /// The repairs of the rows that `train` tried by itself, and their results.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub repairs: Vec<Repair>,
    /// The probability from which the positive class is predicted.
    #[serde(skip_serializing_if = "is_default")]
    pub decision: Decision,
    /// Protects the private columns.
    #[serde(skip_serializing_if = "is_default")]
    pub privacy: Privacy,
    /// Where `tidemill backup run` stores copies of the recipe, its data and the other files it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Backup>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// The kind of prediction.
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
    /// A class for each pixel of an image: the target is a column of masks.
    Masks,
}

impl Task {
    /// The name in recipes and reports.
    pub fn word(self) -> &'static str {
        match self {
            Task::Regression => "regression",
            Task::Binary => "binary",
            Task::Multiclass => "multiclass",
            Task::Policy => "policy",
            Task::Masks => "masks",
        }
    }

    /// Whether predictions are classes, as actions are.
    pub fn is_classes(self) -> bool {
        !matches!(self, Task::Regression | Task::Masks)
    }
}

/// A kind with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spec {
    /// The kind: see the list below.
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
