//! Exact Shapley values of trees, with what is not known taken from rows of a background ("interventional").

use std::collections::BTreeMap;

use rayon::prelude::*;
use tidemill_core::{Context, Trees};

use super::flat_tree::{FlatTree, NONE, ends, outputs};
use super::{ShapValues, check_rows};
use crate::{Error, Result};

/// Rows that one thread explains at a time.
const CHUNK: usize = 512;
/// The features that a path may ask about: a bit each.
const MOST_BITS: usize = 128;

/// Explains sums of trees: each feature's exact Shapley value, where features that are not known are those of a background row,
/// averaged over the background (the `interventional` values of the `shap` package; Lundberg et al. 2020).
///
/// For a leaf, only two things matter of a row and of a background row: which of the features on the way lead to it. A row and
/// a background row that differ in `s` features which the row alone has right and in `n` which the background alone has
/// right give each of the former `(s - 1)! n! / (s + n)!` of the leaf's value and take `s! (n - 1)! / (s + n)!` by each of the
/// latter (Laberge and Pequignot 2022, "Understanding interventional TreeSHAP"). So rows are met by their pattern: each
/// pattern at a leaf is worked out once against all background rows, and rows that go by a leaf neither way never come to it.
/// Time is that of following all rows and background rows through the trees, not that of their pairs.
pub struct InterventionalTreeShap<'a> {
    trees: &'a Trees,
    background: &'a [f64],
    flat: Vec<FlatTree>,
    /// `(s - 1)! n! / (s + n)!` at `s * (MOST_BITS + 1) + n`.
    shares: Vec<f64>,
    base: Vec<f64>,
}

impl<'a> InterventionalTreeShap<'a> {
    /// Makes ready to explain `trees` against `background`: rows of `n_features` numbers, row after row, as the trees read
    /// them. Errors when there are none, or when one path of a tree asks about more than 128 features.
    pub fn new(trees: &'a Trees, background: &'a [f64]) -> Result<Self> {
        let (p, k) = (trees.n_features(), trees.n_outputs());
        let n_rows = check_rows(background, p)?;
        if n_rows == 0 {
            return Err(Error::EmptyBackground);
        }
        let flat: Vec<FlatTree> =
            ends(trees).par_iter().map(|&(root, end)| FlatTree::new(trees, root, end)).collect();
        if let Some(tree) = flat.iter().position(|flat| flat.deepest > MOST_BITS) {
            return Err(Error::LongPath { tree: tree + 1, n_features: flat[tree].deepest, most: MOST_BITS });
        }
        let base = mean_answer(trees, background, n_rows, k);
        Ok(InterventionalTreeShap { trees, background, flat, shares: weights(), base })
    }

    /// What the trees answer for the background on average, by output.
    pub fn base(&self) -> &[f64] {
        &self.base
    }

    /// The values of rows of `n_features` numbers, row after row. Errors when `x` is not a whole number of rows, and once
    /// cancelled.
    pub fn explain(&self, x: &[f64], context: &Context) -> Result<ShapValues> {
        self.against(self.background, self.base.clone(), x, context)
    }

    /// The same against each background row alone, one after the other: their mean is what [`InterventionalTreeShap::explain`]
    /// gives. For answers that are no sum of trees but follow from one ([`super::rescaled`]).
    ///
    /// Takes memory for the values of all rows times the background rows. Errors as that.
    pub fn explain_against_each(&self, x: &[f64], context: &Context) -> Result<Vec<ShapValues>> {
        let (p, k) = (self.trees.n_features(), self.trees.n_outputs());
        let alone = |background: &[f64]| {
            self.against(background, mean_answer(self.trees, background, 1, k), x, context)
        };
        self.background.par_chunks_exact(p.max(1)).map(alone).collect()
    }

    fn against(
        &self,
        background: &[f64],
        base: Vec<f64>,
        x: &[f64],
        context: &Context,
    ) -> Result<ShapValues> {
        let (p, k) = (self.trees.n_features(), self.trees.n_outputs());
        let n_rows = check_rows(x, p)?;
        let mut values = vec![0.0; n_rows * k * p];
        let chunks = x.par_chunks(CHUNK * p.max(1)).zip(values.par_chunks_mut((CHUNK * k * p).max(1)));
        chunks.try_for_each(|(x, values)| {
            for tree in 0..self.flat.len() {
                context.check()?;
                self.add(tree, background, x, values);
            }
            Ok::<(), Error>(())
        })?;
        Ok(ShapValues::new(base, p, values))
    }

    /// Adds the values of one tree for some rows.
    fn add(&self, tree: usize, background: &[f64], x: &[f64], values: &mut [f64]) {
        let (p, k) = (self.trees.n_features().max(1), self.trees.n_outputs());
        let flat = &self.flat[tree];
        let mut leaves = Leaves::new(self.trees, flat, background);
        let mut walk = Walk::new(flat, leaves.words);
        for (x, values) in x.chunks_exact(p).zip(values.chunks_exact_mut(k * p)) {
            walk.down(self.trees, flat, x, &leaves);
            for &(leaf, pattern) in &walk.came {
                let (start, end) = leaves.shares(leaf, pattern, &self.shares);
                let shares = &leaves.table[start..end];
                let features = &leaves.features[leaves.starts[leaf as usize]..];
                let numbers = self.trees.values(flat.root + flat.leaves[leaf as usize] as usize);
                for (output, value) in outputs(self.trees, tree).zip(numbers) {
                    let values = &mut values[output * p..(output + 1) * p];
                    for (share, &feature) in shares.iter().zip(features) {
                        values[feature as usize] += share * value;
                    }
                }
            }
        }
    }
}

/// What the trees answer for some rows on average, by output.
fn mean_answer(trees: &Trees, rows: &[f64], n_rows: usize, k: usize) -> Vec<f64> {
    let mut answers = vec![0.0; n_rows * k];
    trees.rows(rows, &mut answers);
    let mut mean = vec![0.0; k];
    for answers in answers.chunks_exact(k.max(1)) {
        mean.iter_mut().zip(answers).for_each(|(mean, x)| *mean += x);
    }
    mean.iter_mut().for_each(|mean| *mean /= n_rows as f64);
    mean
}

/// `(s - 1)! n! / (s + n)!` for all counts.
fn weights() -> Vec<f64> {
    let side = MOST_BITS + 1;
    let mut weights = vec![0.0; side * side];
    for s in 1..side {
        let before = weights[(s - 1) * side];
        weights[s * side] = if s == 1 { 1.0 } else { before * (s - 1) as f64 / s as f64 };
        for n in 1..side {
            weights[s * side + n] = weights[s * side + n - 1] * n as f64 / (s + n) as f64;
        }
    }
    weights
}

/// What the background does at the leaves of one tree.
struct Leaves {
    n_background: usize,
    /// Words of a set of background rows.
    words: usize,
    /// By node, the background rows whose value of the feature of the edge to it leads there.
    passes: Vec<u64>,
    /// By leaf, which features on its way each background row has right: patterns with their number, ascending.
    patterns: Vec<Vec<(u128, f64)>>,
    /// By leaf: where its features start in `features`.
    starts: Vec<usize>,
    features: Vec<u32>,
    /// Leaves with few features have a place for each pattern in `known` (0: not met), the others a map.
    known: Vec<Vec<u32>>,
    rare: Vec<BTreeMap<u128, u32>>,
    /// Shares of the leaf's value by feature of its way, one pattern after the other.
    table: Vec<f64>,
}

/// Up to so many features, every pattern has a place of its own.
const FEW: usize = 7;

impl Leaves {
    fn new(trees: &Trees, flat: &FlatTree, background: &[f64]) -> Self {
        let p = trees.n_features().max(1);
        let n_background = background.len() / p;
        let words = n_background.div_ceil(64);
        let n_leaves = flat.leaves.len();
        let mut leaves = Leaves {
            n_background,
            words,
            passes: vec![0; flat.n_nodes * words],
            patterns: vec![Vec::new(); n_leaves],
            starts: Vec::with_capacity(n_leaves),
            features: Vec::new(),
            known: Vec::with_capacity(n_leaves),
            rare: vec![BTreeMap::new(); n_leaves],
            table: Vec::new(),
        };
        leaves.lay_out(flat);
        leaves.follow(trees, flat, background);
        leaves
    }

    fn lay_out(&mut self, flat: &FlatTree) {
        for &leaf in &flat.leaves {
            self.starts.push(self.features.len());
            let mut way: Vec<(u32, u32)> =
                flat.way(leaf).iter().map(|(asked, _)| (asked.bit, asked.slot)).collect();
            way.sort_unstable();
            self.known.push(if way.len() <= FEW { vec![0; 1 << way.len()] } else { Vec::new() });
            self.features.extend(way.into_iter().map(|(_, slot)| flat.features[slot as usize]));
        }
    }

    /// Sends the background rows through the tree.
    fn follow(&mut self, trees: &Trees, flat: &FlatTree, background: &[f64]) {
        let (mut held, mut patterns) = (Vec::new(), vec![0u128; flat.n_nodes]);
        let mut found = vec![Vec::with_capacity(self.n_background); flat.leaves.len()];
        for (row, x) in background.chunks_exact(trees.n_features().max(1)).enumerate() {
            flat.hold(trees, x, &mut held);
            for asked in &flat.asked {
                let here = patterns[asked.node as usize] & !(1 << asked.bit);
                for child in [asked.left as usize, asked.left as usize + 1] {
                    patterns[child] = here | u128::from(held[child]) << asked.bit;
                    self.passes[child * self.words + row / 64] |= u64::from(held[child]) << (row % 64);
                }
            }
            found.iter_mut().zip(&flat.leaves).for_each(|(of, &leaf)| of.push(patterns[leaf as usize]));
        }
        for (to, mut of) in self.patterns.iter_mut().zip(found) {
            of.sort_unstable();
            *to = of.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as f64)).collect();
        }
    }

    /// The features on the way to a leaf.
    fn n_features(&self, leaf: usize) -> usize {
        self.starts.get(leaf + 1).map_or(self.features.len(), |&end| end) - self.starts[leaf]
    }

    /// Where the table holds what a row of this pattern gives each feature, in shares of the leaf's value.
    fn shares(&mut self, leaf: u32, pattern: u128, weights: &[f64]) -> (usize, usize) {
        let leaf = leaf as usize;
        let n = self.n_features(leaf);
        let known = match self.known[leaf].get(pattern as usize) {
            Some(&known) if n <= FEW => known,
            _ => self.rare[leaf].get(&pattern).copied().unwrap_or(0),
        };
        let place = if known > 0 { known } else { self.work_out(leaf, pattern, n, weights) };
        (place as usize - 1, place as usize - 1 + n)
    }

    fn work_out(&mut self, leaf: usize, pattern: u128, n: usize, weights: &[f64]) -> u32 {
        let (side, start) = (MOST_BITS + 1, self.table.len());
        self.table.resize(start + n, 0.0);
        let shares = &mut self.table[start..];
        let every = if n == MOST_BITS { u128::MAX } else { (1 << n) - 1 };
        let lacking = every & !pattern;
        let n_lacking = lacking.count_ones() as usize;
        for &(of_background, count) in &self.patterns[leaf] {
            if lacking & !of_background != 0 {
                continue;
            }
            let mut own = pattern & !of_background;
            let n_own = own.count_ones() as usize;
            let share = count * weights[n_own * side + n_lacking];
            while own != 0 {
                shares[own.trailing_zeros() as usize] += share;
                own &= own - 1;
            }
            let share = count * weights[n_lacking * side + n_own];
            let mut other = lacking;
            while other != 0 {
                shares[other.trailing_zeros() as usize] -= share;
                other &= other - 1;
            }
        }
        let rows = self.n_background as f64;
        shares.iter_mut().for_each(|share| *share /= rows);
        let place = start as u32 + 1;
        match n <= FEW {
            true => self.known[leaf][pattern as usize] = place,
            false => _ = self.rare[leaf].insert(pattern, place),
        }
        place
    }
}

/// The way of one row; reused from row to row.
struct Walk {
    /// By node: whether any background row can take the place of the row where it does not lead here, and which.
    alive: Vec<bool>,
    sets: Vec<u64>,
    held: Vec<bool>,
    patterns: Vec<u128>,
    /// By node: its leaf's place.
    leaf: Vec<u32>,
    /// The leaves that the row and some background row come to between them, and what the row has right.
    came: Vec<(u32, u128)>,
}

impl Walk {
    fn new(flat: &FlatTree, words: usize) -> Self {
        let mut leaf = vec![NONE; flat.n_nodes];
        flat.leaves.iter().enumerate().for_each(|(i, &node)| leaf[node as usize] = i as u32);
        let mut sets = vec![0; flat.n_nodes * words];
        sets[..words].fill(u64::MAX);
        let n = flat.n_nodes;
        Walk { alive: vec![true; n], sets, held: vec![true; n], patterns: vec![0; n], leaf, came: Vec::new() }
    }

    fn down(&mut self, trees: &Trees, flat: &FlatTree, x: &[f64], leaves: &Leaves) {
        self.came.clear();
        if flat.asked.is_empty() {
            return;
        }
        let words = leaves.words;
        for asked in &flat.asked {
            let (node, left) = (asked.node as usize, asked.left as usize);
            if !self.alive[node] {
                (self.alive[left], self.alive[left + 1]) = (false, false);
                continue;
            }
            let value = x[flat.features[asked.slot as usize] as usize];
            let chosen = trees.child(flat.root + node, value) - flat.root;
            let came = asked.above == NONE || self.held[asked.above as usize];
            for child in [left, left + 1] {
                let held = came && chosen == child;
                self.held[child] = held;
                self.patterns[child] =
                    self.patterns[node] & !(1 << asked.bit) | u128::from(held) << asked.bit;
                let (before, here) = self.sets.split_at_mut(child * words);
                let (from, to) = (&before[node * words..(node + 1) * words], &mut here[..words]);
                let passes = &leaves.passes[child * words..(child + 1) * words];
                let mut any = 0;
                for ((to, from), passes) in to.iter_mut().zip(from).zip(passes) {
                    *to = if held { *from } else { from & passes };
                    any |= *to;
                }
                self.alive[child] = any != 0;
                if any != 0 && self.leaf[child] != NONE {
                    self.came.push((self.leaf[child], self.patterns[child]));
                }
            }
        }
    }
}
