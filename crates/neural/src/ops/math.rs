//! What operations do with floats beyond [`crate::math`]; all vectorises within [`tidemill_kernel::vector::wide`].

use crate::math::exp;

/// The standard normal distribution at `x`: what lies below, to within 2e-7, and its density.
///
/// Abramowitz and Stegun 7.1.26; both need `e^(-x^2/2)`, computed once.
#[inline(always)]
pub(crate) fn normal(x: f32) -> (f32, f32) {
    const INVERSE_SQRT_2PI: f32 = 0.398_942_3;
    let bell = exp(-0.5 * x * x);
    let t = 1.0 / (1.0 + 0.231_641_89 * x.abs());
    let p = (((1.061_405_4 * t - 1.453_152) * t + 1.421_413_8) * t - 0.284_496_72) * t + 0.254_829_6;
    let tail = 0.5 * p * t * bell;
    (if x < 0.0 { tail } else { 1.0 - tail }, INVERSE_SQRT_2PI * bell)
}

/// Sums run in so many independent lanes, whatever the CPU's vectors.
const LANES: usize = 16;

#[inline(always)]
fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// The sum, in a fixed order.
#[inline(always)]
pub(crate) fn sum(a: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (runs, rest) = a.as_chunks::<LANES>();
    for x in runs {
        for l in 0..LANES {
            lanes[l] += x[l];
        }
    }
    for (l, x) in rest.iter().enumerate() {
        lanes[l] += x;
    }
    sum_lanes(lanes)
}

/// `sum(a * b)`, in a fixed order.
#[inline(always)]
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0; LANES];
    let (a_runs, a_rest) = a.as_chunks::<LANES>();
    let (b_runs, b_rest) = b.as_chunks::<LANES>();
    for (x, y) in a_runs.iter().zip(b_runs) {
        for l in 0..LANES {
            lanes[l] += x[l] * y[l];
        }
    }
    for (l, (x, y)) in a_rest.iter().zip(b_rest).enumerate() {
        lanes[l] += x * y;
    }
    sum_lanes(lanes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of the distribution and the density from Abramowitz and Stegun 1964, table 26.1.
    #[test]
    fn the_normal_distribution_is_that_of_the_table() {
        for (x, below) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102)] {
            assert!((f64::from(normal(x).0) - below).abs() < 2e-7, "{x}");
        }
        assert!((f64::from(normal(1.0).1) - 0.241_970_725).abs() < 1e-7);
    }

    #[test]
    fn sums_are_whole_at_odd_lengths() {
        let a: Vec<f32> = (0..37).map(|i| i as f32).collect();
        assert_eq!(sum(&a), 666.0);
        assert_eq!(dot(&a, &a), (0..37).map(|i| (i * i) as f32).sum::<f32>());
    }
}
