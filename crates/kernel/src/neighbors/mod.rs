//! The nearest points to each of many queries, exactly: by matrix products where there are many dimensions, by a k-d
//! tree where there are few.
//!
//! The answer is defined by distances summed dimension by dimension in 64 bits, ties going to the point that comes
//! first. Every way to find it gives the same bits, so it depends neither on the number of threads nor on the
//! queries asked beside.

mod filter;
mod mutual;
mod scan;
mod tree;

use std::cmp::Ordering;

use crate::reduce::in_chunks;
use filter::Filter;
use scan::Blocks;
use tree::Tree;

/// Queries that one thread takes at a time.
const QUERIES: usize = 128;
/// A k-d tree pays up to so many dimensions: of 50,000 normal points, 5,000 queries take it 0.01 s of CPU with 2, 0.07 s
/// with 6, 0.14 s with 7 and 0.22 s with 8; the products take 0.15 s with any of these.
const TREE_DIMENSIONS: usize = 7;
/// From so many dimensions on, halving the products of points among themselves pays: 10,000 points of 40 numbers take 0.22 s of CPU
/// instead of 0.35 s, 20,000 of 20 numbers 0.70 s instead of 0.96 s; 3,000 of 9 numbers take 0.05 s either way.
const MUTUAL_DIMENSIONS: usize = 16;
/// Below so many points, looking at all of them is quickest.
const FEW_POINTS: usize = 256;

/// How far apart two points are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Distance {
    /// The root of the sum of squared differences.
    #[default]
    Euclidean,
    /// The sum of absolute differences.
    Manhattan,
    /// One less the cosine of the angle between them; a point of zeros is at right angles to every other.
    Cosine,
}

/// The neighbours of each query, nearest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// How many neighbours each query has.
    pub k: usize,
    /// The places of the neighbours, `k` for each query.
    pub indices: Vec<u32>,
    /// How far they are.
    pub distances: Vec<f64>,
}

impl Found {
    /// The neighbours of query `q`: places and distances.
    pub fn of(&self, q: usize) -> (&[u32], &[f64]) {
        let range = q * self.k..(q + 1) * self.k;
        (&self.indices[range.clone()], &self.distances[range])
    }
}

/// Points to be found: `n` rows of `p` finite numbers.
///
/// ```
/// use tidemill_kernel::neighbors::{Distance, Neighbors};
/// let points = Neighbors::new(vec![0.0, 0.0, 3.0, 4.0, 1.0, 0.0], 2, Distance::Euclidean);
/// let found = points.nearest(&[0.0, 0.0], 2, None);
/// assert_eq!(found.of(0), ([0, 2].as_slice(), [0.0, 1.0].as_slice()));
/// ```
#[derive(Debug)]
pub struct Neighbors {
    distance: Distance,
    n: usize,
    p: usize,
    /// Row after row; of length 1 for the cosine.
    points: Vec<f64>,
    blocks: Blocks,
    filter: Option<Filter>,
    tree: Option<Tree>,
}

impl Neighbors {
    /// `points` holds `p` numbers for each point, all finite. At most `u32::MAX` points.
    pub fn new(mut points: Vec<f64>, p: usize, distance: Distance) -> Self {
        let n = points.len().checked_div(p).unwrap_or(0);
        points.truncate(n * p);
        if distance == Distance::Cosine {
            points.chunks_exact_mut(p.max(1)).for_each(normalise);
        }
        let blocks = Blocks::new(&points, p);
        let low = p <= TREE_DIMENSIONS && distance != Distance::Cosine;
        let tree = (low && n > FEW_POINTS).then(|| Tree::new(&points, p, distance));
        // A point of zeros has no angle, so its products say nothing about it.
        let angles = distance != Distance::Cosine || !points.chunks_exact(p.max(1)).any(is_zero);
        let many = tree.is_none() && n > FEW_POINTS && distance != Distance::Manhattan && angles;
        let filter = if many { Filter::new(&points, p) } else { None };
        Neighbors { distance, n, p, points, blocks, filter, tree }
    }

    /// How many points there are.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The points, row after row; for the cosine, each at length 1.
    pub fn points(&self) -> &[f64] {
        &self.points
    }

    /// The `k` points nearest to each query (fewer where there are fewer points), all cores at work. `queries` holds
    /// the numbers of one query after the other, all finite. With `own = Some(first)` the queries are the points from
    /// place `first` on, and no point is its own neighbour.
    pub fn nearest(&self, queries: &[f64], k: usize, own: Option<usize>) -> Found {
        let n_queries = queries.len().checked_div(self.p).unwrap_or(0);
        let k = k.min(self.n - usize::from(own.is_some() && self.n > 0));
        let mutual = self.mutual(n_queries, k, own);
        let parts = in_chunks(n_queries, QUERIES, |range| {
            let mut part = queries[range.start * self.p..range.end * self.p].to_vec();
            if let Some(mutual) = &mutual {
                let each = part.chunks_exact(self.p).zip(&mutual[range]);
                return each.flat_map(|(query, found)| self.refine(query, found, k)).collect();
            }
            if self.distance == Distance::Cosine {
                part.chunks_exact_mut(self.p).for_each(normalise);
            }
            self.some(&part, k, own.map(|first| first + range.start))
        });
        let mut found = Found { k, ..Found::default() };
        for (key, index) in parts.into_iter().flatten() {
            found.indices.push(index);
            found.distances.push(if self.distance == Distance::Euclidean { key.sqrt() } else { key });
        }
        found
    }

    /// Where all points are asked for their own nearest: for each, points among which these are sure to be.
    fn mutual(&self, n_queries: usize, k: usize, own: Option<usize>) -> Option<Vec<Vec<u32>>> {
        let all = own == Some(0) && n_queries == self.n && k > 0;
        let pays = self.distance == Distance::Euclidean && self.p >= MUTUAL_DIMENSIONS;
        self.filter.as_ref().filter(|_| all && pays).map(|filter| mutual::candidates(filter, k))
    }

    fn some(&self, queries: &[f64], k: usize, own: Option<usize>) -> Vec<(f64, u32)> {
        if k == 0 {
            return Vec::new();
        }
        let not = |q: usize| own.map(|first| (first + q) as u32);
        let each = |q: usize| &queries[q * self.p..(q + 1) * self.p];
        let n_queries = queries.len() / self.p;
        match (&self.tree, &self.filter) {
            (Some(tree), _) => {
                let mut best = Best::new(k);
                (0..n_queries).flat_map(|q| tree.nearest(each(q), not(q), &mut best)).collect()
            }
            (None, Some(filter)) if n_queries >= 8 => {
                let candidates = filter.candidates(queries, k, &not);
                let angle = |q: usize| self.distance != Distance::Cosine || !is_zero(each(q));
                let refine = |(q, found): (usize, Option<Vec<u32>>)| match found {
                    Some(found) if angle(q) => self.refine(each(q), &found, k),
                    _ => self.blocks.nearest(each(q), k, not(q), self.distance),
                };
                candidates.into_iter().enumerate().flat_map(refine).collect()
            }
            _ => {
                (0..n_queries).flat_map(|q| self.blocks.nearest(each(q), k, not(q), self.distance)).collect()
            }
        }
    }

    /// The nearest of some points that are sure to hold them.
    fn refine(&self, query: &[f64], candidates: &[u32], k: usize) -> Vec<(f64, u32)> {
        let point = |i: u32| &self.points[i as usize * self.p..(i as usize + 1) * self.p];
        let keys = candidates.iter().map(|&i| (key(query, point(i), self.distance), i));
        let mut best: Vec<(f64, u32)> = keys.collect();
        best.sort_unstable_by(nearer);
        best.truncate(k);
        best
    }
}

/// To length 1; zeros stay.
fn normalise(point: &mut [f64]) {
    let most = point.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    if most > 0.0 {
        // First by the greatest, so that squares neither overflow nor vanish.
        point.iter_mut().for_each(|x| *x /= most);
        let length = point.iter().map(|x| x * x).sum::<f64>().sqrt();
        point.iter_mut().for_each(|x| *x /= length);
    }
}

fn is_zero(point: &[f64]) -> bool {
    point.iter().all(|x| *x == 0.0)
}

/// What the order of neighbours follows: the distance, squared for the Euclidean one. The sum runs in the order of
/// the dimensions.
fn key(a: &[f64], b: &[f64], distance: Distance) -> f64 {
    let pairs = a.iter().zip(b);
    match distance {
        Distance::Euclidean => pairs.fold(0.0, |sum, (a, b)| sum + (a - b) * (a - b)),
        Distance::Manhattan => pairs.fold(0.0, |sum, (a, b)| sum + (a - b).abs()),
        Distance::Cosine => (1.0 - pairs.fold(0.0, |sum, (a, b)| sum + a * b)).max(0.0),
    }
}

fn nearer(a: &(f64, u32), b: &(f64, u32)) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))
}

/// The `k` nearest so far, in order.
struct Best {
    k: usize,
    found: Vec<(f64, u32)>,
}

impl Best {
    fn new(k: usize) -> Self {
        Best { k, found: Vec::with_capacity(k + 1) }
    }

    /// Nothing beyond this can be among the nearest.
    fn limit(&self) -> f64 {
        if self.found.len() < self.k { f64::INFINITY } else { self.found[self.k - 1].0 }
    }

    fn offer(&mut self, key: f64, index: u32) {
        let item = (key, index);
        if self.found.len() == self.k {
            if nearer(&item, &self.found[self.k - 1]).is_ge() {
                return;
            }
            self.found.pop();
        }
        let at = self.found.partition_point(|other| nearer(other, &item).is_lt());
        self.found.insert(at, item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Random;

    /// By looking at every pair.
    fn plain(points: &[f64], query: &[f64], p: usize, k: usize, distance: Distance) -> Vec<(f64, u32)> {
        let mut all: Vec<_> =
            points.chunks(p).enumerate().map(|(i, y)| (key(query, y, distance), i as u32)).collect();
        all.sort_by(nearer);
        all.truncate(k);
        all
    }

    fn check(points: &[f64], queries: &[f64], p: usize, k: usize, distance: Distance) {
        let neighbors = Neighbors::new(points.to_vec(), p, distance);
        let found = neighbors.nearest(queries, k, None);
        let (mut points, mut queries) = (points.to_vec(), queries.to_vec());
        if distance == Distance::Cosine {
            points.chunks_mut(p).for_each(normalise);
            queries.chunks_mut(p).for_each(normalise);
        }
        for (q, query) in queries.chunks(p).enumerate() {
            let wanted = plain(&points, query, p, k, distance);
            let (indices, distances) = found.of(q);
            let root = |key: f64| if distance == Distance::Euclidean { key.sqrt() } else { key };
            assert_eq!(indices, wanted.iter().map(|w| w.1).collect::<Vec<_>>(), "{p} {distance:?} query {q}");
            assert_eq!(distances, wanted.iter().map(|w| root(w.0)).collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_way_finds_the_nearest_of_all_pairs() {
        let mut random = Random::new(3, 0);
        for p in [1, 2, 5, 7, 8, 20, 33] {
            for (n, step) in [(40, 0.0), (700, 0.0), (2500, 0.0), (2500, 0.5)] {
                let mut draw = |n: usize| -> Vec<f64> {
                    // On a grid there are ties without end.
                    let grid = |x: f64| if step > 0.0 { (x / step).round() * step } else { x };
                    (0..n * p).map(|_| grid(random.normal())).collect()
                };
                let (points, queries) = (draw(n), draw(21));
                for distance in [Distance::Euclidean, Distance::Manhattan, Distance::Cosine] {
                    check(&points, &queries, p, 7, distance);
                    check(&points, &queries[..2 * p], p, 1, distance);
                }
            }
        }
    }

    #[test]
    fn far_from_zero_and_of_any_size_the_answer_stays_exact() {
        let mut random = Random::new(4, 0);
        for (centre, scale) in [(1e9, 1e-3), (-3e5, 1.0), (0.0, 1e140), (0.0, 1e-140), (1e3, 1e-9)] {
            let mut draw =
                |n: usize| -> Vec<f64> { (0..n * 12).map(|_| centre + scale * random.normal()).collect() };
            let (points, mut queries) = (draw(600), draw(16));
            queries[3] = 1e150;
            check(&points, &queries, 12, 5, Distance::Euclidean);
        }
    }

    #[test]
    fn points_among_themselves_have_the_nearest_of_all_pairs() {
        let mut random = Random::new(6, 0);
        // Alone, in ties without end, far from zero, and most of them close together.
        let few = [(257, 9, 0.0, 0.0), (1300, 8, 1.0, 0.0), (1100, 12, 4.0, 1e4)];
        let many = [(257, 16, 0.0, 0.0), (1500, 20, 0.0, 0.0), (1300, 18, 2.0, 0.0), (1100, 24, 4.0, 1e4)];
        let cases = few.into_iter().chain(many);
        for (n, p, step, centre) in cases {
            let mut draw = |i: usize| {
                let x = random.normal() * if i < 2 * p { 1e5 } else { 1.0 };
                centre + if step > 0.0 { (x / step).round() * step } else { x }
            };
            let points: Vec<f64> = (0..n * p).map(&mut draw).collect();
            let neighbors = Neighbors::new(points.clone(), p, Distance::Euclidean);
            assert!(neighbors.filter.is_some());
            for k in [1, 6, 40, 90] {
                let found = neighbors.nearest(&points, k, Some(0));
                for (q, query) in points.chunks(p).enumerate().step_by(7) {
                    let mut wanted = plain(&points, query, p, k + 1, Distance::Euclidean);
                    wanted.retain(|(_, i)| *i as usize != q);
                    let wanted: Vec<u32> = wanted[..k].iter().map(|found| found.1).collect();
                    assert_eq!(found.of(q).0, wanted, "{q} of {n} points of {p} numbers, {k} neighbours");
                }
            }
        }
    }

    #[test]
    fn a_point_is_not_its_own_neighbour_where_asked() {
        let points: Vec<f64> = (0..900).map(f64::from).collect();
        for p in [1, 9] {
            let neighbors = Neighbors::new(points.clone(), p, Distance::Euclidean);
            let n = 900 / p;
            let found = neighbors.nearest(&points[p * 10..p * 30], 3, Some(10));
            for q in 0..20 {
                assert!(!found.of(q).0.contains(&((q + 10) as u32)));
                assert_eq!(found.of(q).0[..2], [(q + 9) as u32, (q + 11) as u32]);
            }
            assert_eq!(neighbors.nearest(&points[..p], 5000, Some(0)).k, n - 1);
        }
    }

    #[test]
    fn no_point_and_no_query_give_nothing() {
        let empty = Neighbors::new(vec![], 3, Distance::Euclidean);
        assert_eq!(empty.nearest(&[1.0, 2.0, 3.0], 4, None).k, 0);
        let one = Neighbors::new(vec![1.0], 1, Distance::Cosine);
        assert!(one.nearest(&[], 4, None).indices.is_empty());
    }
}
