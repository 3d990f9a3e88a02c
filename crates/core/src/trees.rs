//! Decision trees as data: the result of every tree learner. They are small, validated, fast to evaluate, and accessible to explainers.

mod all_questions;
mod coded;
mod prune;

use std::borrow::Cow;

use all_questions::AllQuestions;
use coded::Layout;

use crate::{Error, Result, State, Tensor, TensorData};

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

/// The trees in a state: a word per node, child and threshold of each inner node, values and cover of each leaf.
struct Parts<'a> {
    roots: Vec<u32>,
    features: Cow<'a, [u32]>,
    left: Cow<'a, [u32]>,
    thresholds: Cow<'a, [f64]>,
    values: Cow<'a, [f64]>,
    cover: Cow<'a, [f64]>,
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
        let deepest = depths(&self.nodes[root..], root).into_iter().max().unwrap_or(0);
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

    /// Adds these trees to a state: a feature per node, child and threshold of inner nodes only, values and weights of leaves only.
    pub fn save(&self, state: State) -> State {
        if self.is_compressed() {
            return self.save_coded(state);
        }
        let (leaves, inner): (Vec<usize>, Vec<usize>) =
            (0..self.nodes.len()).partition(|&node| self.is_leaf(node));
        let feature = |(at, node): (usize, &Node)| if self.is_leaf(at) { LEAF } else { node.feature };
        let u32s = |state: State, name: &str, values: Vec<u32>| {
            state.tensor(name, vec![values.len()], TensorData::U32(values))
        };
        let state = u32s(state, "roots", self.roots.clone());
        let state = u32s(state, "features", self.nodes.iter().enumerate().map(feature).collect());
        let state = u32s(state, "left", inner.iter().map(|&at| self.nodes[at].left).collect());
        let thresholds: Vec<f64> = inner.iter().map(|&at| self.nodes[at].threshold).collect();
        let values: Vec<f64> = leaves.iter().flat_map(|&at| self.values(at)).copied().collect();
        let cover: Vec<f64> = leaves.iter().map(|&at| self.cover[at]).collect();
        let sets = self.sets.iter().map(|&word| word as i64).collect::<Vec<_>>();
        state
            .floats("thresholds", &thresholds)
            .floats("values", &values)
            .floats("cover", &cover)
            .floats("start", &self.start)
            .tensor("sets", vec![sets.len()], TensorData::I64(sets))
    }

    /// The size in bytes of the numbers that [`Trees::save`] adds to a state.
    pub fn size(&self) -> u64 {
        if self.is_compressed() {
            return self.save_coded(State::default()).bytes();
        }
        let n = self.nodes.len();
        let leaves = (0..n).filter(|&node| self.is_leaf(node)).count();
        let inner = n - leaves;
        let words = 4 * (self.roots.len() + n + inner);
        (words + 8 * (inner + leaves * (self.width + 1) + self.start.len() + self.sets.len())) as u64
    }

    /// The approximate number of questions per row: log2(n) for a tree with n of them.
    pub fn operations(&self) -> u64 {
        let trees = self.roots.len() as f64;
        let questions = (0..self.nodes.len()).filter(|&node| !self.is_leaf(node)).count() as f64;
        if trees == 0.0 { 0 } else { (trees * (1.0 + (questions / trees).log2().max(1.0))) as u64 }
    }

    /// Loads the trees that [`Trees::save`] wrote. Rejects anything that could not be followed to its end.
    pub fn load(state: &State, n_features: usize, n_outputs: usize, whole: bool) -> Result<Self> {
        let wrong = |problem: &str| Error::state(&state.kind, format!("the trees are not whole: {problem}"));
        let sets = match state.tensors.get("sets") {
            Some(Tensor { data: TensorData::I64(words), .. }) => words.iter().map(|&w| w as u64).collect(),
            _ => return Err(wrong("'sets' is missing")),
        };
        let width = if whole { n_outputs } else { 1 };
        let (parts, layout) = match state.tensors.contains_key(coded::ASKED) {
            true => coded::parts(state, width)?,
            false => (Parts::of(state, width)?, Layout::Plain),
        };
        let mut values = parts.values.iter();
        let mut cover = parts.cover.iter();
        let mut inner = parts.thresholds.iter().zip(parts.left.iter());
        let start = state.floats_of("start", n_outputs)?.to_vec();
        let mut trees = Trees { n_features, start, width, roots: parts.roots, sets, ..Trees::default() };
        for &feature in parts.features.iter() {
            let at = trees.push();
            if feature == LEAF {
                trees.values[at * width..].iter_mut().zip(&mut values).for_each(|(to, value)| *to = *value);
                trees.cover[at] = cover.next().copied().unwrap_or(0.0);
            } else if let Some((&threshold, &left)) = inner.next() {
                trees.nodes[at] = Node { threshold, feature, left };
            }
        }
        trees.check().map_err(wrong)?;
        trees.layout = layout;
        Ok(trees)
    }

    /// Checks that every path ends within its tree, and fills in the depths.
    fn check(&mut self) -> Result<(), &'static str> {
        if self.roots.first().is_some_and(|&r| r != 0) || self.roots.is_empty() != self.nodes.is_empty() {
            return Err("the first tree does not begin at the first node");
        }
        for t in 0..self.roots.len() {
            let root = self.roots[t];
            let end = self.roots.get(t + 1).map_or(self.nodes.len(), |&r| r as usize);
            let root = root as usize;
            if root >= end || end > self.nodes.len() {
                return Err("the trees are out of order");
            }
            for at in root..end {
                self.check_node(at, end)?;
            }
            self.sum_cover(root, end);
            let deepest = depths(&self.nodes[root..end], root).into_iter().max().unwrap_or(0);
            self.depths.push(deepest);
        }
        Ok(())
    }

    fn check_node(&self, at: usize, end: usize) -> Result<(), &'static str> {
        let (node, feature) = (&self.nodes[at], (self.nodes[at].feature & FEATURE) as usize);
        let left = node.left as usize;
        if node.threshold == f64::INFINITY && node.feature == MISSING_LEFT && left == at {
            return Ok(());
        }
        if left <= at || left + 1 >= end {
            return Err("a child is not in its tree");
        }
        if feature >= self.n_features {
            return Err("a question is about no feature");
        }
        if node.feature & CATEGORY != 0 {
            let set = node.threshold as usize;
            let words = self.sets.get(set).copied().ok_or("a set of categories is missing")?;
            let there = self.sets.len() - set - 1;
            if node.threshold != set as f64 || words > there as u64 {
                return Err("a set of categories is cut short");
            }
        }
        Ok(())
    }
}

impl<'a> Parts<'a> {
    /// The parts of a state in which every number is stored as it was learned.
    fn of(state: &'a State, width: usize) -> Result<Self> {
        let wrong = |problem: &str| Error::state(&state.kind, format!("the trees are not whole: {problem}"));
        let u32s = |name: &str| match state.tensors.get(name) {
            Some(Tensor { data: TensorData::U32(values), .. }) => Ok(values),
            _ => Err(wrong(&format!("'{name}' is missing"))),
        };
        let (features, left) = (u32s("features")?, u32s("left")?);
        let n_leaves = features.iter().filter(|f| **f == LEAF).count();
        if left.len() != features.len() - n_leaves {
            return Err(wrong("questions and children differ in number"));
        }
        let n_values = n_leaves.checked_mul(width).ok_or_else(|| wrong("too many values"))?;
        Ok(Parts {
            roots: u32s("roots")?.clone(),
            features: Cow::Borrowed(features),
            left: Cow::Borrowed(left),
            thresholds: Cow::Borrowed(state.floats_of("thresholds", left.len())?),
            values: Cow::Borrowed(state.floats_of("values", n_values)?),
            cover: Cow::Borrowed(state.floats_of("cover", n_leaves)?),
        })
    }
}

/// The depth of each node of one tree; `first` is the index of the root.
fn depths(nodes: &[Node], first: usize) -> Vec<u32> {
    let mut depths = vec![0u32; nodes.len()];
    for at in 0..nodes.len() {
        let left = nodes[at].left as usize - first;
        if left != at && left + 1 < nodes.len() {
            depths[left] = depths[at] + 1;
            depths[left + 1] = depths[at] + 1;
        }
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;

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
