//! Attention of queries over the keys and values so far, with heads that share them (Ainslie et al. 2023).
//!
//! Each query of each head is computed by itself, over its keys in their order, so that its bits do not depend on
//! how many queries come at once.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use tidemill_kernel::vector::exp;

use super::dots::{dot, tile};
use super::sums::largest;
use crate::checkpoint::Config;

/// Numbers of a value that are summed side by side, in vectors.
const VECTORS: usize = 4;

/// Keys that a query meets side by side.
const KEYS: usize = 4;

/// Queries that meet the same keys side by side.
const QUERIES: usize = 3;

/// Tokens whose keys and values get memory at once.
pub(crate) const PAGE: usize = 128;

/// The keys and values of one block, each `[tokens, kv_heads * head_size]`.
#[derive(Default)]
pub(crate) struct Memory {
    pub(crate) keys: Vec<f32>,
    pub(crate) values: Vec<f32>,
}

impl Memory {
    /// Adds tokens of `width` numbers, all 0, and gives where they begin. Memory grows by whole pages, not by doubling.
    pub(crate) fn grow(&mut self, tokens: usize, width: usize) -> usize {
        let from = self.keys.len();
        let to = from + tokens * width;
        for numbers in [&mut self.keys, &mut self.values] {
            if to > numbers.capacity() {
                numbers.reserve_exact(to.next_multiple_of(PAGE * width) - from);
            }
            numbers.resize(to, 0.0);
        }
        from
    }

    /// The first `tokens` tokens of `width` numbers, in memory of their own.
    pub(crate) fn copy(&self, tokens: usize, width: usize) -> Self {
        let mut copy = Memory::default();
        copy.grow(tokens, width);
        copy.keys.copy_from_slice(&self.keys[..tokens * width]);
        copy.values.copy_from_slice(&self.values[..tokens * width]);
        copy
    }

    /// Forgets all but the first `tokens` tokens.
    pub(crate) fn cut(&mut self, tokens: usize, width: usize) {
        for numbers in [&mut self.keys, &mut self.values] {
            numbers.truncate(tokens * width);
            numbers.shrink_to((tokens * width).next_multiple_of(PAGE * width));
        }
    }
}

/// Where a token stands: the sequence that it belongs to, and its position there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) sequence: usize,
    pub(crate) position: usize,
}

impl Place {
    /// Those of a run of positions.
    pub(crate) fn run(sequence: usize, positions: std::ops::Range<usize>) -> impl Iterator<Item = Place> {
        positions.map(move |position| Place { sequence, position })
    }
}

/// Which keys a query sees, by its position.
pub(crate) fn seen(position: usize, window: Option<usize>) -> std::ops::Range<usize> {
    window.map_or(0, |window| (position + 1).saturating_sub(window))..position + 1
}

/// `queries` holds rows of `heads * head_size`, one for each place; each sees the memory of its own sequence. The answer has their
/// shape.
pub(crate) fn attend(
    config: &Config,
    queries: &[f32],
    places: &[Place],
    memories: &[&mut Memory],
) -> Vec<f32> {
    let (size, kv_heads) = (config.head_size, config.kv_heads);
    let group = config.heads / kv_heads * size;
    let mut out = vec![0.0; queries.len()];
    let tasks = out.par_chunks_mut(group).zip(queries.par_chunks(group)).enumerate();
    tasks.for_each_init(Vec::new, |shares, (task, (out, queries))| {
        let (i, kv_head) = (task / kv_heads, task % kv_heads);
        let Place { sequence, position } = places[i];
        let seen = seen(position, config.window);
        let head = Head { memory: &*memories[sequence], seen, at: kv_head * size, width: kv_heads * size };
        // The heads that share keys lie side by side.
        for (out, queries) in out.chunks_mut(QUERIES * size).zip(queries.chunks(QUERIES * size)) {
            Arch::new().dispatch(Side { head: &head, size, step: size, queries, shares, out });
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
    let rows = out.par_chunks_mut(QUERIES * width).zip(queries.par_chunks(QUERIES * width)).with_min_len(4);
    rows.for_each_init(Vec::new, |shares, (out, queries)| {
        for head in 0..heads {
            let at = head * size;
            let rest = out.len() - (width - size) + at;
            let (queries, out) = (&queries[at..rest], &mut out[at..rest]);
            let head = Head { memory, seen: 0..n, at, width };
            Arch::new().dispatch(Side { head: &head, size, step: width, queries, shares, out });
        }
    });
    out
}

/// One head of keys and values.
struct Head<'a> {
    memory: &'a Memory,
    seen: std::ops::Range<usize>,
    /// Where the head begins in a row of keys, and how wide rows are.
    at: usize,
    width: usize,
}

/// Up to [`QUERIES`] queries of `size` numbers that see the same keys; each begins `step` numbers after the one before.
struct Side<'a> {
    head: &'a Head<'a>,
    size: usize,
    step: usize,
    queries: &'a [f32],
    shares: &'a mut Vec<f32>,
    out: &'a mut [f32],
}

impl WithSimd for Side<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match (self.queries.len() - self.size) / self.step + 1 {
            3 => self.run::<S, 3>(simd),
            2 => self.run::<S, 2>(simd),
            _ => self.run::<S, 1>(simd),
        }
    }
}

impl Side<'_> {
    #[inline(always)]
    fn run<S: Simd, const R: usize>(self, simd: S) {
        let Side { head, size, step, queries, shares, out } = self;
        let n = head.seen.len();
        let queries: [&[f32]; R] = std::array::from_fn(|r| &queries[r * step..r * step + size]);
        shares.clear();
        shares.resize(R * n, 0.0);
        head.scores(simd, queries, shares);
        let totals: [f32; R] = std::array::from_fn(|r| softmax(&mut shares[r * n..(r + 1) * n]));
        let shares: [&[f32]; R] = std::array::from_fn(|r| &shares[r * n..(r + 1) * n]);
        let run = VECTORS * S::F32_LANES;
        let mut from = 0;
        while from + run <= size {
            let sums = head.weighed::<S, R>(simd, shares, from);
            for (r, sums) in sums.into_iter().enumerate() {
                let total = simd.splat_f32s(totals[r]);
                let (out, _) = S::as_mut_simd_f32s(&mut out[r * step + from..r * step + from + run]);
                out.iter_mut().zip(sums).for_each(|(out, sum)| *out = simd.div_f32s(sum, total));
            }
            from += run;
        }
        for (r, shares) in shares.into_iter().enumerate() {
            let out = &mut out[r * step + from..r * step + size];
            head.weigh_rest(shares, from, totals[r], out);
        }
    }
}

impl Head<'_> {
    fn key(&self, j: usize, size: usize) -> &[f32] {
        &self.memory.keys[j * self.width + self.at..j * self.width + self.at + size]
    }

    /// The scores of queries, those of one after those of the other.
    #[inline(always)]
    fn scores<S: Simd, const R: usize>(&self, simd: S, queries: [&[f32]; R], shares: &mut [f32]) {
        let (n, size) = (self.seen.len(), queries[0].len());
        let factor = 1.0 / (size as f32).sqrt();
        let mut j = 0;
        while j + KEYS <= n {
            let keys = std::array::from_fn(|c| self.key(self.seen.start + j + c, size));
            let scores = tile::<S, R, KEYS>(simd, queries, keys);
            for (r, scores) in scores.into_iter().enumerate() {
                shares[r * n + j..r * n + j + KEYS].copy_from_slice(&scores.map(|score| score * factor));
            }
            j += KEYS;
        }
        for j in j..n {
            let key = self.key(self.seen.start + j, size);
            for r in 0..R {
                shares[r * n + j] = dot(simd, queries[r], key) * factor;
            }
        }
    }

    /// The sums of values from number `from` on, weighed by the shares of each query.
    #[inline(always)]
    fn weighed<S: Simd, const R: usize>(
        &self,
        simd: S,
        shares: [&[f32]; R],
        from: usize,
    ) -> [[S::f32s; VECTORS]; R] {
        let mut sums = [[simd.splat_f32s(0.0); VECTORS]; R];
        let n = self.seen.len();
        let shares = shares.map(|shares| &shares[..n]);
        let from = self.at + from;
        let rows = self.memory.values[self.seen.start * self.width..].chunks_exact(self.width);
        for (j, row) in rows.take(n).enumerate() {
            let (values, _) = S::as_simd_f32s(&row[from..from + VECTORS * S::F32_LANES]);
            let values = &values[..VECTORS];
            for r in 0..R {
                let share = simd.splat_f32s(shares[r][j]);
                for v in 0..VECTORS {
                    sums[r][v] = simd.mul_add_f32s(share, values[v], sums[r][v]);
                }
            }
        }
        sums
    }

    /// The same for numbers that fill no vectors.
    #[inline(always)]
    fn weigh_rest(&self, shares: &[f32], from: usize, total: f32, out: &mut [f32]) {
        let from = self.at + from;
        let rows = self.memory.values[self.seen.start * self.width..].chunks_exact(self.width);
        for (share, row) in shares.iter().zip(rows) {
            for (out, value) in out.iter_mut().zip(&row[from..]) {
                *out += share * value;
            }
        }
        out.iter_mut().for_each(|out| *out /= total);
    }
}

/// Turns scores into `e^(score - greatest)` and gives their sum; to be inlined into a loop for wide vectors.
#[inline(always)]
pub(crate) fn softmax(scores: &mut [f32]) -> f32 {
    let greatest = f64::from(largest(scores));
    for score in scores.iter_mut() {
        *score = exp(f64::from(*score) - greatest) as f32;
    }
    super::sums::sum(scores, |share| share) as f32
}
