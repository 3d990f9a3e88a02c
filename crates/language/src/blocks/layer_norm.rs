//! Layer normalisation (Ba et al. 2016).

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

use super::sums::sum;

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
