//! How well scores put positive rows above negative ones: one sort, from which both areas come.
//!
//! Rows are dealt into buckets of rising scores, chunk by chunk; each bucket is then sorted on its own, and what lies
//! above it enters as two sums. The buckets' parts are added in order, so the answer is the same for any number of
//! threads, and without weights every sum of pairs is exact (up to 2^52 of them).

use rayon::prelude::*;

use crate::sum::CHUNK;

/// The sums over all pairs of a positive and a negative row.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Ranking {
    positive: f64,
    negative: f64,
    /// The weight of pairs ranked right, ties counting half.
    right: f64,
    /// The sum over thresholds of the positive weight added times the precision there.
    precision: f64,
}

impl Ranking {
    /// `None` where one class has no weight.
    pub(super) fn roc_auc(&self) -> Option<f64> {
        (self.positive > 0.0 && self.negative > 0.0).then(|| self.right / (self.positive * self.negative))
    }

    /// `None` where the positive class has no weight.
    pub(super) fn average_precision(&self) -> Option<f64> {
        (self.positive > 0.0).then(|| self.precision / self.positive)
    }
}

/// Ranks `n` rows by finite scores.
pub(super) fn ranking(
    n: usize,
    score: impl Fn(usize) -> f64 + Sync,
    is_positive: impl Fn(usize) -> bool + Sync,
    weights: Option<&[f64]>,
) -> Ranking {
    match weights {
        None => ranked(n, &score, &is_positive, |row| key(score(row))),
        Some(w) => ranked(n, &score, &is_positive, |row| (key(score(row)), w[row])),
    }
}

/// A row as it is sorted: a score and a weight.
trait Item: Copy + Default + Send + Sync {
    fn key(self) -> u64;
    fn weight(self) -> f64;
    fn sort(items: &mut [Self]);
    fn total(items: &[Self]) -> f64;
}

impl Item for u64 {
    fn key(self) -> u64 {
        self
    }
    fn weight(self) -> f64 {
        1.0
    }
    fn sort(items: &mut [Self]) {
        items.sort_unstable();
    }
    fn total(items: &[Self]) -> f64 {
        items.len() as f64
    }
}

impl Item for (u64, f64) {
    fn key(self) -> u64 {
        self.0
    }
    fn weight(self) -> f64 {
        self.1
    }
    /// Stable, so that the weights of tied rows are always added in the same order.
    fn sort(items: &mut [Self]) {
        items.sort_by_key(|item| item.0);
    }
    fn total(items: &[Self]) -> f64 {
        items.iter().map(|item| item.1).sum()
    }
}

/// Bits that sort as the scores do; both zeros are one.
fn key(score: f64) -> u64 {
    let bits = (score + 0.0).to_bits();
    if bits >> 63 == 0 { bits | 1 << 63 } else { !bits }
}

/// Equal stretches of scores from the least to the greatest.
struct Buckets {
    least: f64,
    scale: f64,
    n: usize,
}

impl Buckets {
    fn over(n: usize, score: &(impl Fn(usize) -> f64 + Sync)) -> Self {
        let ends = |chunk: usize| {
            (chunk * CHUNK..n.min((chunk + 1) * CHUNK))
                .map(score)
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), s| (a.min(s), b.max(s)))
        };
        let ends: Vec<(f64, f64)> = (0..n.div_ceil(CHUNK)).into_par_iter().map(ends).collect();
        let least = ends.iter().fold(f64::INFINITY, |a, e| a.min(e.0));
        let most = ends.iter().fold(f64::NEG_INFINITY, |a, e| a.max(e.1));
        let n_buckets = (n / 2048).clamp(1, 1024);
        let scale = n_buckets as f64 / (most - least);
        // Scores that are all the same, or that span more than the floats do, share one bucket.
        let scale = if scale.is_finite() { scale } else { 0.0 };
        Buckets { least, scale, n: n_buckets }
    }

    /// Never falls when the score rises: each operation rounds monotonically.
    fn of(&self, score: f64) -> usize {
        if self.scale == 0.0 {
            return 0;
        }
        (((score - self.least) * self.scale) as usize).min(self.n - 1)
    }
}

/// The items of a chunk of rows, dealt into slots: two per bucket, negative and positive.
struct Dealt<I> {
    starts: Vec<u32>,
    items: Vec<I>,
}

impl<I: Item> Dealt<I> {
    fn new(
        n_slots: usize,
        rows: std::ops::Range<usize>,
        slot: impl Fn(usize) -> usize,
        item: impl Fn(usize) -> I,
    ) -> Self {
        let slots: Vec<u32> = rows.clone().map(|row| slot(row) as u32).collect();
        let mut starts = vec![0u32; n_slots + 1];
        slots.iter().for_each(|&s| starts[s as usize + 1] += 1);
        (0..n_slots).for_each(|s| starts[s + 1] += starts[s]);
        let mut next = starts.clone();
        let mut items = vec![I::default(); rows.len()];
        for (row, &s) in rows.zip(&slots) {
            items[next[s as usize] as usize] = item(row);
            next[s as usize] += 1;
        }
        Dealt { starts, items }
    }

    fn slot(&self, s: usize) -> &[I] {
        &self.items[self.starts[s] as usize..self.starts[s + 1] as usize]
    }
}

fn ranked<I: Item>(
    n: usize,
    score: &(impl Fn(usize) -> f64 + Sync),
    is_positive: &(impl Fn(usize) -> bool + Sync),
    item: impl Fn(usize) -> I + Sync,
) -> Ranking {
    let buckets = Buckets::over(n, score);
    let slot = |row: usize| 2 * buckets.of(score(row)) + usize::from(is_positive(row));
    let dealt: Vec<Dealt<I>> = (0..n.div_ceil(CHUNK))
        .into_par_iter()
        .map(|c| Dealt::new(2 * buckets.n, c * CHUNK..n.min((c + 1) * CHUNK), slot, &item))
        .collect();
    let weight_of = |s: usize| dealt.iter().map(|d| I::total(d.slot(s))).sum::<f64>();
    let weights: Vec<f64> = (0..2 * buckets.n).into_par_iter().map(weight_of).collect();
    // What lies above each bucket, from the highest down.
    let mut above = vec![(0.0, 0.0); buckets.n + 1];
    for b in (0..buckets.n).rev() {
        above[b] = (above[b + 1].0 + weights[2 * b], above[b + 1].1 + weights[2 * b + 1]);
    }
    let part = |b: usize| {
        let gather = |s: usize| {
            let mut items: Vec<I> = dealt.iter().flat_map(|d| d.slot(s)).copied().collect();
            I::sort(&mut items);
            items
        };
        walk(&gather(2 * b), &gather(2 * b + 1), above[b + 1])
    };
    let parts: Vec<(f64, f64)> = (0..buckets.n).into_par_iter().map(part).collect();
    let (negative, positive) = above[0];
    let right = parts.iter().map(|p| p.0).sum();
    let precision = parts.iter().map(|p| p.1).sum();
    Ranking { positive, negative, right, precision }
}

/// Walks the thresholds of one bucket from the highest score down.
fn walk<I: Item>(negatives: &[I], positives: &[I], above: (f64, f64)) -> (f64, f64) {
    let (mut false_positive, mut true_positive) = above;
    let (mut right, mut precision) = (0.0, 0.0);
    let (mut i, mut j) = (negatives.len(), positives.len());
    while i > 0 || j > 0 {
        let top = match (i, j) {
            (0, _) => positives[j - 1].key(),
            (_, 0) => negatives[i - 1].key(),
            _ => negatives[i - 1].key().max(positives[j - 1].key()),
        };
        let (mut wrong, mut hits) = (0.0, 0.0);
        while i > 0 && negatives[i - 1].key() == top {
            i -= 1;
            wrong += negatives[i].weight();
        }
        while j > 0 && positives[j - 1].key() == top {
            j -= 1;
            hits += positives[j].weight();
        }
        right += wrong * (true_positive + 0.5 * hits);
        true_positive += hits;
        false_positive += wrong;
        if hits > 0.0 {
            precision += hits * true_positive / (true_positive + false_positive);
        }
    }
    (right, precision)
}
