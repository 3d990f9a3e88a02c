//! The share of wrong answers.

use super::{CLASSES, Metric, Score, classes};
use crate::{Answers, Result};

/// The share of wrong answers.
pub(super) const ZERO_ONE_LOSS: Metric = Metric {
    name: "zero_one_loss",
    title: "Zero-one loss",
    about: "The share of rows whose predicted class is not the true one; where each row has one class it is the Hamming loss as well.",
    formula: "zero_one_loss = wrong rows / all rows",
    range: "0 to 1",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: CLASSES,
    compute: zero_one_loss,
};

fn zero_one_loss(answers: &Answers<'_>) -> Result<Score> {
    let counts = classes(answers)?.counts();
    Ok(Score::of(1.0 - counts.hits.iter().sum::<f64>() / counts.truth.iter().sum::<f64>()))
}
