//! Gauss-Legendre quadrature.

/// The nodes in `(0, 1)` and weights (which sum to 1) of the rule with `n` nodes, which is exact for polynomials of degree
/// up to `2 n - 1`.
pub fn gauss_legendre(n: usize) -> (Vec<f64>, Vec<f64>) {
    let (mut nodes, mut weights) = (vec![0.0; n], vec![0.0; n]);
    for i in 0..n.div_ceil(2) {
        // Tricomi's first guess; Newton's steps then double the digits.
        let mut x = (std::f64::consts::PI * (i as f64 + 0.75) / (n as f64 + 0.5)).cos();
        let mut slope = 1.0;
        for _ in 0..8 {
            let (value, derivative) = legendre(n, x);
            slope = derivative;
            x -= value / derivative;
        }
        if 2 * i + 1 == n {
            x = 0.0;
            slope = legendre(n, x).1;
        }
        let weight = 1.0 / ((1.0 - x * x) * slope * slope);
        (nodes[i], nodes[n - 1 - i]) = (0.5 * (1.0 - x), 0.5 * (1.0 + x));
        (weights[i], weights[n - 1 - i]) = (weight, weight);
    }
    (nodes, weights)
}

/// Legendre's polynomial of degree `n` and its derivative at `x`, by the three-term recurrence.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The integral of `t^m` over the unit interval is `1 / (m + 1)`.
    #[test]
    fn it_is_exact_for_the_powers_that_it_should_be_exact_for() {
        for n in [1, 2, 3, 4, 5, 8, 12, 16, 40, 128] {
            let (nodes, weights) = gauss_legendre(n);
            for power in 0..2 * n {
                let sum: f64 = nodes.iter().zip(&weights).map(|(t, w)| w * t.powi(power as i32)).sum();
                let exact = 1.0 / (power as f64 + 1.0);
                assert!((sum - exact).abs() < 1e-14, "{n} nodes, power {power}: {sum} is not {exact}");
            }
        }
    }
}
