//! The standard normal distribution.

/// The chance that a standard normal value lies as far from 0 as `z`, on either side: `erfc(|z| / sqrt 2)`.
///
/// Agrees with scipy's `2 * stats.norm.sf(abs(z))` to 1e-12 relative.
///
/// ```
/// let p = tidemill_eval::compare::normal_two_sided(1.959963984540054);
/// assert!((p - 0.05).abs() < 1e-14);
/// ```
pub fn normal_two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    if x.is_nan() {
        return f64::NAN;
    }
    // erf by its series of positive terms (DLMF 7.6.2), erfc by its continued fraction (7.9.1) from below.
    if x < 2.0 {
        let (mut term, mut sum, mut n) = (x, x, 0.0);
        while term > sum * 1e-17 {
            n += 1.0;
            term *= 2.0 * x * x / (2.0 * n + 1.0);
            sum += term;
        }
        return 1.0 - std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum;
    }
    let below = (1..=120).rev().fold(x, |below, n| x + 0.5 * f64::from(n) / below);
    0.5 * std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() / below
}

/// How far from 0 a standard normal value lies with this chance: 1.96 for 0.95. `NaN` out of range.
///
/// ```
/// let z = tidemill_eval::compare::normal_reach(0.95);
/// assert!((z - 1.959963984540054).abs() < 1e-12);
/// ```
pub fn normal_reach(confidence: f64) -> f64 {
    if !(confidence > 0.0 && confidence < 1.0) {
        return f64::NAN;
    }
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if normal_two_sided(middle) > 1.0 - confidence { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
