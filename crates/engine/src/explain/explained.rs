//! What was explained, as plain numbers and names.

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;
use tidemill_core::{Batch, Error, Fitted, Result, Role};
use tidemill_data::InferredSchema;
use tidemill_eval::explain::LocalModel;
use tidemill_kernel::picture::Picture;

use super::values::Found;
use super::written::Written;
use super::{Interacting, Judged, Method, Reservation};
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
    /// `prediction` (the number itself).
    pub units: &'static str,
    /// What each output is about: a class, or the target itself.
    pub outputs: Vec<String>,
    /// The user's columns, those that matter most first.
    pub columns: Vec<String>,
    /// By output: what is said when nothing of a row is known; 0 for LIME, where each row has an intercept of its own.
    pub base: Vec<f64>,
    /// The mean absolute value of each column over all rows and outputs.
    pub importance: Vec<f64>,
    /// Of integrated gradients, how the way was gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<PathFit>,
    /// Why it is to be trusted less, said before anything else.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reservations: Vec<Reservation>,
    /// How well the values say which columns matter, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judged: Option<Judged>,
    /// What each pair of columns adds together, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interactions: Option<Interacting>,
    /// Row by row.
    pub rows: Vec<ExplainedRow>,
}

/// The contribution of each column to a model's prediction for one row.
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
    /// By output, a number per column: with the base they sum to `totals`. Of LIME the coefficients of the local model.
    pub values: Vec<Vec<f64>>,
    /// By output: the standard error of each value, where they are sampled.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<Vec<f64>>,
    /// By output: the explained prediction; for LIME, the local model's prediction for the row.
    pub totals: Vec<f64>,
    /// By output: the local model of LIME, whose coefficients `values` then are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub local: Vec<LocalFit>,
    /// Of LIME, by column: above the first and up to the second a value counts as that of the row; `None` for what counts by
    /// its value alone, an end without a bound is null.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ranges: Vec<Option<[Value; 2]>>,
    /// What the words of its texts and the patches of its pictures add, where they were looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<CellParts>,
    /// By output, where it was asked: what each pair of columns adds together, halved between its two cells, and on the diagonal
    /// what each column adds alone; row after row, `columns` squared numbers, each row of which sums to the column's value.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interactions: Vec<Vec<f64>>,
}

/// What the parts of a text or a picture add to what is said of a row.
#[derive(Clone, Debug, Serialize)]
pub struct CellParts {
    /// The column.
    pub column: String,
    /// What the numbers are.
    pub what: PartsOf,
    /// Its parts, in order: together they are the cell.
    pub parts: Vec<Part>,
    /// By output, a number per part: they sum to the value of the column, or to 1 where they are shares.
    pub values: Vec<Vec<f64>>,
    /// The picture whose patches they are.
    #[serde(skip)]
    pub picture: Option<Arc<Picture>>,
}

/// What is said of the parts of a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartsOf {
    /// What each adds to the answer.
    Added,
    /// The share of each in what a transformer goes by (attention rollout).
    Attention,
    /// How much each speaks for the answer to a convolutional net (Grad-CAM).
    GradCam,
}

/// A part of a text or a picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// A word, with what follows it up to the next.
    Word(String),
    /// A patch: its left and upper edge, its width and height in pixels.
    Patch([usize; 4]),
}

/// How the way from the usual row to each row was gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PathFit {
    /// At how many points gradients were taken (Gauss-Legendre).
    pub points: usize,
    /// The most that base and values of a row lack of the net's answer.
    pub gap: f64,
}

/// How well a linear model says what a model does near a row.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LocalFit {
    /// Its constant.
    pub intercept: f64,
    /// The weighted share of the variance of the answers near the row that it explains, the least of all runs: its fidelity.
    pub r2: f64,
    /// The local model's prediction for the row.
    pub local_answer: f64,
    /// The model's prediction for the row.
    pub answer: f64,
}

impl LocalFit {
    /// Below this fidelity a local model is warned of.
    pub const FAITHFUL: f64 = 0.5;

    pub(super) fn of(model: &LocalModel) -> Self {
        let LocalModel { intercept, r2, local_answer, answer, .. } = *model;
        LocalFit { intercept, r2, local_answer, answer }
    }

    /// Whether it says too little of the model to be believed.
    pub fn is_unfaithful(&self) -> bool {
        // A fidelity that is no number is none.
        self.r2.is_nan() || self.r2 < LocalFit::FAITHFUL
    }
}

impl ExplainedRow {
    /// Whether the coefficients of an output change more from run to run than the greatest of them tells: its spread is above
    /// half of it.
    pub fn is_unsteady(&self, output: usize) -> bool {
        let (Some(values), Some(errors)) = (self.values.get(output), self.errors.get(output)) else {
            return false;
        };
        let greatest = values.iter().zip(errors).max_by(|a, b| a.0.abs().total_cmp(&b.0.abs()));
        greatest.is_some_and(|(value, error)| *error > 0.5 * value.abs())
    }
}

/// Values in the order of their importance, beside the rows that they are about.
pub(super) fn told(
    plan: &InferredSchema,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    numbers: Vec<u64>,
    found: Found,
) -> Result<Explained> {
    let Found { method, units, columns, shap, errors, mut local, ranges, path, mut parts } = found;
    let mean = shap.mean_absolute();
    let mut order: Vec<usize> = (0..columns.len()).collect();
    order.sort_by(|a, b| mean[*b].total_cmp(&mean[*a]).then(a.cmp(b)));
    let target = plan.target().map(|c| c.name.clone()).unwrap_or_default();
    let outputs = output_names(plan, shap.n_outputs());
    let answered = apply(steps, rows.clone())?;
    let (prediction, key) = (answered.schema().role(Role::Prediction), rows.schema().role(Role::Key));
    let sorted = |values: &[f64]| order.iter().map(|&at| values[at]).collect::<Vec<f64>>();
    let p = columns.len();
    // Each column where it stands in the data, and how its cells are written.
    let written = |name: &String| {
        let place = rows.schema().position(name);
        place.map(|place| Ok((place, Written::of(plan, rows, place)?))).transpose()
    };
    let places = order.iter().map(|&at| written(&columns[at])).collect::<Result<Vec<_>>>()?;
    let key = key.map(|place| Ok::<_, Error>((place, Written::of(plan, rows, place)?))).transpose()?;
    let mut told = Vec::with_capacity(numbers.len());
    for (i, row) in numbers.into_iter().enumerate() {
        let local: Vec<LocalFit> = local.get_mut(i).map(std::mem::take).unwrap_or_default();
        let totals = match local.as_slice() {
            [] => (0..shap.n_outputs()).map(|output| shap.total(i, output)).collect(),
            fits => fits.iter().map(|fit| fit.local_answer).collect(),
        };
        let of_output = |output: usize| (i * shap.n_outputs() + output) * p;
        let cells = places.iter().map(|of| match of {
            Some((place, written)) => written.cell(rows, *place, i),
            None => Ok(Value::Null),
        });
        let range = |(&at, of): (&usize, &Option<(usize, Written)>)| {
            let (_, written) = of.as_ref()?;
            ranges[i][at].map(|range| range.map(|end| written.bound(end)))
        };
        told.push(ExplainedRow {
            row,
            key: key.as_ref().map(|(place, written)| written.cell(rows, *place, i)).transpose()?,
            prediction: prediction.map(|at| value(&answered, at, i)).transpose()?.unwrap_or_default(),
            cells: cells.collect::<Result<_>>()?,
            values: (0..shap.n_outputs()).map(|output| sorted(shap.of(i, output))).collect(),
            errors: errors
                .iter()
                .flat_map(|errors| {
                    (0..shap.n_outputs()).map(|o| sorted(&errors[of_output(o)..of_output(o) + p]))
                })
                .collect(),
            ranges: if ranges.is_empty() {
                Vec::new()
            } else {
                order.iter().zip(&places).map(range).collect()
            },
            parts: parts.get_mut(i).map(std::mem::take).unwrap_or_default(),
            interactions: Vec::new(),
            local,
            totals,
        });
    }
    let units = if is_answer(&told) { "prediction" } else { units };
    Ok(Explained {
        target,
        method,
        units,
        outputs,
        columns: order.iter().map(|&at| columns[at].clone()).collect(),
        base: shap.base().to_vec(),
        importance: sorted(&mean),
        path,
        reservations: Vec::new(),
        judged: None,
        interactions: None,
        rows: told,
    })
}

/// Whether what is explained is the predicted number itself: a score without a link then needs no name of its own.
fn is_answer(rows: &[ExplainedRow]) -> bool {
    let same = |row: &ExplainedRow| match (row.prediction.as_f64(), row.totals.as_slice()) {
        (Some(answer), [total]) => (answer - total).abs() <= 1e-9 * answer.abs().max(1.0),
        _ => false,
    };
    !rows.is_empty() && rows.iter().all(|row| row.local.is_empty() && same(row))
}

/// What each output is about: of two classes the positive one, of more each of them, else the target.
pub(super) fn output_names(plan: &InferredSchema, n_outputs: usize) -> Vec<String> {
    match (n_outputs, plan.classes.as_slice()) {
        (1, [_, positive]) => vec![positive.clone()],
        (1, _) => vec![plan.target().map(|column| column.name.clone()).unwrap_or_default()],
        (_, classes) => classes.to_vec(),
    }
}
