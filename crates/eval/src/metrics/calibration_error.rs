//! How far probabilities are from the shares they promise.

use super::{CLASSES, Metric, Score, classes};
use crate::curves::{expected_error, top_label_error};
use crate::{Answers, Result};

/// The expected calibration error.
pub(super) const EXPECTED_CALIBRATION_ERROR: Metric = Metric {
    name: "expected_calibration_error",
    title: "Expected calibration error",
    about: "How far probabilities are from what they promise: rows are put into 10 equal bins of the probability of the positive class (of several classes: of the predicted class), and in each the mean probability is held against the share that is true.",
    formula: "expected_calibration_error = sum over bins (rows of the bin / all rows * |mean probability - share that is true|)",
    range: "0 to 1",
    greater_is_better: false,
    needs_probability: true,
    in_report: true,
    tasks: CLASSES,
    compute: calibration_error,
};

const BINS: usize = 10;

fn calibration_error(answers: &Answers<'_>) -> Result<Score> {
    let a = classes(answers)?;
    Ok(Score::of(match a.positive {
        Some(class) => expected_error(a, class, BINS),
        None => top_label_error(a, BINS),
    }))
}
