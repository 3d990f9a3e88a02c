//! `y = W x + b`.

use super::matrix::Matrix;
use super::precision::Precision;

/// A linear layer, with a bias or without.
pub(crate) struct Linear {
    pub(crate) weight: Matrix,
    bias: Vec<f32>,
}

impl Linear {
    /// From a weight of `[outputs, inputs]` and a bias, which may be empty.
    pub(crate) fn new(weight: &[f32], bias: Vec<f32>, inputs: usize, precision: Precision) -> Self {
        Linear { weight: Matrix::new(weight, inputs, precision), bias }
    }

    /// The rows of outputs of rows of inputs.
    pub(crate) fn apply(&self, x: &[f32]) -> Vec<f32> {
        let outputs = self.weight.outputs();
        let mut out = vec![0.0; x.len() / self.weight.inputs() * outputs];
        self.weight.times(x, &mut out);
        if !self.bias.is_empty() {
            for row in out.chunks_exact_mut(outputs) {
                row.iter_mut().zip(&self.bias).for_each(|(y, b)| *y += b);
            }
        }
        out
    }
}
