//! Errors relative to the number itself.

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::{mean, weight};
use crate::{Answers, Result};

/// Mean absolute percentage error.
pub(super) const MAPE: Metric = Metric {
    name: "mape",
    title: "Mean absolute percentage error",
    about: "How far a prediction is off relative to the truth, on average, as a share (0.1 is 10%); undefined where a truth is 0.",
    formula: "mape = mean over rows |truth - prediction| / |truth|",
    range: "0 up",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: mape,
};

/// Symmetric mean absolute percentage error.
pub(super) const SMAPE: Metric = Metric {
    name: "smape",
    title: "Symmetric mean absolute percentage error",
    about: "How far a prediction is off relative to the mean of both sizes, on average, as a share; a row where both are 0 counts as right.",
    formula: "smape = mean over rows 2 |truth - prediction| / (|truth| + |prediction|)",
    range: "0 to 2",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: smape,
};

fn mape(answers: &Answers<'_>) -> Result<Score> {
    let a = numbers(answers)?;
    let is_zero = |&row: &usize| a.truth[row] == 0.0 && weight(a.weights.as_deref(), row) > 0.0;
    match (0..a.truth.len()).filter(is_zero).count() {
        0 => Ok(Score::of(mean(a, |t, p| ((t - p) / t).abs()))),
        zeros => {
            let reason = format!("MAPE is undefined: the truth is 0 in {zeros} rows; smape or mae will do");
            Ok(Score::undefined("mape_zero_truth", reason))
        }
    }
}

fn smape(answers: &Answers<'_>) -> Result<Score> {
    let off = |t: f64, p: f64| if t == p { 0.0 } else { 2.0 * ((t - p) / (t.abs() + p.abs())).abs() };
    Ok(Score::of(mean(numbers(answers)?, off)))
}
