//! The ways of many rows down many trees: numbers become ranks among the thresholds, and many rows go down side by side.
//!
//! `x > t` says the same as `rank(x) > rank(t)`, where the rank of a number is how many of its feature's thresholds are below it. Ranks
//! take 16 bits, so that a vector of the CPU holds those of sixteen rows and more.

use pulp::NullaryFnOnce;

use super::{DEPTH, Full, Question, WAYS};
use crate::vector::wide;

/// Rows that go down a tree side by side.
const LANES: usize = 32;
/// Rows whose ranks are found before they go down one tree after the other, in groups of [`LANES`].
const TILE: usize = 4 * LANES;
/// Trees whose thresholds are ranked together: no rank is above `i16::MAX`.
const TOGETHER: usize = 128;
/// So many questions are answered for all rows alike, whether or not a row comes past them: twice as many for one level more.
const TOP: usize = 5;
/// Cells of a feature's numbers per threshold.
const CELLS_PER_THRESHOLD: usize = 2;
/// Most cells have at most so many thresholds; a number is held against as many without looking how many there are.
const NEAR: usize = 4;

/// The ranks of some rows, or where they stand in a tree.
type Lanes = [i16; LANES];

/// Trees as rows go down them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Walk {
    groups: Vec<Group>,
}

/// Trees whose thresholds are ranked together.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    /// By feature.
    ranks: Vec<Ranks>,
    trees: Vec<Ranked>,
}

/// A [`Full`] tree with ranks for thresholds.
#[derive(Clone, Debug, PartialEq)]
struct Ranked {
    questions: [Asked; WAYS],
    lengths: [f64; WAYS],
}

/// Rows of a higher rank go right.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Asked {
    feature: u32,
    rank: i16,
}

/// The thresholds of one feature, rising, each once, and where to look among them: the range is cut into cells of equal width, and a
/// number need only be held against the thresholds of its own.
#[derive(Clone, Debug, Default, PartialEq)]
struct Ranks {
    /// Behind them stand [`NEAR`] infinite ones, which nothing is above.
    thresholds: Vec<f64>,
    low: f64,
    cells_per_unit: f64,
    /// How many thresholds lie in the cells before each; one more than there are cells.
    starts: Vec<i16>,
}

impl Walk {
    /// Of trees that ask about `p` features.
    pub(super) fn new(trees: &[Full], p: usize) -> Self {
        Walk { groups: trees.chunks(TOGETHER).map(|trees| Group::of(trees, p)).collect() }
    }

    /// Adds to each row's sum the lengths of its ways.
    pub(super) fn add(&self, rows: &[f64], p: usize, out: &mut [f64]) {
        // Group of rows after group, and within one feature after feature.
        let mut ranks = vec![[0; LANES]; p * TILE / LANES];
        for (rows, out) in rows.chunks(TILE * p).zip(out.chunks_mut(TILE)) {
            for group in &self.groups {
                wide(Rank { by_feature: &group.ranks, rows, out: &mut ranks });
                wide(Down { trees: &group.trees, ranks: &ranks, p, out });
            }
        }
    }
}

impl Group {
    fn of(trees: &[Full], p: usize) -> Self {
        let mut thresholds = vec![Vec::new(); p];
        let asked = trees.iter().flat_map(|tree| &tree.questions).filter(|question| question.is_asked());
        for question in asked {
            thresholds[question.feature as usize].push(question.threshold);
        }
        let ranks: Vec<Ranks> = thresholds.into_iter().map(Ranks::of).collect();
        let trees = trees.iter().map(|tree| Ranked::of(tree, &ranks)).collect();
        Group { ranks, trees }
    }
}

/// The ranks of at most [`TILE`] rows.
struct Rank<'a> {
    by_feature: &'a [Ranks],
    rows: &'a [f64],
    out: &'a mut [Lanes],
}

impl NullaryFnOnce for Rank<'_> {
    type Output = ();
    // Plain loops here and below: what is not inlined is not compiled for the CPU's vectors.
    #[inline(always)]
    fn call(self) {
        let p = self.by_feature.len();
        for (j, ranks) in self.by_feature.iter().enumerate() {
            for (group, rows) in self.rows.chunks(LANES * p).enumerate() {
                let out = &mut self.out[group * p + j];
                for (to, row) in out.iter_mut().zip(rows.chunks_exact(p)) {
                    *to = ranks.of_number(row[j]);
                }
            }
        }
    }
}

impl Ranks {
    fn of(mut thresholds: Vec<f64>) -> Self {
        thresholds.sort_unstable_by(f64::total_cmp);
        // Both zeros are one.
        thresholds.dedup_by(|a, b| a == b);
        let (low, high) = match (thresholds.first(), thresholds.last()) {
            (Some(low), Some(high)) => (*low, *high),
            _ => (0.0, 0.0),
        };
        let n = thresholds.len();
        let n_cells = (CELLS_PER_THRESHOLD * n).max(1);
        // Where the range overflows, all numbers come into the first cell.
        let cells_per_unit = n_cells as f64 / (high - low).max(f64::MIN_POSITIVE);
        thresholds.extend([f64::INFINITY; NEAR]);
        let mut ranks = Ranks { thresholds, low, cells_per_unit, starts: vec![0; n_cells + 1] };
        for at in 0..n {
            let cell = ranks.cell(ranks.thresholds[at]);
            ranks.starts[cell + 1] += 1;
        }
        for cell in 0..n_cells {
            ranks.starts[cell + 1] += ranks.starts[cell];
        }
        ranks
    }

    /// Never falls as `x` rises: neither rounding nor the bounds change the order.
    #[inline(always)]
    fn cell(&self, x: f64) -> usize {
        // What is no number becomes 0.
        let cell = ((x - self.low) * self.cells_per_unit) as i32;
        (cell.max(0) as usize).min(self.starts.len() - 2)
    }

    /// How many thresholds are below `x`, which is not infinite.
    #[inline(always)]
    fn of_number(&self, x: f64) -> i16 {
        let cell = self.cell(x);
        let (start, end) = (self.starts[cell] as usize, self.starts[cell + 1] as usize);
        if end - start > NEAR {
            return (start + self.thresholds[start..end].partition_point(|t| *t < x)) as i16;
        }
        // Those of later cells are not below it.
        let near = &self.thresholds[start..start + NEAR];
        let mut rank = start as i16;
        for t in near {
            rank += i16::from(*t < x);
        }
        rank
    }
}

impl Ranked {
    fn of(tree: &Full, ranks: &[Ranks]) -> Self {
        // No rank is higher: below an end, all rows go left.
        let mut questions = [Asked { feature: 0, rank: i16::MAX }; WAYS];
        let mut lengths = [0.0; WAYS];
        for (to, question) in questions.iter_mut().zip(&tree.questions) {
            if question.is_asked() {
                let Question { threshold, feature } = *question;
                *to = Asked { feature, rank: ranks[feature as usize].of_number(threshold) };
            }
        }
        lengths.iter_mut().zip(&tree.lengths).for_each(|(to, length)| *to = *length);
        Ranked { questions, lengths }
    }

    /// Where a group of rows stands after [`TOP`] questions: from the last of these up, the answer to each chooses between those below
    /// it.
    #[inline(always)]
    fn top(&self, ranks: &[Lanes]) -> Lanes {
        const LAST: usize = 1 << (TOP - 1);
        let mut below = [[0; LANES]; LAST];
        for (i, below) in below.iter_mut().enumerate() {
            let Asked { feature, rank } = self.questions[LAST + i];
            let (x, left) = (&ranks[feature as usize], 2 * (LAST + i) as i16);
            for l in 0..LANES {
                below[l] = left + i16::from(x[l] > rank);
            }
        }
        let mut n = LAST / 2;
        while n > 0 {
            for i in 0..n {
                let Asked { feature, rank } = self.questions[n + i];
                let x = &ranks[feature as usize];
                let (left, right) = (below[2 * i], below[2 * i + 1]);
                for l in 0..LANES {
                    below[i][l] = if x[l] > rank { right[l] } else { left[l] };
                }
            }
            n /= 2;
        }
        below[0]
    }

    /// The length of the way of row `l` of a group from where it stands after so many questions.
    #[inline(always)]
    fn onward(&self, ranks: &[Lanes], l: usize, mut at: usize, answered: usize) -> f64 {
        for _ in answered..DEPTH {
            // The remainder changes nothing, but shows that the question is there.
            let Asked { feature, rank } = self.questions[at % WAYS];
            at = 2 * at + usize::from(ranks[feature as usize][l] > rank);
        }
        self.lengths[at % WAYS]
    }
}

/// Rows of known ranks down all trees of a group.
struct Down<'a> {
    trees: &'a [Ranked],
    ranks: &'a [Lanes],
    p: usize,
    out: &'a mut [f64],
}

impl NullaryFnOnce for Down<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        for tree in self.trees {
            for (out, ranks) in self.out.chunks_mut(LANES).zip(self.ranks.chunks_exact(self.p)) {
                if out.len() == LANES {
                    let at = tree.top(ranks);
                    for l in 0..LANES {
                        out[l] += tree.onward(ranks, l, at[l] as usize, TOP);
                    }
                } else {
                    // Fewer rows go the whole way one by one.
                    for (l, sum) in out.iter_mut().enumerate() {
                        *sum += tree.onward(ranks, l % LANES, 1, 0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ranks;

    #[test]
    fn a_rank_is_how_many_thresholds_are_below() {
        let lists: [&[f64]; 7] = [
            &[0.5],
            &[-1.0, -0.0, 0.0, 2.0, 2.0, 1e-300, 3.0],
            &[-1e308, 0.1, 0.2, 1e308],
            &[1e-310, 2e-310, 1.0, 1e60],
            &[0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 1e9],
            &[f64::NEG_INFINITY, 0.0, 1.0],
            &[],
        ];
        for list in lists {
            let ranks = Ranks::of(list.to_vec());
            let around = list.iter().flat_map(|t| [t.next_down(), *t, t.next_up(), -*t, 0.7 * *t]);
            for x in around.chain([0.0, 1e60, -1e60, f64::MAX, f64::MIN]) {
                let below = ranks.thresholds.iter().filter(|t| **t < x).count();
                assert_eq!(ranks.of_number(x), below as i16, "{x} among {list:?}");
            }
        }
    }
}
