//! What LSTM and GRU share: they work on `[steps, rows, width]`, so that each moment is one matrix.

use burn::backend::DispatchTensor;
use burn::tensor::Tensor;

use super::fused::Array;
use super::product::{add_rows, by_rows, product};
use super::sums::{product_over_rows, sum_of_rows};

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

/// A layer's inputs, outside of a graph.
pub(crate) fn tensors(
    [series, input, hidden, input_bias, hidden_bias]: [DispatchTensor; 5],
) -> (Tensor<3>, Weights) {
    let weights = Weights {
        input: Tensor::from_dispatch(input),
        hidden: Tensor::from_dispatch(hidden),
        input_bias: Tensor::from_dispatch(input_bias),
        hidden_bias: Tensor::from_dispatch(hidden_bias),
    };
    (Tensor::from_dispatch(series), weights)
}

impl Weights {
    /// What the series adds to each gate at every moment, `[steps, rows, gates]`.
    pub(crate) fn of_series(&self, series: Tensor<3>) -> Tensor<3> {
        let [rows, steps, _] = series.dims();
        let gates = self.input.dims()[0];
        by_moments(series).matmul(self.input.clone().transpose()).reshape([steps, rows, gates])
    }

    /// The gradients by the layer's inputs, from those by what the input adds to the sums in its gates at every moment, and by
    /// what the state adds, each `[rows, gates]`; `states` are the hidden ones. By the series only where it is `wanted`.
    pub(crate) fn gradients(
        &self,
        series: Tensor<3>,
        states: Vec<Tensor<2>>,
        (by_input, by_state): (Vec<Tensor<2>>, Vec<Tensor<2>>),
        wanted: bool,
    ) -> [Option<DispatchTensor>; 5] {
        let ([rows, steps, channels], gates) = (series.dims(), self.input.dims()[0]);
        let hidden = self.hidden.dims()[1];
        let (by_input, all) = (Tensor::cat(by_input, 0), Tensor::cat(by_state, 0));
        // The first moment's state was 0: it adds nothing.
        let later = (steps - 1) * rows;
        let state = match later {
            0 => Tensor::zeros([gates, hidden], (&all.device(), all.dtype())),
            _ => {
                let states = Tensor::cat(states, 0).narrow(0, 0, later);
                product_over_rows(all.clone().narrow(0, rows, later), states)
            }
        };
        let of_series = wanted.then(|| {
            let moments = by_input.clone().matmul(self.input.clone());
            moments.reshape([steps, rows, channels]).swap_dims(0, 1)
        });
        let input = product_over_rows(by_input.clone(), by_moments(series));
        let bias = |sums: Tensor<2>| sum_of_rows(sums).into_dispatch();
        [
            of_series.map(Tensor::into_dispatch),
            Some(input.into_dispatch()),
            Some(state.into_dispatch()),
            Some(bias(by_input)),
            Some(bias(all)),
        ]
    }
}

/// `[rows, steps, channels]` as `[steps * rows, channels]`.
fn by_moments(series: Tensor<3>) -> Tensor<2> {
    let [rows, steps, channels] = series.dims();
    series.swap_dims(0, 1).reshape([steps * rows, channels])
}

/// The layer's answer, of the hidden states of every moment: `[rows, steps, hidden]`, or of the `last` alone.
pub(crate) fn answer(states: &[Tensor<2>], last: bool) -> DispatchTensor {
    let states = if last { &states[states.len().saturating_sub(1)..] } else { states };
    Tensor::stack::<3>(states.to_vec(), 1).into_dispatch()
}

/// What [`answer`]'s gradient says of moment `t` out of so many, if anything.
pub(crate) fn of_answer(gradient: &Tensor<3>, t: usize, (steps, last): (usize, bool)) -> Option<Tensor<2>> {
    let at = match (last, t + 1 == steps) {
        (true, true) => 0,
        (true, false) => return None,
        (false, _) => t,
    };
    let [rows, _, hidden] = gradient.dims();
    Some(gradient.clone().narrow(1, at, 1).reshape([rows, hidden]))
}

/// The sum of what there is.
pub(crate) fn added(a: Option<Tensor<2>>, b: Option<Tensor<2>>) -> Option<Tensor<2>> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        (a, b) => a.or(b),
    }
}

/// Holds a layer of so many gates to the same of burn's operations, and to differences.
#[cfg(test)]
pub(crate) fn agrees(
    n_gates: usize,
    layer: fn(Tensor<3>, Weights, bool) -> Tensor<3>,
    others: [fn(Tensor<3>, Weights, bool) -> Tensor<3>; 2],
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
            let ours = |x: &[Tensor<1>]| flat(layer, x);
            let inputs = inputs(&[rows * steps * channels, gates * channels, gates * hidden, gates, gates]);
            for other in others {
                agree(&inputs, &ours, &|x: &[Tensor<1>]| flat(other, x));
            }
            differs_as_its_gradients_say(&inputs, &ours);
        }
    }
}
