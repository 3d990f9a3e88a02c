//! The sizes of the blocks, and the steps of which they are made: what lies under a kernel, and gates.

use serde::{Deserialize, Serialize};

use crate::math::sigmoid;

/// The sizes of the blocks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Blocks {
    /// Moments of a series.
    pub(crate) steps: usize,
    /// Numbers of a moment behind the graph convolution and each convolution along time.
    pub(crate) width: usize,
    /// Convolutions along time; each reaches twice as far back as the one before.
    pub(crate) layers: usize,
    /// Moments under a kernel.
    pub(crate) kernel: usize,
}

impl Blocks {
    /// How many of the last moments have a part in what comes out.
    pub(super) fn moments(&self) -> usize {
        self.steps.min(1 + (self.kernel - 1) * ((1 << self.layers) - 1))
    }

    /// The moments under the kernel at each moment of `n` rows, with as many numbers each as the width: at layer `k` they are `2^k` apart,
    /// and before the first there is nothing.
    pub(super) fn under(&self, h: &[f32], k: usize) -> Vec<f32> {
        let (width, size) = (self.width, self.moments() * self.width);
        let mut under = vec![0.0; h.len() * self.kernel];
        for (h, under) in h.chunks_exact(size).zip(under.chunks_exact_mut(size * self.kernel)) {
            self.taps(k, |t, tap, then| {
                let to = (t * self.kernel + tap) * width;
                under[to..to + width].copy_from_slice(&h[then * width..(then + 1) * width]);
            });
        }
        under
    }

    /// The way back of [`Blocks::under`]: adds what came under the kernels to the moments that it came from.
    pub(super) fn back_under(&self, under: &[f32], k: usize, h: &mut [f32]) {
        let (width, size) = (self.width, self.moments() * self.width);
        for (h, under) in h.chunks_exact_mut(size).zip(under.chunks_exact(size * self.kernel)) {
            self.taps(k, |t, tap, then| {
                let from = &under[(t * self.kernel + tap) * width..][..width];
                h[then * width..(then + 1) * width].iter_mut().zip(from).for_each(|(h, x)| *h += x);
            });
        }
    }

    /// Each moment, each tap of the kernel there, and the moment under that tap.
    fn taps(&self, k: usize, mut see: impl FnMut(usize, usize, usize)) {
        for (t, tap) in (0..self.moments()).flat_map(|t| (0..self.kernel).map(move |tap| (t, tap))) {
            if let Some(then) = t.checked_sub((self.kernel - 1 - tap) << k) {
                see(t, tap, then);
            }
        }
    }

    /// Weights `[outputs, channels, taps]` with the taps before the channels, as moments lie.
    pub(super) fn by_tap(&self, weight: &[f32]) -> Vec<f32> {
        let filter = self.width * self.kernel;
        let place =
            |i: usize| i / filter * filter + (i % self.kernel) * self.width + i % filter / self.kernel;
        let mut turned = vec![0.0; weight.len()];
        weight.iter().enumerate().for_each(|(i, x)| turned[place(i)] = *x);
        turned
    }

    /// The way back of [`Blocks::by_tap`], added to what is there.
    pub(super) fn add_by_channel(&self, by_tap: &[f32], weight: &mut [f32]) {
        let filter = self.width * self.kernel;
        let place =
            |i: usize| i / filter * filter + (i % self.kernel) * self.width + i % filter / self.kernel;
        weight.iter_mut().enumerate().for_each(|(i, x)| *x += by_tap[place(i)]);
    }
}

/// Adds the values of each moment, each as far as its gate lets it (a gated linear unit; Dauphin et al. 2017).
pub(super) fn add_gated(h: &mut [f32], sums: &[f32], width: usize) {
    for (h, sums) in h.chunks_exact_mut(width).zip(sums.chunks_exact(2 * width)) {
        let (values, gates) = sums.split_at(width);
        h.iter_mut().zip(values.iter().zip(gates)).for_each(|(h, (x, gate))| *h += x * sigmoid(*gate));
    }
}

/// From the gradients in what [`add_gated`] gave to those in its sums.
pub(super) fn back_gated(slopes: &[f32], sums: &[f32], width: usize) -> Vec<f32> {
    let mut back = vec![0.0; sums.len()];
    let moments = back.chunks_exact_mut(2 * width).zip(sums.chunks_exact(2 * width));
    for ((back, sums), slopes) in moments.zip(slopes.chunks_exact(width)) {
        let (of_values, of_gates) = back.split_at_mut(width);
        for (i, slope) in slopes.iter().enumerate() {
            let (value, gate) = (sums[i], sigmoid(sums[width + i]));
            of_values[i] = slope * gate;
            of_gates[i] = slope * value * gate * (1.0 - gate);
        }
    }
    back
}
