//! Recurrent layers that have learned all they will, in plain Rust.

use super::{Plain, Read};
use crate::dense::Dense;
use crate::ops::recurrent::{Sizes, swapped};
use crate::ops::{gru, lstm};
use crate::parameters::Part;

/// Rows that go through time together.
const ROWS: usize = 64;

/// LSTM or GRU layers one above the other; the answer is the last state of the last.
pub(super) struct PlainRecurrent {
    steps: usize,
    channels: usize,
    width: usize,
    layers: Vec<Layer>,
}

/// What the series and what the state add to each gate. Only GRU needs the biases apart: in `state`.
struct Layer {
    gates: usize,
    input: Dense,
    state: Dense,
}

impl PlainRecurrent {
    /// Of layers of 4 gates (LSTM) or 3 (GRU), into each of which so many numbers come.
    pub(super) fn new(
        gates: usize,
        steps: usize,
        inputs: &[usize],
        width: usize,
        parameters: Part<'_>,
    ) -> Self {
        let layer = |(k, &inputs): (usize, &usize)| {
            let [input, state, input_bias, state_bias] = [0, 1, 2, 3].map(|i| parameters.array(4 * k + i));
            let (input_bias, state_bias): (Vec<f32>, Vec<f32>) = match gates {
                4 => (input_bias.iter().zip(state_bias).map(|(a, b)| a + b).collect(), vec![0.0; 4 * width]),
                _ => (input_bias.to_vec(), state_bias.to_vec()),
            };
            let (input, state) =
                (Dense::new(input, &input_bias, inputs), Dense::new(state, &state_bias, width));
            Layer { gates, input, state }
        };
        let layers = inputs.iter().enumerate().map(layer).collect();
        PlainRecurrent { steps, channels: inputs.first().copied().unwrap_or(0), width, layers }
    }
}

impl Layer {
    /// The hidden states of `series`, both of `[steps, rows, numbers]`.
    fn run(&self, sizes: &Sizes, series: Vec<f32>) -> Vec<f32> {
        let mut gates = vec![0.0; sizes.steps * sizes.rows * self.gates * sizes.hidden];
        self.input.apply(&series, &mut gates);
        if self.gates == 3 {
            return gru::forward(sizes, series, gates, |state, out| self.state.apply(state, out)).hidden;
        }
        let mut own = vec![0.0; sizes.rows * self.gates * sizes.hidden];
        let add = |state: &[f32], gates: &mut [f32]| {
            self.state.apply(state, &mut own);
            gates.iter_mut().zip(&own).for_each(|(gate, own)| *gate += own);
        };
        lstm::forward(sizes, series, gates, add).hidden
    }
}

impl Plain for PlainRecurrent {
    fn run(&self, read: &Read, out: &mut [f32]) {
        let per_row = (self.steps * self.channels).max(1);
        let chunks = read.numbers.chunks(ROWS * per_row).zip(out.chunks_mut(ROWS * self.width));
        for (numbers, out) in chunks {
            let rows = numbers.len() / per_row;
            let mut series = swapped(numbers, rows, self.steps, self.channels);
            let sizes =
                Sizes { rows, steps: self.steps, channels: self.channels, hidden: self.width, last: true };
            for layer in &self.layers {
                series = layer.run(&sizes, series);
            }
            out.copy_from_slice(&series[series.len() - out.len()..]);
        }
    }
}
