//! Decision trees as data: the result of every tree learner. They are small, validated, fast to evaluate, and accessible to explainers.

mod all_questions;
mod coded;
mod prune;
mod state;

use all_questions::AllQuestions;
use coded::Layout;

/// Set in a node's feature: missing values go left.
const MISSING_LEFT: u32 = 1 << 31;
/// Set in a node's feature: the threshold is the index of a set of categories.
const CATEGORY: u32 = 1 << 30;
const FEATURE: u32 = CATEGORY - 1;
/// The feature of a leaf in a saved state.
const LEAF: u32 = u32::MAX;
/// The number of rows evaluated at the same time, so that other rows are processed while one waits for memory.
const TOGETHER: usize = 8;
/// The number of steps down between checks whether any row is still moving.
const LOOK: u32 = 4;

/// A question or a leaf. The two children are adjacent: the right one follows the left one.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    /// Numbers up to this go left; for a category, the position of its set.
    threshold: f64,
    /// The feature, with its flags.
    feature: u32,
    /// The left child; for a leaf, the leaf itself.
    left: u32,
}

/// How much of what was learned is given up to save space.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compression {
    /// The share to remove, 0 to 1: of the weights of each matrix of a net, and of the leaves of an ensemble of trees.
    pub prune: f64,
    /// Whether weights and leaf values are stored in 8 bits each.
    pub eight_bits: bool,
}

/// How a node splits its rows.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// Numbers up to the threshold go left.
    Number {
        /// The threshold.
        threshold: f64,
    },
    /// The categories whose bit is set go left; 64 codes per word.
    Category {
        /// The bits.
        left: Vec<u64>,
    },
}

/// A sum of decision trees over rows of `n_features` numbers (categories as their codes, `NaN` for missing).
///
/// A tree returns either one number, which is added to output `tree % n_outputs`, or one number per output.
///
/// ```
/// use tidemill_core::{Question, Trees};
/// let mut trees = Trees::new(1, vec![10.0], false);
/// let root = trees.plant();
/// let left = trees.split(root, 0, &Question::Number { threshold: 0.5 }, false);
/// trees.leaf(left, &[-1.0], 3.0);
/// trees.leaf(left + 1, &[1.0], 2.0);
/// trees.finish();
/// let mut out = [0.0];
/// trees.row(&[0.2], &mut out);
/// assert_eq!(out, [9.0]);
/// trees.row(&[f64::NAN], &mut out);
/// assert_eq!(out, [11.0]);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trees {
    n_features: usize,
    /// The starting value of each output.
    start: Vec<f64>,
    /// Numbers per leaf: 1, or one per output.
    width: usize,
    roots: Vec<u32>,
    /// The maximum depth of each tree.
    depths: Vec<u32>,
    nodes: Vec<Node>,
    /// `width` numbers per node; zeros for inner nodes.
    values: Vec<f64>,
    /// The weight of the training rows that reached each node.
    cover: Vec<f64>,
    /// Sets of categories: a word count, then the words.
    sets: Vec<u64>,
    layout: Layout,
}

impl Trees {
    /// No trees yet: every row's output is `start`. With `whole`, each leaf has one number per output.
    pub fn new(n_features: usize, start: Vec<f64>, whole: bool) -> Self {
        let width = if whole { start.len() } else { 1 };
        Trees { n_features, start, width, ..Trees::default() }
    }

    /// The number of features of a row.
    pub fn n_features(&self) -> usize {
        self.n_features
    }

    /// The number of outputs.
    pub fn n_outputs(&self) -> usize {
        self.start.len()
    }

    /// The number of trees.
    pub fn n_trees(&self) -> usize {
        self.roots.len()
    }

    /// The number of nodes in all trees.
    pub fn n_nodes(&self) -> usize {
        self.nodes.len()
    }

    /// Begins a tree with its root, which is a leaf of zeros for now.
    pub fn plant(&mut self) -> usize {
        self.layout = Layout::Plain;
        let root = self.push();
        self.roots.push(root as u32);
        self.depths.push(0);
        root
    }

    fn push(&mut self) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node { threshold: f64::INFINITY, feature: MISSING_LEFT, left: at as u32 });
        self.values.resize(self.values.len() + self.width, 0.0);
        self.cover.push(0.0);
        at
    }

    /// Splits a leaf of the newest tree by a question. Returns the left child; the right one follows it.
    pub fn split(&mut self, node: usize, feature: usize, question: &Question, missing_left: bool) -> usize {
        let left = self.push();
        self.push();
        let mut flags = if missing_left { MISSING_LEFT } else { 0 };
        let threshold = match question {
            Question::Number { threshold } => *threshold,
            Question::Category { left } => {
                flags |= CATEGORY;
                let at = self.sets.len();
                self.sets.push(left.len() as u64);
                self.sets.extend(left);
                at as f64
            }
        };
        self.nodes[node] = Node { threshold, feature: feature as u32 | flags, left: left as u32 };
        left
    }

    /// Sets the values of a node and the weight of its rows.
    pub fn leaf(&mut self, node: usize, values: &[f64], cover: f64) {
        self.values[node * self.width..(node + 1) * self.width].copy_from_slice(values);
        self.cover[node] = cover;
    }

    /// Finishes the newest tree by filling in the weights of inner nodes and the depth.
    pub fn finish(&mut self) {
        let Some(&root) = self.roots.last() else { return };
        let root = root as usize;
        self.sum_cover(root, self.nodes.len());
        let deepest = state::depths(&self.nodes[root..], root).into_iter().max().unwrap_or(0);
        if let Some(depth) = self.depths.last_mut() {
            *depth = deepest;
        }
    }

    /// Children come after their parents, so from the end to the front, each sum is over known values.
    fn sum_cover(&mut self, root: usize, end: usize) {
        for at in (root..end).rev() {
            let left = self.nodes[at].left as usize;
            if left != at {
                self.cover[at] = self.cover[left] + self.cover[left + 1];
            }
        }
    }

    /// Keeps the first `n` trees.
    pub fn truncate(&mut self, n: usize) {
        if n >= self.roots.len() {
            return;
        }
        self.layout = Layout::Plain;
        let end = self.roots[n] as usize;
        self.roots.truncate(n);
        self.depths.truncate(n);
        // Sets are in the order of their nodes, so everything from the first removed set on is removed.
        let sets = self.nodes[end..].iter().filter(|node| node.feature & CATEGORY != 0);
        if let Some(first) = sets.map(|node| node.threshold as usize).min() {
            self.sets.truncate(first);
        }
        self.nodes.truncate(end);
        self.values.truncate(end * self.width);
        self.cover.truncate(end);
    }

    /// Appends the trees of `other`. Both must have the same features, outputs and leaf type.
    pub fn append(&mut self, other: &Trees) {
        self.layout = Layout::Plain;
        let (nodes, sets) = (self.nodes.len(), self.sets.len());
        self.roots.extend(other.roots.iter().map(|r| r + nodes as u32));
        self.depths.extend(&other.depths);
        self.values.extend(&other.values);
        self.cover.extend(&other.cover);
        self.sets.extend(&other.sets);
        self.nodes.extend(other.nodes.iter().map(|node| Node {
            threshold: node.threshold + if node.feature & CATEGORY != 0 { sets as f64 } else { 0.0 },
            left: node.left + nodes as u32,
            ..*node
        }));
    }

    /// Whether a number goes left at a node.
    #[inline(always)]
    fn goes_left(&self, node: &Node, x: f64) -> bool {
        if node.feature & CATEGORY != 0 {
            return self.category_left(node, x);
        }
        // Not short-circuited: an unpredictable branch costs more than both comparisons.
        (x <= node.threshold) | (x.is_nan() & (node.feature & MISSING_LEFT != 0))
    }

    fn category_left(&self, node: &Node, x: f64) -> bool {
        if x.is_nan() {
            return node.feature & MISSING_LEFT != 0;
        }
        let (at, code) = (node.threshold as usize, x as usize);
        let words = self.sets.get(at).map_or(0, |&n| n as usize);
        code / 64 < words && self.sets[at + 1 + code / 64] >> (code % 64) & 1 == 1
    }

    #[inline(always)]
    fn next(&self, at: u32, x: &[f64]) -> u32 {
        let node = &self.nodes[at as usize];
        let left = self.goes_left(node, x[(node.feature & FEATURE) as usize]);
        // The question of a leaf sends everything left, to itself.
        node.left + u32::from(!left)
    }

    /// Computes the outputs for one row of `n_features` numbers, into `n_outputs` numbers.
    pub fn row(&self, x: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.start);
        let (k, n) = (out.len(), self.roots.len());
        for (first, roots) in self.roots.chunks(TOGETHER).enumerate() {
            let first = first * TOGETHER;
            let mut at = [0u32; TOGETHER];
            at[..roots.len()].copy_from_slice(roots);
            let deepest = self.depths[first..n.min(first + TOGETHER)].iter().copied().max().unwrap_or(0);
            let mut deep = 0;
            while deep < deepest {
                for _ in 1..LOOK {
                    at[..roots.len()].iter_mut().for_each(|at| *at = self.next(*at, x));
                }
                let mut moved = 0;
                for at in &mut at[..roots.len()] {
                    let next = self.next(*at, x);
                    moved |= next ^ *at;
                    *at = next;
                }
                // The longest path is rarely needed: if no row has moved, all have arrived.
                deep = if moved == 0 { deepest } else { deep + LOOK };
            }
            for (i, &at) in at[..roots.len()].iter().enumerate() {
                self.add(first + i, at, k, out);
            }
        }
    }

    #[inline(always)]
    fn add(&self, tree: usize, at: u32, k: usize, out: &mut [f64]) {
        if self.width == 1 {
            out[tree % k] += self.values[at as usize];
        } else {
            let values = &self.values[at as usize * self.width..][..self.width];
            out.iter_mut().zip(values).for_each(|(o, v)| *o += v);
        }
    }

    /// Computes the outputs for rows of `n_features` numbers, row after row.
    pub fn rows(&self, x: &[f64], out: &mut [f64]) {
        let (p, k) = (self.n_features.max(1), self.n_outputs().max(1));
        out.chunks_exact_mut(k).for_each(|out| out.copy_from_slice(&self.start));
        if let Some(all) = AllQuestions::of(self, out.len() / k) {
            return all.add(x, out);
        }
        // Rows in blocks that stay in the cache while all trees are evaluated on them.
        for (x, out) in x.chunks(64 * p).zip(out.chunks_mut(64 * k)) {
            for (tree, (&root, &depth)) in self.roots.iter().zip(&self.depths).enumerate() {
                for (x, out) in x.chunks(TOGETHER * p).zip(out.chunks_mut(TOGETHER * k)) {
                    let n = out.len() / k;
                    let mut at = [root; TOGETHER];
                    let mut deep = 0;
                    while deep < depth {
                        let mut moved = 0;
                        for step in 0..LOOK {
                            for (at, x) in at.iter_mut().zip(x.chunks_exact(p)) {
                                let next = self.next(*at, x);
                                moved |= if step + 1 == LOOK { next ^ *at } else { 0 };
                                *at = next;
                            }
                        }
                        deep = if moved == 0 { depth } else { deep + LOOK };
                    }
                    for (at, out) in at[..n].iter().zip(out.chunks_exact_mut(k)) {
                        self.add(tree, *at, k, out);
                    }
                }
            }
        }
    }

    /// Adds the trees from index `first` on to the output for one row.
    pub fn add_from(&self, first: usize, x: &[f64], out: &mut [f64]) {
        let k = out.len();
        for (tree, &root) in self.roots.iter().enumerate().skip(first) {
            let mut at = root;
            while self.nodes[at as usize].left != at {
                at = self.next(at, x);
            }
            self.add(tree, at, k, out);
        }
    }

    /// For each feature, the share of the total weight that is split by its questions.
    pub fn split_cover(&self) -> Vec<f64> {
        let mut shares = vec![0.0; self.n_features];
        for (at, node) in self.nodes.iter().enumerate().filter(|(at, node)| node.left as usize != *at) {
            shares[(node.feature & FEATURE) as usize] += self.cover[at];
        }
        shares
    }

    /// The starting value of each output.
    pub fn start(&self) -> &[f64] {
        &self.start
    }

    /// Whether each leaf has one number per output; otherwise tree `t` adds to output `t % n_outputs`.
    pub fn is_whole(&self) -> bool {
        self.width == self.start.len()
    }

    /// The root of each tree.
    pub fn roots(&self) -> impl Iterator<Item = usize> {
        self.roots.iter().map(|root| *root as usize)
    }

    /// The feature of a node and its left child, which is followed by the right one; `None` for a leaf.
    #[inline]
    pub fn question(&self, node: usize) -> Option<(usize, usize)> {
        let asked = self.nodes[node];
        (asked.left as usize != node).then_some(((asked.feature & FEATURE) as usize, asked.left as usize))
    }

    /// What a node asks its feature, and whether missing values go left; `None` for a leaf.
    pub fn asked(&self, node: usize) -> Option<(Question, bool)> {
        let asked = self.nodes[node];
        let question = match asked.feature & CATEGORY {
            _ if self.is_leaf(node) => return None,
            0 => Question::Number { threshold: asked.threshold },
            _ => {
                let at = asked.threshold as usize;
                let words = self.sets.get(at).map_or(0, |&n| n as usize);
                Question::Category { left: self.sets.get(at + 1..at + 1 + words).unwrap_or(&[]).to_vec() }
            }
        };
        Some((question, asked.feature & MISSING_LEFT != 0))
    }

    /// The child of a node for a value of its feature; a leaf returns itself.
    #[inline]
    pub fn child(&self, node: usize, x: f64) -> usize {
        let asked = &self.nodes[node];
        asked.left as usize + usize::from(!self.goes_left(asked, x) && asked.left as usize != node)
    }

    /// The weight of the training rows that reached a node.
    #[inline]
    pub fn cover(&self, node: usize) -> f64 {
        self.cover[node]
    }

    /// The numbers of a leaf; zeros for an inner node.
    #[inline]
    pub fn values(&self, node: usize) -> &[f64] {
        &self.values[node * self.width..(node + 1) * self.width]
    }

    fn is_leaf(&self, node: usize) -> bool {
        self.nodes[node].left as usize == node
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{State, Tensor, TensorData};

    fn two() -> Trees {
        let mut trees = Trees::new(2, vec![0.5, 0.0], false);
        let root = trees.plant();
        let left = trees.split(root, 1, &Question::Category { left: vec![0b101] }, true);
        trees.leaf(left, &[1.0], 4.0);
        let deeper = trees.split(left + 1, 0, &Question::Number { threshold: 2.0 }, false);
        trees.leaf(deeper, &[2.0], 1.0);
        trees.leaf(deeper + 1, &[3.0], 2.0);
        trees.finish();
        let root = trees.plant();
        trees.leaf(root, &[7.0], 7.0);
        trees.finish();
        trees
    }

    #[test]
    fn rows_and_row_agree() {
        let trees = two();
        let x = [0.0, 0.0, 9.0, 1.0, 2.0, 1.0, f64::NAN, 64.0, 1.0, f64::NAN];
        let mut out = vec![0.0; 10];
        trees.rows(&x, &mut out);
        assert_eq!(out, [1.5, 7.0, 3.5, 7.0, 2.5, 7.0, 3.5, 7.0, 1.5, 7.0]);
        for (x, out) in x.chunks(2).zip(out.chunks(2)) {
            let mut one = [0.0; 2];
            trees.row(x, &mut one);
            assert_eq!(one, out);
        }
    }

    #[test]
    fn what_is_asked_can_be_read() {
        let trees = two();
        assert_eq!(trees.asked(0), Some((Question::Category { left: vec![0b101] }, true)));
        assert_eq!(trees.asked(1), None);
        assert_eq!(trees.asked(2), Some((Question::Number { threshold: 2.0 }, false)));
    }

    #[test]
    fn what_is_saved_comes_back_and_what_is_broken_does_not() {
        let trees = two();
        let state = trees.save(State::new("t", 1, ()));
        assert_eq!(Trees::load(&state, 2, 2, false).unwrap(), trees);
        assert!(Trees::load(&state, 1, 2, false).is_err());
        for name in ["left", "features", "roots"] {
            for bad in [0u32, 3, 1000] {
                let mut broken = state.clone();
                if let Some(Tensor { data: TensorData::U32(values), .. }) = broken.tensors.get_mut(name) {
                    let last = values.len() - 1;
                    if values[last] == bad {
                        continue;
                    }
                    values[last] = bad;
                }
                // Whatever is accepted can be followed to an end.
                if let Ok(trees) = Trees::load(&broken, 2, 2, false) {
                    trees.row(&[1.0, 1.0], &mut [0.0; 2]);
                }
            }
        }
        let mut endless = state.clone();
        if let Some(Tensor { data: TensorData::U32(values), .. }) = endless.tensors.get_mut("left") {
            values[1] = 0;
        }
        assert!(Trees::load(&endless, 2, 2, false).is_err());
    }

    #[test]
    fn trees_append_and_truncate() {
        let (mut twice, once) = (two(), two());
        twice.append(&once);
        assert_eq!(twice.n_trees(), 4);
        let mut out = [0.0; 2];
        twice.row(&[9.0, 1.0], &mut out);
        assert_eq!(out, [6.5, 14.0]);
        twice.truncate(2);
        twice.row(&[9.0, 1.0], &mut out);
        assert_eq!(out, [3.5, 7.0]);
    }
}
