//! The learner within: how it is named, what it needs, and the rows that it is given.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use serde_json::{Map, Value, json};
use tidemill_core::recipe::Spec;
use tidemill_core::{
    Batch, Categories, Column, Context, Error, Family, Fitted, KeyPath, Kind, Needs, Registry, Result, Role,
    Schema, Sort, Table, Training, Weights,
};
use tidemill_kernel::Place;

use crate::rows;
use crate::trees::RandomForest;

/// One decision tree on all rows and all features: what a wrapper takes where no learner is named.
pub(super) fn one_tree(max_depth: Option<usize>) -> Spec {
    let tree = RandomForest {
        n_trees: 1,
        max_depth,
        max_features: Some(1.0),
        bootstrap: false,
        ..RandomForest::default()
    };
    let params = match json!(tree) {
        Value::Object(params) => params,
        _ => Map::new(),
    };
    Spec { kind: <RandomForest as tidemill_core::Builtin>::KIND.into(), params }
}

/// What the learner within needs. What is wrong comes with `kind_at`, the key that names it, or with the key of its parameter
/// below `params_at`.
pub(super) fn needs(
    registry: &Registry,
    spec: &Spec,
    kind_at: &str,
    params_at: &str,
) -> Result<Needs, KeyPath> {
    let is_learner = |sort| matches!(sort, Sort::Learner(_));
    let entry = registry
        .entry_among(&spec.kind, |e| is_learner(e.sort))
        .map_err(|e| KeyPath::new(kind_at, words_of(e)))?;
    if !is_learner(entry.sort) || entry.sort == Sort::Learner(Family::Series) {
        let problem = format!("'{}' is no learner of rows; name one, such as \"logistic\"", spec.kind);
        return Err(KeyPath::new(kind_at, problem));
    }
    if entry.weights == Weights::Ignored {
        let problem = format!("'{}' counts all rows alike, and here rows are weighed", spec.kind);
        return Err(KeyPath::new(kind_at, problem));
    }
    let built = registry.build(&spec.kind, Value::Object(spec.params.clone())).map_err(|e| match e {
        Error::Parameter { key, problem } if key.is_empty() => KeyPath::new(params_at, problem),
        Error::Parameter { key, problem } => {
            let path = if params_at.is_empty() { key } else { format!("{params_at}.{key}") };
            KeyPath::new(path, problem)
        }
        other => KeyPath::new(kind_at, other.to_string()),
    })?;
    Ok(built.needs())
}

fn words_of(e: Error) -> String {
    match e {
        Error::Parameter { problem, .. } => problem,
        other => other.to_string(),
    }
}

/// Fits the learner within on these rows.
pub(super) fn fit(spec: &Spec, rows: &Table, context: &Context) -> Result<Arc<dyn Fitted>> {
    context.check()?;
    let learner = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
    learner.fit(Training::on(rows), context)
}

/// What a fitted learner answers to these rows: a number each, or a probability for each class.
pub(super) fn answers(fitted: &Arc<dyn Fitted>, batch: &Batch) -> Result<Vec<f64>> {
    let output = fitted.clone().bind(batch.schema())?.apply(batch)?;
    Place::of(output.schema())?.values(&output)
}

/// What is to be learned, row by row.
pub(super) enum Truth {
    Numbers(Vec<f64>),
    Classes(Vec<u32>, Arc<Categories>),
}

impl Truth {
    pub(super) fn of(batch: &Batch) -> Result<Self> {
        let kind = batch.schema().role(Role::Target).map(|at| batch.schema().columns()[at].kind);
        if kind == Some(Kind::Category) {
            let (codes, classes) = rows::classes(batch)?;
            return Ok(Truth::Classes(codes, classes));
        }
        rows::moderate_numbers(batch).map(Truth::Numbers)
    }

    pub(super) fn classes(&self) -> Option<&Arc<Categories>> {
        match self {
            Truth::Numbers(_) => None,
            Truth::Classes(_, classes) => Some(classes),
        }
    }

    /// Numbers of an answer.
    pub(super) fn width(&self) -> usize {
        self.classes().map_or(1, |classes| classes.len())
    }
}

/// The rows with other weights than their own.
pub(super) fn weighed(batch: &Batch, weights: Vec<f64>) -> Result<Table> {
    let values: ArrayRef = Arc::new(Float64Array::from(weights));
    let mut arrays = batch.columns().to_vec();
    if let Some(at) = batch.schema().role(Role::Weight) {
        arrays[at] = values;
        return Batch::with_rows(batch.schema().clone(), arrays, batch.n_rows()).map(Table::new);
    }
    let mut name = String::from("weight");
    while batch.schema().position(&name).is_some() {
        name.push('_');
    }
    let mut columns = batch.schema().columns().to_vec();
    columns.push(Column::number(name).with_role(Role::Weight));
    arrays.push(values);
    Batch::with_rows(Arc::new(Schema::new(columns)?), arrays, batch.n_rows()).map(Table::new)
}
