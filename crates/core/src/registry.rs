//! The list of built-ins: how a name in a recipe becomes an estimator, and a saved state a fitted object.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::builtin::{Loader, Parse};
use crate::{Chain, Entry, Error, Estimator, Fitted, KeyPath, Resampler, Result, State, nearest};

/// Everything that can be named in a recipe or found in a model file, by kind.
#[derive(Clone)]
pub struct Registry {
    entries: BTreeMap<&'static str, Entry>,
    loaders: BTreeMap<&'static str, Loader>,
}

impl Default for Registry {
    /// Only [`Chain`].
    fn default() -> Self {
        Registry::new([])
    }
}

impl Registry {
    /// These built-ins, and [`Chain`].
    pub fn new(entries: impl IntoIterator<Item = Entry>) -> Self {
        let entries: BTreeMap<_, _> = entries.into_iter().map(|e| (e.kind, e)).collect();
        let mut loaders: BTreeMap<&'static str, Loader> =
            entries.values().filter_map(|e| Some((e.kind, e.load?))).collect();
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

    /// The entry of this kind; the error suggests the nearest.
    pub fn entry(&self, kind: &str) -> Result<&Entry> {
        self.entry_among(kind, |_| true)
    }

    /// Like [`Registry::entry`], but the error suggests the nearest of those that are `wanted`.
    pub fn entry_among(&self, kind: &str, wanted: impl Fn(&Entry) -> bool) -> Result<&Entry> {
        self.entries.get(kind).ok_or_else(|| {
            let near = nearest(kind, self.entries.values().filter(|e| wanted(e)).map(|e| e.kind));
            let hint = near.map(|n| format!("; did you mean '{n}'?")).unwrap_or_default();
            Error::parameter("kind", format!("there is no '{kind}'{hint}"))
        })
    }

    /// Builds the estimator of this kind with these parameters (an object, or null for the defaults).
    pub fn build(&self, kind: &str, params: Value) -> Result<Box<dyn Estimator>> {
        let entry = self.entry(kind)?;
        match entry.parse {
            Parse::Estimator(parse) => {
                self.assembled(parse, params).map_err(|e| Error::parameter(e.path, e.problem))
            }
            Parse::Resampler(_) => Err(misplaced(entry, "a step or a learner")),
        }
    }

    /// Rejects unknown parameters and values out of range for this entry, and names the wrong one.
    pub fn check(&self, entry: &Entry, params: Value) -> Result<(), KeyPath> {
        match entry.parse {
            Parse::Estimator(parse) => self.assembled(parse, params).map(drop),
            Parse::Resampler(parse) => parse(params).map(drop),
        }
    }

    fn assembled(
        &self,
        parse: fn(Value) -> Result<Box<dyn Estimator>, KeyPath>,
        params: Value,
    ) -> Result<Box<dyn Estimator>, KeyPath> {
        let mut estimator = parse(params)?;
        estimator.assemble(self)?;
        Ok(estimator)
    }

    /// Builds the resampler of this kind with these parameters (an object, or null for the defaults).
    pub fn resampler(&self, kind: &str, params: Value) -> Result<Box<dyn Resampler>> {
        let entry = self.entry(kind)?;
        match entry.parse {
            Parse::Resampler(parse) => parse(params).map_err(|e| Error::parameter(e.path, e.problem)),
            Parse::Estimator(_) => Err(misplaced(entry, "a resampler")),
        }
    }

    /// Loads the fitted object that was saved as `state`.
    pub fn load(&self, state: State) -> Result<Arc<dyn Fitted>> {
        match self.loaders.get(state.kind.as_str()) {
            Some(load) => load(self, state),
            None => Err(Error::state(&state.kind, "this build does not know this kind")),
        }
    }
}

fn misplaced(entry: &Entry, wanted: &str) -> Error {
    Error::parameter("kind", format!("'{}' is {}, not {wanted}", entry.kind, entry.sort.noun()))
}
