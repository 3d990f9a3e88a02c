//! Cumulative gains and lift: what a campaign that starts with the likeliest rows reaches.

use serde::Serialize;

use super::thin::thin;
use super::{each, pick};
use crate::metrics::ranking::Steps;
use crate::{Answers, Result};

/// Cumulative gains and lift of a class: taking the rows in the order of its probability, the likeliest first, what
/// share of its rows the first so many rows hold.
///
/// Guessing gives a gain equal to the share of rows and a lift of 1; no order does better than `min(1, share / prevalence)`. The
/// points are the thresholds that occur and a first one at 0; between two of them rows are tied and the line is straight.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gains {
    /// The class that is sought.
    pub class: String,
    /// The share of rows taken, from 0 to 1: never falls.
    pub share: Vec<f64>,
    /// The share of the class's rows among them, from 0 to 1: never falls.
    pub gain: Vec<f64>,
    /// How many times more of them than among as many random rows: `gain / share`, at 0 that of the first rows.
    pub lift: Vec<f64>,
    /// The least probability that is taken; infinite (null in JSON) at the first point.
    pub threshold: Vec<f64>,
    /// The share of rows that are of the class.
    pub prevalence: f64,
}

/// Cumulative gains and lift, each of at most `max_points` points (2 at least). Errors for numbers.
///
/// ```
/// use tidemill_eval::{Answers, curves::gains};
/// let answers = Answers::classes(vec![0, 0, 1, 1], vec![0, 0, 0, 1], ["no", "yes"])?
///     .with_probability(vec![0.9, 0.1, 0.6, 0.4, 0.65, 0.35, 0.2, 0.8])?;
/// let curve = &gains(&answers, 200)?[0];
/// assert_eq!(curve.share, [0.0, 0.25, 0.5, 0.75, 1.0]);
/// assert_eq!(curve.gain, [0.0, 0.5, 0.5, 1.0, 1.0]);
/// assert_eq!(curve.lift[1], 2.0);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn gains(answers: &Answers<'_>, max_points: usize) -> Result<Vec<Gains>> {
    each(answers, "gains", |class, steps| curve(class, steps, max_points))
}

fn curve(class: String, steps: &Steps, max_points: usize) -> Gains {
    let positive = steps.positive();
    let all = positive + steps.negative();
    let rows = steps.true_positive.iter().zip(&steps.false_positive);
    let share: Vec<f64> =
        std::iter::once(0.0).chain(rows.map(|(hits, wrong)| (hits + wrong) / all)).collect();
    let gain: Vec<f64> =
        std::iter::once(0.0).chain(steps.true_positive.iter().map(|hits| hits / positive)).collect();
    let threshold: Vec<f64> = std::iter::once(f64::INFINITY).chain(steps.threshold.iter().copied()).collect();
    let kept = thin(&share, &gain, max_points);
    let lift = |&i: &usize| gain[i.max(1)] / share[i.max(1)];
    Gains {
        class,
        share: pick(&share, &kept),
        gain: pick(&gain, &kept),
        lift: kept.iter().map(lift).collect(),
        threshold: pick(&threshold, &kept),
        prevalence: positive / all,
    }
}
