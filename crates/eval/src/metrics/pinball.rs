//! The loss of quantiles (Koenker and Bassett 1978).

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::mean;
use crate::{Answers, Result};

/// Of the 10% quantile.
pub(super) const PINBALL_10: Metric = Metric {
    name: "pinball_10",
    title: "Pinball loss, 10%",
    about: "How good predictions are as the 10% quantile: a truth above costs 0.1 a unit, one below 0.9.",
    formula: "pinball_10 = mean over rows (if truth >= prediction: 0.1 (truth - prediction), else 0.9 (prediction - truth))",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| pinball(answers, 0.1),
};

/// Of the 50% quantile.
pub(super) const PINBALL_50: Metric = Metric {
    name: "pinball_50",
    title: "Pinball loss, 50%",
    about: "How good predictions are as the 50% quantile: a truth above costs 0.5 a unit, one below 0.5.",
    formula: "pinball_50 = mean over rows (if truth >= prediction: 0.5 (truth - prediction), else 0.5 (prediction - truth))",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| pinball(answers, 0.5),
};

/// Of the 90% quantile.
pub(super) const PINBALL_90: Metric = Metric {
    name: "pinball_90",
    title: "Pinball loss, 90%",
    about: "How good predictions are as the 90% quantile: a truth above costs 0.9 a unit, one below 0.1.",
    formula: "pinball_90 = mean over rows (if truth >= prediction: 0.9 (truth - prediction), else 0.1 (prediction - truth))",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: |answers| pinball(answers, 0.9),
};

fn pinball(answers: &Answers<'_>, level: f64) -> Result<Score> {
    let loss = |t: f64, p: f64| if t >= p { level * (t - p) } else { (1.0 - level) * (p - t) };
    Ok(Score::of(mean(numbers(answers)?, loss)))
}
