//! Exact Shapley values of trees, with what is not known averaged over training rows ("path-dependent").

use std::sync::Arc;

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use tidemill_core::{Context, Trees};

use super::cover_steps::{LANES, Lanes, Step, Steps, WAYS, bytes};
use super::flat_tree::{FlatTree, NONE, ends, outputs};
use super::{ShapValues, check_rows};
use crate::{Error, Result};

/// Rows that one thread explains at a time.
const CHUNK: usize = 256;
/// Steps of all trees are kept up to so many bytes; beyond, those of a tree are made anew for every chunk of rows.
const KEPT: usize = 64 << 20;

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
    /// Of every tree, or of none.
    steps: Vec<Steps>,
    base: Vec<f64>,
}

impl<'a> TreeShap<'a> {
    /// Makes ready to explain `trees`. Errors where they do not know how many training rows went which way.
    pub fn new(trees: &'a Trees) -> Result<Self> {
        let ends = ends(trees);
        check_cover(trees, &ends)?;
        let flat: Vec<FlatTree> =
            ends.par_iter().map(|&(root, end)| FlatTree::new(trees, root, end)).collect();
        let few = flat.iter().map(bytes).sum::<usize>() <= KEPT;
        let steps = match few {
            true => flat.par_iter().map(|flat| Steps::new(trees, flat)).collect(),
            false => Vec::new(),
        };
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
        let flat = &self.ready.flat[tree];
        let own;
        let steps = match self.ready.steps.get(tree) {
            Some(steps) => steps,
            None => {
                own = Steps::new(self.trees, flat);
                &own
            }
        };
        walk.size(flat);
        let arch = Arch::new();
        for (x, values) in x.chunks_exact(p).zip(values.chunks_exact_mut(k * p)) {
            walk.choose(self.trees, flat, x);
            for output in outputs(self.trees, tree) {
                let place = if self.trees.is_whole() { output } else { 0 };
                arch.dispatch(Sums { trees: self.trees, flat, steps, place, walk });
                let values = &mut values[output * p..(output + 1) * p];
                for (&feature, sums) in flat.features.iter().zip(&walk.sums) {
                    values[feature as usize] += (sums[0] + sums[1]) + (sums[2] + sums[3]);
                }
            }
        }
    }
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
    /// By question: which of its [`WAYS`] steps the row takes.
    way: Vec<u8>,
    /// By node: the share of the row that comes there, then what arrives at the leaves below.
    shares: Vec<Lanes>,
    /// By feature of the tree.
    sums: Vec<Lanes>,
}

impl Walk {
    fn size(&mut self, flat: &FlatTree) {
        self.held.clear();
        self.held.resize(flat.n_nodes, true);
        self.way.resize(flat.asked.len(), 0);
        self.shares.resize(flat.n_nodes, [0.0; LANES]);
        self.sums.resize(flat.features.len(), [0.0; LANES]);
    }

    #[inline]
    fn choose(&mut self, trees: &Trees, flat: &FlatTree, x: &[f64]) {
        for (way, asked) in self.way.iter_mut().zip(&flat.asked) {
            let value = x[flat.features[asked.slot as usize] as usize];
            let side = trees.child(flat.root + asked.node as usize, value) - flat.root - asked.left as usize;
            let came = asked.above == NONE || self.held[asked.above as usize];
            let left = asked.left as usize;
            self.held[left] = came & (side == 0);
            self.held[left + 1] = came & (side == 1);
            *way = if came { side as u8 } else { 2 };
        }
    }
}

/// Down the tree and up again for every group of lanes.
struct Sums<'a> {
    trees: &'a Trees,
    flat: &'a FlatTree,
    steps: &'a Steps,
    place: usize,
    walk: &'a mut Walk,
}

impl WithSimd for Sums<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let (flat, walk) = (self.flat, self.walk);
        let (shares, sums) = (&mut walk.shares[..flat.n_nodes], &mut walk.sums[..flat.features.len()]);
        sums.fill([0.0; LANES]);
        let per_group = (flat.asked.len() * WAYS).max(1);
        for (weights, steps) in self.steps.weights.iter().zip(self.steps.steps.chunks_exact(per_group)) {
            let steps = steps.as_chunks::<WAYS>().0;
            shares[0] = *weights;
            for ((asked, steps), &way) in flat.asked.iter().zip(steps).zip(&walk.way) {
                let step = &steps[usize::from(way)];
                let share = shares[asked.node as usize];
                if let Some([left, right]) = children(shares, asked.left) {
                    *left = product(simd, &share, &step.times[0]);
                    *right = product(simd, &share, &step.times[1]);
                }
            }
            for &leaf in &flat.leaves {
                let value = self.trees.values(flat.root + leaf as usize)[self.place];
                shares[leaf as usize] = product(simd, &shares[leaf as usize], &[value; LANES]);
            }
            for ((asked, steps), &way) in flat.asked.iter().zip(steps).zip(&walk.way).rev() {
                let step: &Step = &steps[usize::from(way)];
                if let Some([left, right]) = children(shares, asked.left) {
                    let (left, right) = (*left, *right);
                    let gains = sum(
                        simd,
                        &product(simd, &left, &step.gains[0]),
                        &product(simd, &right, &step.gains[1]),
                    );
                    sums[asked.slot as usize] = sum(simd, &sums[asked.slot as usize], &gains);
                    shares[asked.node as usize] = sum(simd, &left, &right);
                }
            }
        }
    }
}

/// Both children's lanes.
#[inline(always)]
fn children(shares: &mut [Lanes], left: u32) -> Option<&mut [Lanes; 2]> {
    shares.get_mut(left as usize..)?.first_chunk_mut()
}

#[inline(always)]
fn product<S: Simd>(simd: S, a: &Lanes, b: &Lanes) -> Lanes {
    lane_by_lane::<S>(a, b, |a, b| simd.mul_f64s(a, b), |a, b| a * b)
}

#[inline(always)]
fn sum<S: Simd>(simd: S, a: &Lanes, b: &Lanes) -> Lanes {
    lane_by_lane::<S>(a, b, |a, b| simd.add_f64s(a, b), |a, b| a + b)
}

/// By vectors as wide as this CPU's, and what is left one by one: the same bits on every machine.
#[inline(always)]
fn lane_by_lane<S: Simd>(
    a: &Lanes,
    b: &Lanes,
    wide: impl Fn(S::f64s, S::f64s) -> S::f64s,
    one: impl Fn(f64, f64) -> f64,
) -> Lanes {
    let mut out = [0.0; LANES];
    let (to, to_rest) = S::as_mut_simd_f64s(&mut out);
    let ((a, a_rest), (b, b_rest)) = (S::as_simd_f64s(a), S::as_simd_f64s(b));
    to.iter_mut().zip(a.iter().zip(b)).for_each(|(to, (a, b))| *to = wide(*a, *b));
    to_rest.iter_mut().zip(a_rest.iter().zip(b_rest)).for_each(|(to, (a, b))| *to = one(*a, *b));
    out
}
