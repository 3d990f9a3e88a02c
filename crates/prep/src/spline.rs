//! Cubic splines and polynomials through known numbers.

/// The slope at each of some rising places, at least one, so that the cubic pieces between them join with two continuous
/// derivatives and the first two and the last two pieces are one cubic each ("not-a-knot").
///
/// Agrees with `scipy.interpolate.CubicSpline`; two places make a line, three a parabola.
pub(crate) fn slopes(at: &[f64], values: &[f64]) -> Vec<f64> {
    let n = at.len();
    let width = |i: usize| at[i + 1] - at[i];
    let steep = |i: usize| (values[i + 1] - values[i]) / width(i);
    match n {
        0 | 1 => return vec![0.0; n],
        2 => return vec![steep(0); 2],
        3 => {
            let bend = (steep(1) - steep(0)) / (at[2] - at[0]);
            return vec![steep(0) - bend * width(0), steep(0) + bend * width(0), steep(1) + bend * width(1)];
        }
        _ => {}
    }
    // Each row of the system: below, on and above the diagonal, and the right side.
    let mut rows = Vec::with_capacity(n);
    let first = at[2] - at[0];
    let right = ((width(0) + 2.0 * first) * width(1) * steep(0) + width(0) * width(0) * steep(1)) / first;
    rows.push([0.0, width(1), first, right]);
    for i in 1..n - 1 {
        let right = 3.0 * (width(i) * steep(i - 1) + width(i - 1) * steep(i));
        rows.push([width(i), 2.0 * (width(i - 1) + width(i)), width(i - 1), right]);
    }
    let last = at[n - 1] - at[n - 3];
    let (w, v) = (width(n - 2), width(n - 3));
    rows.push([last, v, 0.0, (w * w * steep(n - 3) + (2.0 * last + w) * v * steep(n - 2)) / last]);
    for i in 1..n {
        let (above, own) = (rows[i - 1], &mut rows[i]);
        let times = own[0] / above[1];
        own[1] -= times * above[2];
        own[3] -= times * above[3];
    }
    let mut slopes = vec![0.0; n];
    for i in (0..n).rev() {
        let next = if i + 1 < n { rows[i][2] * slopes[i + 1] } else { 0.0 };
        slopes[i] = (rows[i][3] - next) / rows[i][1];
    }
    slopes
}

/// The number at `x` of the cubic between two places, with these numbers and slopes.
pub(crate) fn between(x: f64, at: [f64; 2], values: [f64; 2], slopes: [f64; 2]) -> f64 {
    let h = at[1] - at[0];
    let t = (x - at[0]) / h;
    let u = 1.0 - t;
    let (s0, s1) = (h * slopes[0], h * slopes[1]);
    u * u * ((1.0 + 2.0 * t) * values[0] + t * s0) + t * t * ((1.0 + 2.0 * u) * values[1] - u * s1)
}

/// The number at `x` of the polynomial through all these, of a degree one less than their number (Neville's scheme). The places must
/// differ.
pub(crate) fn through(x: f64, at: &[f64], values: &[f64]) -> f64 {
    let mut y = values.to_vec();
    for width in 1..at.len() {
        for i in 0..at.len() - width {
            let (left, right) = (at[i], at[i + width]);
            y[i] = ((right - x) * y[i] + (x - left) * y[i + 1]) / (right - left);
        }
    }
    y.first().copied().unwrap_or(f64::NAN)
}
