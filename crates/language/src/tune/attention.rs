//! The way back through attention. Scores are formed anew rather than kept: they grow with the square of the length.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

use crate::blocks::attention::{Memory, seen, softmax};
use crate::blocks::sums::sum_of_pairs;
use crate::checkpoint::Config;

/// Gradients at queries, keys and values (after rotation) of one sequence, side by side as the forward pass had them, from that at
/// the answer of attention.
pub(crate) fn backward(config: &Config, queries: &[f32], memory: &Memory, d_out: &[f32]) -> Vec<f32> {
    let size = config.head_size;
    let (q, kv, group) = (config.heads * size, config.kv_heads * size, config.heads / config.kv_heads);
    let n = d_out.len() / q;
    let heads: Vec<Head> = (0..config.kv_heads)
        .into_par_iter()
        .map(|kv_head| {
            let keys = strided(&memory.keys, n, kv_head * size, size, kv);
            let values = strided(&memory.values, n, kv_head * size, size, kv);
            let mut head = Head::new(n, size, group);
            for member in 0..group {
                let at = (kv_head * group + member) * size;
                let queries = strided(queries, n, at, size, q);
                head.add(config, member, [queries, keys, values, strided(d_out, n, at, size, q)]);
            }
            head
        })
        .collect();
    let width = q + 2 * kv;
    let mut out = vec![0.0; n * width];
    for (i, row) in out.chunks_exact_mut(width).enumerate() {
        let part = i * size..(i + 1) * size;
        for (kv_head, head) in heads.iter().enumerate() {
            for (member, queries) in head.queries.iter().enumerate() {
                let at = (kv_head * group + member) * size;
                row[at..at + size].copy_from_slice(&queries[part.clone()]);
            }
            let at = q + kv_head * size;
            row[at..at + size].copy_from_slice(&head.keys[part.clone()]);
            row[at + kv..at + kv + size].copy_from_slice(&head.values[part.clone()]);
        }
    }
    out
}

/// The gradients of one head of keys and of the queries that share it, `[tokens, head_size]` each.
struct Head {
    n: usize,
    queries: Vec<Vec<f32>>,
    keys: Vec<f32>,
    values: Vec<f32>,
    shares: Vec<f32>,
    d_shares: Vec<f32>,
}

impl Head {
    fn new(n: usize, size: usize, group: usize) -> Self {
        let (zeros, square) = (vec![0.0; n * size], vec![0.0; n * n]);
        Head {
            n,
            queries: vec![zeros.clone(); group],
            keys: zeros.clone(),
            values: zeros,
            shares: square.clone(),
            d_shares: square,
        }
    }

    fn add(&mut self, config: &Config, member: usize, [queries, keys, values, d_out]: [MatRef<'_, f32>; 4]) {
        let (n, size) = (self.n, config.head_size);
        let factor = 1.0 / (size as f32).sqrt();
        times(&mut self.shares, Accum::Replace, queries, keys.transpose(), factor);
        times(&mut self.d_shares, Accum::Replace, d_out, values.transpose(), 1.0);
        for (i, (shares, d_shares)) in
            self.shares.chunks_exact_mut(n).zip(self.d_shares.chunks_exact_mut(n)).enumerate()
        {
            softmax_backward(seen(i, config.window), shares, d_shares);
        }
        let shares = MatRef::from_row_major_slice(&self.shares, n, n);
        let d_scores = MatRef::from_row_major_slice(&self.d_shares, n, n);
        times(&mut self.values, Accum::Add, shares.transpose(), d_out, 1.0);
        times(&mut self.queries[member], Accum::Replace, d_scores, keys, factor);
        times(&mut self.keys, Accum::Add, d_scores.transpose(), queries, factor);
    }
}

/// Scores of a row become shares, and gradients at shares become those at scores; 0 where a query sees nothing.
fn softmax_backward(seen: std::ops::Range<usize>, shares: &mut [f32], d_shares: &mut [f32]) {
    for hidden in [0..seen.start, seen.end..shares.len()] {
        shares[hidden.clone()].fill(0.0);
        d_shares[hidden].fill(0.0);
    }
    wide(Row(&mut shares[seen.clone()], &mut d_shares[seen]));
}

struct Row<'a>(&'a mut [f32], &'a mut [f32]);

impl NullaryFnOnce for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Row(shares, d_shares) = self;
        let total = softmax(shares);
        shares.iter_mut().for_each(|share| *share /= total);
        let mean = sum_of_pairs(shares, d_shares, |share, d_share| share * d_share) as f32;
        for (share, d_share) in shares.iter().zip(d_shares) {
            *d_share = share * (*d_share - mean);
        }
    }
}

/// `columns` columns from `at` on of `n` rows that are `width` wide.
fn strided(values: &[f32], n: usize, at: usize, columns: usize, width: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, n, width).subcols(at, columns)
}

fn times(out: &mut [f32], accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, factor: f32) {
    let out = MatMut::from_row_major_slice_mut(out, a.nrows(), b.ncols());
    matmul(out, accum, a, b, factor, Par::Seq);
}
