//! Long short-term memory (Hochreiter and Schmidhuber 1997; gates and parameters as PyTorch's `LSTM`), as one operation.
//!
//! The input's part of every gate is one product for all moments; each moment then costs one product and one pass over
//! its gates.

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
/// last, `[batch, 1, hidden]`. Both states begin at 0. The weights are of four gates: input, forget, cell, output.
pub(crate) fn lstm(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    match apply(Lstm { last }, weights.inputs(&series)) {
        Some(answer) => Tensor::from_dispatch(answer),
        None => as_node(series, weights, last),
    }
}

/// [`lstm`] of burn's own operations, as one node.
fn as_node(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    node::apply(&Lstm { last }, weights.inputs(&series), || composed(series, weights, last))
}

/// [`lstm`] of burn's own operations, the graph left to burn.
fn composed(series: Tensor<3>, weights: Weights, last: bool) -> Tensor<3> {
    let [batch, steps, channels] = series.dims();
    let hidden = weights.hidden.dims()[1];
    let start = || Tensor::<2>::zeros([batch, hidden], (&series.device(), series.dtype()));
    let (mut h, mut c) = (start(), start());
    let bias = (weights.input_bias + weights.hidden_bias).reshape([1, 4 * hidden]);
    let (of_input, of_hidden) = (weights.input.transpose(), weights.hidden.transpose());
    let mut answers = Vec::with_capacity(steps);
    for t in 0..steps {
        let x = series.clone().narrow(1, t, 1).reshape([batch, channels]);
        let gates = x.matmul(of_input.clone()) + h.matmul(of_hidden.clone()) + bias.clone();
        let gate = |k: usize| gates.clone().narrow(1, k * hidden, hidden);
        c = activation::sigmoid(gate(1)) * c + activation::sigmoid(gate(0)) * activation::tanh(gate(2));
        h = activation::sigmoid(gate(3)) * activation::tanh(c.clone());
        if !last || t + 1 == steps {
            answers.push(h.clone().reshape([batch, 1, hidden]));
        }
    }
    Tensor::cat(answers, 1)
}

#[derive(Clone, Debug)]
struct Lstm {
    last: bool,
}

/// The gates of one moment after their functions, and its states, each `[rows, hidden]`.
#[derive(Clone, Debug)]
struct Passed {
    input: Tensor<2>,
    forget: Tensor<2>,
    cell: Tensor<2>,
    output: Tensor<2>,
    cells: Tensor<2>,
    cells_tanh: Tensor<2>,
    state: Tensor<2>,
}

impl Passed {
    /// From the sums in the gates, `[rows, 4 hidden]`, and the moment before, if there was one.
    fn of(sums: &Tensor<2>, before: Option<&Passed>) -> Self {
        let hidden = sums.dims()[1] / 4;
        let gate = |k: usize| sums.clone().narrow(1, k * hidden, hidden);
        let [input, forget, output] = [0, 1, 3].map(|k| activation::sigmoid(gate(k)));
        let cell = activation::tanh(gate(2));
        let added = input.clone() * cell.clone();
        let cells = before.map_or(added.clone(), |before| forget.clone() * before.cells.clone() + added);
        let cells_tanh = activation::tanh(cells.clone());
        let state = output.clone() * cells_tanh.clone();
        Passed { input, forget, cell, output, cells, cells_tanh, state }
    }

    /// From the gradients by the state and by the cells, those by the sums in the gates, `[rows, 4 hidden]`, and by the cells before.
    fn back(
        &self,
        before: Option<&Passed>,
        of_state: Tensor<2>,
        of_cells: Option<Tensor<2>>,
    ) -> (Tensor<2>, Tensor<2>) {
        let below = |x: &Tensor<2>| x.clone().neg().add_scalar(1.0);
        let (input, forget, cell) = (&self.input, &self.forget, &self.cell);
        let rest = (self.cells_tanh.clone() * self.cells_tanh.clone()).neg().add_scalar(1.0);
        let of_output =
            of_state.clone() * self.cells_tanh.clone() * self.output.clone() * below(&self.output);
        let own = of_state * self.output.clone() * rest;
        let of_cell = of_cells.map_or(own.clone(), |of_cells| of_cells + own);
        let of_input = of_cell.clone() * cell.clone() * input.clone() * below(input);
        let bend = (cell.clone() * cell.clone()).neg().add_scalar(1.0);
        let of_new = of_cell.clone() * input.clone() * bend;
        let of_forget = match before {
            Some(before) => of_cell.clone() * before.cells.clone() * forget.clone() * below(forget),
            None => of_cell.zeros_like(),
        };
        let gates = Tensor::cat(vec![of_input, of_forget, of_new, of_output], 1);
        (gates, of_cell * forget.clone())
    }
}

impl Layer<5> for Lstm {
    type Kept = Vec<Passed>;

    fn forward(&self, inputs: [DispatchTensor; 5]) -> (DispatchTensor, Self::Kept) {
        let (series, weights) = tensors(inputs);
        let ([rows, steps, _], [gates, _]) = (series.dims(), weights.input.dims());
        let bias = (weights.input_bias.clone() + weights.hidden_bias.clone()).reshape([1, 1, gates]);
        let sums = weights.of_series(series) + bias;
        let of_state = weights.hidden.transpose();
        let mut path: Vec<Passed> = Vec::with_capacity(steps);
        for t in 0..steps {
            let own = sums.clone().narrow(0, t, 1).reshape([rows, gates]);
            let before = path.last();
            let said = before.map(|before| before.state.clone().matmul(of_state.clone()));
            let passed = Passed::of(&said.map_or(own.clone(), |said| own + said), before);
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
        let (mut of_state, mut of_cells, mut by_gates) = (None, None, Vec::with_capacity(steps));
        for t in (0..steps).rev() {
            let before = t.checked_sub(1).map(|t| &path[t]);
            let Some(of_now) = added(of_answer(&gradient, t, (steps, self.last)), of_state) else { break };
            let (gates, of_before) = path[t].back(before, of_now, of_cells);
            of_state = before.map(|_| gates.clone().matmul(weights.hidden.clone()));
            of_cells = Some(of_before);
            by_gates.push(gates);
        }
        by_gates.reverse();
        let states = path.into_iter().map(|passed| passed.state).collect();
        weights.gradients(series, states, (by_gates.clone(), by_gates), wanted[0])
    }
}

/// What the forward pass went through, each `[steps, rows, width]`.
#[derive(Debug)]
pub(crate) struct Path {
    series: Vec<f32>,
    /// After their functions; of width `4 hidden`.
    gates: Vec<f32>,
    cells: Vec<f32>,
    cells_tanh: Vec<f32>,
    /// The hidden states.
    pub(crate) hidden: Vec<f32>,
}

impl Op<5> for Lstm {
    type Kept = std::sync::Arc<Path>;

    fn forward(&self, inputs: &[Array; 5], _: bool) -> (Array, Self::Kept) {
        let sizes = Sizes::of(inputs, self.last);
        let Sizes { rows, steps, channels, hidden, .. } = sizes;
        let [series, input, state, input_bias, state_bias] = inputs.each_ref().map(Array::values);
        let series = swapped(series, rows, steps, channels);
        let bias: Vec<f32> = input_bias.iter().zip(state_bias).map(|(a, b)| a + b).collect();
        let mut gates = bias.repeat(steps * rows);
        let of_input = by_rows(input, 4 * hidden, channels).transpose();
        multiply(&mut gates, Accum::Add, by_rows(&series, steps * rows, channels), of_input);
        let of_state = by_rows(state, 4 * hidden, hidden).transpose();
        let path = forward(&sizes, series, gates, |state, gates| {
            multiply(gates, Accum::Add, by_rows(state, rows, hidden), of_state);
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
        let gates = back(&sizes, inputs[2].values(), path, &sizes.gradient(gradient.values()));
        let seen = Seen { series: &path.series, hidden: &path.hidden };
        seen.gradients(&sizes, inputs, &gates, None, wanted[0])
    }
}

/// Through all moments: `gates` holds what the biases and the series add to each gate, `[steps, rows, 4 hidden]`, and
/// `add_state` adds what the hidden state before does.
pub(crate) fn forward(
    sizes: &Sizes,
    series: Vec<f32>,
    gates: Vec<f32>,
    mut add_state: impl FnMut(&[f32], &mut [f32]),
) -> Path {
    let Sizes { rows, steps, hidden, .. } = *sizes;
    let (width, all) = (rows * hidden, steps * rows * hidden);
    let mut path =
        Path { series, gates, cells: vec![0.0; all], cells_tanh: vec![0.0; all], hidden: vec![0.0; all] };
    let start = vec![0.0; width];
    for t in 0..steps {
        let gates = &mut path.gates[t * 4 * width..][..4 * width];
        let (before, cells) = path.cells.split_at_mut(t * width);
        let (states, answer) = path.hidden.split_at_mut(t * width);
        if t > 0 {
            add_state(&states[(t - 1) * width..], gates);
        }
        wide(Moment {
            hidden,
            gates,
            before: if t > 0 { &before[(t - 1) * width..] } else { &start },
            cells: &mut cells[..width],
            cells_tanh: &mut path.cells_tanh[t * width..][..width],
            answer: &mut answer[..width],
        });
    }
    path
}

/// The gradients by the sums in the gates, `[steps, rows, 4 hidden]`.
fn back(sizes: &Sizes, state: &[f32], path: &Path, gradient: &[f32]) -> Vec<f32> {
    let Sizes { rows, steps, hidden, .. } = *sizes;
    let width = rows * hidden;
    // Each gate's gradient takes the place of its value, moment by moment.
    let mut gates = path.gates.clone();
    let (mut of_state, mut of_cells, start) = (vec![0.0; width], vec![0.0; width], vec![0.0; width]);
    for t in (0..steps).rev() {
        sizes.add_gradient(gradient, t, &mut of_state);
        let gates = &mut gates[t * 4 * width..][..4 * width];
        wide(MomentBack {
            hidden,
            gates,
            before: if t > 0 { &path.cells[(t - 1) * width..][..width] } else { &start },
            cells_tanh: &path.cells_tanh[t * width..][..width],
            of_state: &of_state,
            of_cells: &mut of_cells,
        });
        if t > 0 {
            let of_gates = by_rows(gates, rows, 4 * hidden);
            multiply(&mut of_state, Accum::Replace, of_gates, by_rows(state, 4 * hidden, hidden));
        }
    }
    gates
}

/// From the gates' sums to the states of one moment, `[rows, hidden]` each.
struct Moment<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    before: &'a [f32],
    cells: &'a mut [f32],
    cells_tanh: &'a mut [f32],
    answer: &'a mut [f32],
}

impl NullaryFnOnce for Moment<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let h = self.hidden;
        for (r, gates) in self.gates.chunks_exact_mut(4 * h).enumerate() {
            // Slices of a length that the compiler sees: it then leaves out their checks, and vectorises.
            let (before, cells) = (&self.before[r * h..][..h], &mut self.cells[r * h..][..h]);
            let (cells_tanh, answer) = (&mut self.cells_tanh[r * h..][..h], &mut self.answer[r * h..][..h]);
            let (i, rest) = gates.split_at_mut(h);
            let (f, rest) = rest.split_at_mut(h);
            let (g, o) = rest.split_at_mut(h);
            let o = &mut o[..h];
            for u in 0..h {
                (i[u], f[u], g[u], o[u]) = (sigmoid(i[u]), sigmoid(f[u]), tanh(g[u]), sigmoid(o[u]));
                cells[u] = f[u] * before[u] + i[u] * g[u];
                cells_tanh[u] = tanh(cells[u]);
                answer[u] = o[u] * cells_tanh[u];
            }
        }
    }
}

/// From the gradient by a moment's states to those by the sums in its gates and by the cells before.
struct MomentBack<'a> {
    hidden: usize,
    gates: &'a mut [f32],
    before: &'a [f32],
    cells_tanh: &'a [f32],
    of_state: &'a [f32],
    of_cells: &'a mut [f32],
}

impl NullaryFnOnce for MomentBack<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let h = self.hidden;
        for (r, gates) in self.gates.chunks_exact_mut(4 * h).enumerate() {
            let (before, cells_tanh) = (&self.before[r * h..][..h], &self.cells_tanh[r * h..][..h]);
            let (of_state, of_cells) = (&self.of_state[r * h..][..h], &mut self.of_cells[r * h..][..h]);
            let (i, rest) = gates.split_at_mut(h);
            let (f, rest) = rest.split_at_mut(h);
            let (g, o) = rest.split_at_mut(h);
            let o = &mut o[..h];
            for u in 0..h {
                let of_output = of_state[u] * cells_tanh[u];
                let of_cell = of_cells[u] + of_state[u] * o[u] * (1.0 - cells_tanh[u] * cells_tanh[u]);
                of_cells[u] = of_cell * f[u];
                let (input, cell) = (i[u], g[u]);
                i[u] = of_cell * cell * input * (1.0 - input);
                g[u] = of_cell * input * (1.0 - cell * cell);
                f[u] = of_cell * before[u] * f[u] * (1.0 - f[u]);
                o[u] = of_output * o[u] * (1.0 - o[u]);
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
        agrees(4, lstm, [composed, as_node]);
    }
}
