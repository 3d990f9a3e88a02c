//! Growing one tree of a forest: deep, on a sample of rows, a few features tried at each node.

mod cells;
mod cut;
mod labels;
mod tally;

use std::ops::Range;

use rayon::prelude::*;
use tidemill_core::{Context, Result, Trees};

use super::bins::{Binned, Bins};
use super::split::{Cut, Side};
use crate::Random;
use cells::Cells;
pub use labels::{ClassLabels, Labels, NumberLabels};
use tally::Tally;

/// How the tree of a forest grows.
#[derive(Clone, Debug)]
pub struct ForestGrowth {
    /// At most so many questions on the way to a leaf.
    pub max_depth: usize,
    /// A node of fewer rows stays a leaf.
    pub min_split: usize,
    /// A leaf has so many rows at least; a row drawn twice is one row.
    pub min_leaf: usize,
    /// Features tried at each node.
    pub tries: usize,
    /// One random threshold for each feature instead of the best (Geurts, Ernst, Wehenkel 2006).
    pub random_cuts: bool,
}

/// A row of the sample: its number, its weight (times drawn, times its own), and what is to be learned of it.
#[derive(Clone, Copy, Default)]
pub struct Item<T> {
    /// The row.
    pub row: u32,
    /// How much it counts, above 0.
    pub weight: f32,
    /// What is to be learned of it.
    pub label: T,
}

/// Bins as a byte per row, feature after feature: a forest asks about one feature at a time.
pub struct ByteColumns<'a> {
    binned: &'a Binned,
    columns: Vec<Vec<u8>>,
}

impl<'a> ByteColumns<'a> {
    /// The same bins.
    pub fn new(binned: &'a Binned) -> Self {
        let column = |j| (0..binned.n_rows() as u32).map(|row| binned.bin(j, row)).collect();
        ByteColumns { binned, columns: (0..binned.n_features()).into_par_iter().map(column).collect() }
    }

    fn is_category(&self, feature: usize) -> bool {
        matches!(self.binned.bins[feature], Bins::Category { .. })
    }
}

/// The best question so far.
struct Best {
    purity: f64,
    feature: usize,
    cut: Cut,
}

struct Growing<'a, L: Labels> {
    columns: &'a ByteColumns<'a>,
    labels: &'a L,
    growth: &'a ForestGrowth,
    random: Random,
    /// The features; those that were drawn at the current node first.
    order: Vec<usize>,
    cells: Cells<L>,
    /// The bins of the node's rows, for random cuts.
    bins: Vec<u8>,
    /// For random cuts, a 1 for each of the node's rows that goes left; and the same of the best cut so far.
    left: Vec<u8>,
    best_left: Vec<u8>,
    /// For random cuts of rows of classes that all count once: whether it is so, and the node's rows.
    counted: bool,
    tally: Tally,
    spare: Vec<Item<L::Label>>,
    spare_others: Vec<u32>,
}

/// A node whose rows are still together.
struct Waiting {
    node: usize,
    items: Range<usize>,
    others: Range<usize>,
    depth: usize,
}

/// What every tree of a forest grows on.
pub struct ForestGround<'a, L> {
    /// The features of all rows.
    pub columns: &'a ByteColumns<'a>,
    /// What is to be learned.
    pub labels: &'a L,
    /// How trees grow.
    pub growth: &'a ForestGrowth,
    /// Whom to ask whether to go on.
    pub context: &'a Context,
}

/// Adds one tree to `trees`, grown on these items; the place of the leaf that each of the `others` comes to, which
/// are put in another order as the items are.
///
/// Each leaf of `trees` must hold [`Labels::width`] numbers. Errors when the user asked to stop.
pub fn grow<L: Labels>(
    ground: &ForestGround<'_, L>,
    items: &mut [Item<L::Label>],
    others: &mut [u32],
    random: Random,
    trees: &mut Trees,
) -> Result<Vec<u32>> {
    let ForestGround { columns, labels, growth, context } = *ground;
    let mut growing = Growing {
        columns,
        labels,
        growth,
        random,
        order: (0..columns.columns.len()).collect(),
        cells: Cells::new(labels),
        bins: Vec::new(),
        left: Vec::new(),
        best_left: Vec::new(),
        counted: growth.random_cuts && labels.n_classes() > 0 && items.iter().all(|item| item.weight == 1.0),
        tally: Tally::new(labels.n_classes()),
        spare: vec![Item::default(); items.len()],
        spare_others: vec![0; others.len()],
    };
    let mut leaves = vec![0; others.len()];
    let mut values = vec![0.0; labels.width()];
    let root = Waiting { node: trees.plant(), items: 0..items.len(), others: 0..others.len(), depth: 0 };
    let mut waiting = vec![root];
    while let Some(parent) = waiting.pop() {
        let here = &mut items[parent.items.clone()];
        let Some(best) = growing.best(here, parent.depth) else {
            let weight = labels.values(&growing.cells.whole, &mut values);
            trees.leaf(parent.node, &values, weight);
            leaves[parent.others].fill(parent.node as u32);
            continue;
        };
        if here.len() > 1000 {
            context.check()?;
        }
        let bins = &columns.columns[best.feature];
        let side = Side::of(&best.cut);
        let goes_left = |row: u32| side.is_left(bins[row as usize]);
        let n_items = match growth.random_cuts {
            true => divide(here, &mut growing.spare, |i, _| growing.best_left[i] == 1),
            false => divide(here, &mut growing.spare, |_, item| goes_left(item.row)),
        };
        let there = &mut others[parent.others.clone()];
        let n_others = divide(there, &mut growing.spare_others, |_, row| goes_left(*row));
        let question = columns.binned.bins[best.feature].question(&best.cut);
        let node = trees.split(parent.node, best.feature, &question, best.cut.missing_left);
        let (item, other) = (parent.items.start + n_items, parent.others.start + n_others);
        let depth = parent.depth + 1;
        let (items, others) = (item..parent.items.end, other..parent.others.end);
        waiting.push(Waiting { node: node + 1, items, others, depth });
        let (items, others) = (parent.items.start..item, parent.others.start..other);
        waiting.push(Waiting { node, items, others, depth });
    }
    trees.finish();
    Ok(leaves)
}

/// Puts those that go left before the rest, both in their old order; how many they are.
fn divide<T: Copy>(items: &mut [T], spare: &mut [T], goes_left: impl Fn(usize, &T) -> bool) -> usize {
    let (mut front, mut others) = (0, 0);
    // Both places are written, one counts: no branch that nobody can predict.
    for i in 0..items.len() {
        let item = items[i];
        let left = goes_left(i, &item);
        items[front] = item;
        spare[others] = item;
        front += usize::from(left);
        others += usize::from(!left);
    }
    items[front..].copy_from_slice(&spare[..others]);
    front
}

impl<L: Labels> Growing<'_, L> {
    /// The best question about these rows, if there is one; their sums lie in the cells.
    fn best(&mut self, items: &[Item<L::Label>], depth: usize) -> Option<Best> {
        let growth = self.growth;
        let pure = match self.counted {
            true => self.cells.count(self.labels, items, &mut self.tally),
            false => self.cells.sum(self.labels, items),
        };
        let too_few = items.len() < growth.min_split.max(2 * growth.min_leaf).max(2);
        if pure || too_few || depth >= growth.max_depth {
            return None;
        }
        let mut best: Option<Best> = None;
        let floor = self.labels.purity(&self.cells.whole) * (1.0 + 1e-12);
        let mut tried = 0;
        for at in 0..self.order.len() {
            // More are tried than asked for while those tried hold one value only.
            if tried >= growth.tries {
                break;
            }
            let other = at + self.random.below(self.order.len() - at);
            self.order.swap(at, other);
            let feature = self.order[at];
            let found = if growth.random_cuts {
                self.random_cut(feature, items, &mut tried)
            } else {
                self.best_cut(feature, items, &mut tried)
            };
            if let Some((purity, cut)) = found
                && purity > best.as_ref().map_or(floor, |b| b.purity)
            {
                best = Some(Best { purity, feature, cut });
                std::mem::swap(&mut self.left, &mut self.best_left);
            }
        }
        best
    }
}
