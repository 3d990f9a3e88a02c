//! How well scores put positive rows above negative ones: one sort, from which both areas come and every curve.
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
    pub(crate) fn roc_auc(&self) -> Option<f64> {
        (self.positive > 0.0 && self.negative > 0.0).then(|| self.right / (self.positive * self.negative))
    }

    /// `None` where the positive class has no weight.
    pub(super) fn average_precision(&self) -> Option<f64> {
        (self.positive > 0.0).then(|| self.precision / self.positive)
    }
}

/// What lies at or above each distinct score, from the highest down.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Steps {
    /// The scores that occur in a row of some weight, from the highest down.
    pub(crate) threshold: Vec<f64>,
    /// The weight of positive rows at or above the threshold.
    pub(crate) true_positive: Vec<f64>,
    /// The weight of negative rows at or above the threshold.
    pub(crate) false_positive: Vec<f64>,
}

impl Steps {
    /// The weight of all positive rows.
    pub(crate) fn positive(&self) -> f64 {
        self.true_positive.last().copied().unwrap_or(0.0)
    }

    /// The weight of all negative rows.
    pub(crate) fn negative(&self) -> f64 {
        self.false_positive.last().copied().unwrap_or(0.0)
    }

    pub(crate) fn len(&self) -> usize {
        self.threshold.len()
    }

    fn push(&mut self, score: f64, true_positive: f64, false_positive: f64) {
        self.threshold.push(score);
        self.true_positive.push(true_positive);
        self.false_positive.push(false_positive);
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
        None => Order::new(n, &score, &is_positive, |row| key(score(row))).ranking(),
        Some(w) => Order::new(n, &score, &is_positive, |row| (key(score(row)), w[row])).ranking(),
    }
}

/// The steps of `n` rows by finite scores.
pub(crate) fn steps(
    n: usize,
    score: impl Fn(usize) -> f64 + Sync,
    is_positive: impl Fn(usize) -> bool + Sync,
    weights: Option<&[f64]>,
) -> Steps {
    match weights {
        None => Order::new(n, &score, &is_positive, |row| key(score(row))).steps(),
        Some(w) => Order::new(n, &score, &is_positive, |row| (key(score(row)), w[row])).steps(),
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

/// The score of such bits.
fn unkey(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
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

/// Rows dealt into buckets, and what lies above each.
struct Order<I> {
    n_buckets: usize,
    dealt: Vec<Dealt<I>>,
    /// Negative and positive weight above each bucket; the first entry is that of all rows.
    above: Vec<(f64, f64)>,
}

impl<I: Item> Order<I> {
    fn new(
        n: usize,
        score: &(impl Fn(usize) -> f64 + Sync),
        is_positive: &(impl Fn(usize) -> bool + Sync),
        item: impl Fn(usize) -> I + Sync,
    ) -> Self {
        let buckets = Buckets::over(n, score);
        let slot = |row: usize| 2 * buckets.of(score(row)) + usize::from(is_positive(row));
        let dealt: Vec<Dealt<I>> = (0..n.div_ceil(CHUNK))
            .into_par_iter()
            .map(|c| Dealt::new(2 * buckets.n, c * CHUNK..n.min((c + 1) * CHUNK), slot, &item))
            .collect();
        let weight_of = |s: usize| dealt.iter().map(|d| I::total(d.slot(s))).sum::<f64>();
        let weights: Vec<f64> = (0..2 * buckets.n).into_par_iter().map(weight_of).collect();
        let mut above = vec![(0.0, 0.0); buckets.n + 1];
        for b in (0..buckets.n).rev() {
            above[b] = (above[b + 1].0 + weights[2 * b], above[b + 1].1 + weights[2 * b + 1]);
        }
        Order { n_buckets: buckets.n, dealt, above }
    }

    /// The sorted items of a slot.
    fn gather(&self, s: usize) -> Vec<I> {
        let mut items: Vec<I> = self.dealt.iter().flat_map(|d| d.slot(s)).copied().collect();
        I::sort(&mut items);
        items
    }

    /// Walks the thresholds of one bucket from the highest down.
    fn walk(&self, b: usize, visit: impl FnMut(Threshold)) {
        walk(&self.gather(2 * b), &self.gather(2 * b + 1), self.above[b + 1], visit);
    }

    fn ranking(&self) -> Ranking {
        let part = |b: usize| {
            let (mut right, mut precision) = (0.0, 0.0);
            self.walk(b, |t| {
                right += t.wrong * (t.true_positive - 0.5 * t.hits);
                if t.hits > 0.0 {
                    precision += t.hits * t.true_positive / (t.true_positive + t.false_positive);
                }
            });
            (right, precision)
        };
        let parts: Vec<(f64, f64)> = (0..self.n_buckets).into_par_iter().map(part).collect();
        let (negative, positive) = self.above[0];
        let right = parts.iter().map(|p| p.0).sum();
        let precision = parts.iter().map(|p| p.1).sum();
        Ranking { positive, negative, right, precision }
    }

    fn steps(&self) -> Steps {
        let part = |b: usize| {
            let mut steps = Steps::default();
            self.walk(b, |t| {
                if t.hits + t.wrong > 0.0 {
                    steps.push(unkey(t.key), t.true_positive, t.false_positive);
                }
            });
            steps
        };
        let parts: Vec<Steps> = (0..self.n_buckets).into_par_iter().rev().map(part).collect();
        parts.into_iter().fold(Steps::default(), |mut all, part| {
            all.threshold.extend(part.threshold);
            all.true_positive.extend(part.true_positive);
            all.false_positive.extend(part.false_positive);
            all
        })
    }
}

/// One distinct score: the weight of its rows, and of all rows at or above it.
struct Threshold {
    key: u64,
    wrong: f64,
    hits: f64,
    true_positive: f64,
    false_positive: f64,
}

fn walk<I: Item>(negatives: &[I], positives: &[I], above: (f64, f64), mut visit: impl FnMut(Threshold)) {
    let (mut false_positive, mut true_positive) = above;
    let (mut i, mut j) = (negatives.len(), positives.len());
    while i > 0 || j > 0 {
        let key = match (i, j) {
            (0, _) => positives[j - 1].key(),
            (_, 0) => negatives[i - 1].key(),
            _ => negatives[i - 1].key().max(positives[j - 1].key()),
        };
        let (mut wrong, mut hits) = (0.0, 0.0);
        while i > 0 && negatives[i - 1].key() == key {
            i -= 1;
            wrong += negatives[i].weight();
        }
        while j > 0 && positives[j - 1].key() == key {
            j -= 1;
            hits += positives[j].weight();
        }
        true_positive += hits;
        false_positive += wrong;
        visit(Threshold { key, wrong, hits, true_positive, false_positive });
    }
}
