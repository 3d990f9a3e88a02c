//! The gated activation of the feed-forward part (Shazeer 2020): `silu(gate) * up`.

use rayon::prelude::*;

/// `gate_up` holds rows of `2 inner` numbers, gates first; the answer rows of `inner`.
pub(crate) fn swiglu(gate_up: &[f32], inner: usize) -> Vec<f32> {
    let mut out = vec![0.0; gate_up.len() / 2];
    out.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner)).with_min_len(8).for_each(|(out, row)| {
        let (gate, up) = row.split_at(inner);
        for ((out, g), u) in out.iter_mut().zip(gate).zip(up) {
            *out = g / (1.0 + (-g).exp()) * u;
        }
    });
    out
}

/// The gradients at gates and ups from that at the answer.
pub(crate) fn backward(gate_up: &[f32], inner: usize, dy: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate_up.len()];
    let rows = out.par_chunks_mut(2 * inner).zip(gate_up.par_chunks(2 * inner)).zip(dy.par_chunks(inner));
    rows.for_each(|((out, row), dy)| {
        let ((gate, up), (d_gate, d_up)) = (row.split_at(inner), out.split_at_mut(inner));
        for j in 0..inner {
            let share = 1.0 / (1.0 + (-gate[j]).exp());
            d_gate[j] = dy[j] * up[j] * share * (1.0 + gate[j] * (1.0 - share));
            d_up[j] = dy[j] * gate[j] * share;
        }
    });
    out
}
