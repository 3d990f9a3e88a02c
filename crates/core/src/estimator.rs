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

/// The data to learn from. The target and the weights are found by role.
#[derive(Clone, Copy)]
pub struct Training<'a> {
    /// The rows to fit on.
    pub train: &'a dyn Source,
    /// Rows for early stopping; never used for fitting.
    pub valid: Option<&'a dyn Source>,
    /// An earlier model to start from.
    pub prior: Option<&'a dyn Fitted>,
}

impl<'a> Training<'a> {
    /// Fit on these rows, without validation rows and without an earlier model.
    pub fn on(train: &'a dyn Source) -> Self {
        Training { train, valid: None, prior: None }
    }
}

/// The target column of a batch in the form that learners need: complete, and one of two types.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A number per row.
    Number(Vec<f64>),
    /// A class per row, as its index in the engine's fixed order of `n_classes` classes.
    Class {
        /// The class of each row, below `n_classes`.
        codes: Vec<u32>,
        /// The number of classes, including those without a row in this batch.
        n_classes: usize,
    },
}

impl Target {
    /// The target of `batch`. Errors if there is none, if it is missing in a row, or if it is text or a time.
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

    /// The number of rows.
    pub fn len(&self) -> usize {
        match self {
            Target::Number(values) => values.len(),
            Target::Class { codes, .. } => codes.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The weight of each row: `None` if no column has the role. Errors if a weight is missing, negative or infinite.
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
    /// The weight of each row, from the column with that role; `None` if there is none.
    pub fn weights(&self) -> Result<Option<Vec<f64>>> {
        weights(self)
    }
}

/// `kind` and `params` of an [`Estimator`] that is a [`crate::Builtin`]: its kind, and itself as a recipe would have it.
///
/// Stands first in `impl Estimator for …`; the crate that uses it depends on `serde_json`.
#[macro_export]
macro_rules! kind_and_params {
    () => {
        fn kind(&self) -> &'static str {
            <Self as $crate::Builtin>::KIND
        }

        fn params(&self) -> ::serde_json::Value {
            // Plain parameters cannot fail to serialise.
            ::serde_json::to_value(self).unwrap_or_default()
        }
    };
}

/// What a learner requires of its input; the engine adds the missing steps.
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
    /// Numbers, flags and dense vectors only: categories are encoded, and times are replaced by their parts.
    pub numeric: bool,
    /// Numbers on a similar scale.
    pub scaled: bool,
    /// Numbers, flags, categories and dense vectors only: times are replaced by their parts, and there is no free text. Implied by
    /// `numeric`.
    pub tabular: bool,
    /// Supports sparse vectors, so texts are passed as weights of their terms.
    pub sparse: bool,
    /// Reads tokens ([`crate::Layout::Tokens`]) in order, so texts are passed as tokens.
    pub tokens: bool,
}

impl Needs {
    /// The needs of both: everything that one of them requires, and text formats only if both support them.
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

/// How the result for a row depends on other rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rows {
    /// Only on that row: row by row equals batch.
    RowWise,
    /// On that row and a number of rows before it.
    Ordered {
        /// The number of rows before it.
        history: usize,
    },
    /// On later rows, so it exists in training only.
    TrainingOnly,
}

/// A step or a learner as written in the recipe: plain parameters, checked before any work. Object-safe.
pub trait Estimator: Send + Sync {
    /// Its kind, as listed in the registry.
    fn kind(&self) -> &'static str;

    /// Its parameters, with defaults filled in.
    fn params(&self) -> Value;

    /// What it requires of its input.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// Like [`Estimator::needs`], for an estimator that may contain another one, which it knows by name: what that one requires.
    ///
    /// # Errors
    /// There is none with that name, or it has other parameters.
    fn needs_of(&self, _registry: &Registry) -> Result<Needs> {
        Ok(self.needs())
    }

    /// How rows depend on each other.
    fn rows(&self) -> Rows {
        Rows::RowWise
    }

    /// The parameters that the search should try. None by default.
    fn search(&self) -> Vec<Search> {
        Vec::new()
    }

    /// Looks up the estimators that it is composed of among the built-ins, so that it can tell what they need. Called once, by
    /// [`Registry::build`]. Errors name the wrong parameter. Most estimators are not composed of others.
    fn assemble(&mut self, _: &Registry) -> Result<(), KeyPath> {
        Ok(())
    }

    /// Learns from the training rows only.
    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>>;

    /// Fits, and returns the transformed training rows. Differs from fit followed by apply only for steps that must not show a row its own
    /// target: out-of-fold encoders override it.
    fn fit_apply(&self, training: Training<'_>, context: &Context) -> Result<(Arc<dyn Fitted>, Table)> {
        let fitted = self.fit(training, context)?;
        let input = training.train.collect()?;
        let output = fitted.clone().bind(input.schema())?.apply(&input)?;
        Ok((fitted, Table::new(output)))
    }
}

/// Changes the number of rows, so it exists in training only: balancing, dropping outliers.
pub trait Resampler: Send + Sync {
    /// What it requires of the prepared rows; the engine adds what is missing, for training and service alike.
    fn needs(&self) -> Needs {
        Needs::default()
    }

    /// The rows to train on instead of `train`.
    fn resample(&self, train: &Table, context: &Context) -> Result<Table>;
}

/// Which columns a step works on: those named, or if none is named, every feature of the kinds that it handles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Columns(pub Vec<String>);

impl Columns {
    /// The indices of the columns to work on. A named column must exist and satisfy `handles`; if none is named, all features that satisfy
    /// it. `wanted` describes in words what the step handles ("a number").
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
