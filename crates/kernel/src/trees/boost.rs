//! Growing one tree to gradients: the leaf that gains most is split first, or level by level.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::Range;

use rayon::prelude::*;
use tidemill_core::Trees;

use super::bins::{Binned, GROUP};
use super::histogram::{self, Histogram};
use super::quantized::QuantizedGradients;
use super::split::{self, Bounds, Candidate, Cut, Rules, Scratch, Split, Sums};

/// Rows per task of a partition.
const CHUNK: usize = 16_384;
/// Features from which threads share the search for the best split of one node.
const WORTH_SHARING: usize = 128;

/// Which leaf is split next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The one that gains most.
    #[default]
    BestFirst,
    /// The shallowest.
    LevelByLevel,
}

/// How a tree grows.
#[derive(Clone, Debug)]
pub struct Growth {
    /// At most so many leaves.
    pub max_leaves: usize,
    /// At most so many questions on the way to a leaf.
    pub max_depth: usize,
    /// Which leaf is split next.
    pub order: Order,
    /// A leaf has about so many rows at least; counted by their share of the hessian, as LightGBM does.
    pub min_rows: f64,
    /// The least sum of second derivatives in a leaf.
    pub min_bend: f64,
    /// Taken off gradients.
    pub l1: f64,
    /// Added to hessians.
    pub l2: f64,
    /// The least that a split must gain.
    pub min_gain: f64,
    /// Added to the hessian of each category where they are put in order.
    pub category_smooth: f64,
    /// Added to `l2` where categories are divided.
    pub category_l2: f64,
    /// For each feature 1 where answers may only rise with it, -1 where they may only fall, else 0; empty for none.
    pub monotone: Vec<i8>,
}

/// A leaf of a grown tree.
pub struct Leaf {
    /// Its place in the trees.
    pub node: usize,
    /// Where the rows that it learned from are among [`Grower::rows`].
    pub rows: Range<usize>,
    /// Where the other rows that come to it are among [`Grower::others`].
    pub others: Range<usize>,
    /// Its value must be from this number…
    pub low: f64,
    /// …to this one.
    pub high: f64,
}

struct Open {
    leaf: Leaf,
    depth: usize,
    word: u64,
    histogram: Option<Histogram>,
    split: Split,
    /// The greater, the sooner it is split.
    rank: f64,
}

impl Ord for Open {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then(other.leaf.node.cmp(&self.leaf.node))
    }
}

impl PartialOrd for Open {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Open {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Open {}

/// A node that may become a leaf or be split.
struct Node {
    leaf: Leaf,
    depth: usize,
    word: u64,
}

/// Histograms kept for nodes that may still be split take at most about so many bytes.
const HISTOGRAM_BYTES: usize = 256 << 20;

/// Grows trees on the same table one after the other; its buffers are reused.
pub struct Grower<'a> {
    binned: &'a Binned,
    growth: Growth,
    rows: Vec<u32>,
    words: Vec<u64>,
    others: Vec<u32>,
    spare_rows: Vec<u32>,
    spare_words: Vec<u64>,
    pool: Vec<Histogram>,
    /// How many more histograms there may be.
    spares: usize,
}

impl<'a> Grower<'a> {
    /// A grower for this table.
    pub fn new(binned: &'a Binned, growth: Growth) -> Self {
        let n = binned.n_rows();
        let bytes = binned.groups.len().max(1) * size_of::<histogram::Group>();
        Grower {
            binned,
            growth,
            rows: Vec::new(),
            words: Vec::new(),
            others: Vec::new(),
            spare_rows: vec![0; n],
            spare_words: vec![0; n],
            pool: Vec::new(),
            spares: (HISTOGRAM_BYTES / bytes).max(4),
        }
    }

    /// The rows that were learned from, those of a leaf side by side.
    pub fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// The rows that only followed, those of a leaf side by side.
    pub fn others(&self) -> &[u32] {
        &self.others
    }

    /// Adds a tree to `trees`, grown on the rows `learned` and asking of the `used` features only; its leaves, whose
    /// values are still to be set. The rows of `others` follow to their leaves, and change nothing.
    pub fn grow(
        &mut self,
        quantized: &QuantizedGradients,
        learned: &[u32],
        others: &[u32],
        used: &[bool],
        trees: &mut Trees,
    ) -> Vec<Leaf> {
        self.rows.clear();
        self.rows.extend_from_slice(learned);
        self.others.clear();
        self.others.extend_from_slice(others);
        learned.par_iter().map(|&row| quantized.words[row as usize]).collect_into_vec(&mut self.words);
        let word = self.words.iter().fold(0u64, |sum, w| sum.wrapping_add(*w));
        let tree = Tree { steps: (quantized.slope_step, quantized.bend_step), used };
        let (low, high) = (Bounds::FREE.low, Bounds::FREE.high);
        let (rows, others) = (0..self.rows.len(), 0..self.others.len());
        let root = Node { leaf: Leaf { node: trees.plant(), rows, others, low, high }, depth: 0, word };
        let (mut done, mut open) = (Vec::new(), BinaryHeap::new());
        let mut histogram = self.spare();
        histogram::fill(self.binned, used, &self.rows, &self.words, &mut histogram);
        let split = self.search(&tree, &root, &histogram);
        self.file(root, split, histogram, &mut open, &mut done);
        while let Some(next) = open.pop() {
            if done.len() + open.len() + 1 >= self.growth.max_leaves {
                done.extend(std::iter::once(next).chain(open.drain()).map(|mut open| {
                    self.keep(open.histogram.take());
                    open.leaf
                }));
                break;
            }
            self.divide(&tree, next, trees, &mut open, &mut done);
        }
        done.sort_by_key(|leaf| leaf.node);
        done
    }

    fn keep(&mut self, histogram: Option<Histogram>) {
        if let Some(histogram) = histogram {
            self.spares += 1;
            self.pool.push(histogram);
        }
    }

    fn spare(&mut self) -> Histogram {
        self.spares = self.spares.saturating_sub(1);
        self.pool.pop().unwrap_or_default()
    }

    fn file(
        &mut self,
        node: Node,
        split: Option<Split>,
        histogram: Histogram,
        open: &mut BinaryHeap<Open>,
        done: &mut Vec<Leaf>,
    ) {
        let Some(split) = split else {
            self.keep(Some(histogram));
            done.push(node.leaf);
            return;
        };
        // Where there are too many to be kept, this one will be made again.
        let kept = if self.spares > 2 {
            Some(histogram)
        } else {
            self.keep(Some(histogram));
            None
        };
        let rank = match self.growth.order {
            Order::BestFirst => split.gain,
            Order::LevelByLevel => -(node.depth as f64),
        };
        let Node { leaf, depth, word } = node;
        open.push(Open { leaf, depth, word, histogram: kept, split, rank });
    }

    fn divide(
        &mut self,
        tree: &Tree<'_>,
        mut parent: Open,
        trees: &mut Trees,
        open: &mut BinaryHeap<Open>,
        done: &mut Vec<Leaf>,
    ) {
        let split = parent.split.clone();
        let leaf = &parent.leaf;
        let middle = self.partition(leaf.rows.clone(), split.feature, &split.cut);
        let other_middle = self.partition_others(leaf.others.clone(), split.feature, &split.cut);
        let question = self.binned.bins[split.feature].question(&split.cut);
        let at = trees.split(leaf.node, split.feature, &question, split.cut.missing_left);
        let [left, right] = self.children(tree, &parent, &split, (middle, other_middle), at);
        let deep = parent.depth + 1 >= self.growth.max_depth;
        let full = done.len() + open.len() + 2 >= self.growth.max_leaves;
        if deep || full {
            // They stay leaves, whatever could be asked.
            self.keep(parent.histogram.take());
            done.extend([left.leaf, right.leaf]);
            return;
        }
        let small_is_left = left.leaf.rows.len() <= right.leaf.rows.len();
        let (small, large) = if small_is_left { (&left, &right) } else { (&right, &left) };
        let mut of_small = self.spare();
        self.count(tree, small, &mut of_small);
        let of_large = match parent.histogram.take() {
            Some(mut of_parent) => {
                histogram::subtract(self.binned, &mut of_parent, &of_small);
                of_parent
            }
            None => {
                let mut of_large = self.spare();
                self.count(tree, large, &mut of_large);
                of_large
            }
        };
        let (found_small, found_large) = {
            let grower = &*self;
            rayon::join(|| grower.search(tree, small, &of_small), || grower.search(tree, large, &of_large))
        };
        let ((left_found, left_cells), (right_found, right_cells)) = match small_is_left {
            true => ((found_small, of_small), (found_large, of_large)),
            false => ((found_large, of_large), (found_small, of_small)),
        };
        self.file(left, left_found, left_cells, open, done);
        self.file(right, right_found, right_cells, open, done);
    }

    fn count(&self, tree: &Tree<'_>, node: &Node, out: &mut Histogram) {
        let rows = node.leaf.rows.clone();
        histogram::fill(self.binned, tree.used, &self.rows[rows.clone()], &self.words[rows], out);
    }

    /// Both children, the left one's place given; a constraint on the feature bounds their values.
    fn children(
        &self,
        tree: &Tree<'_>,
        parent: &Open,
        split: &Split,
        (middle, other_middle): (usize, usize),
        at: usize,
    ) -> [Node; 2] {
        let (rows, others) = (parent.leaf.rows.clone(), parent.leaf.others.clone());
        let words = [split.left, parent.word.wrapping_sub(split.left)];
        let mut bounds = [(parent.leaf.low, parent.leaf.high); 2];
        let direction = self.direction(split.feature);
        if direction != 0 {
            let value = |word| {
                let value = split::leaf_value(Sums::of(word, tree.steps), self.growth.l1, self.growth.l2);
                value.clamp(parent.leaf.low, parent.leaf.high)
            };
            let between = value(words[0]) / 2.0 + value(words[1]) / 2.0;
            if direction > 0 {
                (bounds[0].1, bounds[1].0) = (between, between);
            } else {
                (bounds[0].0, bounds[1].1) = (between, between);
            }
        }
        let child = |i: usize, rows, others| Node {
            leaf: Leaf { node: at + i, rows, others, low: bounds[i].0, high: bounds[i].1 },
            depth: parent.depth + 1,
            word: words[i],
        };
        [
            child(0, rows.start..middle, others.start..other_middle),
            child(1, middle..rows.end, other_middle..others.end),
        ]
    }

    fn direction(&self, feature: usize) -> i8 {
        self.growth.monotone.get(feature).copied().unwrap_or(0)
    }

    fn search(&self, tree: &Tree<'_>, node: &Node, histogram: &Histogram) -> Option<Split> {
        let n = node.leaf.rows.len() as f64;
        let whole = Sums::of(node.word, tree.steps);
        if n < 2.0 * self.growth.min_rows || self.growth.max_depth == 0 {
            return None;
        }
        let growth = &self.growth;
        // One row is what any side has; with weights its hessian may be below the mean.
        let rows_bend = if growth.min_rows > 1.0 { growth.min_rows * whole.hessian / n } else { 0.0 };
        let rules = Rules {
            least_bend: growth.min_bend.max(rows_bend * (1.0 - 1e-9)).max(f64::MIN_POSITIVE),
            l1: growth.l1,
            l2: growth.l2,
            least_gain: growth.min_gain,
            category_smooth: growth.category_smooth,
            category_l2: growth.category_l2,
        };
        let candidate = Candidate { total: node.word, steps: tree.steps, rules: &rules };
        let of = |feature: usize, scratch: &mut Scratch| {
            if !tree.used[feature] {
                return None;
            }
            let bounds =
                Bounds { direction: self.direction(feature), low: node.leaf.low, high: node.leaf.high };
            let cells = &histogram[feature / GROUP][feature % GROUP];
            split::best(feature, &self.binned.bins[feature], cells, &candidate, bounds, scratch)
        };
        // The first of equals.
        let better = |a: Option<Split>, b: Option<Split>| match (&a, &b) {
            (Some(x), Some(y)) if y.gain > x.gain => b,
            (None, _) => b,
            _ => a,
        };
        let p = self.binned.n_features();
        if p < WORTH_SHARING {
            let mut scratch = Scratch::default();
            return (0..p).map(|feature| of(feature, &mut scratch)).fold(None, better);
        }
        let features = (0..p).into_par_iter().with_min_len(32);
        features.map_init(Scratch::default, |scratch, feature| of(feature, scratch)).reduce(|| None, better)
    }

    /// Puts the rows that go left before the others, each side in its old order; where the right side begins.
    fn partition(&mut self, range: Range<usize>, feature: usize, cut: &Cut) -> usize {
        let left = goes_left(self.binned, feature, cut);
        let (rows, words) = (&mut self.rows[range.clone()], &mut self.words[range.clone()]);
        let (spare_rows, spare_words) =
            (&mut self.spare_rows[range.clone()], &mut self.spare_words[range.clone()]);
        let parts: Vec<usize> = rows
            .par_chunks(CHUNK)
            .zip(words.par_chunks(CHUNK))
            .zip(spare_rows.par_chunks_mut(CHUNK).zip(spare_words.par_chunks_mut(CHUNK)))
            .map(|((rows, words), (to_rows, to_words))| side_by_side(rows, words, to_rows, to_words, &left))
            .collect();
        let n_left: usize = parts.iter().sum();
        let (mut at_left, mut at_right) = (0, n_left);
        for (c, &n) in parts.iter().enumerate() {
            let (start, end) = (c * CHUNK, rows.len().min((c + 1) * CHUNK));
            let others = end - start - n;
            rows[at_left..at_left + n].copy_from_slice(&spare_rows[start..start + n]);
            words[at_left..at_left + n].copy_from_slice(&spare_words[start..start + n]);
            rows[at_right..at_right + others].copy_from_slice(&spare_rows[start + n..end]);
            words[at_right..at_right + others].copy_from_slice(&spare_words[start + n..end]);
            (at_left, at_right) = (at_left + n, at_right + others);
        }
        range.start + n_left
    }

    /// As [`Grower::partition`], for rows that only follow.
    fn partition_others(&mut self, range: Range<usize>, feature: usize, cut: &Cut) -> usize {
        let left = goes_left(self.binned, feature, cut);
        let rows = &mut self.others[range.clone()];
        let (mut front, mut back) = (0, 0);
        for i in 0..rows.len() {
            let row = rows[i];
            let is_left = left(row);
            (rows[front], self.spare_rows[back]) = (row, row);
            front += usize::from(is_left);
            back += usize::from(!is_left);
        }
        rows[front..].copy_from_slice(&self.spare_rows[..back]);
        range.start + front
    }
}

/// Whether a row goes left.
fn goes_left<'a>(binned: &'a Binned, feature: usize, cut: &Cut) -> impl Fn(u32) -> bool + Sync + use<'a> {
    let mut bins = [false; 256];
    (0..=255u8).for_each(|bin| bins[usize::from(bin)] = cut.goes_left(bin));
    let (group, shift) = (&binned.groups[feature / GROUP], feature % GROUP * 8);
    move |row| bins[usize::from((group[row as usize] >> shift) as u8)]
}

/// What holds for all nodes of one tree.
struct Tree<'a> {
    steps: (f64, f64),
    used: &'a [bool],
}

/// The left rows from the front, the right ones after them; how many are left ones.
fn side_by_side(
    rows: &[u32],
    words: &[u64],
    to_rows: &mut [u32],
    to_words: &mut [u64],
    left: &impl Fn(u32) -> bool,
) -> usize {
    // Written to both ends without a branch; the right side comes out backwards and is turned round.
    let (mut front, mut back) = (0, rows.len());
    for (&row, &word) in rows.iter().zip(words) {
        let is_left = left(row);
        let to = if is_left { front } else { back - 1 };
        (to_rows[to], to_words[to]) = (row, word);
        front += usize::from(is_left);
        back -= usize::from(!is_left);
    }
    to_rows[front..].reverse();
    to_words[front..].reverse();
    front
}
