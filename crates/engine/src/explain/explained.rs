//! What was explained, as plain numbers and names.

use std::sync::Arc;

use arrow_array::Array;
use serde::Serialize;
use serde_json::Value;
use tidemill_core::{Batch, Fitted, Result, Role};
use tidemill_data::InferredSchema;

use super::Method;
use super::values::Found;
use crate::rows::value;
use crate::search::apply;

/// What each column adds to what a model says.
#[derive(Clone, Debug, Serialize)]
pub struct Explained {
    /// The target.
    pub target: String,
    /// How.
    pub method: Method,
    /// What base and values sum to: `margin` (the score before link, calibration and threshold), `probability` or
    /// `prediction`.
    pub units: &'static str,
    /// What each output is about: a class, or the target itself.
    pub outputs: Vec<String>,
    /// The user's columns, those that matter most first.
    pub columns: Vec<String>,
    /// By output: what is said when nothing of a row is known.
    pub base: Vec<f64>,
    /// The mean absolute value of each column over all rows and outputs.
    pub importance: Vec<f64>,
    /// Row by row.
    pub rows: Vec<ExplainedRow>,
}

/// What each column adds to what a model says of one row.
#[derive(Clone, Debug, Serialize)]
pub struct ExplainedRow {
    /// Its number in the data, from 1.
    pub row: u64,
    /// The key, where the model knows one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Value>,
    /// The answer.
    pub prediction: Value,
    /// What the row says in each column.
    pub cells: Vec<Value>,
    /// By output, a number per column: with the base they sum to `totals`.
    pub values: Vec<Vec<f64>>,
    /// By output: the standard error of each value, where they are sampled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Vec<f64>>,
    /// By output: what is explained.
    pub totals: Vec<f64>,
}

/// Values in the order of their importance, beside the rows that they are about.
pub(super) fn told(
    plan: &InferredSchema,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    numbers: Vec<u64>,
    found: Found,
) -> Result<Explained> {
    let Found { method, units, columns, shap, errors } = found;
    let mean = shap.mean_absolute();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]).then(a.cmp(b)));
    let target = plan.target().map(|c| c.name.clone()).unwrap_or_default();
    let outputs = match (shap.n_outputs(), plan.classes.as_slice()) {
        (1, [_, positive]) => vec![positive.clone()],
        (1, _) => vec![target.clone()],
        (_, classes) => classes.to_vec(),
    };
    let answered = apply(steps, rows.clone())?;
    let (prediction, key) = (answered.schema().role(Role::Prediction), rows.schema().role(Role::Key));
    let sorted = |values: &[f64]| order.iter().map(|&at| values[at]).collect::<Vec<f64>>();
    let p = columns.len();
    let mut told = Vec::with_capacity(numbers.len());
    for (i, row) in numbers.into_iter().enumerate() {
        let of_output = |output: usize| (i * shap.n_outputs() + output) * p;
        let cells = order.iter().map(|&at| match rows.schema().position(&columns[at]) {
            Some(place) if rows.column(place).is_valid(i) => value(rows, place, i),
            _ => Ok(Value::Null),
        });
        told.push(ExplainedRow {
            row,
            key: key.map(|at| value(rows, at, i)).transpose()?,
            prediction: prediction.map(|at| value(&answered, at, i)).transpose()?.unwrap_or_default(),
            cells: cells.collect::<Result<_>>()?,
            values: (0..shap.n_outputs()).map(|output| sorted(shap.of(i, output))).collect(),
            errors: errors
                .iter()
                .flat_map(|errors| {
                    (0..shap.n_outputs()).map(|o| sorted(&errors[of_output(o)..of_output(o) + p]))
                })
                .collect(),
            totals: (0..shap.n_outputs()).map(|output| shap.total(i, output)).collect(),
        });
    }
    Ok(Explained {
        target,
        method,
        units,
        outputs,
        columns: order.iter().map(|&at| columns[at].clone()).collect(),
        base: shap.base().to_vec(),
        importance: sorted(&mean),
        rows: told,
    })
}
