//! Precision over recall.

use serde::Serialize;

use super::thin::thin;
use super::{each, pick};
use crate::metrics::ranking::Steps;
use crate::{Answers, Result};

/// The precision-recall curve of a class: of the rows predicted as it the share that is right, for each share of its
/// rows that is found.
///
/// Point `i` predicts the class where its probability is at least `threshold[i]`; the first point predicts none: its
/// threshold is infinite (null in JSON), its recall 0 and its precision 1 by convention. Draw it as steps: between two points
/// precision is that of the later one (a straight line promises more than there is: Davis and Goadrich 2006).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PrecisionRecall {
    /// The class that counts as positive.
    pub class: String,
    /// Falling thresholds.
    pub threshold: Vec<f64>,
    /// Of the rows predicted as the class, the share that truly is of it, from 0 to 1.
    pub precision: Vec<f64>,
    /// Of the rows that truly are of the class, the share predicted as it, from 0 to 1: never falls.
    pub recall: Vec<f64>,
    /// The area under the whole curve as steps, before thinning: `average_precision`.
    pub average_precision: f64,
    /// The share of rows that are of the class: the precision of guessing.
    pub prevalence: f64,
}

/// The precision-recall curves, each of at most `max_points` points (2 at least).
///
/// Agrees with scikit-learn's `precision_recall_curve`, read from its end, where it has no more points than that.
/// Errors for numbers.
///
/// ```
/// use tidemill_eval::{Answers, curves::precision_recall};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8])?;
/// let curve = &precision_recall(&answers, 200)?[0];
/// assert_eq!(curve.recall, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.precision, [1.0, 1.0, 0.5, 2.0 / 3.0, 0.5]);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn precision_recall(answers: &Answers<'_>, max_points: usize) -> Result<Vec<PrecisionRecall>> {
    each(answers, "precision_recall", |class, steps| curve(class, steps, max_points))
}

fn curve(class: String, steps: &Steps, max_points: usize) -> PrecisionRecall {
    let all = steps.positive();
    let rows = steps.true_positive.iter().zip(&steps.false_positive);
    let precision: Vec<f64> =
        std::iter::once(1.0).chain(rows.map(|(hits, wrong)| hits / (hits + wrong))).collect();
    let recall: Vec<f64> =
        std::iter::once(0.0).chain(steps.true_positive.iter().map(|hits| hits / all)).collect();
    let threshold: Vec<f64> = std::iter::once(f64::INFINITY).chain(steps.threshold.iter().copied()).collect();
    let average_precision = (1..recall.len()).map(|i| (recall[i] - recall[i - 1]) * precision[i]).sum();
    let kept = thin(&recall, &precision, max_points);
    PrecisionRecall {
        class,
        threshold: pick(&threshold, &kept),
        precision: pick(&precision, &kept),
        recall: pick(&recall, &kept),
        average_precision,
        prevalence: all / (all + steps.negative()),
    }
}
