//! What a built-in says of itself: its sort, its place in a recipe, its family, and how it is called in a list.

use std::sync::Arc;

use schemars::{JsonSchema, Schema as JsonSchemaDoc, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Estimator, Fitted, Registry, Resampler, Result, State};

/// Where in a recipe a parameter is wrong, and how; the engine finds the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPath {
    /// The dotted path below the estimator's own table; empty for the table itself.
    pub path: String,
    /// What is wrong.
    pub problem: String,
}

impl KeyPath {
    /// A problem with the parameter `path`.
    pub fn new(path: impl Into<String>, problem: impl Into<String>) -> Self {
        KeyPath { path: path.into(), problem: problem.into() }
    }
}

/// A parameter worth trying several values of.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The parameter.
    pub key: &'static str,
    /// Values in the order they should be tried when there is time for few: best guesses first.
    pub values: Vec<Value>,
}

/// What a built-in is. Each sort has a list of its own and a place of its own in the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Changes columns, in training and in service.
    Step(Slot),
    /// Changes the number of training rows.
    Resampler,
    /// Learns the target.
    Learner(Family),
}

impl Sort {
    /// The sort with its article, as in "'impute_mean' is a step".
    pub fn noun(self) -> &'static str {
        match self {
            Sort::Step(_) => "a step",
            Sort::Resampler => "a resampler",
            Sort::Learner(_) => "a learner",
        }
    }

    /// The table of the recipe that it is written under.
    pub fn table(self) -> &'static str {
        match self {
            Sort::Step(_) => "[[steps]]",
            Sort::Resampler => "[balance]",
            Sort::Learner(_) => "[[learners]]",
        }
    }
}

/// What a step does to columns: its place in the usual order of preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Reads images and series.
    Media,
    /// Changes what a value is.
    Types,
    /// Makes new columns of those that are there.
    Derived,
    /// Fills missing values.
    Missing,
    /// Finds and treats outliers.
    Outliers,
    /// Turns categories into numbers.
    Encode,
    /// Turns texts into numbers.
    Text,
    /// Changes the unit or the shape of a distribution.
    Scale,
    /// Drops or condenses columns.
    Select,
}

impl Slot {
    /// The key under `[columns.NAME]` for steps of this slot, where there is one, and the prefix of their kinds that the key
    /// stands for: `missing = { kind = "mean" }` is the step `impute_mean`.
    pub fn key(self) -> Option<(&'static str, &'static str)> {
        match self {
            Slot::Missing => Some(("missing", "impute_")),
            Slot::Outliers => Some(("outliers", "")),
            Slot::Encode | Slot::Text | Slot::Media => Some(("encode", "encode_")),
            Slot::Scale => Some(("scale", "scale_")),
            _ => None,
        }
    }
}

/// What learners have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Ignores the features; every other learner is held against it.
    Baseline,
    /// Its answer is a weighted sum of the features, or a function of one.
    Linear,
    /// Support vector machines with a kernel.
    Svm,
    /// Bayes' rule on features taken as independent.
    Bayes,
    /// The nearest training rows answer.
    Neighbors,
    /// Decision trees, alone or many.
    Trees,
    /// Made of other learners.
    Ensemble,
    /// Neural nets.
    Neural,
    /// Methods for single series.
    Series,
    /// Learns which action to take, from logged decisions and their rewards.
    Policy,
    /// Learns the class of each pixel of a picture, from masks.
    Masks,
}

/// What the weights of rows mean to a learner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// A row of weight 2 is that row twice: the same answers.
    Equivalent,
    /// Rows of more weight count more.
    Accepted,
    /// All rows count the same.
    Ignored,
}

/// Plain parameters that are an [`Estimator`]: what one file writes to become a built-in.
///
/// Derive `Default, Serialize, Deserialize, JsonSchema` with `#[serde(deny_unknown_fields, default)]`; the doc
/// comments of the fields become the reference page of the recipe.
pub trait Builtin: Estimator + Default + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The word in the recipe and in saved models.
    const KIND: &'static str;
    /// The version of its saved state; raise it when the layout changes, and keep reading the older ones.
    const VERSION: u32 = 1;

    /// Refuses values out of range, before any work.
    fn check(&self) -> Result<(), KeyPath> {
        Ok(())
    }

    /// Builds what [`Fitted::state`] saved. Must refuse anything that is not whole.
    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>>;
}

/// A built-in that stands under `[[steps]]`.
pub trait BuiltinStep: Builtin {
    /// Its place in the usual order of preparation.
    const SLOT: Slot;
    /// What it does to a column, as a report says it after the column's name: "scaled to its range".
    const DONE: &'static str;
    /// Whether what it saves holds rows of the training data (some parameters may make it hold none: then it saves no numbers).
    const KEEPS_ROWS: bool = false;
}

/// A built-in that stands under `[[learners]]`.
pub trait BuiltinLearner: Builtin {
    /// What it has in common with others.
    const FAMILY: Family;
    /// Whether it is expected to score near perfect on the rows it was fitted on, so that the gap to held-out rows says nothing.
    const MEMORISES: bool = false;
    /// What the weights of rows mean to it.
    const WEIGHTS: Weights = Weights::Accepted;
    /// Whether the order of the columns may change its answers: where columns are drawn by chance, ties go to the first, or columns
    /// are improved one after the other until that changes little.
    const COLUMN_ORDER_MATTERS: bool = false;
    /// Whether what it saves holds rows of the training data.
    const KEEPS_ROWS: bool = false;
    /// Parameters that its label shows besides those of [`Estimator::search`].
    const LABEL: &'static [&'static str] = &[];
}

/// A built-in that stands under `[balance]`: plain parameters, derived as those of [`Builtin`].
pub trait BuiltinResampler:
    Resampler + Default + Serialize + DeserializeOwned + JsonSchema + 'static
{
    /// The word in the recipe.
    const KIND: &'static str;

    /// Refuses values out of range, before any work.
    fn check(&self) -> Result<(), KeyPath> {
        Ok(())
    }
}

/// How parameters become something that works, by what it is.
#[derive(Clone, Copy)]
pub(crate) enum Parse {
    Estimator(fn(Value) -> Result<Box<dyn Estimator>, KeyPath>),
    Resampler(fn(Value) -> Result<Box<dyn Resampler>, KeyPath>),
}

/// Saved state to fitted.
pub(crate) type Loader = fn(&Registry, State) -> Result<Arc<dyn Fitted>>;

/// One line of the lists of built-ins.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The word in the recipe and in saved models.
    pub kind: &'static str,
    /// What it is.
    pub sort: Sort,
    /// The newest version of its saved state; 0 where nothing is saved.
    pub version: u32,
    /// Its parameters, with their docs.
    pub schema: fn(&mut SchemaGenerator) -> JsonSchemaDoc,
    /// Of a learner, whether its score on its own rows says nothing; see [`BuiltinLearner::MEMORISES`].
    pub memorises: bool,
    /// Of a learner, what the weights of rows mean to it.
    pub weights: Weights,
    /// Of a learner, whether the order of the columns may change its answers.
    pub column_order_matters: bool,
    /// Whether what it saves holds rows of the training data: `[privacy] rows_in_model = false` refuses it.
    pub keeps_rows: bool,
    /// Of a step, what it does to a column; see [`BuiltinStep::DONE`].
    pub done: &'static str,
    /// The default of each parameter.
    defaults: fn() -> Map<String, Value>,
    /// The parameters that a label shows.
    shown: fn() -> Vec<&'static str>,
    pub(crate) parse: Parse,
    pub(crate) load: Option<Loader>,
}

impl Entry {
    /// The line of a step.
    pub const fn step<T: BuiltinStep>() -> Self {
        Entry {
            done: T::DONE,
            keeps_rows: T::KEEPS_ROWS,
            ..Entry::of::<T>(Sort::Step(T::SLOT), searched::<T>)
        }
    }

    /// The line of a learner.
    pub const fn learner<T: BuiltinLearner>() -> Self {
        let entry = Entry::of::<T>(Sort::Learner(T::FAMILY), || {
            let mut keys = searched::<T>();
            keys.extend(T::LABEL);
            keys
        });
        Entry {
            memorises: T::MEMORISES,
            weights: T::WEIGHTS,
            column_order_matters: T::COLUMN_ORDER_MATTERS,
            keeps_rows: T::KEEPS_ROWS,
            ..entry
        }
    }

    /// The line of a resampler.
    pub const fn resampler<T: BuiltinResampler>() -> Self {
        Entry {
            kind: T::KIND,
            sort: Sort::Resampler,
            version: 0,
            schema: |generator| generator.root_schema_for::<T>(),
            memorises: false,
            weights: Weights::Ignored,
            column_order_matters: true,
            keeps_rows: false,
            done: "",
            defaults: defaults::<T>,
            shown: Vec::new,
            parse: Parse::Resampler(|params| {
                let resampler: T = read(params)?;
                resampler.check()?;
                Ok(Box::new(resampler))
            }),
            load: None,
        }
    }

    const fn of<T: Builtin>(sort: Sort, shown: fn() -> Vec<&'static str>) -> Self {
        Entry {
            kind: T::KIND,
            sort,
            version: T::VERSION,
            schema: |generator| generator.root_schema_for::<T>(),
            memorises: false,
            weights: Weights::Ignored,
            column_order_matters: true,
            keeps_rows: false,
            done: "",
            defaults: defaults::<T>,
            shown,
            parse: Parse::Estimator(|params| {
                let estimator: T = read(params)?;
                estimator.check()?;
                Ok(Box::new(estimator))
            }),
            load: Some(|registry, state| {
                state.check_version(T::VERSION)?;
                T::load(registry, state)
            }),
        }
    }

    /// What it does, in one sentence: the first of its docs.
    pub fn summary(&self) -> String {
        let schema = (self.schema)(&mut SchemaGenerator::default()).to_value();
        let docs = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let first = docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        match first.find(". ") {
            Some(end) => first[..=end].to_string(),
            None => first,
        }
    }

    /// A short name of one setting of it: its kind, and the telling parameters that differ from the defaults, as in
    /// "svm, c 10.0, gamma 0.1".
    pub fn label(&self, params: &Map<String, Value>) -> String {
        let shown = (self.shown)();
        self.label_with(params, |key| shown.contains(&key))
    }

    /// As [`Entry::label`], with every plain parameter that differs from its default.
    pub fn long_label(&self, params: &Map<String, Value>) -> String {
        self.label_with(params, |_| true)
    }

    fn label_with(&self, params: &Map<String, Value>, shown: impl Fn(&str) -> bool) -> String {
        let defaults = (self.defaults)();
        let differs = |key: &String, value: &Value| defaults.get(key).is_none_or(|d| !equal(d, value));
        // In the order of the defaults, so that the order in which parameters were written does not show.
        let keys = defaults.keys().filter(|key| shown(key));
        let telling = keys.filter_map(|key| Some((key, params.get(key)?)).filter(|(k, v)| differs(k, v)));
        let words = telling.filter_map(|(key, value)| match value {
            Value::Object(_) => None,
            Value::String(word) => Some(format!("{key} {word}")),
            other => Some(format!("{key} {other}")),
        });
        std::iter::once(self.kind.to_string()).chain(words).collect::<Vec<_>>().join(", ")
    }
}

/// Whether two parameters say the same: 1 and 1.0 do.
fn equal(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().zip(b.as_f64()).is_some_and(|(a, b)| a == b)
}

fn searched<T: Builtin>() -> Vec<&'static str> {
    T::default().search().iter().map(|search| search.key).collect()
}

fn defaults<T: Default + Serialize>() -> Map<String, Value> {
    match serde_json::to_value(T::default()) {
        Ok(Value::Object(defaults)) => defaults,
        _ => Map::new(),
    }
}

fn read<T: DeserializeOwned>(params: Value) -> Result<T, KeyPath> {
    let params = if params.is_null() { Value::Object(Map::new()) } else { params };
    serde_path_to_error::deserialize(params).map_err(|e| {
        let path = e.path().to_string();
        KeyPath::new(if path == "." { "" } else { &path }, e.inner().to_string())
    })
}
