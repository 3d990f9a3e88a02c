//! The contract of every step and learner as written in a recipe.

use std::sync::Arc;

use arrow_array::Array;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    Batch, Column, Context, Error, Fitted, KeyPath, Kind, Registry, Result, Role, Schema, Search, Source,
    Table,
};

/// What there is to learn from. The target and the weight are found by role.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// The rows to fit on.
    pub train: &'a dyn Source,
    /// Rows to watch for early stopping; never fitted on.
    pub valid: Option<&'a dyn Source>,
    /// An earlier model to start from.
    pub prior: Option<&'a dyn Fitted>,
}

impl<'a> Training<'a> {
    /// Fit on these rows, with nothing to watch and nothing to start from.
    pub fn on(train: &'a dyn Source) -> Self {
        Training { train, valid: None, prior: None }
    }
}

/// The target column of a batch, as learners want it: complete, and in one of two forms.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A number per row.
    Number(Vec<f64>),
    /// A class per row, as its place in the engine's fixed order of `n_classes`.
    Class {
        /// The class of each row, below `n_classes`.
        codes: Vec<u32>,
        /// How many classes there are, those without a row in this batch included.
        n_classes: usize,
    },
}

impl Target {
    /// The target of `batch`. Errors when there is none, when a row misses it, or when it is text or a time.
    pub fn of(batch: &Batch) -> Result<Self> {
        let at = batch.schema().role(Role::Target).ok_or_else(|| {
            Error::data("no column has the role 'target'", "name the target with --target or in [data]")
        })?;
        let column = &batch.schema().columns()[at];
        if batch.column(at).null_count() > 0 {
            return Err(Error::data(
                format!("target '{}' is missing in {} rows", column.name, batch.column(at).null_count()),
                "remove these rows",
            ));
        }
        match column.kind {
            Kind::Number => Ok(Target::Number(batch.numbers(at)?.values().to_vec())),
            Kind::Category => {
                let n_classes = column.categories()?.len();
                let codes = batch.codes(at)?.values().to_vec();
                match codes.iter().position(|&c| c as usize >= n_classes) {
                    Some(row) => Err(Error::data(
                        format!("target '{}' has a class in row {row} that was not seen before", column.name),
                        "retrain with rows of that class, or remove them",
                    )),
                    None => Ok(Target::Class { codes, n_classes }),
                }
            }
            found => Err(Error::WrongKind {
                column: column.name.clone(),
                found,
                wanted: "a number or a category to predict".into(),
            }),
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        match self {
            Target::Number(values) => values.len(),
            Target::Class { codes, .. } => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The weight of each row: `None` when no column has the role. Errors when one is missing, negative or infinite.
pub(crate) fn weights(batch: &Batch) -> Result<Option<Vec<f64>>> {
    let Some(at) = batch.schema().role(Role::Weight) else { return Ok(None) };
    let name = &batch.schema().columns()[at].name;
    let values = batch.numbers(at)?;
    let usable = |i: usize| values.is_valid(i) && values.value(i) >= 0.0 && values.value(i).is_finite();
    match (0..values.len()).find(|&i| !usable(i)) {
        Some(row) => Err(Error::data(
            format!("weight '{name}' is missing, negative or infinite in row {}", row + 1),
            "weights are numbers from 0 up; correct or remove the row",
        )),
        None => Ok(Some(values.values().to_vec())),
    }
}

impl Batch {
    /// The weight of each row, from the column in that role: `None` when there is none.
    pub fn weights(&self) -> Result<Option<Vec<f64>>> {
        weights(self)
    }
}

/// What a learner asks of its input; the engine adds the steps that are missing.
///
/// ```
/// use tidemill_core::Needs;
/// let linear = Needs { complete: true, numeric: true, sparse: true, ..Needs::default() };
/// let trees = Needs { tabular: true, ..Needs::default() };
/// let both = linear.and(trees);
/// assert!(both.complete && both.numeric && both.tabular && !both.sparse);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Needs {
    /// No missing values.
    pub complete: bool,
    /// Numbers, flags and dense vectors only: categories are encoded, times replaced by their parts.
    pub numeric: bool,
    /// Numbers of about the same size.
    pub scaled: bool,
    /// Numbers, flags, categories and dense vectors only: times replaced by their parts, no free text. Follows from
    /// `numeric`.
    pub tabular: bool,
    /// Sparse vectors are read as they are, so texts come as weights of their terms.
    pub sparse: bool,
    /// Tokens ([`crate::Layout::Tokens`]) are read in their order, so texts come as these.
    pub tokens: bool,
}

impl Needs {
    /// What suits both: whatever one of them cannot do without, and forms of texts only where both read them.
    pub fn and(self, other: Needs) -> Needs {
        Needs {
            complete: self.complete || other.complete,
            numeric: self.numeric || other.numeric,
            scaled: self.scaled || other.scaled,
            tabular: self.tabular || other.tabular,
            sparse: self.sparse && other.sparse,
            tokens: self.tokens && other.tokens,
        }
    }
}

/// How the answer for a row depends on other rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// On that row alone: row by row equals batch.
    RowWise,
    /// On that row and so many before it.
    Ordered {
        /// How many rows before.
        history: usize,
    },
    /// On rows to come, so it exists in training only.
    TrainingOnly,
}

/// A step or a learner as written in the recipe: plain parameters, checked before any work. Object-safe.
pub trait Estimator: Send + Sync {
    /// Its kind, as the registry lists it.
    fn kind(&self) -> &'static str;

    /// Its parameters, defaults filled in.
    fn params(&self) -> Value;

    /// What must be true of its input.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// As [`Estimator::needs`], of one that may hold another, which it knows by name: what that one needs.
    ///
    /// # Errors
    /// There is none of that name, or it has other parameters.
    fn needs_of(&self, _registry: &Registry) -> Result<Needs> {
        Ok(self.needs())
    }

    /// How rows depend on each other.
    fn rows(&self) -> Rows {
        Rows::RowWise
    }

    /// The parameters worth trying, for the search over them. None by default.
    fn search(&self) -> Vec<Search> {
        Vec::new()
    }

    /// Looks up the estimators that it is made of among the built-ins, so that it can say what they need: called once, by
    /// [`Registry::build`]. Errors name the parameter that is wrong. Most are made of nothing else.
    fn assemble(&mut self, _: &Registry) -> Result<(), KeyPath> {
        Ok(())
    }

    /// Learns from the training rows alone.
    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>>;

    /// Learns, and gives what the training rows become. Differs from fit then apply only for steps that must not
    /// show a row its own target: out-of-fold encoders override it.
    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        let fitted = self.fit(training, context)?;
        let input = training.train.collect()?;
        let output = fitted.clone().bind(input.schema())?.apply(&input)?;
        Ok((fitted, Table::new(output)))
    }
}

/// Changes the number of rows, so it exists in training only: balancing, dropping outliers.
pub trait Resampler: Send + Sync {
    /// What must be true of the rows, which are prepared; the engine adds what is missing, for training and service alike.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The rows to train on instead of `train`.
    fn resample(&self, train: &Table, context: &Context) -> Result<Table>;
}

/// Which columns a step works on: those named, or with none named every feature of the kinds it handles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Columns(pub Vec<String>);

impl Columns {
    /// The places of the columns to work on. A named column must be there and satisfy `handles`; with none named,
    /// all features that satisfy it. `wanted` says in words what the step handles ("a number").
    pub fn places(
        &self,
        schema: &Schema,
        wanted: &str,
        handles: impl Fn(&Column) -> bool,
    ) -> Result<Vec<usize>> {
        if self.0.is_empty() {
            return Ok(schema.places(|c| c.role == Role::Feature && handles(c)));
        }
        self.0
            .iter()
            .map(|name| {
                let at = schema.index(name)?;
                let column = &schema.columns()[at];
                if handles(column) {
                    return Ok(at);
                }
                Err(Error::WrongKind { column: name.clone(), found: column.kind, wanted: wanted.into() })
            })
            .collect()
    }
}
