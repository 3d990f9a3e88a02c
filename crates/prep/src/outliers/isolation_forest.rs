//! Isolation forest: rows that few random cuts set apart from all others.

use rayon::prelude::*;
use tidemill_kernel::Random;

/// Rows that a tree is grown from, at most (Liu, Ting and Zhou 2008).
const SAMPLE: usize = 256;
/// The most questions on a way down: so many halve the sample until each row is alone.
const DEPTH: usize = SAMPLE.ilog2() as usize;
/// The ways down of so many questions.
const WAYS: usize = 1 << DEPTH;
/// Rows that walk down a tree side by side: their steps do not wait for each other.
const SIDE_BY_SIDE: usize = 16;
/// Rows that walk down one tree after the other while their numbers are in the first-level cache.
const TILE: usize = 128;
/// Numbers that a node is saved as.
const SAVED: usize = 3;
const EULER: f64 = 0.577_215_664_901_532_9;

/// A question, or an end, where both ways lead back to the node itself.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    /// Rows with at most so much go left.
    threshold: f64,
    feature: u32,
    left: u32,
    right: u32,
}

/// A tree: nodes in preorder, and of each end how long the way there is.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tree {
    nodes: Vec<Node>,
    /// By node: its depth and the mean way on among the training rows that ended there; 0 for a question.
    lengths: Vec<f64>,
    /// What rows walk down.
    full: Full,
}

/// The same tree with every way [`DEPTH`] questions long, so that where the next question stands needs no looking up: those of
/// question `i`, from 1, are `2 i` and `2 i + 1`. Below an end, all rows go left.
#[derive(Clone, Debug, PartialEq)]
struct Full {
    questions: Vec<Question>,
    lengths: Vec<f64>,
}

/// Rows with more than the threshold go right.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Question {
    threshold: f64,
    feature: u32,
}

impl Default for Full {
    fn default() -> Self {
        let question = Question { threshold: f64::INFINITY, feature: 0 };
        Full { questions: vec![question; WAYS], lengths: vec![0.0; WAYS] }
    }
}

/// Trees of random cuts (Liu, Ting and Zhou 2008): the score of a row is `2^(-E[h] / c)`, with the mean `E[h]` of its ways through
/// the trees and the mean way `c` through a tree of so many rows. About 0.5 is usual, near 1 an outlier.
///
/// Agrees with scikit-learn's `IsolationForest` in the score; the random cuts are others.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct IsolationForest {
    sample: usize,
    trees: Vec<Tree>,
}

/// The mean way to a row in a tree grown from `n` rows until each is alone.
fn mean_way(n: usize) -> f64 {
    match n {
        0 | 1 => 0.0,
        2 => 1.0,
        _ => {
            let m = n as f64 - 1.0;
            2.0 * (m.ln() + EULER) - 2.0 * m / n as f64
        }
    }
}

impl IsolationForest {
    /// From rows of `p` finite numbers; each tree has a stream of random numbers of its own.
    pub(super) fn fit(z: &[f64], p: usize, n_trees: usize, seed: u64) -> Self {
        let n = z.len().checked_div(p).unwrap_or(0);
        let sample = SAMPLE.min(n);
        let most = (sample.max(2) as f64).log2().ceil() as usize;
        let grow = |t: usize| {
            let mut random = Random::new(seed, t as u64);
            let mut rows = drawn(n, sample, &mut random);
            let mut grower =
                Grower { z, p, most, random, order: (0..p as u32).collect(), tree: Tree::default() };
            grower.grow(&mut rows, 0);
            // No way of a tree that was grown is too long.
            grower.tree.filled().unwrap_or_default()
        };
        IsolationForest { sample, trees: (0..n_trees).into_par_iter().map(grow).collect() }
    }

    /// The score of each row.
    pub(super) fn scores(&self, z: &[f64], p: usize, out: &mut [f64]) {
        out.fill(0.0);
        for (rows, out) in z.chunks(TILE * p).zip(out.chunks_mut(TILE)) {
            for tree in &self.trees {
                let groups = rows.chunks(SIDE_BY_SIDE * p).zip(out.chunks_mut(SIDE_BY_SIDE));
                groups.for_each(|(rows, out)| tree.full.walk(rows, p, out));
            }
        }
        let mean = self.trees.len() as f64 * mean_way(self.sample);
        out.iter_mut().for_each(|sum| *sum = if mean > 0.0 { (-*sum / mean).exp2() } else { 0.5 });
    }

    /// How many rows a tree was grown from, and how many nodes each has.
    pub(super) fn sizes(&self) -> (usize, Vec<usize>) {
        (self.sample, self.trees.iter().map(|tree| tree.nodes.len()).collect())
    }

    /// Of each node: the feature or -1, the way right, and the threshold or the length of the way.
    pub(super) fn floats(&self) -> Vec<f64> {
        let of_tree = |tree: &Tree| {
            let nodes = tree.nodes.iter().zip(&tree.lengths).enumerate();
            let saved = nodes.flat_map(|(i, (node, length))| match node.left as usize == i {
                true => [-1.0, 0.0, *length],
                false => [f64::from(node.feature), f64::from(node.right), node.threshold],
            });
            saved.collect::<Vec<f64>>()
        };
        self.trees.iter().flat_map(of_tree).collect()
    }

    /// The inverse of [`IsolationForest::sizes`] and [`IsolationForest::floats`] for rows of `p` numbers.
    pub(super) fn load(sample: usize, sizes: &[usize], mut floats: &[f64], p: usize) -> Result<Self, String> {
        let broken = || "its trees are not whole".to_string();
        let mut trees = Vec::new();
        for size in sizes {
            let n = size.checked_mul(SAVED).filter(|n| *n > 0).ok_or_else(broken)?;
            let (own, rest) = floats.split_at_checked(n).ok_or_else(broken)?;
            trees.push(Tree::load(own.as_chunks::<SAVED>().0, p).ok_or_else(broken)?);
            floats = rest;
        }
        if !floats.is_empty() || trees.is_empty() {
            return Err(broken());
        }
        Ok(IsolationForest { sample, trees })
    }
}

/// `sample` of `n` rows, each at most once (Floyd's algorithm would need a set; this needs an array that is given back).
fn drawn(n: usize, sample: usize, random: &mut Random) -> Vec<u32> {
    let mut chosen: Vec<u32> = Vec::with_capacity(sample);
    if n <= 4 * sample {
        let mut all: Vec<u32> = (0..n as u32).collect();
        for i in 0..sample {
            all.swap(i, i + random.below(n - i));
        }
        all.truncate(sample);
        return all;
    }
    // Few of many: one that was drawn before is drawn again.
    while chosen.len() < sample {
        let row = random.below(n) as u32;
        if let Err(at) = chosen.binary_search(&row) {
            chosen.insert(at, row);
        }
    }
    chosen
}

impl Tree {
    fn load(saved: &[[f64; SAVED]], p: usize) -> Option<Self> {
        let n = saved.len();
        let mut tree = Tree::default();
        for (i, [feature, right, value]) in saved.iter().enumerate() {
            if *feature < 0.0 {
                tree.leaf(*value);
                continue;
            }
            let (feature, right) = (whole(*feature, p)?, whole(*right, n)?);
            if right <= i + 1 || value.is_nan() {
                return None;
            }
            let (left, right) = (i as u32 + 1, right as u32);
            tree.nodes.push(Node { threshold: *value, feature: feature as u32, left, right });
            tree.lengths.push(0.0);
        }
        tree.filled()
    }

    /// With [`Tree::full`]; `None` where a way is longer than it can be.
    fn filled(mut self) -> Option<Self> {
        let mut open = vec![(0, 1usize)];
        while let Some((node, place)) = open.pop() {
            let Node { threshold, feature, left, right } = self.nodes[node];
            let down = DEPTH.checked_sub(place.ilog2() as usize)?;
            if left as usize == node {
                // All the way left from here.
                self.full.lengths[(place << down) - WAYS] = self.lengths[node];
                continue;
            }
            *self.full.questions.get_mut(place)? = Question { threshold, feature };
            open.extend([(left as usize, 2 * place), (right as usize, 2 * place + 1)]);
        }
        Some(self)
    }

    fn leaf(&mut self, length: f64) {
        let own = self.nodes.len() as u32;
        self.nodes.push(Node { threshold: 0.0, feature: 0, left: own, right: own });
        self.lengths.push(length);
    }
}

impl Full {
    /// Adds to each row's sum the length of its way.
    fn walk(&self, rows: &[f64], p: usize, out: &mut [f64]) {
        let mut at = [1; SIDE_BY_SIDE];
        let (at, questions) = (&mut at[..out.len()], &self.questions[..WAYS]);
        for _ in 0..DEPTH {
            for (at, row) in at.iter_mut().zip(rows.chunks_exact(p)) {
                // The remainder changes nothing, but shows that the question is there.
                let Question { threshold, feature } = questions[*at % WAYS];
                *at = 2 * *at + usize::from(row[feature as usize] > threshold);
            }
        }
        out.iter_mut().zip(at).for_each(|(sum, at)| *sum += self.lengths[*at % WAYS]);
    }
}

/// The whole number below `most` that this is.
fn whole(x: f64, most: usize) -> Option<usize> {
    (x >= 0.0 && x.fract() == 0.0 && x < most as f64).then_some(x as usize)
}

/// A tree in the making.
struct Grower<'a> {
    z: &'a [f64],
    p: usize,
    most: usize,
    random: Random,
    /// The features, in the order in which the last cut looked at them.
    order: Vec<u32>,
    tree: Tree,
}

impl Grower<'_> {
    fn grow(&mut self, rows: &mut [u32], depth: usize) {
        let cut = if depth < self.most && rows.len() > 1 { self.cut(rows) } else { None };
        let Some((feature, threshold)) = cut else {
            self.tree.leaf(depth as f64 + mean_way(rows.len()));
            return;
        };
        let value = |row: u32| self.z[row as usize * self.p + feature as usize];
        let mut n_left = 0;
        for i in 0..rows.len() {
            if value(rows[i]) <= threshold {
                rows.swap(n_left, i);
                n_left += 1;
            }
        }
        let (left, right) = rows.split_at_mut(n_left);
        let own = self.tree.nodes.len();
        self.tree.nodes.push(Node { threshold, feature, left: own as u32 + 1, right: 0 });
        self.tree.lengths.push(0.0);
        self.grow(left, depth + 1);
        self.tree.nodes[own].right = self.tree.nodes.len() as u32;
        self.grow(right, depth + 1);
    }

    /// A random feature that differs among these rows, and a random place between its least and greatest number; `None` where
    /// all rows are alike.
    fn cut(&mut self, rows: &[u32]) -> Option<(u32, f64)> {
        for at in 0..self.p {
            let other = at + self.random.below(self.p - at);
            self.order.swap(at, other);
            let feature = self.order[at];
            let values = rows.iter().map(|row| self.z[*row as usize * self.p + feature as usize]);
            let (low, high) =
                values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
            if low < high {
                // Not `low + u (high - low)`, which may overflow.
                let u = self.random.unit();
                let place = (1.0 - u) * low + u * high;
                return Some((feature, if place >= low && place < high { place } else { low }));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{IsolationForest, mean_way};

    /// sklearn.ensemble._iforest._average_path_length, scikit-learn 1.9.1.
    #[test]
    fn the_mean_way_is_that_of_the_reference() {
        let known = [(1, 0.0), (2, 1.0), (5, 2.327_020_052_042_847), (256, 10.244_770_920_119_917)];
        for (n, wanted) in known {
            assert!((mean_way(n) - wanted).abs() < 1e-13, "{n}: {}", mean_way(n));
        }
    }

    #[test]
    fn a_row_by_itself_is_found_whatever_the_number_of_rows() {
        for n in [20usize, 250] {
            let mut z: Vec<f64> = (0..2 * n).map(|i| ((i * 37) % 101) as f64 / 101.0).collect();
            z[0] = 9.0;
            let forest = IsolationForest::fit(&z, 2, 200, 1);
            let mut scores = vec![0.0; n];
            forest.scores(&z, 2, &mut scores);
            assert!(scores[1..].iter().all(|s| *s < scores[0]), "{n}");
            let (sample, sizes) = forest.sizes();
            assert_eq!(IsolationForest::load(sample, &sizes, &forest.floats(), 2).as_ref(), Ok(&forest));
            assert!(IsolationForest::load(sample, &sizes, &forest.floats(), 1).is_err());
        }
    }

    #[test]
    fn rows_that_are_all_alike_are_usual() {
        let forest = IsolationForest::fit(&[1.0; 30], 3, 10, 0);
        let mut scores = [0.0; 10];
        forest.scores(&[1.0; 30], 3, &mut scores);
        assert!(scores.iter().all(|s| (s - 0.5).abs() < 1e-15), "{scores:?}");
    }
}
