//! What a built-in declares about itself: its sort, its place in a recipe, its family, and its label in lists.

use std::sync::Arc;

use schemars::{JsonSchema, Schema as JsonSchemaDoc, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Estimator, FitCost, Fitted, KeyPath, Registry, Resampler, Result, Shape, State, tagged};

/// A parameter for which several values are worth trying.
#[derive(Clone, Debug, PartialEq)]
pub struct Search {
    /// The parameter.
    pub key: &'static str,
    /// The values in the order in which to try them if time is short: best guesses first.
    pub values: Vec<Value>,
}

/// The sort of a built-in. Each sort has its own list and its own place in the recipe.
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

    /// The recipe table in which it is written.
    pub fn table(self) -> &'static str {
        match self {
            Sort::Step(_) => "[[steps]]",
            Sort::Resampler => "[balance]",
            Sort::Learner(_) => "[[learners]]",
        }
    }
}

/// What a step does to columns, which is also its place in the usual order of preparation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Slot {
    /// Reads images and series.
    Media,
    /// Changes the type of values.
    Types,
    /// Derives new columns from existing ones.
    Derived,
    /// Fills missing values.
    Missing,
    /// Detects and treats outliers.
    Outliers,
    /// Encodes categories as numbers.
    Encode,
    /// Encodes texts as numbers.
    Text,
    /// Changes the scale or the shape of a distribution.
    Scale,
    /// Drops or combines columns.
    Select,
}

impl Slot {
    /// The key under `[columns.NAME]` for steps of this slot, if there is one, and the prefix of their kinds that the key stands for:
    /// `missing = { kind = "mean" }` is the step `impute_mean`.
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Ignores the features; every other learner is compared with it.
    Baseline,
    /// Predicts a weighted sum of the features, or a function of one.
    Linear,
    /// Support vector machines with a kernel.
    Svm,
    /// Bayes' rule with features assumed to be independent.
    Bayes,
    /// Predicts from the nearest training rows.
    Neighbors,
    /// Decision trees grown independently, whose answers are averaged.
    Forest,
    /// Decision trees grown one after the other, each on the errors of those before.
    Boosting,
    /// Composed of other learners.
    Ensemble,
    /// Neural nets.
    Neural,
    /// Methods for single series.
    Series,
    /// Learns which action to take from logged decisions and their rewards.
    Policy,
    /// Learns the class of each pixel of an image from masks.
    Masks,
}

/// How a learner uses the weights of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weights {
    /// A row with weight 2 has the same effect as that row twice.
    Equivalent,
    /// Rows with larger weights count more.
    Accepted,
    /// All rows count the same.
    Ignored,
}

/// How the target of a linear learner scatters around what it predicts: standard errors of its coefficients follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// Evenly: least squares.
    Normal,
    /// As counts; the logarithm of the mean is linear.
    Poisson,
    /// In proportion to the mean, whose logarithm is linear.
    Gamma,
    /// With the mean to the learner's parameter `power` as variance; the logarithm of the mean is linear.
    Tweedie,
    /// As classes: the log-odds are linear.
    Classes,
}

/// What a learner takes from an earlier model when it continues from one (`[train] start`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continues {
    /// The predictions: it learns what they leave unexplained.
    FromPredictions,
    /// The weights: it trains them further. It gets the model as [`crate::Training::prior`].
    FromWeights,
}

/// Plain parameters that are an [`Estimator`]: what one file implements to become a built-in.
///
/// Derive `Default, Serialize, Deserialize, JsonSchema` with `#[serde(deny_unknown_fields, default)]`. The doc comments of the fields
/// become the reference page of the recipe.
pub trait Builtin: Estimator + Default + Serialize + DeserializeOwned + JsonSchema + 'static {
    /// The name in recipes and in saved models.
    const KIND: &'static str;
    /// The version of its saved state. Raise it when the layout changes, and keep reading the older versions.
    const VERSION: u32 = 1;

    /// Rejects values out of range, before any work.
    fn check(&self) -> Result<(), KeyPath> {
        Ok(())
    }

    /// Builds what [`Fitted::state`] saved. Must reject anything incomplete or invalid.
    fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>>;
}

/// A built-in for `[[steps]]`.
pub trait BuiltinStep: Builtin {
    /// Its place in the usual order of preparation.
    const SLOT: Slot;
    /// What it does to a column, as a report says it after the column's name: "scaled to its range".
    const DONE: &'static str;
    /// Whether its saved state contains training rows (with some parameters it may contain none; then it saves no numbers).
    const KEEPS_ROWS: bool = false;

    /// Whether it reads a column of points, which is made of two columns of coordinates if the table has none.
    const READS_POINTS: bool = false;
    /// Parameters that may name a column with a whole track in each row.
    const TRACKS: &'static [&'static str] = &[];
    /// Whether its parameter `tables` names other tables, into which the engine puts the places of their rows as `points`.
    const OPENS_TABLES: bool = false;

    /// Whether this saved state of it contains training rows, for steps of which only some settings keep any.
    fn holds_rows(_state: &State) -> bool {
        Self::KEEPS_ROWS
    }
}

/// A built-in for `[[learners]]`.
pub trait BuiltinLearner: Builtin {
    /// Its family.
    const FAMILY: Family;
    /// Whether it is expected to score almost perfectly on its own training rows, so that the gap to held-out rows is not informative.
    const MEMORISES: bool = false;
    /// How it uses the weights of rows.
    const WEIGHTS: Weights = Weights::Accepted;
    /// Whether the order of the columns may change its predictions: because columns are sampled, ties go to the first column, or
    /// coordinates are optimised one after the other up to a tolerance.
    const COLUMN_ORDER_MATTERS: bool = false;
    /// Whether its saved state contains training rows.
    const KEEPS_ROWS: bool = false;
    /// Whether it can continue from an earlier model, and from what; it then has a parameter `start`.
    const CONTINUES: Option<Continues> = None;
    /// Parameters that its label shows in addition to those of [`Estimator::search`].
    const LABEL: &'static [&'static str] = &[];
    /// Whether it reads the ties between rows (`[graph]`).
    const TIED_ROWS: bool = false;
    /// How its target scatters, if standard errors of its coefficients are known.
    const RESPONSE: Option<Response> = None;

    /// What fitting it costs. The default is right for learners that read each number once.
    fn fit_cost(&self, shape: &Shape) -> FitCost {
        FitCost::Operations(10.0 * shape.rows * shape.width)
    }
}

/// A built-in for `[balance]`: plain parameters, derived like those of [`Builtin`].
pub trait BuiltinResampler:
    Resampler + Default + Serialize + DeserializeOwned + JsonSchema + 'static
{
    /// The name in the recipe.
    const KIND: &'static str;

    /// Rejects values out of range, before any work.
    fn check(&self) -> Result<(), KeyPath> {
        Ok(())
    }
}

/// How parameters are turned into something that runs, by sort.
#[derive(Clone, Copy)]
pub(crate) enum Parse {
    Estimator(fn(Value) -> Result<Box<dyn Estimator>, KeyPath>),
    Resampler(fn(Value) -> Result<Box<dyn Resampler>, KeyPath>),
}

/// Loads a fitted object from its saved state.
pub(crate) type Loader = fn(&Registry, State) -> Result<Arc<dyn Fitted>>;

/// One entry in the lists of built-ins.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The name in recipes and in saved models.
    pub kind: &'static str,
    /// Its sort.
    pub sort: Sort,
    /// The newest version of its saved state; 0 if nothing is saved.
    pub version: u32,
    /// Its parameters, with their docs.
    pub schema: fn(&mut SchemaGenerator) -> JsonSchemaDoc,
    /// For a learner, whether its score on its own training rows is not informative; see [`BuiltinLearner::MEMORISES`].
    pub memorises: bool,
    /// For a learner, how it uses the weights of rows.
    pub weights: Weights,
    /// For a learner, whether the order of the columns may change its predictions.
    pub column_order_matters: bool,
    /// For a learner, what it takes from an earlier model; see [`BuiltinLearner::CONTINUES`].
    pub continues: Option<Continues>,
    /// Whether its saved state contains training rows, which `[privacy] rows_in_model = false` forbids.
    pub keeps_rows: bool,
    /// For a step, what it does to a column; see [`BuiltinStep::DONE`].
    pub done: &'static str,
    /// For a step, whether it reads a column of points; see [`BuiltinStep::READS_POINTS`].
    pub reads_points: bool,
    /// For a step, the parameters that may name a column of tracks; see [`BuiltinStep::TRACKS`].
    pub tracks: &'static [&'static str],
    /// For a step, whether it reads other tables; see [`BuiltinStep::OPENS_TABLES`].
    pub opens_tables: bool,
    /// For a learner, whether it reads the ties between rows; see [`BuiltinLearner::TIED_ROWS`].
    pub tied_rows: bool,
    /// For a learner, how its target scatters; see [`BuiltinLearner::RESPONSE`].
    pub response: Option<Response>,
    fit_cost: fn(&Map<String, Value>, &Shape) -> FitCost,
    /// Whether a saved state of it contains training rows.
    holds: fn(&State) -> bool,
    /// The default value of each parameter.
    defaults: fn() -> Map<String, Value>,
    /// The parameters that a label shows.
    shown: fn() -> Vec<&'static str>,
    pub(crate) parse: Parse,
    pub(crate) load: Option<Loader>,
}

impl Entry {
    /// The entry of a step.
    pub const fn step<T: BuiltinStep>() -> Self {
        Entry {
            done: T::DONE,
            keeps_rows: T::KEEPS_ROWS,
            holds: T::holds_rows,
            reads_points: T::READS_POINTS,
            tracks: T::TRACKS,
            opens_tables: T::OPENS_TABLES,
            ..Entry::of::<T>(Sort::Step(T::SLOT), searched::<T>)
        }
    }

    /// The entry of a learner.
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
            continues: T::CONTINUES,
            keeps_rows: T::KEEPS_ROWS,
            holds: |_| T::KEEPS_ROWS,
            tied_rows: T::TIED_ROWS,
            response: T::RESPONSE,
            fit_cost: |params, shape| {
                let learner = read::<T>(Value::Object(params.clone()), T::check).unwrap_or_default();
                learner.fit_cost(shape)
            },
            ..entry
        }
    }

    /// The entry of a resampler.
    pub const fn resampler<T: BuiltinResampler>() -> Self {
        let parse = Parse::Resampler(|params| Ok(Box::new(read::<T>(params, T::check)?)));
        Entry::plain::<T>(T::KIND, Sort::Resampler, parse)
    }

    const fn of<T: Builtin>(sort: Sort, shown: fn() -> Vec<&'static str>) -> Self {
        let parse = Parse::Estimator(|params| Ok(Box::new(read::<T>(params, T::check)?)));
        Entry {
            version: T::VERSION,
            shown,
            load: Some(|registry, state| {
                state.check_version(T::VERSION)?;
                T::load(registry, state)
            }),
            ..Entry::plain::<T>(T::KIND, sort, parse)
        }
    }

    /// An entry that saves nothing and declares nothing beyond its parameters.
    const fn plain<T: Default + Serialize + JsonSchema>(
        kind: &'static str,
        sort: Sort,
        parse: Parse,
    ) -> Self {
        Entry {
            kind,
            sort,
            version: 0,
            schema: |generator| generator.root_schema_for::<T>(),
            memorises: false,
            weights: Weights::Ignored,
            column_order_matters: true,
            continues: None,
            keeps_rows: false,
            holds: |_| false,
            done: "",
            reads_points: false,
            tracks: &[],
            opens_tables: false,
            tied_rows: false,
            response: None,
            fit_cost: |_, _| FitCost::Operations(0.0),
            defaults: defaults::<T>,
            shown: Vec::new,
            parse,
            load: None,
        }
    }

    /// Whether this saved state of it contains training rows; see [`BuiltinStep::holds_rows`].
    pub fn holds_rows(&self, state: &State) -> bool {
        (self.holds)(state)
    }

    /// For a learner, what fitting it with these parameters costs; nothing for other sorts. See [`BuiltinLearner::fit_cost`].
    pub fn fit_cost(&self, params: &Map<String, Value>, shape: &Shape) -> FitCost {
        (self.fit_cost)(params, shape)
    }

    /// What it does, in one sentence: the first sentence of its docs.
    pub fn summary(&self) -> String {
        let schema = (self.schema)(&mut SchemaGenerator::default()).to_value();
        let docs = schema.get("description").and_then(Value::as_str).unwrap_or_default();
        let first = docs.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        match first.find(". ") {
            Some(end) => first[..=end].to_string(),
            None => first,
        }
    }

    /// A short name for one setting: the kind, and the distinguishing parameters that differ from the defaults, as in "svm, c 10.0, gamma
    /// 0.1".
    pub fn label(&self, params: &Map<String, Value>) -> String {
        let shown = (self.shown)();
        self.label_with(params, |key| shown.contains(&key))
    }

    /// Like [`Entry::label`], with every plain parameter that differs from its default.
    pub fn long_label(&self, params: &Map<String, Value>) -> String {
        self.label_with(params, |_| true)
    }

    fn label_with(&self, params: &Map<String, Value>, shown: impl Fn(&str) -> bool) -> String {
        let beside =
            tagged::beside(params.clone(), || (self.schema)(&mut SchemaGenerator::default()).to_value());
        let params = beside.as_ref().map_or(params, |(beside, _)| beside);
        let defaults = (self.defaults)();
        let differs = |key: &String, value: &Value| defaults.get(key).is_none_or(|d| !equal(d, value));
        // In the order of the defaults, so that the order in which parameters were written makes no difference.
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

/// Whether two parameter values are equal: 1 and 1.0 are.
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

/// Reads parameters, with those that stand in a table of another (see [`tagged`]), and checks them.
fn read<T: DeserializeOwned + JsonSchema>(
    params: Value,
    check: fn(&T) -> Result<(), KeyPath>,
) -> Result<T, KeyPath> {
    let (params, moved) = match params {
        Value::Null => (Value::Object(Map::new()), Vec::new()),
        Value::Object(params) => {
            let schema = || SchemaGenerator::default().into_root_schema_for::<T>().to_value();
            let (params, moved) = tagged::beside(params, schema)?;
            (Value::Object(params), moved)
        }
        other => (other, Vec::new()),
    };
    let as_written = |fault: KeyPath| match moved.iter().find(|(field, _)| *field == fault.path) {
        Some((_, path)) => KeyPath::new(path, fault.problem),
        None => fault,
    };
    let read: T = serde_path_to_error::deserialize(params).map_err(|e| {
        let path = e.path().to_string();
        // The names of our types say nothing to whoever writes a recipe.
        let problem =
            e.inner().to_string().replace("expected struct Spec", "expected a table: { kind = \"…\" }");
        as_written(KeyPath::new(if path == "." { "" } else { &path }, problem))
    })?;
    check(&read).map_err(as_written)?;
    Ok(read)
}
