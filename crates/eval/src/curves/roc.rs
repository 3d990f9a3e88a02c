//! The receiver operating characteristic.

use serde::Serialize;

use super::thin::thin;
use super::{each, pick};
use crate::metrics::ranking::Steps;
use crate::{Answers, Result};

/// The ROC curve of a class: what share of its rows is found for what share of the others that is taken for it.
///
/// Point `i` predicts the class where its probability is at least `threshold[i]`; the first point predicts none and
/// its threshold is infinite (null in JSON), the last predicts all rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Roc {
    /// The class that counts as positive.
    pub class: String,
    /// Falling thresholds.
    pub threshold: Vec<f64>,
    /// The share of the other rows predicted as the class, from 0 to 1: never falls.
    pub false_positive_rate: Vec<f64>,
    /// The share of the rows of the class predicted as it (recall), from 0 to 1: never falls.
    pub true_positive_rate: Vec<f64>,
    /// The area under the whole curve, before thinning: `roc_auc`.
    pub auc: f64,
}

/// The ROC curves, each of at most `max_points` points (2 at least).
///
/// Agrees with scikit-learn's `roc_curve` with `drop_intermediate=False` where it has no more points than that.
/// Errors for numbers.
///
/// ```
/// use tidemill_eval::{Answers, curves::roc};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8])?;
/// let curve = &roc(&answers, 200)?[0];
/// assert_eq!(curve.false_positive_rate, [0.0, 0.0, 0.5, 0.5, 1.0]);
/// assert_eq!(curve.true_positive_rate, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.auc, 0.75);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn roc(answers: &Answers<'_>, max_points: usize) -> Result<Vec<Roc>> {
    each(answers, "roc", |class, steps| curve(class, steps, max_points))
}

fn curve(class: String, steps: &Steps, max_points: usize) -> Roc {
    let (positive, negative) = (steps.positive(), steps.negative());
    let shares = |of: &[f64], all: f64| -> Vec<f64> {
        std::iter::once(0.0).chain(of.iter().map(|x| x / all)).collect()
    };
    let (x, y) = (shares(&steps.false_positive, negative), shares(&steps.true_positive, positive));
    let threshold: Vec<f64> = std::iter::once(f64::INFINITY).chain(steps.threshold.iter().copied()).collect();
    let area: f64 = (1..x.len()).map(|i| (x[i] - x[i - 1]) * 0.5 * (y[i] + y[i - 1])).sum();
    let kept = thin(&x, &y, max_points);
    Roc {
        class,
        threshold: pick(&threshold, &kept),
        false_positive_rate: pick(&x, &kept),
        true_positive_rate: pick(&y, &kept),
        auc: area,
    }
}
