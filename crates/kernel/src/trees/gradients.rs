//! Slopes and bends of a loss as whole numbers, packed two in a word.

use rayon::prelude::*;

/// Rows per chunk of parallel work.
const CHUNK: usize = 16_384;

/// For each row, the first and second derivative of its loss, rounded at random to whole steps, so that sums over
/// any rows are right on average, and exact as sums.
///
/// The word's upper half is the slope (signed), its lower half the bend; steps are so large that no sum over all
/// rows overflows its half.
#[derive(Default)]
pub struct Gradients {
    pub(super) words: Vec<u64>,
    /// What one step of the slope is worth, and one of the bend.
    pub(super) slope_step: f64,
    pub(super) bend_step: f64,
}

/// The slope in a sum of words.
#[inline(always)]
pub(super) fn slope(word: u64) -> i32 {
    (word >> 32) as i32
}

/// The bend in a sum of words.
#[inline(always)]
pub(super) fn bend(word: u64) -> u32 {
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

impl Gradients {
    /// Rounds anew; `n_outputs` slopes lie side by side for each row, of which `output` is taken.
    pub fn fill(&mut self, slopes: &[f64], bends: &[f64], output: usize, n_outputs: usize, seed: u64) {
        let n = slopes.len() / n_outputs.max(1);
        let of = |values: &[f64], i: usize| values[i * n_outputs + output];
        let greatest = |values: &[f64]| {
            let one = |rows: std::ops::Range<usize>| rows.fold(0.0, |m, i| f64::max(m, of(values, i).abs()));
            crate::reduce::in_chunks(n, CHUNK, one).into_iter().fold(0.0, f64::max)
        };
        let (most_slope, most_bend) = (greatest(slopes), greatest(bends));
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
                let slope = of(slopes, i) * by_slope + (random >> 32) as f64 * UNIT;
                let bend = of(bends, i) * by_bend + (random as u32) as f64 * UNIT;
                let (slope, bend) = (slope.floor() as i32, (bend as i32).max(0) as u32);
                *word = (u64::from(slope as u32) << 32) + u64::from(bend);
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
        let slopes: Vec<f64> = (0..n).map(|i| f64::from(i % 17) - 8.0).collect();
        let bends = vec![0.25; slopes.len()];
        let mut gradients = Gradients::default();
        gradients.fill(&slopes, &bends, 0, 1, 3);
        let total = gradients.words.iter().fold(0u64, |t, w| t.wrapping_add(*w));
        let (true_slope, true_bend): (f64, f64) = (slopes.iter().sum(), bends.iter().sum());
        assert!((f64::from(slope(total)) * gradients.slope_step - true_slope).abs() < 0.1);
        assert!((f64::from(bend(total)) * gradients.bend_step - true_bend).abs() < 1e-6 * true_bend);
    }
}
