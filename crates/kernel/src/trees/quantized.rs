//! Gradients and hessians of a loss as whole numbers, packed two in a word.

use rayon::prelude::*;

/// Rows per chunk of parallel work.
const CHUNK: usize = 16_384;

/// For each row, the first and second derivative of its loss, rounded at random to whole steps, so that sums over
/// any rows are right on average, and exact as sums.
///
/// The word's upper half is the gradient (signed), its lower half the hessian; steps are so large that no sum over all
/// rows overflows its half.
#[derive(Default)]
pub struct QuantizedGradients {
    pub(super) words: Vec<u64>,
    /// What one step of the gradient is worth, and one of the hessian.
    pub(super) slope_step: f64,
    pub(super) bend_step: f64,
}

/// The gradient in a sum of words.
#[inline(always)]
pub(super) fn gradient(word: u64) -> i32 {
    (word >> 32) as i32
}

/// The hessian in a sum of words.
#[inline(always)]
pub(super) fn hessian(word: u64) -> u32 {
    word as u32
}

/// A well-mixed word from a counter (Steele, Lea, Flood 2014, "SplitMix").
#[inline(always)]
fn mixed(mut z: u64) -> u64 {
    z = z.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl QuantizedGradients {
    /// Rounds anew; `n_outputs` gradients lie side by side for each row, of which `output` is taken.
    pub fn fill(&mut self, gradients: &[f64], hessians: &[f64], output: usize, n_outputs: usize, seed: u64) {
        let n = gradients.len() / n_outputs.max(1);
        let of = |values: &[f64], i: usize| values[i * n_outputs + output];
        let greatest = |values: &[f64]| {
            let one = |rows: std::ops::Range<usize>| rows.fold(0.0, |m, i| f64::max(m, of(values, i).abs()));
            crate::reduce::in_chunks(n, CHUNK, one).into_iter().fold(0.0, f64::max)
        };
        let (most_slope, most_bend) = (greatest(gradients), greatest(hessians));
        let bits = 31 - (usize::BITS - n.leading_zeros()).min(27);
        let steps = ((1u64 << bits) - 1) as f64;
        let scale = |most: f64| if most > 0.0 && most.is_finite() { steps / most } else { 0.0 };
        let (by_slope, by_bend) = (scale(most_slope), scale(most_bend));
        let worth = |by: f64| if by > 0.0 { 1.0 / by } else { 0.0 };
        (self.slope_step, self.bend_step) = (worth(by_slope), worth(by_bend));
        self.words.resize(n, 0);
        self.words.par_chunks_mut(CHUNK).enumerate().for_each(|(c, words)| {
            const UNIT: f64 = 1.0 / (1u64 << 32) as f64;
            for (i, word) in words.iter_mut().enumerate() {
                let i = c * CHUNK + i;
                let random = mixed(seed.wrapping_add(i as u64));
                let gradient = of(gradients, i) * by_slope + (random >> 32) as f64 * UNIT;
                let hessian = of(hessians, i) * by_bend + (random as u32) as f64 * UNIT;
                let (gradient, hessian) = (gradient.floor() as i32, (hessian as i32).max(0) as u32);
                *word = (u64::from(gradient as u32) << 32) + u64::from(hessian);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_come_back() {
        let n = 10_000;
        let gradients: Vec<f64> = (0..n).map(|i| f64::from(i % 17) - 8.0).collect();
        let hessians = vec![0.25; gradients.len()];
        let mut quantized = QuantizedGradients::default();
        quantized.fill(&gradients, &hessians, 0, 1, 3);
        let total = quantized.words.iter().fold(0u64, |t, w| t.wrapping_add(*w));
        let (true_slope, true_bend): (f64, f64) = (gradients.iter().sum(), hessians.iter().sum());
        assert!((f64::from(gradient(total)) * quantized.slope_step - true_slope).abs() < 0.1);
        assert!((f64::from(hessian(total)) * quantized.bend_step - true_bend).abs() < 1e-6 * true_bend);
    }
}
