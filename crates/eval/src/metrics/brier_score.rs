//! The Brier score (Brier 1950).

use super::{CLASSES, Metric, Score, classes};
use crate::sum::weighted_sum;
use crate::{Answers, Error, Result};

/// The squared error of probabilities.
pub(super) const BRIER_SCORE: Metric = Metric {
    name: "brier_score",
    title: "Brier score",
    about: "The mean squared distance of probabilities from what was true: it rewards being right and being honest about how sure, and forgives a sure error more than log loss does.",
    formula: "brier_score = mean over rows (probability of the positive class - 1 if it is true, else 0)^2; of several classes the sum over classes",
    range: "0 to 1; of several classes 0 to 2",
    greater_is_better: false,
    needs_probability: true,
    in_report: true,
    tasks: CLASSES,
    compute: brier_score,
};

fn brier_score(answers: &Answers<'_>) -> Result<Score> {
    let total = answers.total_weight();
    let a = classes(answers)?;
    let p = a.probability.as_deref().ok_or(Error::NeedsProbability { metric: "brier_score" })?;
    let k = a.names.len();
    let square = |row: usize, class: usize| {
        let off = p[row * k + class] - f64::from(a.truth[row] as usize == class);
        off * off
    };
    let (n, weights) = (a.truth.len(), a.weights.as_deref());
    Ok(Score::of(match a.positive {
        Some(class) => weighted_sum(n, weights, |row| square(row, class)) / total,
        None => weighted_sum(n, weights, |row| (0..k).map(|c| square(row, c)).sum()) / total,
    }))
}
