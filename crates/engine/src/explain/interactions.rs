//! What each pair of columns adds together, beyond what each adds by itself: SHAP interaction values of trees.

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::{Batch, Context, Error, Fitted, Result};
use tidemill_eval::explain::{Sources, tree_interactions_by_source};

use super::method::{self, as_trees};
use super::{Explained, Method};
use crate::error::EngineError;
use crate::search::apply;

/// The most numbers that are held for all rows together: 160 MB.
const MOST: usize = 20_000_000;
/// The strongest pairs that are named.
const NAMED: usize = 20;

/// What pairs of columns add together, over all rows.
#[derive(Clone, Debug, Serialize)]
pub struct Interacting {
    /// The strongest pairs first; at most 20, none that adds nothing.
    pub pairs: Vec<InteractingPair>,
    /// For each column (row) and each other (column), the mean absolute value of what both add together, over all rows and
    /// outputs; on the diagonal of what the column adds by itself. Row after row, the columns in the order of `columns`.
    pub mean_absolute: Vec<f64>,
}

/// Two columns that add something together.
#[derive(Clone, Debug, Serialize)]
pub struct InteractingPair {
    /// The columns, the one that matters more first.
    pub columns: [String; 2],
    /// The mean absolute value of what both add together beyond what each adds by itself, over all rows and outputs.
    pub mean_absolute: f64,
}

impl Interacting {
    /// What both add together on average, sign aside; `first` and `second` are places in the columns.
    pub fn of(&self, first: usize, second: usize) -> f64 {
        let p = self.mean_absolute.len().isqrt();
        self.mean_absolute.get(first * p + second).copied().unwrap_or(0.0)
    }
}

/// Refuses models whose columns have no exact interaction values, and more numbers than are held.
pub(super) fn check(
    steps: &[Arc<dyn Fitted>],
    asked: Option<Method>,
    n_rows: usize,
    n_columns: usize,
) -> Result<()> {
    let refused = |problem: String, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    let n_outputs = match method::of(steps, asked)? {
        method::Found::Trees(at) => steps[at].as_trees().map_or(1, |trees| trees.n_outputs()),
        method::Found::Linear(_) | method::Found::Correlated(_) | method::Found::Odds(_) => {
            let problem = "each column of this model adds to its score by itself: no two interact";
            return refused(problem.into(), "leave --interactions out");
        }
        _ => {
            let problem = "interaction values are exact for trees explained by tree_shap alone";
            let remedy = "leave --interactions out; --method effects shows which pairs of columns work together in any model";
            return refused(problem.into(), remedy);
        }
    };
    let cells = n_columns.saturating_mul(n_columns).saturating_mul(n_outputs);
    if cells.saturating_mul(n_rows) <= MOST {
        return Ok(());
    }
    let problem = format!(
        "{n_rows} rows with {n_columns} columns have more pairs than are held in memory ({MOST} numbers)"
    );
    match MOST / cells.max(1) {
        0 => refused(problem, "leave --interactions out: this model reads too many columns"),
        rows => refused(problem, &format!("name at most {rows} rows with --rows")),
    }
}

/// Adds the interaction values of trees to what was explained of these rows.
pub(super) fn add(
    explained: &mut Explained,
    steps: &[Arc<dyn Fitted>],
    rows: &Batch,
    context: &Context,
) -> Result<()> {
    let gone = || Error::internal("the trees are gone");
    let at = steps.iter().position(|step| as_trees(step).is_some()).ok_or_else(gone)?;
    let (fitted, trees) = as_trees(&steps[at]).zip(steps[at].as_trees()).ok_or_else(gone)?;
    let prepared = apply(&steps[..at], rows.clone())?;
    let sources = Sources::of_columns(fitted.feature_columns(), prepared.schema());
    let found = tree_interactions_by_source(trees, &sources, &fitted.feature_rows(&prepared)?, context)?;
    let (p, k, scale) = (sources.names.len(), trees.n_outputs(), fitted.margin_scale());
    // In the order of the columns, those that matter most first.
    let place = |name: &String| sources.names.iter().position(|other| other == name).ok_or_else(gone);
    let order = explained.columns.iter().map(place).collect::<Result<Vec<usize>>>()?;
    let mut sums = vec![0.0; p * p];
    for (i, row) in explained.rows.iter_mut().enumerate() {
        for output in 0..k {
            let cells = found.of(i, output);
            let of_pair = |(a, b): (usize, usize)| scale * cells[order[a] * p + order[b]];
            let matrix: Vec<f64> = (0..p).flat_map(|a| (0..p).map(move |b| (a, b))).map(of_pair).collect();
            for (at, (sum, x)) in sums.iter_mut().zip(&matrix).enumerate() {
                // Both cells of a pair are what its columns add together.
                *sum += x.abs() * if at / p == at % p { 1.0 } else { 2.0 };
            }
            row.interactions.push(matrix);
        }
    }
    let n = (explained.rows.len() * k).max(1) as f64;
    sums.iter_mut().for_each(|sum| *sum /= n);
    explained.interactions =
        Some(Interacting { pairs: strongest(&explained.columns, &sums), mean_absolute: sums });
    Ok(())
}

fn strongest(columns: &[String], mean: &[f64]) -> Vec<InteractingPair> {
    let p = columns.len();
    // What rounding leaves is nothing.
    let nothing = 1e-12 * mean.iter().fold(0.0, |most: f64, x| most.max(*x));
    let mut pairs: Vec<(usize, usize)> = (0..p).flat_map(|a| (a + 1..p).map(move |b| (a, b))).collect();
    pairs.retain(|(a, b)| mean[a * p + b] > nothing);
    pairs.sort_by(|x, y| mean[y.0 * p + y.1].total_cmp(&mean[x.0 * p + x.1]).then(x.cmp(y)));
    let told = |&(a, b): &(usize, usize)| InteractingPair {
        columns: [columns[a].clone(), columns[b].clone()],
        mean_absolute: mean[a * p + b],
    };
    pairs.iter().take(NAMED).map(told).collect()
}
