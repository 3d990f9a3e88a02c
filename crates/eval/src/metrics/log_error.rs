//! Errors of orders of magnitude.

use super::{Metric, REGRESSION, Score, numbers};
use crate::sum::{mean, outside};
use crate::{Answers, Result};

/// Root mean squared logarithmic error.
pub(super) const RMSLE: Metric = Metric {
    name: "rmsle",
    title: "Root mean squared logarithmic error",
    about: "How far a prediction is off as a ratio, on numbers from 0 up: 10 for 20 counts about as much as 1000 for 2000.",
    formula: "rmsle = sqrt(mean over rows (ln(1 + truth) - ln(1 + prediction))^2)",
    range: "0 up",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: rmsle,
};

fn rmsle(answers: &Answers<'_>) -> Result<Score> {
    let a = numbers(answers)?;
    if let Some(found) = outside(a, |t| t > -1.0, |p| p > -1.0) {
        let reason = format!("RMSLE is undefined: {found}, but must be above -1");
        return Ok(Score::undefined("rmsle_undefined", reason));
    }
    let square = |t: f64, p: f64| (t.ln_1p() - p.ln_1p()) * (t.ln_1p() - p.ln_1p());
    Ok(Score::of(mean(a, square).sqrt()))
}
