//! Functions of 32-bit floats in operations that vectorise, so that a row alone and a batch take the same steps.

/// `e^x` to within 2 units in the last place; 0 below -87, the largest power that is a number above 88. `NaN` stays.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    // Adding and taking away 1.5 * 2^23 rounds to the nearest whole number, which then stands in the low bits.
    const SHIFT: f32 = 12_582_912.0;
    // ln(2) in two parts: the first has zeros at its end, so that k times it is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let clamped = if x < -87.0 { -87.0 } else { x };
    let clamped = if clamped > 88.0 { 88.0 } else { clamped };
    let shifted = clamped * std::f32::consts::LOG2_E + SHIFT;
    let k = shifted - SHIFT;
    let r = (clamped - k * LN2_HIGH) - k * LN2_LOW;
    let r2 = r * r;
    let p = (1.0 / 2.0 + r * (1.0 / 6.0))
        + r2 * ((1.0 / 24.0 + r * (1.0 / 120.0)) + r2 * (1.0 / 720.0 + r * (1.0 / 5_040.0)));
    let scale = f32::from_bits(shifted.to_bits().wrapping_add(127) << 23);
    let answer = (1.0 + (r + r2 * p)) * scale;
    if x < -87.0 { 0.0 } else { answer }
}

/// `1 / (1 + e^-x)`; 0 and 1 in the limits.
#[inline(always)]
pub(crate) fn sigmoid(x: f32) -> f32 {
    let e = exp(-x.abs());
    let above = 1.0 / (1.0 + e);
    if x < 0.0 { e * above } else { above }
}

/// The hyperbolic tangent, to within 4e-7 of itself.
#[inline(always)]
pub(crate) fn tanh(x: f32) -> f32 {
    let size = x.abs();
    // Near 0 the quotient would lose its digits: there, the first terms of the series.
    let s = x * x;
    let near = x * (1.0 + s * (-1.0 / 3.0 + s * (2.0 / 15.0 + s * (-17.0 / 315.0 + s * (62.0 / 2_835.0)))));
    let e = exp(-2.0 * size);
    let far = (1.0 - e) / (1.0 + e);
    let far = if x < 0.0 { -far } else { far };
    if size < 0.25 { near } else { far }
}

/// The error function, to within 3e-7 (Abramowitz and Stegun 1964, 7.1.26, and near 0 the series).
#[inline(always)]
pub(crate) fn erf(x: f32) -> f32 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let p = t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    let far = 1.0 - p * exp(-size * size);
    let far = if x < 0.0 { -far } else { far };
    let s = x * x;
    let two_over_root_pi = std::f32::consts::FRAC_2_SQRT_PI;
    let near = two_over_root_pi * x * (1.0 + s * (-1.0 / 3.0 + s * (1.0 / 10.0 + s * (-1.0 / 42.0))));
    if size < 0.25 { near } else { far }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid() -> impl Iterator<Item = f32> {
        (-400_000..400_000).map(|i| i as f32 * 2e-4)
    }

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let error = |x: f32| (f64::from(exp(x)) - f64::from(x).exp()).abs() / f64::from(x).exp();
        let worst = grid().map(error).fold(0.0, f64::max);
        assert!(worst <= 2.0 * f64::from(f32::EPSILON), "{worst}");
        assert_eq!([exp(0.0), exp(f32::NEG_INFINITY)], [1.0, 0.0]);
        assert!(exp(f32::NAN).is_nan() && exp(1000.0) > 1e38);
    }

    #[test]
    fn tanh_and_sigmoid_are_near_those_of_64_bits() {
        let error =
            |x: f32| (f64::from(tanh(x)) - f64::from(x).tanh()).abs() / f64::from(x).tanh().abs().max(1e-30);
        let worst = grid().map(error).fold(0.0, f64::max);
        assert!(worst <= 4e-7, "{worst}");
        let error = |x: f32| (f64::from(sigmoid(x)) - 1.0 / (1.0 + (-f64::from(x)).exp())).abs();
        let worst = grid().map(error).fold(0.0, f64::max);
        assert!(worst <= 2e-7, "{worst}");
    }

    /// Values of the error function from Abramowitz and Stegun 1964, table 7.1.
    #[test]
    fn erf_is_that_of_the_table() {
        let table = [
            (0.1, 0.112_462_92),
            (0.2, 0.222_702_59),
            (0.3, 0.328_626_76),
            (0.5, 0.520_499_88),
            (1.0, 0.842_700_79),
            (2.0, 0.995_322_27),
        ];
        for (x, wanted) in table {
            assert!((f64::from(erf(x)) - wanted).abs() < 3e-7, "{x}");
            assert_eq!(erf(-x), -erf(x));
        }
        assert_eq!(erf(9.0), 1.0);
    }
}
