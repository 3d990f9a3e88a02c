//! The gated activation of the feed-forward part (Shazeer 2020): `silu(gate) * up`.

use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::{sigmoid, wide};

/// `gate_up` holds rows of `2 inner` numbers, gates first; the answer rows of `inner`.
pub(crate) fn swiglu(gate_up: &[f32], inner: usize) -> Vec<f32> {
    let mut out = vec![0.0; gate_up.len() / 2];
    let rows = out.par_chunks_mut(inner).zip(gate_up.par_chunks(2 * inner)).with_min_len(8);
    rows.for_each(|(out, gate_up)| wide(Forward { gate_up, out }));
    out
}

struct Forward<'a> {
    gate_up: &'a [f32],
    out: &'a mut [f32],
}

impl NullaryFnOnce for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let (gate, up) = self.gate_up.split_at(self.out.len());
        for ((out, g), u) in self.out.iter_mut().zip(gate).zip(up) {
            let g = f64::from(*g);
            *out = (g * sigmoid(g)) as f32 * u;
        }
    }
}

/// The gradients at gates and ups from that at the answer.
pub(crate) fn backward(gate_up: &[f32], inner: usize, dy: &[f32]) -> Vec<f32> {
    let mut out = vec![0.0; gate_up.len()];
    let rows = out.par_chunks_mut(2 * inner).zip(gate_up.par_chunks(2 * inner)).zip(dy.par_chunks(inner));
    rows.with_min_len(8).for_each(|((out, gate_up), dy)| wide(Backward { gate_up, dy, out }));
    out
}

struct Backward<'a> {
    gate_up: &'a [f32],
    dy: &'a [f32],
    out: &'a mut [f32],
}

impl NullaryFnOnce for Backward<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let inner = self.dy.len();
        let ((gate, up), (d_gate, d_up)) = (self.gate_up.split_at(inner), self.out.split_at_mut(inner));
        let rows = gate.iter().zip(up).zip(self.dy);
        for (((g, u), dy), (d_gate, d_up)) in rows.zip(d_gate.iter_mut().zip(d_up)) {
            let g = f64::from(*g);
            let share = sigmoid(g);
            *d_gate = dy * u * (share * (1.0 + g * (1.0 - share))) as f32;
            *d_up = dy * (g * share) as f32;
        }
    }
}
