//! Trees as a state: what is saved, and the checks that make whatever is loaded safe to follow.

use std::borrow::Cow;

use super::coded::{self, Layout};
use super::{CATEGORY, FEATURE, LEAF, MISSING_LEFT, Node, Trees};
use crate::{Error, Result, State, Tensor, TensorData};

/// The trees in a state: a word per node, child and threshold of each inner node, values and cover of each leaf.
pub(super) struct Parts<'a> {
    pub(super) roots: Vec<u32>,
    pub(super) features: Cow<'a, [u32]>,
    pub(super) left: Cow<'a, [u32]>,
    pub(super) thresholds: Cow<'a, [f64]>,
    pub(super) values: Cow<'a, [f64]>,
    pub(super) cover: Cow<'a, [f64]>,
}

impl Trees {
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
    pub(super) fn of(state: &'a State, width: usize) -> Result<Self> {
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
pub(super) fn depths(nodes: &[Node], first: usize) -> Vec<u32> {
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
