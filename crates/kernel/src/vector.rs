//! Loops over slices of floats, compiled for the widest vectors of the CPU (chosen at run time).
//!
//! Sums use a fixed number of lanes, whatever the CPU, and products are never fused with sums, so the result has the same bits on every
//! machine.

use pulp::{Arch, NullaryFnOnce};

/// The number of independent lanes of a sum.
pub const LANES: usize = 16;

/// Runs `work`, whose body is inlined into code for this CPU's vectors (mark its `call` `#[inline(always)]`).
#[inline(always)]
pub fn wide<W: NullaryFnOnce>(work: W) -> W::Output {
    Arch::new().dispatch(work)
}

/// Adds the lanes of a sum in a fixed tree.
#[inline(always)]
pub fn sum_lanes(mut lanes: [f64; LANES]) -> f64 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// `sum(a * b)`, to be inlined into a [`wide`] loop.
#[inline(always)]
pub fn dot_inline(a: &[f64], b: &[f64]) -> f64 {
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

/// `y += factor * x`, to be inlined into a [`wide`] loop.
#[inline(always)]
pub fn axpy_inline(factor: f64, x: &[f64], y: &mut [f64]) {
    for (y, x) in y.iter_mut().zip(x) {
        *y += factor * x;
    }
}

struct Dot<'a>(&'a [f64], &'a [f64]);

impl NullaryFnOnce for Dot<'_> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        dot_inline(self.0, self.1)
    }
}

/// `sum(a * b)` over the length of the shorter slice.
///
/// ```
/// assert_eq!(tidemill_kernel::vector::dot(&[1.0, 2.0], &[3.0, 4.0]), 11.0);
/// ```
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    wide(Dot(a, b))
}

struct Axpy<'a>(f64, &'a [f64], &'a mut [f64]);

impl NullaryFnOnce for Axpy<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        axpy_inline(self.0, self.1, self.2);
    }
}

/// `y += factor * x`.
pub fn axpy(factor: f64, x: &[f64], y: &mut [f64]) {
    wide(Axpy(factor, x, y));
}

struct Finite<'a>(&'a [f64]);

impl NullaryFnOnce for Finite<'_> {
    type Output = bool;
    #[inline(always)]
    fn call(self) -> bool {
        self.0.iter().fold(true, |all, x| all & x.is_finite())
    }
}

/// Whether all are finite: every one is looked at, several at a time, since nearly always all are.
pub fn all_finite(values: &[f64]) -> bool {
    wide(Finite(values))
}

/// Appends a number for each pair of places `a` and `b` and each share `t` of the way: `x[a] + t (x[b] - x[a])`.
///
/// ```
/// let mut out = vec![];
/// tidemill_kernel::vector::between(&[1.0, 3.0], [&[0, 1], &[1, 1]], &[0.5, 0.25], &mut out);
/// assert_eq!(out, [2.0, 3.0]);
/// ```
pub fn between(x: &[f64], [from, to]: [&[u32]; 2], shares: &[f64], out: &mut Vec<f64>) {
    let ends = from.iter().zip(to).map(|(a, b)| (x[*a as usize], x[*b as usize]));
    out.extend(ends.zip(shares).map(|((a, b), t)| a + t * (b - a)));
}

/// `e^x` for `x <= 709`, to within 2 units in the last place, in operations that vectorise: the range is reduced to `|r| <= ln(2)/2`, and a
/// Taylor polynomial of degree 13 does the rest. Below -708, the result is 0; `NaN` stays.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    const LOG2_E: f64 = std::f64::consts::LOG2_E;
    // ln(2) in two parts: the first ends in zeros, so that k times it is exact.
    const LN2_HIGH: f64 = 6.931_471_803_691_238e-1;
    const LN2_LOW: f64 = 1.908_214_929_270_587_7e-10;
    // Adding and subtracting 1.5 * 2^52 rounds to the nearest integer, which is then in the low bits.
    const SHIFT: f64 = 6_755_399_441_055_744.0;
    let clamped = if x < -708.0 { -708.0 } else { x };
    let shifted = clamped * LOG2_E + SHIFT;
    let k = shifted - SHIFT;
    let r = (clamped - k * LN2_HIGH) - k * LN2_LOW;
    let r2 = r * r;
    let r4 = r2 * r2;
    // Estrin's scheme: short chains of dependent products.
    let p0 = 1.0 + r;
    let p1 = 0.5 + r * (1.0 / 6.0);
    let p2 = 1.0 / 24.0 + r * (1.0 / 120.0);
    let p3 = 1.0 / 720.0 + r * (1.0 / 5_040.0);
    let p4 = 1.0 / 40_320.0 + r * (1.0 / 362_880.0);
    let p5 = 1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0);
    let p6 = 1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0);
    let low = p0 + r2 * p1;
    let middle = (p2 + r2 * p3) + r4 * (p4 + r2 * p5);
    let value = low + r4 * (middle + (r4 * r4) * p6);
    let scale = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    let answer = value * scale;
    if x < -708.0 { 0.0 } else { answer }
}

/// `1 / (1 + e^-x)`; 0 and 1 in the limits, `NaN` stays.
#[inline(always)]
pub fn sigmoid(x: f64) -> f64 {
    let e = exp(-x.abs());
    let above = 1.0 / (1.0 + e);
    if x < 0.0 { e * above } else { above }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in -1_400_000..1_400_000 {
            let x = f64::from(i) * 5.05e-4;
            let (ours, std) = (exp(x), x.exp());
            worst = worst.max(((ours - std) / std).abs() / f64::EPSILON);
        }
        assert!(worst <= 2.0, "{worst}");
        assert_eq!(exp(0.0), 1.0);
        assert_eq!(exp(f64::NEG_INFINITY), 0.0);
        assert!(exp(f64::NAN).is_nan());
    }

    #[test]
    fn sigmoid_has_its_limits() {
        assert_eq!(sigmoid(f64::INFINITY), 1.0);
        assert_eq!(sigmoid(f64::NEG_INFINITY), 0.0);
        assert_eq!(sigmoid(0.0), 0.5);
        assert!(sigmoid(f64::NAN).is_nan());
    }

    #[test]
    fn dot_and_axpy_are_the_plain_sums() {
        let a: Vec<f64> = (0..37).map(f64::from).collect();
        assert_eq!(dot(&a, &a), (0..37).map(|i| f64::from(i * i)).sum::<f64>());
        let mut y = a.clone();
        axpy(2.0, &a, &mut y);
        assert_eq!(y[36], 108.0);
    }
}
