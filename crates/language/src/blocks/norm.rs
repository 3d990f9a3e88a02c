//! Normalisation of states. Root mean squares (Zhang and Sennrich 2019) are as in the `RmsNorm` of transformers' Llama.

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

use super::layer_norm::LayerNorm;
use super::sums::{sum, sum_of_pairs};

/// How a family normalises states.
pub(crate) enum Norm {
    /// By the root mean square of each row, times a weight.
    Rms { weight: Vec<f32>, epsilon: f32 },
    /// By the mean and variance of each row, times a weight plus a bias.
    Layer(LayerNorm),
}

impl Norm {
    /// Each row of `x`, normalised.
    pub(crate) fn of(&self, x: &[f32]) -> Vec<f32> {
        let mut out = x.to_vec();
        self.apply(&mut out);
        out
    }

    /// The same in place.
    pub(crate) fn apply(&self, x: &mut [f32]) {
        match self {
            Norm::Rms { weight, epsilon } => rms_norm_in_place(x, weight, *epsilon),
            Norm::Layer(norm) => norm.apply(x),
        }
    }

    /// The gradient at the input from that at the output, added to `dx`.
    pub(crate) fn backward(&self, x: &[f32], dy: &[f32], dx: &mut [f32]) {
        match self {
            Norm::Rms { weight, epsilon } => backward(x, weight, *epsilon, dy, dx),
            Norm::Layer(norm) => norm.backward(x, dy, dx),
        }
    }
}

/// Rows that a task takes.
const TASK: usize = 16;

/// `1 / sqrt(mean(x^2) + epsilon)` of a row, its sum in 64 bits.
#[inline(always)]
fn scale(row: &[f32], epsilon: f32) -> f32 {
    let square = sum(row, |x| x * x);
    (1.0 / (square / row.len() as f64 + f64::from(epsilon)).sqrt()) as f32
}

/// Each row of `x` (as wide as `weight`), divided by its root mean square and times `weight`, in place.
pub(crate) fn rms_norm_in_place(x: &mut [f32], weight: &[f32], epsilon: f32) {
    let rows = |x| wide(Forward { x, weight, epsilon });
    if x.len() <= TASK * weight.len() {
        return rows(x);
    }
    x.par_chunks_mut(TASK * weight.len()).for_each(rows);
}

struct Forward<'a> {
    x: &'a mut [f32],
    weight: &'a [f32],
    epsilon: f32,
}

impl NullaryFnOnce for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        for row in self.x.chunks_exact_mut(self.weight.len()) {
            let scale = scale(row, self.epsilon);
            for (x, w) in row.iter_mut().zip(self.weight) {
                *x = w * (*x * scale);
            }
        }
    }
}

/// The gradient at the input of [`rms_norm_in_place`], from that at its output, added to `dx`. The weight is frozen.
pub(crate) fn backward(x: &[f32], weight: &[f32], epsilon: f32, dy: &[f32], dx: &mut [f32]) {
    let task = TASK * weight.len();
    let rows = x.par_chunks(task).zip(dy.par_chunks(task)).zip(dx.par_chunks_mut(task));
    rows.for_each(|((x, dy), dx)| wide(Backward { x, weight, epsilon, dy, dx }));
}

struct Backward<'a> {
    x: &'a [f32],
    weight: &'a [f32],
    epsilon: f32,
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl NullaryFnOnce for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let width = self.weight.len();
        let rows = self.x.chunks_exact(width).zip(self.dy.chunks_exact(width));
        let mut pulled = vec![0.0; width];
        for ((x, dy), dx) in rows.zip(self.dx.chunks_exact_mut(width)) {
            let scale = f64::from(scale(x, self.epsilon));
            pulled.iter_mut().zip(dy).zip(self.weight).for_each(|((p, dy), w)| *p = dy * w);
            let along = sum_of_pairs(&pulled, x, |p, x| p * x);
            let pull = along * scale * scale * scale / width as f64;
            for ((dx, p), x) in dx.iter_mut().zip(&pulled).zip(x) {
                *dx += (f64::from(*p) * scale - pull * f64::from(*x)) as f32;
            }
        }
    }
}
