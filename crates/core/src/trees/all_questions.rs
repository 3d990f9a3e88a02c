//! Small trees on many rows: every question is asked of every row, without a way down that anybody would have to wait for.
//!
//! A question that sends a row right takes the leaves below its left side away from it. Leaves are bits, from left to right, and
//! the lowest one that is left to a row in the end is where it arrives (QuickScorer; Lucchese et al. 2015, "QuickScorer: a fast
//! algorithm to rank documents with additive ensembles of regression trees"; by vectors of rows: Lucchese et al. 2016).

use pulp::{Arch, Simd, WithSimd};

use super::{CATEGORY, FEATURE, MISSING_LEFT, Trees};

/// Rows that are asked at a time.
const ROWS: usize = 64;
/// Leaves are bits of a word.
const MOST_LEAVES: usize = 64;
/// Vectors of rows whose leaves stay in registers while all questions of a tree pass.
const VECTORS: usize = 4;
/// With fewer rows, laying the trees out costs more than is gained.
const FEWEST_ROWS: usize = 256;
/// With fewer trees, turning rows into columns does.
const FEWEST_TREES: usize = 8;

/// A feature that was not asked about yet.
const NO_COLUMN: u32 = u32::MAX;

/// A question about numbers.
struct Asked {
    threshold: f64,
    /// The place of the feature among those that are asked about.
    column: u32,
    /// What is left to a row that goes right.
    right: u64,
}

/// Trees of at most 64 leaves, laid out: for each sort of question and for leaves one list, in the order of the trees.
pub(super) struct AllQuestions<'a> {
    trees: &'a Trees,
    /// Missing values go right.
    missing_right: Vec<Asked>,
    missing_left: Vec<Asked>,
    /// The node, the column, and what is left to a row that goes right.
    categories: Vec<(u32, u32, u64)>,
    /// From left to right.
    leaves: Vec<u32>,
    /// Where each tree ends in these lists.
    ends: Vec<[usize; 4]>,
    /// The features that are asked about.
    features: Vec<usize>,
}

impl<'a> AllQuestions<'a> {
    /// Of trees that are small enough, where `n_rows` are worth it.
    pub(super) fn of(trees: &'a Trees, n_rows: usize) -> Option<Self> {
        let ends = trees.roots.iter().skip(1).map(|&root| root as usize).chain([trees.nodes.len()]);
        let is_small = |(&root, end): (&u32, usize)| end - (root as usize) < 2 * MOST_LEAVES;
        let is_worth = n_rows >= FEWEST_ROWS && trees.roots.len() >= FEWEST_TREES;
        if !is_worth || !trees.roots.iter().zip(ends).all(is_small) {
            return None;
        }
        let n = trees.nodes.len() / 2;
        let mut all = AllQuestions {
            trees,
            missing_right: Vec::with_capacity(n),
            missing_left: Vec::with_capacity(n),
            categories: Vec::new(),
            leaves: Vec::with_capacity(n + trees.roots.len()),
            ends: Vec::with_capacity(trees.roots.len()),
            features: Vec::new(),
        };
        let mut column = vec![NO_COLUMN; trees.n_features];
        trees.roots.iter().all(|&root| all.lay_out(root, &mut column)).then_some(all)
    }

    /// Lays out one tree. False where it has more leaves than bits: where a node is a child twice, there may be more than nodes.
    fn lay_out(&mut self, root: u32, column: &mut [u32]) -> bool {
        let first = self.leaves.len();
        // Nodes to come, and questions whose left side is done, with how many leaves were there before them.
        let mut open = vec![(root, None)];
        while let Some((at, before)) = open.pop() {
            let node = self.trees.nodes[at as usize];
            let n_leaves = self.leaves.len() - first;
            match before {
                _ if node.left == at => self.leaves.push(at),
                _ if n_leaves == MOST_LEAVES => return false,
                None => open.extend([(node.left + 1, None), (at, Some(n_leaves)), (node.left, None)]),
                Some(before) => self.ask(at, !(lowest(n_leaves) & !lowest(before)), column),
            }
        }
        self.ends.push(self.lengths());
        self.leaves.len() - first <= MOST_LEAVES
    }

    fn lengths(&self) -> [usize; 4] {
        [self.missing_right.len(), self.missing_left.len(), self.categories.len(), self.leaves.len()]
    }

    fn ask(&mut self, at: u32, right: u64, column: &mut [u32]) {
        let node = self.trees.nodes[at as usize];
        let feature = (node.feature & FEATURE) as usize;
        if column[feature] == NO_COLUMN {
            column[feature] = self.features.len() as u32;
            self.features.push(feature);
        }
        let column = column[feature];
        let asked = Asked { threshold: node.threshold, column, right };
        match node.feature {
            flags if flags & CATEGORY != 0 => self.categories.push((at, column, right)),
            flags if flags & MISSING_LEFT != 0 => self.missing_left.push(asked),
            _ => self.missing_right.push(asked),
        }
    }

    /// Adds the answers for rows of `n_features` numbers to `out`, tree after tree.
    pub(super) fn add(&self, x: &[f64], out: &mut [f64]) {
        let (p, k) = (self.trees.n_features.max(1), self.trees.n_outputs().max(1));
        let mut columns = vec![[0.0; ROWS]; self.features.len()];
        let mut left = [0u64; ROWS];
        let arch = Arch::new();
        for (x, out) in x.chunks(ROWS * p).zip(out.chunks_mut(ROWS * k)) {
            for (column, &feature) in columns.iter_mut().zip(&self.features) {
                column.iter_mut().zip(x[feature..].iter().step_by(p)).for_each(|(to, x)| *to = *x);
            }
            let mut start = [0; 4];
            for (tree, &end) in self.ends.iter().enumerate() {
                let missing_right = &self.missing_right[start[0]..end[0]];
                let missing_left = &self.missing_left[start[1]..end[1]];
                arch.dispatch(Ask { missing_right, missing_left, columns: &columns, left: &mut left });
                for &(at, column, right) in &self.categories[start[2]..end[2]] {
                    let node = &self.trees.nodes[at as usize];
                    for (left, &x) in left.iter_mut().zip(&columns[column as usize]) {
                        *left &= if self.trees.category_left(node, x) { !0 } else { right };
                    }
                }
                let leaves = &self.leaves[start[3]..end[3]];
                for (left, out) in left.iter().zip(out.chunks_exact_mut(k)) {
                    self.trees.add(tree, leaves[left.trailing_zeros() as usize], k, out);
                }
                start = end;
            }
        }
    }
}

/// So many lowest bits.
fn lowest(n: usize) -> u64 {
    if n >= MOST_LEAVES { !0 } else { (1 << n) - 1 }
}

/// All questions about numbers of one tree, asked of a block of rows: the leaves that are left to each.
struct Ask<'a> {
    missing_right: &'a [Asked],
    missing_left: &'a [Asked],
    columns: &'a [[f64; ROWS]],
    left: &'a mut [u64; ROWS],
}

impl WithSimd for Ask<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Ask { missing_right, missing_left, columns, left } = self;
        let all = simd.splat_u64s(!0);
        let (left, _) = S::as_mut_simd_u64s(left);
        for (group, left) in left.as_chunks_mut::<VECTORS>().0.iter_mut().enumerate() {
            let mut here = [all; VECTORS];
            for asked in missing_right {
                let (threshold, right) = (simd.splat_f64s(asked.threshold), simd.splat_u64s(asked.right));
                let (x, _) = S::as_simd_f64s(&columns[asked.column as usize]);
                for (here, &x) in here.iter_mut().zip(&x[group * VECTORS..(group + 1) * VECTORS]) {
                    let goes_left = simd.less_than_or_equal_f64s(x, threshold);
                    *here = simd.and_u64s(*here, simd.select_u64s(goes_left, all, right));
                }
            }
            for asked in missing_left {
                let (threshold, right) = (simd.splat_f64s(asked.threshold), simd.splat_u64s(asked.right));
                let (x, _) = S::as_simd_f64s(&columns[asked.column as usize]);
                for (here, &x) in here.iter_mut().zip(&x[group * VECTORS..(group + 1) * VECTORS]) {
                    let goes_right = simd.greater_than_f64s(x, threshold);
                    *here = simd.and_u64s(*here, simd.select_u64s(goes_right, right, all));
                }
            }
            *left = here;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Question;

    /// Numbers in `[0, 1)` (xorshift; Marsaglia 2003).
    struct Dice(u64);

    impl Dice {
        fn unit(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1u64 << 53) as f64
        }

        fn below(&mut self, n: usize) -> usize {
            (self.unit() * n as f64) as usize
        }
    }

    /// Trees over three numbers and a category, each of so many leaves at most.
    fn trees(n_trees: usize, n_leaves: usize, whole: bool, dice: &mut Dice) -> Trees {
        let mut trees = Trees::new(4, vec![0.5, -0.25], whole);
        for _ in 0..n_trees {
            let mut open = vec![trees.plant()];
            let leaves = 1 + dice.below(n_leaves);
            while open.len() < leaves {
                let node = open.swap_remove(dice.below(open.len()));
                let feature = dice.below(4);
                let question = match feature {
                    3 => Question::Category { left: vec![(dice.unit() * 256.0) as u64] },
                    _ => Question::Number { threshold: dice.below(10) as f64 },
                };
                let left = trees.split(node, feature, &question, dice.unit() < 0.5);
                open.extend([left, left + 1]);
            }
            for node in open {
                let values = [dice.unit(), dice.unit()];
                trees.leaf(node, &values[..if whole { 2 } else { 1 }], 1.0);
            }
            trees.finish();
        }
        trees
    }

    fn rows(n: usize, dice: &mut Dice) -> Vec<f64> {
        let cell = |dice: &mut Dice| if dice.unit() < 0.1 { f64::NAN } else { dice.below(10) as f64 };
        (0..4 * n).map(|_| cell(dice)).collect()
    }

    #[test]
    fn many_rows_get_the_bits_of_one() {
        let mut dice = Dice(88_172_645_463_325_252);
        for (n_leaves, whole) in [(1, false), (8, true), (MOST_LEAVES, false), (MOST_LEAVES, true)] {
            let trees = trees(12, n_leaves, whole, &mut dice);
            let x = rows(FEWEST_ROWS + 37, &mut dice);
            assert!(AllQuestions::of(&trees, FEWEST_ROWS + 37).is_some());
            let mut out = vec![0.0; x.len() / 2];
            trees.rows(&x, &mut out);
            for (x, out) in x.chunks(4).zip(out.chunks(2)) {
                let mut one = [0.0; 2];
                trees.row(x, &mut one);
                assert_eq!(one, out);
            }
        }
    }

    #[test]
    fn large_trees_and_few_rows_are_left_to_others() {
        let mut dice = Dice(1);
        let mut trees = trees(12, MOST_LEAVES, false, &mut dice);
        assert!(AllQuestions::of(&trees, FEWEST_ROWS - 1).is_none());
        let mut node = trees.plant();
        for _ in 0..MOST_LEAVES {
            node = trees.split(node, 0, &Question::Number { threshold: 1.0 }, false) + 1;
        }
        trees.finish();
        assert!(AllQuestions::of(&trees, FEWEST_ROWS).is_none());
    }
}
