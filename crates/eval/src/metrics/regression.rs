//! Figures of numbers: mean absolute and squared errors, R2, explained variance.

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::{mean, weighted_sum};
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
    in_report: true,
    tasks: REGRESSION,
    compute: |answers| Ok(Score::of(mean(numbers(answers)?, |t, p| (t - p).abs()))),
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
    in_report: true,
    tasks: REGRESSION,
    compute: |answers| Ok(Score::of(mean(numbers(answers)?, squared).sqrt())),
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
    in_report: true,
    tasks: REGRESSION,
    compute: |answers| explained(answers, false),
};

/// Mean squared error.
pub(super) const MSE: Metric = Metric {
    name: "mse",
    title: "Mean squared error",
    about: "The square of how far a prediction is off, on average: large errors count for more.",
    formula: "mse = mean over rows (truth - prediction)^2",
    range: "0 up, in the target's unit squared",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| Ok(Score::of(mean(numbers(answers)?, squared))),
};

/// The share of variance explained, a constant error forgiven.
pub(super) const EXPLAINED_VARIANCE: Metric = Metric {
    name: "explained_variance",
    title: "Explained variance",
    about: "The share of the target's variance that the predictions explain, forgiving that all are off by the same: more than R2 where they are biased.",
    formula: "explained_variance = 1 - variance of (truth - prediction) / variance of truth",
    range: "minus infinity to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| explained(answers, true),
};

fn squared(truth: f64, predicted: f64) -> f64 {
    (truth - predicted) * (truth - predicted)
}

/// One minus the share of the variance that is left; of the errors about their mean where that is forgiven.
fn explained(answers: &Answers<'_>, forgive_bias: bool) -> Result<Score> {
    let total = answers.total_weight();
    let a = numbers(answers)?;
    let (n, weights) = (a.truth.len(), a.weights.as_deref());
    let name = if forgive_bias { "explained variance" } else { "R2" };
    let counted = weights.map_or(n, |w| w.iter().filter(|w| **w > 0.0).count());
    if counted < 2 {
        let reason = format!("{name} is undefined for a single row: it has no variance");
        return Ok(Score::undefined("r2_one_row", reason));
    }
    let middle = weighted_sum(n, weights, |i| a.truth[i]) / total;
    let bias = if forgive_bias { mean(a, |t, p| t - p) } else { 0.0 };
    let left = weighted_sum(n, weights, |i| squared(a.truth[i] - a.predicted[i], bias));
    let all = weighted_sum(n, weights, |i| squared(a.truth[i], middle));
    let mut kept = (0..n).filter(|&i| weights.is_none_or(|w| w[i] > 0.0)).map(|i| a.truth[i]);
    let first = kept.next();
    // The mean of equal numbers may differ from them in the last bit, so `all` alone does not tell.
    if kept.all(|x| Some(x) == first) || all == 0.0 {
        let value = if left == 0.0 { 1.0 } else { 0.0 };
        let message =
            format!("the target is constant, so {name} is taken as {value} (1 only without any error)");
        return Ok(Score::of(value).warn("r2_constant_truth", message));
    }
    Ok(Score::of(1.0 - left / all))
}
