//! Isolation forest: rows that few random cuts set apart from all others.

mod walk;

use rayon::prelude::*;

use crate::Random;
use walk::Walk;

/// Rows that a tree is grown from, at most (Liu, Ting and Zhou 2008).
const SAMPLE: usize = 256;
/// The most questions on a way down: so many halve the sample until each row is alone.
const DEPTH: usize = SAMPLE.ilog2() as usize;
/// The ways down of so many questions.
const WAYS: usize = 1 << DEPTH;
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
}

/// A tree with every way [`DEPTH`] questions long, so that where the next question stands needs no looking up: those of
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

impl Question {
    /// Whether a row can go right: below an end, and of an infinite threshold, none can.
    fn is_asked(&self) -> bool {
        self.threshold < f64::INFINITY
    }
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
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IsolationForest {
    sample: usize,
    trees: Vec<Tree>,
    /// The trees as rows go down them.
    walk: Walk,
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
    pub fn fit(z: &[f64], p: usize, n_trees: usize, seed: u64) -> Self {
        let n = z.len().checked_div(p).unwrap_or(0);
        let sample = SAMPLE.min(n);
        let most = (sample.max(2) as f64).log2().ceil() as usize;
        let grow = |t: usize| {
            let mut random = Random::new(seed, t as u64);
            // Looked at again and again, so side by side.
            let drawn = drawn(n, sample, &mut random);
            let z: Vec<f64> = drawn.iter().flat_map(|row| &z[*row as usize * p..][..p]).copied().collect();
            let order = (0..p as u32).collect();
            let mut grower = Grower { z: &z, p, most, random, order, tree: Tree::default() };
            grower.grow(&mut (0..sample as u32).collect::<Vec<_>>(), 0);
            grower.tree
        };
        let trees = (0..n_trees).into_par_iter().map(grow).collect();
        // No way of a tree that was grown is too long.
        IsolationForest::of(sample, trees, p).unwrap_or_default()
    }

    /// `None` where a way is longer than it can be.
    fn of(sample: usize, trees: Vec<Tree>, p: usize) -> Option<Self> {
        let full: Vec<Full> = trees.iter().map(Tree::full).collect::<Option<_>>()?;
        Some(IsolationForest { sample, trees, walk: Walk::new(&full, p) })
    }

    /// The score of each row.
    pub fn scores(&self, z: &[f64], p: usize, out: &mut [f64]) {
        out.fill(0.0);
        self.walk.add(z, p, out);
        let mean = self.trees.len() as f64 * mean_way(self.sample);
        out.iter_mut().for_each(|sum| *sum = if mean > 0.0 { (-*sum / mean).exp2() } else { 0.5 });
    }

    /// How many rows a tree was grown from, and how many nodes each has.
    pub fn sizes(&self) -> (usize, Vec<usize>) {
        (self.sample, self.trees.iter().map(|tree| tree.nodes.len()).collect())
    }

    /// Of each node: the feature or -1, the way right, and the threshold or the length of the way.
    pub fn floats(&self) -> Vec<f64> {
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
    pub fn load(sample: usize, sizes: &[usize], mut floats: &[f64], p: usize) -> Result<Self, String> {
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
        IsolationForest::of(sample, trees, p).ok_or_else(broken)
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
        Some(tree)
    }

    /// `None` where a way is longer than it can be.
    fn full(&self) -> Option<Full> {
        let mut full = Full::default();
        let mut open = vec![(0, 1usize)];
        while let Some((node, place)) = open.pop() {
            let Node { threshold, feature, left, right } = self.nodes[node];
            let down = DEPTH.checked_sub(place.ilog2() as usize)?;
            if left as usize == node {
                // All the way left from here.
                full.lengths[(place << down) - WAYS] = self.lengths[node];
                continue;
            }
            *full.questions.get_mut(place)? = Question { threshold, feature };
            open.extend([(left as usize, 2 * place), (right as usize, 2 * place + 1)]);
        }
        Some(full)
    }

    fn leaf(&mut self, length: f64) {
        let own = self.nodes.len() as u32;
        self.nodes.push(Node { threshold: 0.0, feature: 0, left: own, right: own });
        self.lengths.push(length);
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
    use super::{IsolationForest, Node, Tree, mean_way};
    use crate::Random;

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

    /// Row by row and node by node.
    fn plain(forest: &IsolationForest, z: &[f64], p: usize) -> Vec<f64> {
        let mean = forest.trees.len() as f64 * mean_way(forest.sample);
        let way = |tree: &Tree, row: &[f64]| {
            let mut at = 0;
            loop {
                let Node { threshold, feature, left, right } = tree.nodes[at];
                let next = if row[feature as usize] <= threshold { left } else { right };
                if left as usize == at {
                    return tree.lengths[at];
                }
                at = next as usize;
            }
        };
        let sum = |row| forest.trees.iter().fold(0.0, |sum, tree| sum + way(tree, row));
        z.chunks(p).map(|row| (-sum(row) / mean).exp2()).collect()
    }

    #[test]
    fn many_rows_and_many_trees_score_as_one_way_after_the_other() {
        for (n, p, n_trees) in [(1, 3, 10), (500, 3, 300), (150, 1, 130), (700, 12, 20)] {
            let mut random = Random::new(9, n as u64);
            // Ties, and a feature of few values.
            let mut draw = |j: usize| if j % 3 == 1 { random.below(3) as f64 } else { random.normal() };
            let z: Vec<f64> = (0..n * p).map(|at| draw(at % p)).collect();
            let forest = IsolationForest::fit(&z, p, n_trees, 5);
            // Rows of other sizes than those of training too.
            let far: Vec<f64> =
                z.iter().map(|x| 1e3 * x).chain(vec![1e60; p]).chain(vec![-1e60; p]).collect();
            for z in [&z, &far] {
                let mut scores = vec![0.0; z.len() / p];
                forest.scores(z, p, &mut scores);
                let wanted = if n > 1 { plain(&forest, z, p) } else { vec![0.5; scores.len()] };
                assert_eq!(scores, wanted, "{n} rows of {p}");
            }
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
