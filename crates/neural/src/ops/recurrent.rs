//! What LSTM and GRU share: they work on `[steps, rows, width]`, so that each moment is one matrix.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::fused::Array;

/// The weights of one layer; those of its gates stand one below the other, so a layer of `g` gates has `g hidden` rows.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// `[gates, channels]`
    pub(crate) input: Tensor<2>,
    /// `[gates, hidden]`
    pub(crate) hidden: Tensor<2>,
    /// `[gates]`
    pub(crate) input_bias: Tensor<1>,
    /// `[gates]`
    pub(crate) hidden_bias: Tensor<1>,
}

impl Weights {
    /// The inputs of the layer's operation.
    pub(crate) fn inputs(&self, series: &Tensor<3>) -> [DispatchTensor; 5] {
        [
            series.clone().into_dispatch(),
            self.input.clone().into_dispatch(),
            self.hidden.clone().into_dispatch(),
            self.input_bias.clone().into_dispatch(),
            self.hidden_bias.clone().into_dispatch(),
        ]
    }
}

/// The sizes of a recurrent layer at work, as they are in PyTorch's `[rows, steps, channels]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) steps: usize,
    pub(crate) channels: usize,
    pub(crate) hidden: usize,
    /// Only the last moment's hidden state is the answer.
    pub(crate) last: bool,
}

/// Values of shape `[a, b, width]` as `[b, a, width]`.
pub(crate) fn swapped(values: &[f32], a: usize, b: usize, width: usize) -> Vec<f32> {
    let mut swapped = Vec::with_capacity(values.len());
    for j in 0..b {
        for i in 0..a {
            swapped.extend_from_slice(&values[(i * b + j) * width..][..width]);
        }
    }
    swapped
}

impl Sizes {
    /// Of a layer whose inputs are a series, the weights of its channels and those of its state, and biases.
    pub(crate) fn of(inputs: &[Array; 5], last: bool) -> Self {
        let [rows, steps, channels] = inputs[0].dims();
        let [_, hidden] = inputs[2].dims();
        Sizes { rows, steps, channels, hidden, last }
    }

    /// The layer's answer, of hidden states `[steps, rows, hidden]`: `[rows, steps, hidden]` or `[rows, 1, hidden]`.
    pub(crate) fn answer(&self, hidden: &[f32]) -> (Vec<f32>, [usize; 3]) {
        if self.last {
            let first = hidden.len() - self.rows * self.hidden;
            return (hidden[first..].to_vec(), [self.rows, 1, self.hidden]);
        }
        (swapped(hidden, self.steps, self.rows, self.hidden), [self.rows, self.steps, self.hidden])
    }

    /// The gradient by the answer, in the order of the moments.
    pub(crate) fn gradient(&self, gradient: &[f32]) -> Vec<f32> {
        if self.last { gradient.to_vec() } else { swapped(gradient, self.rows, self.steps, self.hidden) }
    }

    /// Adds what [`Sizes::gradient`] says of moment `t` to the gradient by its hidden state.
    pub(crate) fn add_gradient(&self, gradient: &[f32], t: usize, into: &mut [f32]) {
        let part = match (self.last, t + 1 == self.steps) {
            (true, true) => gradient,
            (true, false) => return,
            (false, _) => &gradient[t * into.len()..][..into.len()],
        };
        for (x, g) in into.iter_mut().zip(part) {
            *x += g;
        }
    }
}
