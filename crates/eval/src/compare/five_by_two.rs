//! Two models over five repeats of twofold cross-validation (Dietterich 1998; Alpaydin 1999).

use serde::Serialize;

use super::student::student_t_two_sided;
use crate::{Error, Result};

/// The tests of five repeats of twofold cross-validation.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FiveByTwo {
    /// The mean of the ten differences.
    pub mean: f64,
    /// Dietterich's t, which depends on which fold comes first.
    pub t: f64,
    /// Its two-sided p-value, 5 degrees of freedom.
    pub p_t: f64,
    /// Alpaydin's F of all ten differences.
    pub f: f64,
    /// Its p-value, 10 and 5 degrees of freedom: the one to use.
    pub p_value: f64,
}

/// The 5x2cv tests of the differences of two models' scores: five repeats, two folds each, every fold judged by models
/// fitted on the other half.
///
/// Without any spread the p-values are 0 (or 1 when every difference is 0). Errors for a difference that is not finite.
///
/// ```
/// use tidemill_eval::compare::five_by_two;
/// let test = five_by_two(&[[0.02, 0.03], [0.01, 0.02], [0.03, 0.02], [0.02, 0.04], [0.01, 0.03]])?;
/// assert!((test.mean - 0.023).abs() < 1e-12 && test.p_value < 0.05);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn five_by_two(differences: &[[f64; 2]; 5]) -> Result<FiveByTwo> {
    if let Some(bad) = differences.iter().flatten().find(|d| !d.is_finite()) {
        return Err(Error::Compare {
            what: format!("a difference is {bad}, which is not a number to compare"),
        });
    }
    let variance = |[a, b]: &[f64; 2]| 0.5 * (a - b) * (a - b);
    let spread: f64 = differences.iter().map(variance).sum();
    let squares: f64 = differences.iter().flatten().map(|d| d * d).sum();
    let mean = differences.iter().flatten().sum::<f64>() / 10.0;
    if spread == 0.0 {
        let (ratio, p) = if squares == 0.0 { (0.0, 1.0) } else { (f64::INFINITY, 0.0) };
        return Ok(FiveByTwo { mean, t: ratio, p_t: p, f: ratio, p_value: p });
    }
    let t = differences[0][0] / (spread / 5.0).sqrt();
    let f = squares / (2.0 * spread);
    Ok(FiveByTwo { mean, t, p_t: student_t_two_sided(t, 5.0), f, p_value: f_above(f) })
}

/// The chance of an F above `f` with 10 and 5 degrees of freedom: the incomplete beta function of 5/2 and 5, which is
/// a finite sum (DLMF 8.17.24).
fn f_above(f: f64) -> f64 {
    let x = 5.0 / (5.0 + 10.0 * f);
    let rest = 10.0 * f / (5.0 + 10.0 * f);
    let (mut term, mut sum) = (1.0, 0.0);
    for j in 0..5 {
        sum += term;
        term *= (2.5 + f64::from(j)) * rest / f64::from(j + 1);
    }
    x * x * x.sqrt() * sum
}
