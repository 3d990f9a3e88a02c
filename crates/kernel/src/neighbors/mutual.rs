//! The nearest of all points to each of them: a product serves both of its points, so half of the products are enough.

use std::sync::{Mutex, PoisonError};

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::filter::{Candidates, Filter, RUN};
use crate::vector::wide;

/// Points on each side of a product, whose distances stay in the second cache: whole blocks of the product's own, and whole runs.
const TILE: usize = 288;

/// Some points that follow each other, and what was found for each.
struct Tile {
    first: usize,
    found: Vec<Candidates>,
    /// The limit of each, side by side.
    limits: Vec<f32>,
}

/// For each point of `filter`, points among which its `k` nearest others are sure to be.
///
/// Which more there are depends on the order in which threads came by: whoever asks sorts them out.
pub(super) fn candidates(filter: &Filter, k: usize) -> Vec<Vec<u32>> {
    let queries = queries(filter);
    let products = Products { filter, queries: &queries, k };
    let n_tiles = filter.highs.len().div_ceil(TILE);
    // Beside themselves first: each has a limit then.
    let own = |t| Mutex::new(products.own(t));
    let tiles: Vec<Mutex<Tile>> = (0..n_tiles).into_par_iter().map(own).collect();
    let pairs: Vec<[usize; 2]> = (0..n_tiles).flat_map(|b| (0..b).map(move |a| [a, b])).collect();
    let meet = |out: &mut Vec<f32>, [a, b]: [usize; 2]| products.both(&tiles[a], &tiles[b], [a, b], out);
    pairs.into_par_iter().for_each_init(Vec::new, meet);
    let finish = |tile: Mutex<Tile>| {
        let tile = tile.into_inner().unwrap_or_else(PoisonError::into_inner);
        tile.found.into_iter().map(|found| found.finish(filter, k)).collect::<Vec<_>>()
    };
    tiles.into_par_iter().flat_map_iter(finish).collect()
}

/// The points as right sides of products: `(1, |x|^2, -2x)`.
fn queries(filter: &Filter) -> Vec<f32> {
    let mut queries = filter.rows.clone();
    for query in queries.chunks_exact_mut(filter.width()) {
        query.swap(0, 1);
        query[2..].iter_mut().for_each(|x| *x *= -2.0);
    }
    queries
}

struct Products<'a> {
    filter: &'a Filter,
    queries: &'a [f32],
    k: usize,
}

impl Products<'_> {
    /// The places of the points of a tile.
    fn range(&self, tile: usize) -> std::ops::Range<usize> {
        tile * TILE..self.filter.highs.len().min((tile + 1) * TILE)
    }

    /// For each query of tile `a`, its products with the points of tile `b`.
    fn fill(&self, [a, b]: [usize; 2], out: &mut Vec<f32>) {
        let (w, a, b) = (self.filter.width(), self.range(a), self.range(b));
        out.resize(a.len() * b.len(), 0.0);
        let to = MatMut::from_column_major_slice_mut(out.as_mut_slice(), b.len(), a.len());
        let left = MatRef::from_row_major_slice(&self.filter.rows[b.start * w..b.end * w], b.len(), w);
        let right = MatRef::from_column_major_slice(&self.queries[a.start * w..a.end * w], w, a.len());
        matmul(to, Accum::Replace, left, right, 1.0f32, Par::Seq);
    }

    /// A tile whose points have met each other.
    fn own(&self, tile: usize) -> Tile {
        let (mut out, range, w) = (Vec::new(), self.range(tile), self.filter.width());
        self.fill([tile; 2], &mut out);
        let start = |i: usize| {
            let point = &self.filter.rows[i * w + 2..(i + 1) * w];
            let square: f64 = point.iter().map(|x| f64::from(*x).powi(2)).sum();
            // Its numbers were rounded to 32 bits.
            Candidates::new(self.k, self.filter.slack(square * 1.000_001))
        };
        let mut found: Vec<Candidates> = range.clone().map(start).collect();
        for (q, (products, found)) in out.chunks_exact(range.len()).zip(&mut found).enumerate() {
            let not = Some((range.start + q) as u32);
            wide(Meet { filter: self.filter, products, first: range.start, found, k: self.k, not });
        }
        let limits = found.iter().map(|found| found.limit).collect();
        Tile { first: range.start, found, limits }
    }

    /// Lets the points of two tiles meet.
    fn both(&self, a: &Mutex<Tile>, b: &Mutex<Tile>, places: [usize; 2], out: &mut Vec<f32>) {
        self.fill(places, out);
        // Always the earlier one first, so that nobody waits for somebody who waits.
        let mut a = a.lock().unwrap_or_else(PoisonError::into_inner);
        let mut b = b.lock().unwrap_or_else(PoisonError::into_inner);
        let (a, b) = (&mut *a, &mut *b);
        let n = b.limits.len();
        for (q, products) in out.chunks_exact(n).enumerate() {
            wide(MeetBoth { filter: self.filter, products, a, q, b, k: self.k });
        }
    }
}

/// One point takes those of a tile that are within its limit.
struct Meet<'a> {
    filter: &'a Filter,
    products: &'a [f32],
    first: usize,
    found: &'a mut Candidates,
    k: usize,
    not: Option<u32>,
}

impl NullaryFnOnce for Meet<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let Meet { filter, products, first, found, k, not } = self;
        found.begin(products, &filter.highs[first..], k + 1);
        for (r, run) in products.chunks(RUN).enumerate() {
            let limit = found.limit;
            if run.iter().fold(0u32, |any, product| any | u32::from(*product <= limit)) != 0 {
                found.take(filter, run, (first + r * RUN) as u32, k, not);
            }
        }
    }
}

/// One point takes those of another tile that are within its limit, and is taken by those within whose limit it is.
struct MeetBoth<'a> {
    filter: &'a Filter,
    products: &'a [f32],
    a: &'a mut Tile,
    q: usize,
    b: &'a mut Tile,
    k: usize,
}

impl NullaryFnOnce for MeetBoth<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let MeetBoth { filter, products, a, q, b, k } = self;
        let place = (a.first + q) as u32;
        let found = &mut a.found[q];
        for (r, run) in products.chunks(RUN).enumerate() {
            let (start, limit) = (r * RUN, found.limit);
            let limits = &b.limits[start..start + run.len()];
            let (mut here, mut there) = (0u32, 0u32);
            for (product, other) in run.iter().zip(limits) {
                here |= u32::from(*product <= limit);
                there |= u32::from(product <= other);
            }
            if here != 0 {
                found.take(filter, run, (b.first + start) as u32, k, None);
            }
            if there != 0 {
                b.take(filter, run, start, place, k);
            }
        }
        a.limits[q] = found.limit;
    }
}

impl Tile {
    /// One point, given its products with some of these from `start` on, is taken by those within whose limit it is.
    #[inline(never)]
    fn take(&mut self, filter: &Filter, run: &[f32], start: usize, point: u32, k: usize) {
        for (i, product) in (start..).zip(run) {
            if *product <= self.limits[i] {
                self.found[i].push(filter, *product, point, k);
                self.limits[i] = self.found[i].limit;
            }
        }
    }
}
