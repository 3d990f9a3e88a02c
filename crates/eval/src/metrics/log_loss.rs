//! Log loss.

use super::{CLASSES, Metric, Score, classes};
use crate::sum::{sum, weighted_sum};
use crate::{Answers, Error, Result};

/// The mean surprise at the true class.
pub(super) const LOG_LOSS: Metric = Metric {
    name: "log_loss",
    title: "Log loss",
    about: "The mean surprise at the true class: it rewards probabilities that are both sure and right, and punishes \
            those that are sure and wrong.",
    formula: "log_loss = -mean over rows ln(probability of the true class, at least 2.2e-16)",
    range: "0 up, in nats",
    greater_is_better: false,
    needs_probability: true,
    in_report: true,
    tasks: CLASSES,
    compute: log_loss,
};

/// Probabilities are kept this far from 0 and 1, as scikit-learn does.
const EPSILON: f64 = f64::EPSILON;

fn log_loss(answers: &Answers<'_>) -> Result<Score> {
    let total = answers.total_weight();
    let answers = classes(answers)?;
    let probability = answers.probability.as_deref().ok_or(Error::NeedsProbability { metric: "log_loss" })?;
    let (n, k) = (answers.truth.len(), answers.names.len());
    let loss = |row: usize| {
        let p = probability[row * k + answers.truth[row] as usize];
        -p.clamp(EPSILON, 1.0 - EPSILON).ln()
    };
    let score = Score::of(weighted_sum(n, answers.weights.as_deref(), loss) / total);
    let off = |row: usize| {
        let sum: f64 = probability[row * k..(row + 1) * k].iter().sum();
        f64::from((sum - 1.0).abs() > EPSILON.sqrt())
    };
    match sum(n, off) {
        0.0 => Ok(score),
        rows => Ok(score.warn(
            "probabilities_do_not_sum",
            format!("the probabilities of {rows} of {n} rows do not sum to 1"),
        )),
    }
}
