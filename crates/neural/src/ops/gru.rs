//! Gated recurrent units (Cho et al. 2014; gates and parameters as PyTorch's `GRU`, whose reset gate follows the product
//! with the state), as one operation.

use burn::backend::DispatchTensor;
use burn::tensor::{Tensor, activation};
use faer::Accum;
use pulp::NullaryFnOnce;
use tidemill_kernel::vector::wide;

use super::fused::{Array, Op, apply};
use super::node::{self, Layer};
use super::product::{by_rows, multiply};
use super::recurrent::{Seen, Sizes, Weights, added, answer, of_answer, swapped, tensors};
use crate::math::{sigmoid, tanh};

/// The hidden states of series `[batch, steps, channels]`: of every moment, `[batch, steps, hidden]`, or with `last` of the
/// last, `[batch, 1, hidden]`. The state begins at 0. The weights are of three gates: reset, update, new.
pub(crate) fn gru(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    match apply(Gru { last }, weights.inputs(&series)) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(series, weights, last),
    }
}

/// [`gru`] of burn's own operations, as one node.
fn as_node(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    node::apply(&Gru { last }, weights.inputs(&series), || composed(series, weights, last))
}

/// [`gru`] of burn's own operations, the graph left to burn.
fn composed(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    let [batch, steps, channels] = series.dims();
    let hidden = weights.hidden.dims()[1];
    let mut h = Tensor::<2>::zeros([batch, hidden], (&series.device(), series.dtype()));
    let (of_input, of_hidden) = (weights.input.transpose(), weights.hidden.transpose());
    let mut answers = Vec::with_capacity(steps);
    for t in 0..steps {
        let x = series.clone().narrow(1, t, 1).reshape([batch, channels]);
        let x = x.matmul(of_input.clone()) + weights.input_bias.clone().unsqueeze::<2>();
        let s = h.clone().matmul(of_hidden.clone()) + weights.hidden_bias.clone().unsqueeze::<2>();
        let part = |gates: &Tensor<2>, k: usize| gates.clone().narrow(1, k * hidden, hidden);
        let reset = activation::sigmoid(part(&x, 0) + part(&s, 0));
        let update = activation::sigmoid(part(&x, 1) + part(&s, 1));
        let new = activation::tanh(part(&x, 2) + reset * part(&s, 2));
        h = new.clone() + update * (h - new);
        if !last || t + 1 == steps {
            answers.push(h.clone().reshape([batch, 1, hidden]));
        }
    }
    Tensor::cat(answers, 1)
}

#[derive(Clone, Debug)]
struct Gru {
    last: bool,
}

/// The gates of one moment after their functions, what the state says to the new one before the reset gate, and the
/// state, each `[rows, hidden]`.
#[derive(Clone, Debug)]
struct Passed {
    reset: Tensor<2>,
    update: Tensor<2>,
    new: Tensor<2>,
    said: Tensor<2>,
    state: Tensor<2>,
}

impl Passed {
    /// From what the series and the state before add to the gates, each `[rows, 3 hidden]`, and that state, if there was one.
    fn of(by_input: &Tensor<2>, by_state: &Tensor<2>, before: Option<&Passed>) -> Self {
        let hidden = by_input.dims()[1] / 3;
        let part = |gates: &Tensor<2>, k: usize| gates.clone().narrow(1, k * hidden, hidden);
        let reset = activation::sigmoid(part(by_input, 0) + part(by_state, 0));
        let update = activation::sigmoid(part(by_input, 1) + part(by_state, 1));
        let said = part(by_state, 2);
        let new = activation::tanh(part(by_input, 2) + reset.clone() * said.clone());
        let beside = before.map_or(new.clone().neg(), |before| before.state.clone() - new.clone());
        let state = new.clone() + update.clone() * beside;
        Passed { reset, update, new, said, state }
    }

    /// From the gradient by the state, those by what the series and the state before add to the gates, and the direct one by that
    /// state.
    fn back(&self, before: Option<&Passed>, of_state: Tensor<2>) -> [Tensor<2>; 3] {
        let below = |x: &Tensor<2>| x.clone().neg().add_scalar(1.0);
        let (reset, update, new) = (&self.reset, &self.update, &self.new);
        let beside = before.map_or(new.clone().neg(), |before| before.state.clone() - new.clone());
        let of_update = of_state.clone() * beside * update.clone() * below(update);
        let bend = (new.clone() * new.clone()).neg().add_scalar(1.0);
        let of_new = of_state.clone() * below(update) * bend;
        let of_reset = of_new.clone() * self.said.clone() * reset.clone() * below(reset);
        let of_said = of_new.clone() * reset.clone();
        let by_input = Tensor::cat(vec![of_reset.clone(), of_update.clone(), of_new], 1);
        let by_state = Tensor::cat(vec![of_reset, of_update, of_said], 1);
        [by_input, by_state, of_state * update.clone()]
    }
}

impl Layer<5> for Gru {
    type Kept = Vec<Passed>;

    fn forward(&self, inputs: [DispatchTensor; 5]) -> (DispatchTensor, Self::Kept) {
        let (series, weights) = tensors(inputs);
        let ([rows, steps, _], [gates, _]) = (series.dims(), weights.input.dims());
        let sums = weights.of_series(series) + weights.input_bias.clone().reshape([1, 1, gates]);
        let (of_state, bias) = (weights.hidden.transpose(), weights.hidden_bias.unsqueeze::<2>());
        let mut path: Vec<Passed> = Vec::with_capacity(steps);
        for t in 0..steps {
            let by_input = sums.clone().narrow(0, t, 1).reshape([rows, gates]);
            let by_state = match path.last() {
                Some(before) => before.state.clone().matmul(of_state.clone()) + bias.clone(),
                None => bias.clone().repeat_dim(0, rows),
            };
            let passed = Passed::of(&by_input, &by_state, path.last());
            path.push(passed);
        }
        let states: Vec<Tensor<2>> = path.iter().map(|passed| passed.state.clone()).collect();
        (answer(&states, self.last), path)
    }

    fn backward(
        &self,
        inputs: [DispatchTensor; 5],
        path: Self::Kept,
        gradient: DispatchTensor,
        wanted: [bool; 5],
    ) -> [Option<DispatchTensor>; 5] {
        let (series, weights) = tensors(inputs);
        let (steps, gradient) = (path.len(), Tensor::<3>::from_dispatch(gradient));
        let (mut of_state, mut by_input, mut by_state) =
            (None, Vec::with_capacity(steps), Vec::with_capacity(steps));
        for t in (0..steps).rev() {
            let before = t.checked_sub(1).map(|t| &path[t]);
            let Some(of_now) = added(of_answer(&gradient, t, (steps, self.last)), of_state) else { break };
            let [input, state, direct] = path[t].back(before, of_now);
            of_state = before.map(|_| direct + state.clone().matmul(weights.hidden.clone()));
            by_input.push(input);
            by_state.push(state);
        }
        by_input.reverse();
        by_state.reverse();
        let states = path.into_iter().map(|passed| passed.state).collect();
        weights.gradients(series, states, (by_input, by_state), wanted[0])
    }
}

/// What the forward pass went through, each `[steps, rows, width]`.
#[derive(Debug)]
pub(crate) struct Path {
    series: Vec<f32>,
    /// After their functions; of width `3 hidden`.
    gates: Vec<f32>,
    /// What the state says to the new gate, before the reset gate.
    said: Vec<f32>,
    /// The hidden states.
    pub(crate) hidden: Vec<f32>,
}

impl Op<5> for Gru {
    type Kept = std::sync::Arc<Path>;

    fn forward(&self, inputs: &[Array; 5], _: bool) -> (Array, Self::Kept) {
        let sizes = Sizes::of(inputs, self.last);
        let Sizes { rows, steps, channels, hidden, .. } = sizes;
        let [series, input, state, input_bias, state_bias] = inputs.each_ref().map(Array::values);
        let (series, mut gates) = (swapped(series, rows, steps, channels), input_bias.repeat(steps * rows));
        let of_input = by_rows(input, 3 * hidden, channels).transpose();
        multiply(&mut gates, Accum::Add, by_rows(&series, steps * rows, channels), of_input);
        let (of_state, bias) = (by_rows(state, 3 * hidden, hidden).transpose(), state_bias.repeat(rows));
        let path = forward(&sizes, series, gates, |state, by_state| {
            by_state.copy_from_slice(&bias);
            multiply(by_state, Accum::Add, by_rows(state, rows, hidden), of_state);
        });
        let (answer, shape) = sizes.answer(&path.hidden);
        (Array::new(answer, shape), path.into())
    }

    fn backward(
        &self,
        inputs: &[Array; 5],
        path: &Self::Kept,
        gradient: &Array,
        wanted: [bool; 5],
    ) -> [Option<Array>; 5] {
        let sizes = Sizes::of(inputs, self.last);
        let (by_input, by_state) = back(&sizes, inputs[2].values(), path, &sizes.gradient(gradient.values()));
        let seen = Seen { series: &path.series, hidden: &path.hidden };
        seen.gradients(&sizes, inputs, &by_input, Some(&by_state), wanted[0])
    }
}

/// Through all moments: `gates` holds what the series adds to each gate with its bias, `[steps, rows, 3 hidden]`, and
/// `of_state` writes what the hidden state before adds, with its bias.
pub(crate) fn forward(
    sizes: &Sizes,
    series: Vec<f32>,
    gates: Vec<f32>,
    mut of_state: impl FnMut(&[f32], &mut [f32]),
) -> Path {
    let Sizes { rows, steps, hidden, .. } = *sizes;
    let (width, all) = (rows * hidden, steps * rows * hidden);
    let mut path = Path { series, gates, said: vec![0.0; all], hidden: vec![0.0; all] };
    let (start, mut by_state) = (vec![0.0; width], vec![0.0; 3 * width]);
    for t in 0..steps {
        let (states, answer) = path.hidden.split_at_mut(t * width);
        let before = if t > 0 { &states[(t - 1) * width..] } else { &start };
        of_state(before, &mut by_state);
        wide(Moment {
            hidden,
            gates: &mut path.gates[t * 3 * width..][..3 * width],
            by_state: &by_state,
            before,
            said: &mut path.said[t * width..][..width],
            answer: &mut answer[..width],
        });
    }
    path
}

/// From the gates' sums to the state of one moment.
struct Moment<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    by_state: &'a [f32],
    before: &'a [f32],
    said: &'a mut [f32],
    answer: &'a mut [f32],
}

impl NullaryFnOnce for Moment<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let h = self.hidden;
        for (r, gates) in self.gates.chunks_exact_mut(3 * h).enumerate() {
            // Slices of a length that the compiler sees: it then leaves out their checks, and vectorises.
            let (before, said) = (&self.before[r * h..][..h], &mut self.said[r * h..][..h]);
            let answer = &mut self.answer[r * h..][..h];
            let (of_reset, rest) = self.by_state[r * 3 * h..][..3 * h].split_at(h);
            let (of_update, of_new) = rest.split_at(h);
            let (reset, rest) = gates.split_at_mut(h);
            let (update, new) = rest.split_at_mut(h);
            let (of_new, new) = (&of_new[..h], &mut new[..h]);
            for u in 0..h {
                reset[u] = sigmoid(reset[u] + of_reset[u]);
                update[u] = sigmoid(update[u] + of_update[u]);
                said[u] = of_new[u];
                new[u] = tanh(new[u] + reset[u] * said[u]);
                answer[u] = new[u] + update[u] * (before[u] - new[u]);
            }
        }
    }
}

/// The gradients by what the input and by what the state adds to the gates' sums, each `[steps, rows, 3 hidden]`.
fn back(sizes: &Sizes, state: &[f32], path: &Path, gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
    let Sizes { rows, steps, hidden, .. } = *sizes;
    let width = rows * hidden;
    // Each gate's gradient takes the place of its value, moment by moment.
    let mut by_input = path.gates.clone();
    let mut by_state = vec![0.0; by_input.len()];
    let (mut of_state, start) = (vec![0.0; width], vec![0.0; width]);
    for t in (0..steps).rev() {
        sizes.add_gradient(gradient, t, &mut of_state);
        let by_state = &mut by_state[t * 3 * width..][..3 * width];
        wide(MomentBack {
            hidden,
            gates: &mut by_input[t * 3 * width..][..3 * width],
            by_state,
            before: if t > 0 { &path.hidden[(t - 1) * width..][..width] } else { &start },
            said: &path.said[t * width..][..width],
            of_state: &mut of_state,
        });
        if t > 0 {
            let of_gates = by_rows(by_state, rows, 3 * hidden);
            multiply(&mut of_state, Accum::Add, of_gates, by_rows(state, 3 * hidden, hidden));
        }
    }
    (by_input, by_state)
}

/// From the gradient by a moment's state to those by its gates' sums, and to the part of that by the state before that
/// does not pass through them.
struct MomentBack<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    by_state: &'a mut [f32],
    before: &'a [f32],
    said: &'a [f32],
    of_state: &'a mut [f32],
}

impl NullaryFnOnce for MomentBack<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let h = self.hidden;
        for (r, gates) in self.gates.chunks_exact_mut(3 * h).enumerate() {
            let (before, said) = (&self.before[r * h..][..h], &self.said[r * h..][..h]);
            let of_state = &mut self.of_state[r * h..][..h];
            let (by_reset, rest) = self.by_state[r * 3 * h..][..3 * h].split_at_mut(h);
            let (by_update, by_new) = rest.split_at_mut(h);
            let (reset, rest) = gates.split_at_mut(h);
            let (update, new) = rest.split_at_mut(h);
            let (by_new, new) = (&mut by_new[..h], &mut new[..h]);
            for u in 0..h {
                let of_new = of_state[u] * (1.0 - update[u]) * (1.0 - new[u] * new[u]);
                let of_update = of_state[u] * (before[u] - new[u]) * update[u] * (1.0 - update[u]);
                of_state[u] *= update[u];
                by_new[u] = of_new * reset[u];
                reset[u] = of_new * said[u] * reset[u] * (1.0 - reset[u]);
                (update[u], new[u]) = (of_update, of_new);
                (by_reset[u], by_update[u]) = (reset[u], of_update);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::recurrent::agrees;
    use super::*;

    #[test]
    fn agrees_with_the_composed_layer() {
        agrees(3, gru, [composed, as_node]);
    }
}
