//! The Gaussian error linear unit (Hendrycks and Gimpel 2016): exact, and by `tanh`.

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::{exp, sigmoid, wide};

/// Numbers of a task.
const TASK: usize = 8192;

/// `x / 2 * (1 + erf(x / sqrt(2)))` of each number, in place.
pub(crate) fn gelu(x: &mut [f32]) {
    x.par_chunks_mut(TASK).for_each(|x| wide(Gelu(x)));
}

/// `x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 x^3)))` of each number, in place: what transformers calls `gelu_new`.
pub(crate) fn gelu_tanh(x: &mut [f32]) {
    x.par_chunks_mut(TASK).for_each(|x| wide(GeluTanh(x)));
}

/// Turns gradients at what [`gelu`] gave into those at its input `x`.
pub(crate) fn gelu_backward(x: &[f32], d: &mut [f32]) {
    x.par_chunks(TASK).zip(d.par_chunks_mut(TASK)).for_each(|(x, d)| wide(GeluBackward(x, d)));
}

/// The same for [`gelu_tanh`].
pub(crate) fn gelu_tanh_backward(x: &[f32], d: &mut [f32]) {
    x.par_chunks(TASK).zip(d.par_chunks_mut(TASK)).for_each(|(x, d)| wide(GeluTanhBackward(x, d)));
}

struct GeluTanh<'a>(&'a mut [f32]);

impl NullaryFnOnce for GeluTanh<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for x in self.0 {
            let own = f64::from(*x);
            *x = (own * sigmoid(FACTOR * (own + 0.044_715 * own * own * own))) as f32;
        }
    }
}

/// `sqrt(2 / pi)`, twice: `(1 + tanh(z)) / 2` is the sigmoid of `2 z`.
const FACTOR: f64 = std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::SQRT_2;

struct GeluTanhBackward<'a>(&'a [f32], &'a mut [f32]);

impl NullaryFnOnce for GeluTanhBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for (x, d) in self.0.iter().zip(self.1) {
            let x = f64::from(*x);
            let share = sigmoid(FACTOR * (x + 0.044_715 * x * x * x));
            let inner = FACTOR * (1.0 + 3.0 * 0.044_715 * x * x);
            *d *= (share + x * share * (1.0 - share) * inner) as f32;
        }
    }
}

struct GeluBackward<'a>(&'a [f32], &'a mut [f32]);

impl NullaryFnOnce for GeluBackward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        // The density of the normal distribution at 0.
        const DENSITY: f64 = 0.5 * std::f64::consts::FRAC_2_SQRT_PI * std::f64::consts::FRAC_1_SQRT_2;
        for (x, d) in self.0.iter().zip(self.1) {
            let x = f64::from(*x);
            let share = 0.5 * (1.0 + erf(x * std::f64::consts::FRAC_1_SQRT_2));
            *d *= (share + x * DENSITY * exp(-0.5 * x * x)) as f32;
        }
    }
}

struct Gelu<'a>(&'a mut [f32]);

impl NullaryFnOnce for Gelu<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for x in self.0 {
            let own = f64::from(*x);
            *x = (0.5 * own * (1.0 + erf(own * std::f64::consts::FRAC_1_SQRT_2))) as f32;
        }
    }
}

/// The error function, to within 1.5e-7 (Abramowitz and Stegun 1964, 7.1.26).
#[inline(always)]
fn erf(x: f64) -> f64 {
    let size = x.abs();
    let t = 1.0 / (1.0 + 0.327_591_1 * size);
    let p = t
        * (0.254_829_592
            + t * (-0.284_496_736 + t * (1.421_413_741 + t * (-1.453_152_027 + t * 1.061_405_429))));
    (1.0 - p * exp(-size * size)).copysign(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By torch 2.15: `torch.nn.functional.gelu` of these in float64.
    #[test]
    fn gelu_is_that_of_torch() {
        let mut x = [-3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 9.0];
        gelu(&mut x);
        let wanted = [-0.004_049_694, -0.158_655_25, -0.046_017_216, 0.0, 0.345_731_23, 1.954_499_7, 9.0];
        assert!(x.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-6), "{x:?}");
    }

    /// By torch 2.15: `torch.nn.functional.gelu(…, approximate="tanh")` of these in float64.
    #[test]
    fn gelu_by_tanh_is_that_of_torch() {
        let mut x = [-3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 9.0];
        gelu_tanh(&mut x);
        let wanted = [-0.003_637_392, -0.158_808, -0.046_017_25, 0.0, 0.345_714, 1.954_597_7, 9.0];
        assert!(x.iter().zip(wanted).all(|(x, y)| (x - y).abs() < 1e-6), "{x:?}");
    }

    /// Slopes are those of lines through two near points.
    #[test]
    fn slopes_are_those_of_the_curves() {
        for (curve, slope) in [
            (gelu as fn(&mut [f32]), gelu_backward as fn(&[f32], &mut [f32])),
            (gelu_tanh, gelu_tanh_backward),
        ] {
            let x = [-3.0, -1.0, -0.1, 0.0, 0.5, 2.0, 9.0];
            let mut d = [2.0; 7];
            slope(&x, &mut d);
            let at = |step: f32| {
                let mut moved = x.map(|x| x + step);
                curve(&mut moved);
                moved
            };
            let (low, high) = (at(-0.01), at(0.01));
            for i in 0..x.len() {
                let wanted = 2.0 * (high[i] - low[i]) / 0.02;
                assert!((d[i] - wanted).abs() < 1e-3, "{}: {} is not {wanted}", x[i], d[i]);
            }
        }
    }
}
