//! Exact Shapley values of trees, with what is not known averaged over training rows ("path-dependent").

use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use tidemill_core::{Context, Trees};

use super::cover_steps::{CoverSteps, FEW, MANY};
use super::flat_tree::{FlatTree, NONE, ends, outputs};
use super::{ShapValues, check_rows};
use crate::{Error, Result};

/// Rows that one thread explains at a time.
const CHUNK: usize = 256;

/// Explains sums of trees: each feature's exact Shapley value, where a feature that is not known sends a row down both sides, in
/// the shares of the training rows that went there (TreeSHAP; Lundberg, Erion, Lee 2018, the `tree_path_dependent` values of
/// the `shap` package).
///
/// Base and values of a row sum to the trees' own answer: the margin of boosted trees (before any link), and for a forest
/// the *sum* over its trees ([`ShapValues::scaled`] makes it the mean).
///
/// A Shapley value is the integral over `t` in `[0, 1]` of what a feature changes when every other one is known with
/// probability `t` (Owen 1972, "Multilinear extensions of games"). For a leaf that is a polynomial, which Gauss-Legendre
/// quadrature sums exactly with half as many nodes as there are features on the way; and what arrives at the leaves below a
/// question is added up once for all of them (Linear TreeSHAP; Yu, Xu, Chen, Shi 2022). Time per row and tree is the number of
/// nodes times half the features on the longest way; all terms are products of shares, so that deep trees lose no digits.
///
/// What a question gains is what the row had left when it came there, times the share of the side that the row does not go,
/// times the difference of what the two sides answer below (each at `t`): a few multiplications per question and node of the
/// quadrature, with two numbers of the tree.
///
/// ```
/// use tidemill_core::{Context, Question, Trees};
/// use tidemill_eval::explain::TreeShap;
/// let mut trees = Trees::new(2, vec![10.0], false);
/// let root = trees.plant();
/// let left = trees.split(root, 1, &Question::Number { threshold: 0.5 }, false);
/// trees.leaf(left, &[-1.0], 3.0);
/// trees.leaf(left + 1, &[1.0], 1.0);
/// trees.finish();
/// let shap = TreeShap::new(&trees)?.explain(&[7.0, 0.9], &Context::default())?;
/// assert_eq!(shap.base(), [9.5]);
/// assert!((shap.of(0, 0)[1] - 1.5).abs() < 1e-12 && shap.of(0, 0)[0] == 0.0);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub struct TreeShap<'a> {
    trees: &'a Trees,
    ready: Arc<ReadyTrees>,
}

/// What [`TreeShap`] works out once for its trees, to be kept beside them by whoever explains again and again.
#[derive(Debug)]
pub struct ReadyTrees {
    flat: Vec<FlatTree>,
    steps: Vec<CoverSteps>,
    base: Vec<f64>,
}

impl<'a> TreeShap<'a> {
    /// Makes ready to explain `trees`. Errors where they do not know how many training rows went which way.
    pub fn new(trees: &'a Trees) -> Result<Self> {
        let ends = ends(trees);
        check_cover(trees, &ends)?;
        let flat: Vec<FlatTree> =
            ends.par_iter().map(|&(root, end)| FlatTree::new(trees, root, end)).collect();
        let steps = flat.par_iter().map(|flat| CoverSteps::new(trees, flat)).collect();
        let base = expected(trees, &flat);
        Ok(TreeShap { trees, ready: Arc::new(ReadyTrees { flat, steps, base }) })
    }

    /// The same, with what [`TreeShap::ready`] gave for these trees before.
    ///
    /// Errors where it was given for trees of another shape.
    pub fn with(trees: &'a Trees, ready: Arc<ReadyTrees>) -> Result<Self> {
        let shapes = ready.flat.iter().map(|flat| (flat.root, flat.root + flat.n_nodes));
        if shapes.eq(ends(trees)) && ready.base.len() == trees.n_outputs() {
            return Ok(TreeShap { trees, ready });
        }
        let what = "these trees are not those that were made ready".into();
        Err(Error::Explain { what, remedy: "make them ready anew".into() })
    }

    /// What was worked out for these trees.
    pub fn ready(&self) -> Arc<ReadyTrees> {
        self.ready.clone()
    }

    /// What the trees answer when nothing of a row is known, by output.
    pub fn base(&self) -> &[f64] {
        &self.ready.base
    }

    /// The values of rows of `n_features` numbers, row after row, as the trees read them (categories as codes, `NaN` for
    /// missing).
    ///
    /// Needs memory for its answer and a few kilobytes per thread and tree. Errors when `x` is not a whole number of rows, and
    /// once cancelled.
    pub fn explain(&self, x: &[f64], context: &Context) -> Result<ShapValues> {
        let (p, k) = (self.trees.n_features(), self.trees.n_outputs());
        let n_rows = check_rows(x, p)?;
        let mut values = vec![0.0; n_rows * k * p];
        let chunks = x.par_chunks(CHUNK * p.max(1)).zip(values.par_chunks_mut((CHUNK * k * p).max(1)));
        chunks.try_for_each(|(x, values)| {
            let mut walk = Walk::default();
            for tree in 0..self.ready.flat.len() {
                context.check()?;
                self.add(tree, x, values, &mut walk);
            }
            Ok::<(), Error>(())
        })?;
        Ok(ShapValues::new(self.ready.base.clone(), p, values))
    }

    /// Adds the values of one tree for some rows.
    fn add(&self, tree: usize, x: &[f64], values: &mut [f64], walk: &mut Walk) {
        let (p, k) = (self.trees.n_features().max(1), self.trees.n_outputs());
        let (flat, steps) = (&self.ready.flat[tree], &self.ready.steps[tree]);
        let few = steps.weights.len() == FEW;
        let arch = Arch::new();
        for (x, values) in x.chunks_exact(p).zip(values.chunks_exact_mut(k * p)) {
            walk.choose(self.trees, flat, x);
            for output in outputs(self.trees, tree) {
                let place = if self.trees.is_whole() { output } else { 0 };
                let (trees, way) = (self.trees, &walk.way);
                let values = &mut values[output * p..(output + 1) * p];
                match few {
                    true => {
                        arch.dispatch(Sums { trees, flat, steps, place, way, values, room: &mut walk.few })
                    }
                    false => {
                        arch.dispatch(Sums { trees, flat, steps, place, way, values, room: &mut walk.many })
                    }
                }
            }
        }
    }
}

/// The sum over the nodes of the quadrature, in a fixed order.
fn total<const L: usize>(sums: &[f64; L]) -> f64 {
    sums.as_chunks::<4>().0.iter().map(|s| (s[0] + s[1]) + (s[2] + s[3])).sum()
}

/// Errors where a tree has no weights of training rows.
pub(super) fn check_cover(trees: &Trees, ends: &[(usize, usize)]) -> Result<()> {
    let without = |&(root, _): &(usize, usize)| {
        trees.question(root).is_some() && !(trees.cover(root) > 0.0 && trees.cover(root).is_finite())
    };
    match ends.iter().position(without) {
        None => Ok(()),
        Some(tree) => Err(Error::NoCover { tree: tree + 1 }),
    }
}

/// What trees answer on average over their training rows, by output.
pub(super) fn expected(trees: &Trees, flat: &[FlatTree]) -> Vec<f64> {
    let mut base = trees.start().to_vec();
    for (tree, flat) in flat.iter().enumerate() {
        let shares = super::cover_steps::shares(trees, flat);
        let mut reach = vec![1.0; flat.n_nodes];
        for (asked, shares) in flat.asked.iter().zip(&shares) {
            let here = reach[asked.node as usize];
            (0..2).for_each(|side| reach[asked.left as usize + side] = here * shares[side]);
        }
        for &leaf in &flat.leaves {
            let values = trees.values(flat.root + leaf as usize);
            for (output, value) in outputs(trees, tree).zip(values) {
                base[output] += reach[leaf as usize] * value;
            }
        }
    }
    base
}

/// The way of one row through one tree; reused from row to row.
#[derive(Default)]
struct Walk {
    /// By node: whether the row's value of the feature of the edge to it leads there.
    held: Vec<bool>,
    /// By question: 0 where the row goes left, 1 where it goes right, 2 where an earlier question about the same feature already
    /// sent it elsewhere.
    way: Vec<u8>,
    few: Room<FEW>,
    many: Room<MANY>,
}

/// Numbers per node of the quadrature, so many nodes at a time.
struct Room<const L: usize> {
    /// By node of the tree: the share of the row that comes there.
    shares: Vec<[f64; L]>,
    /// By node: what is answered below.
    answers: Vec<[f64; L]>,
    /// By question: the part of what comes there that goes the other way.
    aside: Vec<[f64; L]>,
    /// By feature of the tree.
    sums: Vec<[f64; L]>,
}

impl<const L: usize> Default for Room<L> {
    fn default() -> Self {
        Room { shares: Vec::new(), answers: Vec::new(), aside: Vec::new(), sums: Vec::new() }
    }
}

impl<const L: usize> Room<L> {
    fn size(&mut self, flat: &FlatTree) {
        self.shares.resize(flat.n_nodes, [0.0; L]);
        self.answers.resize(flat.n_nodes, [0.0; L]);
        self.aside.resize(flat.asked.len(), [0.0; L]);
        self.sums.resize(flat.features.len(), [0.0; L]);
    }
}

impl Walk {
    #[inline]
    fn choose(&mut self, trees: &Trees, flat: &FlatTree, x: &[f64]) {
        self.held.resize(flat.n_nodes, true);
        self.way.clear();
        for asked in &flat.asked {
            let value = x[flat.features[asked.slot as usize] as usize];
            let side = trees.child(flat.root + asked.node as usize, value) - flat.root - asked.left as usize;
            let came = asked.above == NONE || self.held[asked.above as usize];
            let left = asked.left as usize;
            self.held[left] = came & (side == 0);
            self.held[left + 1] = came & (side == 1);
            self.way.push(if came { side as u8 } else { 2 });
        }
    }
}

/// Down the tree and up again for every group of nodes of the quadrature.
struct Sums<'a, const L: usize> {
    trees: &'a Trees,
    flat: &'a FlatTree,
    steps: &'a CoverSteps,
    place: usize,
    way: &'a [u8],
    /// By feature: what is added to.
    values: &'a mut [f64],
    room: &'a mut Room<L>,
}

impl<const L: usize> WithSimd for Sums<'_, L> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Sums { trees, flat, steps, place, way, values, room } = self;
        room.size(flat);
        let Room { shares, answers, aside, sums } = room;
        for &leaf in &flat.leaves {
            answers[leaf as usize] = [trees.values(flat.root + leaf as usize)[place]; L];
        }
        let (weights, unknown) = (steps.weights.as_chunks::<L>().0, steps.unknown.as_chunks::<L>().0);
        let (over, again) = (steps.over.as_chunks::<L>().0, steps.again.as_chunks::<L>().0);
        for (group, ((weights, unknown), over)) in weights.iter().zip(unknown).zip(over).enumerate() {
            let again = &again[group * steps.n_again..(group + 1) * steps.n_again];
            shares[0] = *weights;
            sums.fill([0.0; L]);
            for ((step, &way), aside) in steps.steps.iter().zip(way).zip(aside.iter_mut()) {
                let other = [step.other[usize::from(way)]; L];
                *aside = match (way, step.again) {
                    (2, _) => other,
                    (_, NONE) => times(simd, &other, unknown),
                    (_, at) => times(simd, &times(simd, &other, unknown), &again[at as usize]),
                };
                let here = shares[step.node as usize];
                let gone = times(simd, &here, aside);
                let (own, far) = sides(step.left, way);
                shares[far] = gone;
                shares[own] = less(simd, &here, &gone);
            }
            for ((step, &way), aside) in steps.steps.iter().zip(way).zip(aside.iter()).rev() {
                let (own, far) = sides(step.left, way);
                let apart = less(simd, &answers[own], &answers[far]);
                answers[step.node as usize] = less(simd, &answers[own], &times(simd, aside, &apart));
                if way == 2 {
                    continue;
                }
                // What went the other way is what came, times the share of that side, times `1 - t`, which is taken out below.
                let mut gain = times(simd, &shares[far], &apart);
                if step.again != NONE {
                    gain = times(simd, &gain, &again[step.again as usize]);
                }
                let sum = &mut sums[step.slot as usize];
                *sum = plus(simd, sum, &gain);
            }
            for (&feature, sum) in flat.features.iter().zip(sums.iter()) {
                values[feature as usize] += total(&times(simd, sum, over));
            }
        }
    }
}

/// The child that the row goes to, and the other one; a row that is elsewhere counts as going left.
#[inline(always)]
fn sides(left: u32, way: u8) -> (usize, usize) {
    let right = usize::from(way == 1);
    (left as usize + right, left as usize + 1 - right)
}

#[inline(always)]
fn times<S: Simd, const L: usize>(simd: S, a: &[f64; L], b: &[f64; L]) -> [f64; L] {
    lane_by_lane::<S, L>(a, b, |a, b| simd.mul_f64s(a, b), |a, b| a * b)
}

#[inline(always)]
fn plus<S: Simd, const L: usize>(simd: S, a: &[f64; L], b: &[f64; L]) -> [f64; L] {
    lane_by_lane::<S, L>(a, b, |a, b| simd.add_f64s(a, b), |a, b| a + b)
}

#[inline(always)]
fn less<S: Simd, const L: usize>(simd: S, a: &[f64; L], b: &[f64; L]) -> [f64; L] {
    lane_by_lane::<S, L>(a, b, |a, b| simd.sub_f64s(a, b), |a, b| a - b)
}

/// By vectors as wide as this CPU's, and what is left one by one: the same bits on every machine.
#[inline(always)]
fn lane_by_lane<S: Simd, const L: usize>(
    a: &[f64; L],
    b: &[f64; L],
    wide: impl Fn(S::f64s, S::f64s) -> S::f64s,
    one: impl Fn(f64, f64) -> f64,
) -> [f64; L] {
    let mut out = [0.0; L];
    let (to, to_rest) = S::as_mut_simd_f64s(&mut out);
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = wide(*a, *b));
    to_rest.iter_mut().zip(a_rest.iter().zip(b_rest)).for_each(|(to, (a, b))| *to = one(*a, *b));
    out
}
