//! The list of built-ins: how a word in a recipe becomes an estimator, and saved state a fitted one.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::{JsonSchema, Schema as JsonSchemaDoc, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{Chain, Error, Estimator, Fitted, Result, State, nearest};

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

/// One line of the list.
#[derive(Clone, Copy)]
pub struct Entry {
    /// The word in the recipe and in saved models.
    pub kind: &'static str,
    /// The newest version of its saved state.
    pub version: u32,
    /// Its parameters, with their docs.
    pub schema: fn(&mut SchemaGenerator) -> JsonSchemaDoc,
    /// Parameters to estimator, checked.
    pub parse: fn(Value) -> Result<Box<dyn Estimator>, KeyPath>,
    /// Saved state to fitted.
    pub load: fn(&Registry, State) -> Result<Arc<dyn Fitted>>,
}

impl Entry {
    /// The line of `T`.
    pub const fn of<T: Builtin>() -> Self {
        Entry {
            kind: T::KIND,
            version: T::VERSION,
            schema: |generator| generator.root_schema_for::<T>(),
            parse: parse::<T>,
            load: load::<T>,
        }
    }
}

fn parse<T: Builtin>(params: Value) -> Result<Box<dyn Estimator>, KeyPath> {
    let params = if params.is_null() { Value::Object(Default::default()) } else { params };
    let estimator: T = serde_path_to_error::deserialize(params).map_err(|e| {
        let path = e.path().to_string();
        KeyPath::new(if path == "." { "" } else { &path }, e.inner().to_string())
    })?;
    estimator.check()?;
    Ok(Box::new(estimator))
}

fn load<T: Builtin>(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
    state.check_version(T::VERSION)?;
    T::load(registry, state)
}

type Loader = fn(&Registry, State) -> Result<Arc<dyn Fitted>>;

/// Everything that can be named in a recipe or found in a model file.
#[derive(Clone)]
pub struct Registry {
    entries: BTreeMap<&'static str, Entry>,
    loaders: BTreeMap<&'static str, Loader>,
}

impl Default for Registry {
    /// Nothing but [`Chain`].
    fn default() -> Self {
        Registry::new([])
    }
}

impl Registry {
    /// These built-ins, and [`Chain`].
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: BTreeMap<_, _> = entries.into_iter().map(|e| (e.kind, e)).collect();
        let mut loaders: BTreeMap<&'static str, Loader> =
            entries.values().map(|e| (e.kind, e.load)).collect();
        loaders.insert(Chain::KIND, Chain::load);
        Registry { entries, loaders }
    }

    /// Adds a loader for something that is saved in models but never written in a recipe.
    pub fn with_loader(mut self, kind: &'static str, load: Loader) -> Self {
        self.loaders.insert(kind, load);
        self
    }

    /// The built-ins by name.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }

    /// The line of this kind; the error offers the nearest.
    pub fn entry(&self, kind: &str) -> Result<&Entry> {
        self.entries.get(kind).ok_or_else(|| {
            let near = nearest(kind, self.entries.keys().copied());
            let hint = near.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
            Error::parameter("kind", format!("there is no '{kind}'{hint}"))
        })
    }

    /// The estimator of this kind with these parameters (an object, or null for the defaults).
    pub fn build(&self, kind: &str, params: Value) -> Result<Box<dyn Estimator>> {
        (self.entry(kind)?.parse)(params).map_err(|e| Error::parameter(e.path, e.problem))
    }

    /// The fitted thing that was saved as `state`.
    pub fn load(&self, state: State) -> Result<Arc<dyn Fitted>> {
        match self.loaders.get(state.kind.as_str()) {
            Some(load) => load(self, state),
            None => Err(Error::state(&state.kind, "this build does not know this kind")),
        }
    }
}
