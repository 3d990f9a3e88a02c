//! What LSTM and GRU share: they work on `[steps, rows, width]`, so that each moment is one matrix.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::fused::Array;
use super::product::{add_rows, by_rows, product};

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

/// What a layer's forward pass saw and said, `[steps, rows, width]`.
pub(crate) struct Seen<'a> {
    pub(crate) series: &'a [f32],
    pub(crate) hidden: &'a [f32],
}

impl Seen<'_> {
    /// The gradients by the layer's inputs, from those by what the input adds to the sums in its gates and by what the state adds
    /// (none where these are the same), each `[steps, rows, gates]`; by the series only where it is `wanted`.
    pub(crate) fn gradients(
        &self,
        sizes: &Sizes,
        inputs: &[Array; 5],
        by_input: &[f32],
        by_state: Option<&[f32]>,
        wanted: bool,
    ) -> [Option<Array>; 5] {
        let Sizes { rows, steps, channels, hidden, .. } = *sizes;
        let [gates, _] = inputs[1].dims();
        let of_input = by_rows(by_input, steps * rows, gates);
        let series = wanted.then(|| {
            let of_series = product(of_input, by_rows(inputs[1].values(), gates, channels));
            inputs[0].shaped_as(swapped(&of_series, steps, rows, channels))
        });
        let input = product(of_input.transpose(), by_rows(self.series, steps * rows, channels));
        // The first moment's state was 0: it adds nothing.
        let (later, all) = (steps.saturating_sub(1) * rows, by_state.unwrap_or(by_input));
        let of_later = by_rows(&all[all.len() - later * gates..], later, gates);
        let state = product(of_later.transpose(), by_rows(self.hidden, later, hidden));
        let bias = |sums: &[f32]| {
            let mut total = vec![0.0; gates];
            add_rows(&mut total, sums);
            Array::new(total, [gates])
        };
        let input_bias = bias(by_input);
        let state_bias = by_state.map_or_else(|| input_bias.clone(), bias);
        let [input, state] = [inputs[1].shaped_as(input), inputs[2].shaped_as(state)];
        [series, Some(input), Some(state), Some(input_bias), Some(state_bias)]
    }
}

/// Holds a layer of so many gates to the same composed of burn's operations, and to differences.
#[cfg(test)]
pub(crate) fn agrees(
    n_gates: usize,
    layer: fn(Tensor<3>, Weights, bool) -> Tensor<3>,
    composed: fn(Tensor<3>, Weights, bool) -> Tensor<3>,
) {
    use super::agreement::{agree, differs_as_its_gradients_say, inputs};
    for (rows, steps, channels, hidden) in [(1, 1, 1, 1), (1, 7, 3, 5), (5, 4, 2, 9), (40, 6, 3, 16)] {
        let gates = n_gates * hidden;
        for last in [false, true] {
            let flat = |layer: fn(Tensor<3>, Weights, bool) -> Tensor<3>, x: &[Tensor<1>]| {
                let weights = Weights {
                    input: x[1].clone().reshape([gates, channels]),
                    hidden: x[2].clone().reshape([gates, hidden]),
                    input_bias: x[3].clone(),
                    hidden_bias: x[4].clone(),
                };
                layer(x[0].clone().reshape([rows, steps, channels]), weights, last).reshape([-1])
            };
            let (ours, theirs) = (|x: &[Tensor<1>]| flat(layer, x), |x: &[Tensor<1>]| flat(composed, x));
            let inputs = inputs(&[rows * steps * channels, gates * channels, gates * hidden, gates, gates]);
            agree(&inputs, &ours, &theirs);
            differs_as_its_gradients_say(&inputs, &ours);
        }
    }
}
