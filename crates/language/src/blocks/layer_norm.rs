//! Layer normalisation (Ba et al. 2016).

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

use super::sums::{sum, sum_of_pairs};

/// Rows that a task takes.
const TASK: usize = 16;

/// Rows get mean 0 and variance 1 (moments in 64 bits), and are then scaled and moved.
pub(crate) struct LayerNorm {
    pub(crate) weight: Vec<f32>,
    pub(crate) bias: Vec<f32>,
    pub(crate) epsilon: f32,
}

impl LayerNorm {
    /// Normalises each row of `x`, in place.
    pub(crate) fn apply(&self, x: &mut [f32]) {
        let task = TASK * self.weight.len();
        if x.len() <= task {
            return wide(Rows(self, x));
        }
        x.par_chunks_mut(task).for_each(|x| wide(Rows(self, x)));
    }
}

impl LayerNorm {
    /// The gradient at the input from that at the output, added to `dx`. Weight and bias are frozen.
    pub(crate) fn backward(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        let task = TASK * self.weight.len();
        let rows = x.par_chunks(task).zip(dy.par_chunks(task)).zip(dx.par_chunks_mut(task));
        rows.for_each(|((x, dy), dx)| wide(Back { norm: self, x, dy, dx }));
    }
}

/// Of rows.
struct Back<'a> {
    norm: &'a LayerNorm,
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl NullaryFnOnce for Back<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let LayerNorm { weight, epsilon, .. } = self.norm;
        let (width, n) = (weight.len(), weight.len() as f64);
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        let (mut pulled, mut normal) = (vec![0.0; width], vec![0.0; width]);
        for ((x, dy), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let mean = sum(x, |x| x) / n;
            let square = sum(x, |x| (x - mean) * (x - mean));
            let scale = 1.0 / (square / n + f64::from(*epsilon)).sqrt();
            normal.iter_mut().zip(x).for_each(|(z, x)| *z = ((f64::from(*x) - mean) * scale) as f32);
            pulled.iter_mut().zip(dy).zip(weight).for_each(|((p, dy), w)| *p = dy * w);
            let level = sum(&pulled, |p| p) / n;
            let along = sum_of_pairs(&pulled, &normal, |p, z| p * z) / n;
            for ((dx, p), z) in dx.iter_mut().zip(&pulled).zip(&normal) {
                *dx += (scale * (f64::from(*p) - level - along * f64::from(*z))) as f32;
            }
        }
    }
}

struct Rows<'a>(&'a LayerNorm, &'a mut [f32]);

impl NullaryFnOnce for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Rows(LayerNorm { weight, bias, epsilon }, x) = self;
        let width = weight.len();
        for row in x.chunks_exact_mut(width) {
            let mean = sum(row, |x| x) / width as f64;
            let square = sum(row, |x| (x - mean) * (x - mean));
            let scale = 1.0 / (square / width as f64 + f64::from(*epsilon)).sqrt();
            for ((x, w), b) in row.iter_mut().zip(weight).zip(bias) {
                *x = ((f64::from(*x) - mean) * scale) as f32 * w + b;
            }
        }
    }
}
