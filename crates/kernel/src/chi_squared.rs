//! The chi-squared distribution: that of a sum of squared normal numbers.

/// The probability that a sum of `k` squared standard normal numbers is at most `x`.
///
/// Agrees with `scipy.stats.chi2.cdf` to twelve digits. 0 for an `x` below 0.
///
/// ```
/// let half = tidemill_kernel::chi_squared::probability(1.386_294_361_119_890_6, 2);
/// assert!((half - 0.5).abs() < 1e-12);
/// ```
pub fn probability(x: f64, k: usize) -> f64 {
    let (a, x) = (k as f64 / 2.0, x / 2.0);
    if x <= 0.0 {
        return if k == 0 { 1.0 } else { 0.0 };
    }
    if k == 0 || x == f64::INFINITY {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 { front * series(a, x) } else { 1.0 - front * fraction(a, x) }
}

/// The value below which a sum of `k` squared standard normal numbers stays with probability `p`, from 0 to 1: by bisection, to the last
/// digits.
///
/// ```
/// let limit = tidemill_kernel::chi_squared::quantile(0.95, 1);
/// assert!((limit - 3.841_458_820_694_124).abs() < 1e-9);
/// ```
pub fn quantile(p: f64, k: usize) -> f64 {
    if k == 0 || p <= 0.0 {
        return 0.0;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    let (mut low, mut high) = (0.0, k as f64 + 1.0);
    while probability(high, k) < p {
        high *= 2.0;
    }
    for _ in 0..200 {
        let middle = low + (high - low) / 2.0;
        match probability(middle, k) < p {
            true => low = middle,
            false => high = middle,
        }
    }
    high
}

/// The lower incomplete gamma function divided by its leading factor, as a series (Abramowitz and Stegun 6.5.29).
fn series(a: f64, x: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    let mut n = a;
    while term > sum * 1e-17 {
        n += 1.0;
        term *= x / n;
        sum += term;
    }
    sum
}

/// The upper incomplete gamma function, as a continued fraction (6.5.31), by Lentz's method.
fn fraction(a: f64, x: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (1.0 / TINY, 1.0 / b);
    let mut all = d;
    for i in 1..100_000 {
        let i = f64::from(i);
        let an = i * (a - i);
        b += 2.0;
        let steady = |x: f64| if x.abs() < TINY { TINY } else { x };
        d = 1.0 / steady(an * d + b);
        c = steady(b + an / c);
        all *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    all
}

/// The logarithm of the gamma function for arguments above 0: Stirling's series from 15 on, by recurrence below.
fn ln_gamma(x: f64) -> f64 {
    let (mut x, mut below) = (x, 1.0);
    while x < 15.0 {
        below *= x;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let rest = (1.0 / 12.0 - y * (1.0 / 360.0 - y * (1.0 / 1260.0 - y * (1.0 / 1680.0 - y / 1188.0)))) / x;
    (x - 0.5) * x.ln() - x + 0.5 * std::f64::consts::TAU.ln() + rest - f64::ln(below)
}

#[cfg(test)]
mod tests {
    use super::{probability, quantile};

    /// scipy.stats.chi2.cdf and chi2.ppf, SciPy 1.17.1.
    #[test]
    fn agrees_with_scipy() {
        for (x, k, wanted) in CDF {
            assert!((probability(*x, *k) - wanted).abs() < 1e-12, "{x} {k}: {}", probability(*x, *k));
        }
        for (p, k, wanted) in PPF {
            assert!((quantile(*p, *k) / wanted - 1.0).abs() < 1e-10, "{p} {k}: {}", quantile(*p, *k));
        }
        assert_eq!((quantile(1.0, 3), quantile(0.0, 3)), (f64::INFINITY, 0.0));
    }

    const CDF: &[(f64, usize, f64)] = &[
        (0.1, 1, 0.24817036595415076),
        (3.0, 1, 0.9167354833364496),
        (0.5, 2, 0.22119921692859512),
        (10.0, 5, 0.9247647538534878),
        (30.0, 20, 0.9301463393005901),
        (200.0, 150, 0.9960268140291784),
        (12.0, 40, 5.180168937011945e-06),
    ];
    const PPF: &[(f64, usize, f64)] = &[
        (0.999, 1, 10.827566170662733),
        (0.999, 5, 20.515005652432873),
        (0.5, 20, 19.337429229428256),
        (0.975, 100, 129.5611971858366),
        (0.01, 3, 0.11483180189911707),
    ];
}
