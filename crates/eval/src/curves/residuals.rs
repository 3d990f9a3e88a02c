//! Where a model of numbers is off: errors over predictions.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::recipe::Task;

use crate::quantile::{Weighed, lower_quantile};
use crate::sum::{weight, weighted_sum};
use crate::{Answers, Error, NumberAnswers, Result};

/// Residuals (truth - prediction: positive where the prediction is too low), in the target's unit, over predictions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Residuals {
    /// The mean residual: far from 0, predictions are biased.
    pub bias: f64,
    /// The standard deviation of the residuals.
    pub spread: f64,
    /// The mean prediction in each bin: rises. Bins hold as many rows (by weight) each, equal predictions together.
    pub predicted: Vec<f64>,
    /// The mean residual in each bin: a trend means that something is not learned.
    pub mean: Vec<f64>,
    /// The residual that 10% of the bin's rows do not exceed.
    pub low: Vec<f64>,
    /// The median residual of each bin.
    pub median: Vec<f64>,
    /// The residual that 90% of the bin's rows do not exceed: `low` to `high` growing apart means that errors grow.
    pub high: Vec<f64>,
    /// The weight of the rows of each bin.
    pub weight: Vec<f64>,
    /// The predictions of evenly spaced rows, for a scatter chart.
    pub sample_predicted: Vec<f64>,
    /// The residuals of the same rows.
    pub sample_residual: Vec<f64>,
}

/// Residuals over predictions in at most `n_bins` bins (1 at least), with at most `max_points` single rows.
///
/// Errors for classes. Without rows of any weight, `bias` and `spread` are `NaN` and the columns empty.
///
/// ```
/// use tidemill_eval::{Answers, curves::residuals};
/// let answers = Answers::numbers(vec![1.0, 2.0, 3.0, 4.0], vec![0.0, 1.0, 4.0, 5.0])?;
/// let found = residuals(&answers, 2, 100)?;
/// assert_eq!((found.bias, found.spread), (0.0, 1.0));
/// assert_eq!((found.predicted, found.mean), (vec![0.5, 4.5], vec![1.0, -1.0]));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn residuals(answers: &Answers<'_>, n_bins: usize, max_points: usize) -> Result<Residuals> {
    let total = answers.total_weight();
    let Answers::Numbers(a) = answers else {
        let task = if answers.task() == Task::Binary { Task::Binary } else { Task::Multiclass };
        return Err(Error::NotForTask { metric: "residuals", task: task.word(), instead: "calibration" });
    };
    let (n, weights) = (a.truth.len(), a.weights.as_deref());
    let residual = |row: usize| a.truth[row] - a.predicted[row];
    let bias = weighted_sum(n, weights, residual) / total;
    let square = weighted_sum(n, weights, |row| (residual(row) - bias) * (residual(row) - bias));
    let mut found = Residuals { bias, spread: (square / total).sqrt(), ..Residuals::default() };
    binned(a, total, n_bins.max(1)).iter().for_each(|bin| found.push(a, bin));
    let step = n.div_ceil(max_points.max(1)).max(1);
    let sample = || (0..n).step_by(step).filter(|&row| weight(weights, row) > 0.0);
    found.sample_predicted = sample().map(|row| a.predicted[row]).collect();
    found.sample_residual = sample().map(residual).collect();
    Ok(found)
}

impl Residuals {
    fn push(&mut self, a: &NumberAnswers<'_>, rows: &[u32]) {
        let weights = a.weights.as_deref();
        let mut residuals: Vec<Weighed> = rows
            .iter()
            .map(|&row| row as usize)
            .map(|row| Weighed { value: a.truth[row] - a.predicted[row], weight: weight(weights, row) })
            .collect();
        let all: f64 = residuals.iter().map(|r| r.weight).sum();
        let predicted = rows.iter().map(|&r| r as usize).map(|r| weight(weights, r) * a.predicted[r]);
        self.predicted.push(predicted.sum::<f64>() / all);
        self.mean.push(residuals.iter().map(|r| r.weight * r.value).sum::<f64>() / all);
        residuals.sort_by(|x, y| x.value.total_cmp(&y.value));
        self.low.push(lower_quantile(&residuals, 0.1));
        self.median.push(lower_quantile(&residuals, 0.5));
        self.high.push(lower_quantile(&residuals, 0.9));
        self.weight.push(all);
    }
}

/// The rows of each bin, in the order of their predictions.
fn binned(a: &NumberAnswers<'_>, total: f64, n_bins: usize) -> Vec<Vec<u32>> {
    let weights = a.weights.as_deref();
    let mut rows: Vec<(f64, u32)> = a.predicted.iter().copied().zip(0..).collect();
    rows.retain(|&(_, row)| weight(weights, row as usize) > 0.0);
    rows.par_sort_unstable_by(|x, y| x.0.total_cmp(&y.0).then(x.1.cmp(&y.1)));
    let mut bins: Vec<Vec<u32>> = Vec::new();
    let (mut below, mut last) = (0.0, usize::MAX);
    for tied in rows.chunk_by(|x, y| x.0 == y.0) {
        let tied = tied.iter().map(|t| t.1);
        let bin = ((below / total * n_bins as f64 * (1.0 + 1e-12)) as usize).min(n_bins - 1);
        match bins.last_mut() {
            Some(open) if bin == last => open.extend(tied.clone()),
            _ => bins.push(tied.clone().collect()),
        }
        last = bin;
        below += tied.map(|r| weight(weights, r as usize)).sum::<f64>();
    }
    bins
}
