//! The corrected resampled t-test (Nadeau and Bengio 2003, "Inference for the Generalization Error", Machine Learning
//! 52).

use serde::Serialize;

use super::student::{student_t_quantile, student_t_two_sided};
use crate::{Error, Result};

/// A mean with the range in which it may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Interval {
    /// The mean of the differences.
    pub mean: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// How likely a mean so far from 0 is when there is no difference (two-sided).
    pub p_value: f64,
}

/// The interval of the mean of differences of two models' scores over repeated splits or folds of one table.
///
/// Training parts of such splits overlap, so the plain t-test is far too sure; this one takes
/// `(1/n + test/train) * variance` for the variance of the mean. `test_share` is the share of rows in the test part
/// (0.2; for k folds 1/k), `confidence` the chance that the interval holds the mean (0.95). A lower bound of 95% on
/// one side is `low` at a confidence of 0.9.
///
/// Without any spread the interval is the mean alone, with a p-value of 0 (or 1 when the mean is 0). Errors for fewer
/// than two differences, or numbers out of range.
///
/// ```
/// use tidemill_eval::compare::corrected_resampled_t;
/// let interval = corrected_resampled_t(&[0.02, 0.01, 0.03, 0.00, 0.02], 0.2, 0.95)?;
/// assert!((interval.mean - 0.016).abs() < 1e-12 && interval.low < 0.0 && interval.high > 0.03);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn corrected_resampled_t(differences: &[f64], test_share: f64, confidence: f64) -> Result<Interval> {
    let refuse = |what: String| Err(Error::Compare { what });
    if differences.len() < 2 {
        return refuse(format!(
            "{} differences are too few to compare: 2 or more are needed",
            differences.len()
        ));
    }
    if let Some(at) = differences.iter().position(|d| !d.is_finite()) {
        return refuse(format!(
            "difference {} is {}, which is not a number to compare",
            at + 1,
            differences[at]
        ));
    }
    for (name, share) in [("test share", test_share), ("confidence", confidence)] {
        if !(share > 0.0 && share < 1.0) {
            return refuse(format!("the {name} is {share}, but must lie between 0 and 1"));
        }
    }
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|d| (d - mean) * (d - mean)).sum::<f64>() / (n - 1.0);
    let error = ((1.0 / n + test_share / (1.0 - test_share)) * variance).sqrt();
    if error == 0.0 {
        let p_value = if mean == 0.0 { 1.0 } else { 0.0 };
        return Ok(Interval { mean, low: mean, high: mean, p_value });
    }
    let reach = error * student_t_quantile(0.5 + confidence / 2.0, n - 1.0);
    let p_value = student_t_two_sided(mean / error, n - 1.0);
    Ok(Interval { mean, low: mean - reach, high: mean + reach, p_value })
}
