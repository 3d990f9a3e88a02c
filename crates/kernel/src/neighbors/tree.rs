//! A k-d tree (Friedman, Bentley and Finkel 1977): boxes that cannot hold a nearer point are not opened.

use super::{Best, Distance, key};

/// Points per leaf.
const LEAF: usize = 24;

/// A balanced tree over the points: node `i` has the children `2i + 1` and `2i + 2`, and each node a box.
#[derive(Debug)]
pub(super) struct Tree {
    p: usize,
    distance: Distance,
    depth: u32,
    /// The points in the order of the leaves, and their places.
    points: Vec<f64>,
    order: Vec<u32>,
    /// For each node the least and then the greatest of each dimension.
    boxes: Vec<f64>,
}

/// The middle of a node's points: where its second child begins.
fn middle(start: usize, end: usize) -> usize {
    start + (end - start) / 2
}

impl Tree {
    pub(super) fn new(points: &[f64], p: usize, distance: Distance) -> Self {
        let n = points.len() / p;
        let depth = n.div_ceil(LEAF).next_power_of_two().trailing_zeros();
        let mut tree = Tree {
            p,
            distance,
            depth,
            points: Vec::with_capacity(points.len()),
            order: (0..n as u32).collect(),
            boxes: vec![0.0; ((2 << depth) - 1) * 2 * p],
        };
        let mut order = std::mem::take(&mut tree.order);
        tree.split(points, &mut order, 0, depth);
        order.iter().for_each(|&i| tree.points.extend_from_slice(&points[i as usize * p..][..p]));
        tree.order = order;
        tree
    }

    fn split(&mut self, points: &[f64], order: &mut [u32], node: usize, depth: u32) {
        let p = self.p;
        let (low, high) = self.boxes[node * 2 * p..(node + 1) * 2 * p].split_at_mut(p);
        low.fill(f64::INFINITY);
        high.fill(f64::NEG_INFINITY);
        for &i in order.iter() {
            for (j, x) in points[i as usize * p..][..p].iter().enumerate() {
                low[j] = low[j].min(*x);
                high[j] = high[j].max(*x);
            }
        }
        if depth == 0 {
            return;
        }
        let spread = |j: usize| high[j] - low[j];
        let widest = (1..p).fold(0, |best, j| if spread(j) > spread(best) { j } else { best });
        let at = middle(0, order.len());
        let value = |i: u32| points[i as usize * p + widest];
        if at < order.len() {
            order.select_nth_unstable_by(at, |&a, &b| value(a).total_cmp(&value(b)).then(a.cmp(&b)));
        }
        let (left, right) = order.split_at_mut(at);
        self.split(points, left, 2 * node + 1, depth - 1);
        self.split(points, right, 2 * node + 2, depth - 1);
    }

    /// The nearest to one query but for point `not`; `best` is used up and ready again.
    pub(super) fn nearest(&self, query: &[f64], not: Option<u32>, best: &mut Best) -> Vec<(f64, u32)> {
        self.visit(query, not, best, (0, self.depth), (0, self.order.len()));
        let fresh = Best::new(best.k);
        std::mem::replace(best, fresh).found
    }

    fn visit(
        &self,
        query: &[f64],
        not: Option<u32>,
        best: &mut Best,
        (node, depth): (usize, u32),
        (start, end): (usize, usize),
    ) {
        if depth == 0 {
            let points = self.points[start * self.p..end * self.p].chunks_exact(self.p);
            for (point, &i) in points.zip(&self.order[start..end]) {
                let key = key(query, point, self.distance);
                if key <= best.limit() && not != Some(i) {
                    best.offer(key, i);
                }
            }
            return;
        }
        let at = middle(start, end);
        let children = [(2 * node + 1, (start, at)), (2 * node + 2, (at, end))];
        let [left, right] = children.map(|(child, _)| self.bound(query, child));
        let near = if left <= right { [0, 1] } else { [1, 0] };
        for side in near {
            // Rounding is monotone: a box is never said to be farther than a point within it.
            if [left, right][side] <= best.limit() {
                self.visit(query, not, best, (children[side].0, depth - 1), children[side].1);
            }
        }
    }

    /// The least key that a point of the node's box can have.
    fn bound(&self, query: &[f64], node: usize) -> f64 {
        let (low, high) = self.boxes[node * 2 * self.p..(node + 1) * 2 * self.p].split_at(self.p);
        let mut sum = 0.0;
        for (x, (low, high)) in query.iter().zip(low.iter().zip(high)) {
            let off = (low - x).max(x - high).max(0.0);
            sum += if self.distance == Distance::Manhattan { off } else { off * off };
        }
        sum
    }
}
