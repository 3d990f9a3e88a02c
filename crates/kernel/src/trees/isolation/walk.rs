//! The ways of many rows down many trees: numbers become ranks among the thresholds, and sixteen rows go down side by side.
//!
//! `x > t` says the same as `rank(x) > rank(t)`, where the rank of a number is how many of its feature's thresholds are below it. Ranks
//! take 16 bits, so that a vector of the CPU holds the ranks of sixteen rows and more.

use pulp::NullaryFnOnce;

use super::{DEPTH, Full, Question, WAYS};
use crate::vector::wide;

/// Rows whose ranks are found, and that go down one tree after the other.
const TILE: usize = 128;
/// Rows that go down a tree side by side.
const LANES: usize = 16;
/// Trees whose thresholds are ranked together: no rank is above `i16::MAX`.
const TOGETHER: usize = 128;
/// So many questions are answered for all rows alike, whether or not a row comes past them: twice as many for one level more.
const TOP: usize = 5;
/// Cells of a feature's numbers per threshold.
const CELLS_PER_THRESHOLD: usize = 2;

/// The ranks of sixteen rows, or where they stand in a tree.
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
        let mut ranks = vec![0; p * TILE];
        for (rows, out) in rows.chunks(TILE * p).zip(out.chunks_mut(TILE)) {
            for group in &self.groups {
                group.rank(rows, p, &mut ranks);
                wide(Down { trees: &group.trees, ranks: &ranks, out });
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

    /// Writes the ranks of at most [`TILE`] rows, feature after feature.
    fn rank(&self, rows: &[f64], p: usize, out: &mut [i16]) {
        for (j, (ranks, out)) in self.ranks.iter().zip(out.chunks_exact_mut(TILE)).enumerate() {
            rows.iter().skip(j).step_by(p).zip(out).for_each(|(x, to)| *to = ranks.of_number(*x));
        }
    }
}

impl Ranks {
    fn of(mut thresholds: Vec<f64>) -> Self {
        thresholds.sort_unstable_by(f64::total_cmp);
        // Both zeros are one.
        thresholds.dedup_by(|a, b| a == b);
        let (Some(&low), Some(&high)) = (thresholds.first(), thresholds.last()) else {
            return Ranks { starts: vec![0; 2], ..Ranks::default() };
        };
        let n_cells = CELLS_PER_THRESHOLD * thresholds.len();
        // Where the range overflows, all numbers come into the first cell.
        let cells_per_unit = n_cells as f64 / (high - low).max(f64::MIN_POSITIVE);
        let mut ranks = Ranks { thresholds, low, cells_per_unit, starts: vec![0; n_cells + 1] };
        for at in 0..ranks.thresholds.len() {
            let cell = ranks.cell(ranks.thresholds[at]);
            ranks.starts[cell + 1] += 1;
        }
        (0..n_cells).for_each(|cell| ranks.starts[cell + 1] += ranks.starts[cell]);
        ranks
    }

    /// Never falls as `x` rises: neither rounding nor the bounds change the order.
    #[inline(always)]
    fn cell(&self, x: f64) -> usize {
        // What is no number becomes 0.
        let cell = ((x - self.low) * self.cells_per_unit) as i32;
        (cell.max(0) as usize).min(self.starts.len() - 2)
    }

    /// How many thresholds are below `x`.
    #[inline(always)]
    fn of_number(&self, x: f64) -> i16 {
        let cell = self.cell(x);
        let (start, end) = (self.starts[cell], self.starts[cell + 1]);
        let own = &self.thresholds[start as usize..end as usize];
        start + own.partition_point(|t| *t < x) as i16
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

    /// Where sixteen rows stand after [`TOP`] questions: from the last of these up, the answer to each question chooses between those
    /// below it.
    #[inline(always)]
    fn top(&self, ranks: &[i16], from: usize) -> Lanes {
        const WIDE: usize = 1 << (TOP - 1);
        let mut below = [[0; LANES]; WIDE];
        for (i, below) in below.iter_mut().enumerate() {
            let (rank, x) = self.asked(WIDE + i, ranks, from);
            let left = 2 * (WIDE + i) as i16;
            (0..LANES).for_each(|l| below[l] = left + i16::from(x[l] > rank));
        }
        let mut n = WIDE / 2;
        while n > 0 {
            for i in 0..n {
                let (rank, x) = self.asked(n + i, ranks, from);
                let (left, right) = (below[2 * i], below[2 * i + 1]);
                below[i] = std::array::from_fn(|l| if x[l] > rank { right[l] } else { left[l] });
            }
            n /= 2;
        }
        below[0]
    }

    /// Rows from `from` on, down from where each of them stands after so many questions.
    #[inline(always)]
    fn onward(&self, ranks: &[i16], from: usize, at: &mut [usize], answered: usize) {
        for _ in answered..DEPTH {
            for (l, at) in at.iter_mut().enumerate() {
                // The remainder changes nothing, but shows that the question is there.
                let Asked { feature, rank } = self.questions[*at % WAYS];
                let x = ranks[feature as usize * TILE + from + l];
                *at = 2 * *at + usize::from(x > rank);
            }
        }
    }

    /// The rank that question `i` asks for, and those of sixteen rows from `from` on.
    #[inline(always)]
    fn asked(&self, i: usize, ranks: &[i16], from: usize) -> (i16, Lanes) {
        let Asked { feature, rank } = self.questions[i];
        let mut own = [0; LANES];
        own.copy_from_slice(&ranks[feature as usize * TILE + from..][..LANES]);
        (rank, own)
    }
}

/// Rows of known ranks down all trees of a group.
struct Down<'a> {
    trees: &'a [Ranked],
    ranks: &'a [i16],
    out: &'a mut [f64],
}

impl NullaryFnOnce for Down<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        let (groups, rest) = self.out.as_chunks_mut::<LANES>();
        for tree in self.trees {
            for (group, out) in groups.iter_mut().enumerate() {
                let from = group * LANES;
                let mut at = tree.top(self.ranks, from).map(|at| at as usize);
                tree.onward(self.ranks, from, &mut at, TOP);
                out.iter_mut().zip(at).for_each(|(sum, at)| *sum += tree.lengths[at % WAYS]);
            }
            // Fewer rows go the whole way one by one.
            let mut at = [1; LANES];
            tree.onward(self.ranks, groups.len() * LANES, &mut at[..rest.len()], 0);
            rest.iter_mut().zip(at).for_each(|(sum, at)| *sum += tree.lengths[at % WAYS]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Ranks;

    #[test]
    fn a_rank_is_how_many_thresholds_are_below() {
        let lists: [&[f64]; 6] = [
            &[0.5],
            &[-1.0, -0.0, 0.0, 2.0, 2.0, 1e-300, 3.0],
            &[-1e308, 0.1, 0.2, 1e308],
            &[1e-310, 2e-310, 1.0, 1e60],
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
