//! Attention of queries over the keys and values so far, with heads that share them (Ainslie et al. 2023).
//!
//! Each query of each head is computed by itself, over its keys in their order, so that its bits do not depend on
//! how many queries come at once.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use super::matrix::{dot, tile};
use crate::checkpoint::Config;

/// Numbers of a value that are summed side by side, in vectors.
const VECTORS: usize = 4;

/// Keys that a query meets side by side.
const KEYS: usize = 4;

/// The keys and values of one block, each `[tokens, kv_heads * head_size]`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) keys: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

/// Which keys a query sees, by its position.
pub(crate) fn seen(position: usize, window: Option<usize>) -> std::ops::Range<usize> {
    window.map_or(0, |window| (position + 1).saturating_sub(window))..position + 1
}

/// `queries` holds rows of `heads * head_size` at positions from `start`; the answer has their shape.
pub(crate) fn attend(config: &Config, queries: &[f32], start: usize, memory: &Memory) -> Vec<f32> {
    let (size, kv_heads) = (config.head_size, config.kv_heads);
    let group = config.heads / kv_heads;
    let mut out = vec![0.0; queries.len()];
    let tasks = out.par_chunks_mut(group * size).zip(queries.par_chunks(group * size)).enumerate();
    tasks.for_each_init(Vec::new, |shares, (task, (out, queries))| {
        let (i, kv_head) = (task / kv_heads, task % kv_heads);
        let heads = out.chunks_exact_mut(size).zip(queries.chunks_exact(size));
        for (out, query) in heads {
            let at = kv_head * size;
            let width = kv_heads * size;
            let seen = seen(start + i, config.window);
            Arch::new().dispatch(Head { query, memory, seen, at, width, shares, out });
        }
    });
    out
}

/// Attention in which every token of a text sees all: queries, keys and values of `heads` heads side by side, rows of
/// `heads * size` each.
pub(crate) fn attend_all(size: usize, heads: usize, queries: &[f32], memory: &Memory) -> Vec<f32> {
    let width = heads * size;
    let n = queries.len() / width;
    let mut out = vec![0.0; queries.len()];
    let rows = out.par_chunks_mut(width).zip(queries.par_chunks(width)).with_min_len(4);
    rows.for_each_init(Vec::new, |shares, (out, queries)| {
        let parts = out.chunks_exact_mut(size).zip(queries.chunks_exact(size)).enumerate();
        for (head, (out, query)) in parts {
            let seen = 0..n;
            Arch::new().dispatch(Head { query, memory, seen, at: head * size, width, shares, out });
        }
    });
    out
}

struct Head<'a> {
    query: &'a [f32],
    memory: &'a Memory,
    seen: std::ops::Range<usize>,
    /// Where the head begins in a row of keys, and how wide rows are.
    at: usize,
    width: usize,
    shares: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl WithSimd for Head<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Head { query, memory, seen, at, width, shares, out } = self;
        let size = query.len();
        let factor = 1.0 / (size as f32).sqrt();
        let key = |j: usize| &memory.keys[j * width + at..j * width + at + size];
        shares.clear();
        let mut j = seen.start;
        while j + KEYS <= seen.end {
            let [scores] = tile::<S, 1, KEYS>(simd, [query], std::array::from_fn(|c| key(j + c)));
            shares.extend(scores.map(|score| score * factor));
            j += KEYS;
        }
        shares.extend((j..seen.end).map(|j| dot(simd, query, key(j)) * factor));
        let total = softmax(shares);
        let rows = memory.values[seen.start * width..seen.end * width].chunks_exact(width);
        let step = VECTORS * S::F32_LANES;
        for (chunk, out) in out.chunks_mut(step).enumerate() {
            let (from, n) = (at + chunk * step, out.len());
            let values = rows.clone().map(|row| &row[from..from + n]);
            if n == step {
                weigh_vectors(simd, shares, values, total, out);
            } else {
                weigh(shares, values, total, out);
            }
        }
    }
}

/// Turns scores into `e^(score - greatest)` and gives their sum.
#[inline(always)]
fn softmax(scores: &mut [f32]) -> f32 {
    let greatest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0f64;
    for score in scores.iter_mut() {
        *score = (*score - greatest).exp();
        total += f64::from(*score);
    }
    total as f32
}

#[inline(always)]
fn weigh_vectors<'a, S: Simd>(
    simd: S,
    shares: &[f32],
    values: impl Iterator<Item = &'a [f32]>,
    total: f32,
    out: &mut [f32],
) {
    let mut sums = [simd.splat_f32s(0.0); VECTORS];
    for (share, values) in shares.iter().zip(values) {
        let (values, _) = S::as_simd_f32s(values);
        let share = simd.splat_f32s(*share);
        for (sum, value) in sums.iter_mut().zip(values) {
            *sum = simd.mul_add_f32s(share, *value, *sum);
        }
    }
    let total = simd.splat_f32s(total);
    let (out, _) = S::as_mut_simd_f32s(out);
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = simd.div_f32s(sum, total);
    }
}

#[inline(always)]
fn weigh<'a>(shares: &[f32], values: impl Iterator<Item = &'a [f32]>, total: f32, out: &mut [f32]) {
    for (share, values) in shares.iter().zip(values) {
        for (out, value) in out.iter_mut().zip(values) {
            *out += share * value;
        }
    }
    for out in out {
        *out /= total;
    }
}
