//! Figures of quantities: mean absolute error, root mean squared error, R2.

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::weighted_sum;
use crate::{Answers, Result};

/// Mean absolute error.
pub(super) const MAE: Metric = Metric {
    name: "mae",
    title: "Mean absolute error",
    about: "How far a prediction is off, on average.",
    formula: "mae = mean over rows |truth - prediction|",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    tasks: REGRESSION,
    compute: |answers| Ok(Score::of(mean(answers, f64::abs)?)),
};

/// Root mean squared error.
pub(super) const RMSE: Metric = Metric {
    name: "rmse",
    title: "Root mean squared error",
    about: "How far a prediction is off, large errors counting for more.",
    formula: "rmse = sqrt(mean over rows (truth - prediction)^2)",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    tasks: REGRESSION,
    compute: |answers| Ok(Score::of(mean(answers, |e| e * e)?.sqrt())),
};

/// The share of variance explained.
pub(super) const R2: Metric = Metric {
    name: "r2",
    title: "R2",
    about: "The share of the target's variance that the predictions explain: 0 is no better than always saying the \
            mean, and less than 0 is worse.",
    formula: "r2 = 1 - sum (truth - prediction)^2 / sum (truth - mean of truth)^2",
    range: "minus infinity to 1",
    greater_is_better: true,
    needs_probability: false,
    tasks: REGRESSION,
    compute: r2,
};

/// The weighted mean of some function of the error.
fn mean(answers: &Answers<'_>, of: impl Fn(f64) -> f64 + Sync) -> Result<f64> {
    let total = answers.total_weight();
    let a = numbers(answers)?;
    let term = |row: usize| of(a.truth[row] - a.predicted[row]);
    Ok(weighted_sum(a.truth.len(), a.weights.as_deref(), term) / total)
}

fn r2(answers: &Answers<'_>) -> Result<Score> {
    let total = answers.total_weight();
    let a = numbers(answers)?;
    let (n, weights) = (a.truth.len(), a.weights.as_deref());
    let counted = weights.map_or(n, |w| w.iter().filter(|w| **w > 0.0).count());
    if counted < 2 {
        return Ok(Score::undefined("r2_one_row", "R2 is undefined for a single row: it has no variance"));
    }
    let square = |x: f64| x * x;
    let mean = weighted_sum(n, weights, |i| a.truth[i]) / total;
    let left = weighted_sum(n, weights, |i| square(a.truth[i] - a.predicted[i]));
    let all = weighted_sum(n, weights, |i| square(a.truth[i] - mean));
    let mut kept = (0..n).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).map(|i| a.truth[i]);
    let first = kept.next();
    // The mean of equal numbers may differ from them in the last bit, so `all` alone does not tell.
    if kept.all(|x| Some(x) == first) || all == 0.0 {
        let value = if left == 0.0 { 1.0 } else { 0.0 };
        let message = format!("the target is constant, so R2 is taken as {value} (1 only without any error)");
        return Ok(Score::of(value).warn("r2_constant_truth", message));
    }
    Ok(Score::of(1.0 - left / all))
}
