//! The way back through a block: gradients of the adapter's matrices, and of the state that came in.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

use super::attention;
use super::lora::{Adapter, Pair, SITES, Site};
use crate::blocks::decoder::{Pass, Trace, activated, activated_backward};
use crate::blocks::linear::Linear;
use crate::blocks::norm;
use crate::blocks::panels::product;

/// The gradients of one block's pairs.
pub(crate) type BlockGradients = [Option<Pair>; SITES];

impl Pass<'_> {
    /// Turns the gradient at the state after this block into that before it; adds those of the adapter to `gradients`.
    pub(crate) fn backward(&self, trace: &Trace, d_state: &mut [f32], gradients: &mut BlockGradients) {
        let (config, block) = (self.config, self.block);
        let hidden = activated(config, &trace.gate_up);
        let d_hidden = self.linear_backward(&block.down, &hidden, d_state, &[Site::Down], gradients);
        let d_gate_up = activated_backward(config, &trace.gate_up, &d_hidden);
        let normed = block.inner_norm.of(&trace.between);
        let d_normed = self.linear_backward(&block.inner, &normed, &d_gate_up, &Site::INNER, gradients);
        block.inner_norm.backward(&trace.between, &d_normed, d_state);

        let d_attended = self.linear_backward(&block.out, &trace.attended, d_state, &[Site::O], gradients);
        let mut d_qkv = self.attention_backward(trace, &d_attended);
        self.turn_back(trace, &mut d_qkv);
        let normed = block.attention_norm.of(&trace.before);
        let d_normed = self.linear_backward(&block.qkv, &normed, &d_qkv, &Site::ATTENTION, gradients);
        block.attention_norm.backward(&trace.before, &d_normed, d_state);
    }

    /// The gradients at queries, keys and values of each sequence, which sees none of the others.
    fn attention_backward(&self, trace: &Trace, d_attended: &[f32]) -> Vec<f32> {
        let q = self.config.heads * self.config.head_size;
        let mut d_qkv = Vec::with_capacity(self.places.len() * self.config.qkv());
        let mut first = 0;
        for run in self.places.chunk_by(|a, b| a.sequence == b.sequence) {
            let rows = first * q..(first + run.len()) * q;
            let memory = &trace.memories[run[0].sequence];
            d_qkv.extend(attention::backward(
                self.config,
                &trace.queries[rows.clone()],
                memory,
                &d_attended[rows],
            ));
            first += run.len();
        }
        d_qkv
    }

    /// Undoes rotation and norms by head on gradients of queries and keys.
    fn turn_back(&self, trace: &Trace, d_qkv: &mut [f32]) {
        let (config, block) = (self.config, self.block);
        let (q, kv) = (config.heads * config.head_size, config.kv_heads * config.head_size);
        let normed = !block.q_norm.is_empty();
        for (i, row) in d_qkv.chunks_exact_mut(config.qkv()).enumerate() {
            for (range, weight) in [(0..q, &block.q_norm), (q..q + kv, &block.k_norm)] {
                let part = &mut row[range.clone()];
                self.turns.undo(i, part);
                if normed {
                    let raw = &trace.raw[i * config.qkv()..(i + 1) * config.qkv()][range];
                    let mut before = vec![0.0; part.len()];
                    norm::backward(raw, weight, config.norm_epsilon, part, &mut before);
                    part.copy_from_slice(&before);
                }
            }
        }
    }

    /// The gradient at `x` from that at the outputs; adds those of the pairs of `sites`.
    fn linear_backward(
        &self,
        linear: &Linear,
        x: &[f32],
        dy: &[f32],
        sites: &[Site],
        gradients: &mut BlockGradients,
    ) -> Vec<f32> {
        let weight = &linear.weight;
        let mut dx = weight.back(dy);
        let Some(adapter) = self.adapter else { return dx };
        let width = weight.outputs();
        let n = dy.len() / width;
        let mut from = 0;
        for site in sites {
            let outputs = adapter.outputs[*site as usize];
            if let (Some(pair), Some(gradient)) =
                (&adapter.pairs[self.layer][*site as usize], &mut gradients[*site as usize])
            {
                let dy = MatRef::from_row_major_slice(dy, n, width).subcols(from, outputs);
                pair_backward(adapter, pair, x, dy, gradient, &mut dx);
            }
            from += outputs;
        }
        dx
    }
}

/// Of `y = scale * B A x`, for rows of `x`.
fn pair_backward(
    adapter: &Adapter,
    pair: &Pair,
    x: &[f32],
    dy: MatRef<'_, f32>,
    gradient: &mut Pair,
    dx: &mut [f32],
) {
    let (rank, scale) = (adapter.rank, adapter.scale());
    let (n, outputs) = (dy.nrows(), dy.ncols());
    let inputs = pair.a.len() / rank;
    let mut small = vec![0.0; n * rank];
    product(&pair.a, x, inputs, &mut small);
    let small = MatRef::from_row_major_slice(&small, n, rank);
    let by_rows = MatRef::from_row_major_slice;
    let mut d_small = vec![0.0; n * rank];
    times(&mut d_small, Accum::Replace, dy, by_rows(&pair.b, outputs, rank), scale);
    times(&mut gradient.b, Accum::Add, dy.transpose(), small, scale);
    let d_small = by_rows(&d_small, n, rank);
    times(&mut gradient.a, Accum::Add, d_small.transpose(), by_rows(x, n, inputs), 1.0);
    times(dx, Accum::Add, d_small, by_rows(&pair.a, rank, inputs), 1.0);
}

fn times(out: &mut [f32], accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, factor: f32) {
    let out = MatMut::from_row_major_slice_mut(out, a.nrows(), b.ncols());
    matmul(out, accum, a, b, factor, Par::Seq);
}
