//! Which points can be among the nearest: `|x - y|^2` by 32-bit matrix products, with a proven bound on their error.
//! Only the few points within the bound are then measured exactly.
//!
//! With `u = 2^-24` and `K` terms to a sum, the product of `(1, |x|^2, -2x)` and `(|y|^2, 1, y)` is off by less than
//! `c (|x|^2 + |y|^2)`, `c = (2K + 12) u` (Higham 2002, "Accuracy and stability of numerical algorithms", 3.1).
//!
//! The product has the same bound from both sides, so that of two points each can be a query of the other ([`super::mutual`]).

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::NullaryFnOnce;

use crate::vector::wide;

/// Points per product; with 128 queries its distances stay in the second cache.
const BLOCK: usize = 1024;
/// Groups of points for a first limit.
const GROUPS: usize = 64;
/// Distances compared at once.
pub(super) const RUN: usize = 32;
/// Numbers of a point before its own.
const EXTRA: usize = 2;

/// The points in 32 bits, around their middle and of size 1.
#[derive(Debug)]
pub(super) struct Filter {
    p: usize,
    /// For each point: its squared length less the bound, 1, and its numbers.
    pub(super) rows: Vec<f32>,
    /// What a product may be too low by for the share of its point: twice the bound, and what adding it may lose.
    pub(super) highs: Vec<f32>,
    centre: Vec<f64>,
    /// The points are divided by this.
    scale: f64,
    /// The relative bound `c`.
    relative: f64,
    /// What 64 bits may have lost where points lie far from zero but close together.
    absolute: f64,
}

/// The points that may be among the nearest of one query.
pub(super) struct Candidates {
    /// Product and place.
    items: Vec<(f32, u32)>,
    /// The greatest product that still may.
    pub(super) limit: f32,
    /// Sorted out when so many have come.
    capacity: usize,
    /// The bound of the query's own share.
    slack: f64,
}

impl Filter {
    /// `None` where 32 bits cannot tell the points apart.
    pub(super) fn new(points: &[f64], p: usize) -> Option<Self> {
        let n = points.len() / p;
        let (mut low, mut high) = (points[..p].to_vec(), points[..p].to_vec());
        for point in points.chunks_exact(p) {
            for (j, x) in point.iter().enumerate() {
                low[j] = low[j].min(*x);
                high[j] = high[j].max(*x);
            }
        }
        let centre: Vec<f64> = low.iter().zip(&high).map(|(l, h)| l / 2.0 + h / 2.0).collect();
        let half = low.iter().zip(&high).fold(0.0, |most: f64, (l, h)| most.max(h / 2.0 - l / 2.0));
        let largest = low.iter().chain(&high).fold(0.0, |most: f64, x| most.max(x.abs()));
        if !(half > 1e-290 && half < 1e290 && largest / half < 1e6) {
            return None;
        }
        let relative = (2 * p + 16) as f64 * f64::from(f32::EPSILON) / 2.0;
        let absolute = 16.0 * p as f64 * f64::EPSILON * (largest / half) + 1e-30;
        let mut filter = Filter {
            p,
            rows: Vec::with_capacity(n * (p + EXTRA)),
            highs: Vec::with_capacity(n),
            centre,
            scale: half,
            relative,
            absolute,
        };
        for point in points.chunks_exact(p) {
            let square: f64 = filter.moved(point).map(|x| x * x).sum();
            filter.rows.extend([(square * (1.0 - relative)) as f32, 1.0]);
            let moved: Vec<f32> = filter.moved(point).map(|x| x as f32).collect();
            filter.rows.extend(moved);
            filter.highs.push((2.1 * relative * square) as f32);
        }
        Some(filter)
    }

    fn moved<'a>(&'a self, point: &'a [f64]) -> impl Iterator<Item = f64> + 'a {
        point.iter().zip(&self.centre).map(|(x, c)| (x - c) / self.scale)
    }

    /// How many numbers a point has in a product.
    pub(super) fn width(&self) -> usize {
        self.p + EXTRA
    }

    /// What a query may lose, given its squared length.
    pub(super) fn slack(&self, square: f64) -> f64 {
        self.relative * square + self.absolute * (1.0 + square)
    }

    /// For each query, points among which its `k` nearest are sure to be; `None` for a query out of 32-bit reach.
    pub(super) fn candidates(
        &self,
        queries: &[f64],
        k: usize,
        not: &dyn Fn(usize) -> Option<u32>,
    ) -> Vec<Option<Vec<u32>>> {
        let (p, width, n) = (self.p, self.width(), self.highs.len());
        let n_queries = queries.len() / p;
        let mut right = Vec::with_capacity(n_queries * width);
        let mut found = Vec::with_capacity(n_queries);
        for query in queries.chunks_exact(p) {
            let square: f64 = self.moved(query).map(|x| x * x).sum();
            let near = square < 1e30;
            // Its own length changes no order, and far out would cost precision.
            right.extend([1.0f32, 0.0]);
            right.extend(self.moved(query).map(|x| if near { (-2.0 * x) as f32 } else { 0.0 }));
            found.push(near.then(|| Candidates::new(k, self.slack(square))));
        }
        let mut products = vec![0.0f32; BLOCK * n_queries];
        for start in (0..n).step_by(BLOCK) {
            let rows = BLOCK.min(n - start);
            let left = &self.rows[start * width..(start + rows) * width];
            let out = MatMut::from_column_major_slice_mut(&mut products[..rows * n_queries], rows, n_queries);
            let left = MatRef::from_row_major_slice(left, rows, width);
            let right = MatRef::from_column_major_slice(right.as_slice(), width, n_queries);
            matmul(out, Accum::Replace, left, right, 1.0f32, Par::Seq);
            for (q, products) in products.chunks_exact(rows).take(n_queries).enumerate() {
                if let Some(candidates) = &mut found[q] {
                    wide(Pick { filter: self, candidates, products, start, k, not: not(q) });
                }
            }
        }
        found.into_iter().map(|c| c.map(|c| c.finish(self, k))).collect()
    }
}

/// Takes the points whose product is within the limit.
struct Pick<'a> {
    filter: &'a Filter,
    candidates: &'a mut Candidates,
    products: &'a [f32],
    start: usize,
    k: usize,
    not: Option<u32>,
}

impl NullaryFnOnce for Pick<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Pick { filter, candidates, products, start, k, not } = self;
        if candidates.limit == f32::INFINITY {
            candidates.begin(products, &filter.highs[start..], k + usize::from(not.is_some()));
        }
        for (r, run) in products.chunks(RUN).enumerate() {
            let limit = candidates.limit;
            let within = run.iter().fold(0u32, |any, product| any | u32::from(*product <= limit));
            if within != 0 {
                candidates.take(filter, run, (start + r * RUN) as u32, k, not);
            }
        }
    }
}

impl Candidates {
    pub(super) fn new(k: usize, slack: f64) -> Self {
        let capacity = 2 * k + 8;
        Candidates { items: Vec::with_capacity(capacity + RUN), limit: f32::INFINITY, capacity, slack }
    }

    /// A first limit: the points are dealt out to groups, of each of which the nearest counts, so that `n` points are within it.
    #[inline(always)]
    pub(super) fn begin(&mut self, products: &[f32], highs: &[f32], n: usize) {
        let (runs, highs) = (products.as_chunks::<GROUPS>().0, highs.as_chunks::<GROUPS>().0);
        if n > GROUPS {
            return;
        }
        let mut least = [f32::INFINITY; GROUPS];
        for (run, highs) in runs.iter().zip(highs) {
            for g in 0..GROUPS {
                let upper = run[g] + highs[g];
                least[g] = if upper < least[g] { upper } else { least[g] };
            }
        }
        self.lower(least.select_nth_unstable_by(n - 1, f32::total_cmp).1);
    }

    /// Takes the points of a run that are within the limit.
    #[inline(never)]
    pub(super) fn take(&mut self, filter: &Filter, run: &[f32], start: u32, k: usize, not: Option<u32>) {
        // Every point is written, and kept if the next is written behind it: no branch that nobody can predict.
        let (mut kept, mut n) = ([(0.0, 0); RUN], 0);
        for (i, &product) in (start..).zip(run) {
            kept[n % RUN] = (product, i);
            n += usize::from(product <= self.limit);
        }
        self.items.extend(kept[..n].iter().filter(|(_, i)| not != Some(*i)));
        if self.items.len() >= self.capacity {
            self.sort_out(filter, k);
        }
    }

    /// Takes one point that is within the limit.
    pub(super) fn push(&mut self, filter: &Filter, product: f32, point: u32, k: usize) {
        self.items.push((product, point));
        if self.items.len() >= self.capacity {
            self.sort_out(filter, k);
        }
    }

    /// Lowers the limit to what the `k` nearest so far allow, and drops what is beyond it.
    fn sort_out(&mut self, filter: &Filter, k: usize) {
        if self.items.len() < k {
            return;
        }
        let upper = |&(product, i): &(f32, u32)| product + filter.highs[i as usize];
        let mut upper: Vec<f32> = self.items.iter().map(upper).collect();
        self.lower(upper.select_nth_unstable_by(k - 1, f32::total_cmp).1);
        let limit = self.limit;
        self.items.retain(|(product, _)| *product <= limit);
        // Where ties abound, look less often.
        self.capacity = self.capacity.max(2 * self.items.len());
    }

    /// Enough points have products of at most `kth`, whatever rounding did to these.
    fn lower(&mut self, kth: &f32) {
        let limit = (f64::from(*kth) + 2.0 * self.slack) as f32;
        self.limit = limit.next_up().min(self.limit);
    }

    pub(super) fn finish(mut self, filter: &Filter, k: usize) -> Vec<u32> {
        self.sort_out(filter, k);
        self.items.into_iter().map(|(_, i)| i).collect()
    }
}
