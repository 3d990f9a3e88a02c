//! McNemar's test of two classifiers on the same rows (McNemar 1947; mid-p: Fagerland, Lydersen and Laake 2013).

use serde::Serialize;

use crate::{Error, Result};

/// Rows that exactly one of two models gets right, and how likely so lopsided a split is between equal models.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct McNemar {
    /// Rows that only the first gets right.
    pub only_a: u64,
    /// Rows that only the second gets right.
    pub only_b: u64,
    /// The exact two-sided p-value; on the safe side.
    pub p_exact: f64,
    /// The two-sided mid-p-value: nearer to the level that it states, and the one to use.
    pub p_mid: f64,
}

/// McNemar's test from the rows on which two models disagree in being right. Both p-values are 1 without any.
///
/// Agrees with scipy's `binomtest` to 1e-12 relative.
///
/// ```
/// use tidemill_eval::compare::mcnemar;
/// let test = mcnemar(2, 10);
/// assert!((test.p_exact - 0.03857421875).abs() < 1e-15 && test.p_mid < test.p_exact);
/// ```
pub fn mcnemar(only_a: u64, only_b: u64) -> McNemar {
    let (n, few) = (only_a + only_b, only_a.min(only_b));
    if only_a == only_b {
        return McNemar { only_a, only_b, p_exact: 1.0, p_mid: 1.0 };
    }
    let at = even_chance(few, n);
    // From `few` down; each term is less than the one before, for `few` is below n / 2.
    let (mut sum, mut term, mut k) = (at, at, few);
    while k > 0 && term > sum * 1e-17 {
        term *= k as f64 / (n - k + 1) as f64;
        sum += term;
        k -= 1;
    }
    McNemar { only_a, only_b, p_exact: (2.0 * sum).min(1.0), p_mid: (2.0 * sum - at).min(1.0) }
}

/// McNemar's test of predictions `a` and `b` against the truth, row by row. Errors when the lengths differ.
pub fn mcnemar_of(truth: &[u32], a: &[u32], b: &[u32]) -> Result<McNemar> {
    if truth.len() != a.len() || truth.len() != b.len() {
        let what = format!("{} truths, {} and {} predictions are not pairs", truth.len(), a.len(), b.len());
        return Err(Error::Compare { what });
    }
    let rows = || truth.iter().zip(a).zip(b);
    let only_a = rows().filter(|((t, a), b)| t == a && t != b).count();
    let only_b = rows().filter(|((t, a), b)| t != a && t == b).count();
    Ok(mcnemar(only_a as u64, only_b as u64))
}

/// The chance of `k` heads in `n` throws, without loss of digits for large `n` (Loader 2000, "Fast and Accurate
/// Computation of Binomial Probabilities").
fn even_chance(k: u64, n: u64) -> f64 {
    if k == 0 || k == n {
        return 0.5f64.powf(n as f64);
    }
    let half = 0.5 * n as f64;
    let off = deviance(k as f64, half) + deviance((n - k) as f64, half);
    let error = stirling_error(n) - stirling_error(k) - stirling_error(n - k);
    let spread = n as f64 / (std::f64::consts::TAU * k as f64 * (n - k) as f64);
    (error - off).exp() * spread.sqrt()
}

/// `ln n! - ln(sqrt(2 pi n) (n / e)^n)`.
fn stirling_error(n: u64) -> f64 {
    let x = n as f64;
    if n < 16 {
        let factorial: f64 = (1..=n).map(|i| i as f64).product();
        return factorial.ln() - (0.5 * (std::f64::consts::TAU * x).ln() + x * x.ln() - x);
    }
    let square = x * x;
    let series =
        1.0 / 1260.0 - (1.0 / 1680.0 - (1.0 / 1188.0 - 691.0 / 360_360.0 / square) / square) / square;
    (1.0 / 12.0 - (1.0 / 360.0 - series / square) / square) / x
}

/// `x ln(x / m) + m - x`, by a series where both are near.
fn deviance(x: f64, m: f64) -> f64 {
    if (x - m).abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() + m - x;
    }
    let v = (x - m) / (x + m);
    let series = (1..40).map(|j| v.powi(2 * j + 1) / f64::from(2 * j + 1)).sum::<f64>();
    (x - m) * v + 2.0 * x * series
}
