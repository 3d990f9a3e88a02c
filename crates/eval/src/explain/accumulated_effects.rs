//! Accumulated local effects.

use std::sync::Arc;

use arrow_array::{Array, Float64Array};
use serde::Serialize;
use tidemill_core::{Batch, Context};

use super::effect_grid::{present, with_column};
use crate::{Error, Result};

/// How a model's answer changes along a column, from one stretch of it to the next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AccumulatedEffects {
    /// The column.
    pub column: String,
    /// The ends of the stretches, ascending: quantiles of the column.
    pub edges: Vec<f64>,
    /// How many outputs the model has.
    pub n_outputs: usize,
    /// The effect at each edge and for each output (edge after edge): the mean over the rows is 0.
    pub effects: Vec<f64>,
    /// How many rows lie in each stretch, one fewer than there are edges.
    pub n_rows: Vec<usize>,
}

/// The accumulated local effects (Apley and Zhu 2020) of a number column: in each of up to `n_bins` stretches of about equally
/// many rows (20 is usual), the change of the answer from the lower to the upper end, averaged over the rows that lie
/// there, added up along the column and centred. Unlike partial dependence it asks the model only about rows near real
/// ones, so that it holds for correlated columns.
///
/// The first stretch takes in its lower end. Rows without the number are left out. `predict` gives `n_outputs` numbers per
/// row, row after row. Errors for a column that is not a number or has a single value, when `predict` errors, and once cancelled.
pub fn accumulated_effects<E>(
    rows: &Batch,
    column: &str,
    n_bins: usize,
    n_outputs: usize,
    context: &Context,
    predict: impl Fn(&Batch) -> Result<Vec<f64>, E>,
) -> Result<AccumulatedEffects, E>
where
    E: From<Error>,
{
    let place = rows.schema().index(column).map_err(Error::from)?;
    let edges = edges(&present(rows, place)?, n_bins.max(1));
    if edges.len() < 2 {
        let what = format!("'{column}' has fewer than two values in these rows, so nothing changes along it");
        return Err(Error::Explain { what, remedy: "give more rows, or leave the column out".into() }.into());
    }
    let numbers = rows.numbers(place).map_err(Error::from)?;
    let there: Vec<u32> = (0..rows.n_rows() as u32)
        .filter(|&row| numbers.is_valid(row as usize) && numbers.value(row as usize).is_finite())
        .collect();
    let bins: Vec<usize> = there
        .iter()
        .map(|&row| edges[1..edges.len() - 1].partition_point(|edge| *edge < numbers.value(row as usize)))
        .collect();
    let near = rows.take(&there).map_err(Error::from)?;
    let ask = |upper: usize| -> Result<Vec<f64>, E> {
        context.check().map_err(Error::from)?;
        let moved: Float64Array = bins.iter().map(|bin| Some(edges[bin + upper])).collect();
        predict(&with_column(&near, place, Arc::new(moved))?)
    };
    let (lower, upper) = (ask(0)?, ask(1)?);
    for answers in [&lower, &upper] {
        if answers.len() != bins.len() * n_outputs {
            let (what, found, wanted) = ("answers of the model", answers.len(), bins.len() * n_outputs);
            return Err(Error::Lengths { what, found, wanted }.into());
        }
    }
    let mut n_rows = vec![0usize; edges.len() - 1];
    let mut sums = vec![0.0; n_rows.len() * n_outputs];
    let changes = upper.chunks_exact(n_outputs.max(1)).zip(lower.chunks_exact(n_outputs.max(1)));
    for (&bin, (upper, lower)) in bins.iter().zip(changes) {
        n_rows[bin] += 1;
        for output in 0..n_outputs {
            sums[bin * n_outputs + output] += upper[output] - lower[output];
        }
    }
    let effects = accumulate(&sums, &n_rows, n_outputs);
    Ok(AccumulatedEffects { column: column.into(), edges, n_outputs, effects, n_rows })
}

/// The ends of stretches of equally many values: quantiles, each once.
pub(super) fn edges(sorted: &[f64], n_bins: usize) -> Vec<f64> {
    let Some(last) = sorted.len().checked_sub(1) else { return Vec::new() };
    let quantile = |i: usize| {
        let at = last as f64 * i as f64 / n_bins as f64;
        let (below, part) = (at as usize, at - at.floor());
        let above = sorted[(below + 1).min(last)];
        if part > 0.0 { sorted[below] + part * (above - sorted[below]) } else { sorted[below] }
    };
    let mut edges: Vec<f64> = (0..=n_bins).map(quantile).collect();
    edges.dedup();
    edges
}

/// Mean changes added up, less their mean over the rows (each counted in the middle of its stretch).
fn accumulate(sums: &[f64], n_rows: &[usize], k: usize) -> Vec<f64> {
    let mut effects = vec![0.0; (n_rows.len() + 1) * k];
    let all: usize = n_rows.iter().sum();
    for output in 0..k {
        let mut middle = 0.0;
        for (bin, &n) in n_rows.iter().enumerate() {
            let before = effects[bin * k + output];
            let change = if n > 0 { sums[bin * k + output] / n as f64 } else { 0.0 };
            effects[(bin + 1) * k + output] = before + change;
            middle += n as f64 * (before + 0.5 * change);
        }
        let middle = middle / all.max(1) as f64;
        effects[output..].iter_mut().step_by(k).for_each(|effect| *effect -= middle);
    }
    effects
}
