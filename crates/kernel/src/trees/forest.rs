//! Growing one tree of a forest: deep, on a sample of rows, a few features tried at each node.

use tidemill_core::Trees;

use super::bins::{Binned, Bins};
use super::split::Cut;
use crate::Random;

/// How the tree of a forest grows.
#[derive(Clone, Debug)]
pub struct ForestGrowth {
    /// At most so many questions on the way to a leaf.
    pub max_depth: usize,
    /// A node of fewer rows stays a leaf.
    pub min_split: f64,
    /// A leaf has so many rows at least.
    pub min_leaf: f64,
    /// Features tried at each node.
    pub tries: usize,
    /// One random threshold for each feature instead of the best (Geurts, Ernst, Wehenkel 2006).
    pub random_cuts: bool,
}

/// What is to be learned of each row.
pub enum Labels<'a> {
    /// A number.
    Numbers(&'a [f64]),
    /// A class below this count.
    Classes(&'a [u32], usize),
}

impl Labels<'_> {
    fn width(&self) -> usize {
        match self {
            Labels::Numbers(_) => 1,
            Labels::Classes(_, k) => *k,
        }
    }

    /// Adds a row to sums: per class its weight, or of a number weight, sum and (unused) nothing else.
    #[inline(always)]
    fn add(&self, sums: &mut [f64], row: u32, weight: f64) {
        match self {
            Labels::Numbers(values) => {
                sums[0] += weight;
                sums[1] += weight * values[row as usize];
            }
            Labels::Classes(classes, _) => sums[classes[row as usize] as usize] += weight,
        }
    }

    fn n_sums(&self) -> usize {
        match self {
            Labels::Numbers(_) => 2,
            Labels::Classes(_, k) => *k,
        }
    }

    fn weight(&self, sums: &[f64]) -> f64 {
        match self {
            Labels::Numbers(_) => sums[0],
            Labels::Classes(..) => sums.iter().sum(),
        }
    }

    /// What the rows' mean explains: greater for purer rows. Of numbers the square of the sum over the weight, of
    /// classes the same summed over their shares (Gini).
    #[inline(always)]
    fn purity(&self, sums: &[f64], weight: f64) -> f64 {
        match self {
            Labels::Numbers(_) => sums[1] * sums[1] / weight,
            Labels::Classes(..) => sums.iter().map(|s| s * s).sum::<f64>() / weight,
        }
    }

    fn values(&self, sums: &[f64], weight: f64) -> Vec<f64> {
        let share = |s: &f64| if weight > 0.0 { s / weight } else { 0.0 };
        match self {
            Labels::Numbers(_) => vec![share(&sums[1])],
            Labels::Classes(..) => sums.iter().map(share).collect(),
        }
    }

    fn pure(&self, rows: &[(u32, f32)]) -> bool {
        let Some(first) = rows.first().map(|r| r.0 as usize) else { return true };
        match self {
            Labels::Numbers(values) => rows.iter().all(|r| values[r.0 as usize] == values[first]),
            Labels::Classes(classes, _) => rows.iter().all(|r| classes[r.0 as usize] == classes[first]),
        }
    }
}

/// One feature's histogram, and which of its bins hold a row: small nodes touch and clear a few cells only.
struct Cells {
    sums: Vec<f64>,
    weights: Vec<f64>,
    seen: [u64; 4],
    width: usize,
}

impl Cells {
    fn new(width: usize) -> Self {
        Cells { sums: vec![0.0; 256 * width], weights: vec![0.0; 256], seen: [0; 4], width }
    }

    fn bins(&self) -> impl Iterator<Item = usize> {
        let seen = self.seen;
        (0..4).flat_map(move |w| {
            let mut word = seen[w];
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                (word != 0).then(|| {
                    word &= word - 1;
                    w * 64 + bit
                })
            })
        })
    }

    fn of(&self, bin: usize) -> &[f64] {
        &self.sums[bin * self.width..(bin + 1) * self.width]
    }

    fn fill(&mut self, binned: &Binned, feature: usize, labels: &Labels<'_>, rows: &[(u32, f32)]) {
        for &(row, weight) in rows {
            let bin = usize::from(binned.bin(feature, row));
            self.seen[bin / 64] |= 1 << (bin % 64);
            self.weights[bin] += f64::from(weight);
            labels.add(&mut self.sums[bin * self.width..(bin + 1) * self.width], row, f64::from(weight));
        }
    }

    fn clear(&mut self) {
        let bins: Vec<usize> = self.bins().collect();
        for bin in bins {
            self.sums[bin * self.width..(bin + 1) * self.width].fill(0.0);
            self.weights[bin] = 0.0;
        }
        self.seen = [0; 4];
    }
}

struct Best {
    purity: f64,
    feature: usize,
    cut: Cut,
}

struct Growing<'a> {
    binned: &'a Binned,
    labels: &'a Labels<'a>,
    growth: &'a ForestGrowth,
    cells: Cells,
    random: Random,
    order: Vec<usize>,
}

/// Adds one tree to `trees`, grown on rows with their weights (a row drawn twice has weight 2).
///
/// The leaves of `trees` must hold a number for regression, or one per class.
pub fn grow(
    binned: &Binned,
    labels: &Labels<'_>,
    growth: &ForestGrowth,
    rows: &mut [(u32, f32)],
    random: Random,
    trees: &mut Trees,
) {
    let mut growing = Growing {
        binned,
        labels,
        growth,
        cells: Cells::new(labels.n_sums()),
        random,
        order: (0..binned.n_features()).collect(),
    };
    debug_assert!(labels.width() > 0);
    let root = trees.plant();
    let mut waiting = vec![(root, 0..rows.len(), 0usize)];
    while let Some((node, range, depth)) = waiting.pop() {
        let here = &mut rows[range.clone()];
        let mut sums = vec![0.0; labels.n_sums()];
        here.iter().for_each(|&(row, w)| labels.add(&mut sums, row, f64::from(w)));
        let weight = labels.weight(&sums);
        match growing.best(here, &sums, weight, depth) {
            Some(best) => {
                let goes_left = |row: u32| best.cut.goes_left(binned.bin(best.feature, row));
                let middle = divide(here, goes_left);
                let question = binned.bins[best.feature].question(&best.cut);
                let left = trees.split(node, best.feature, &question, best.cut.missing_left);
                waiting.push((left + 1, range.start + middle..range.end, depth + 1));
                waiting.push((left, range.start..range.start + middle, depth + 1));
            }
            None => trees.leaf(node, &labels.values(&sums, weight), weight),
        }
    }
    trees.finish();
}

/// Rows that go left to the front; how many they are.
fn divide(rows: &mut [(u32, f32)], goes_left: impl Fn(u32) -> bool) -> usize {
    let mut front = 0;
    for i in 0..rows.len() {
        if goes_left(rows[i].0) {
            rows.swap(front, i);
            front += 1;
        }
    }
    front
}

impl Growing<'_> {
    fn best(&mut self, rows: &[(u32, f32)], sums: &[f64], weight: f64, depth: usize) -> Option<Best> {
        let growth = self.growth;
        let too_small = weight < growth.min_split || weight < 2.0 * growth.min_leaf || rows.len() < 2;
        if too_small || depth >= growth.max_depth || self.labels.pure(rows) {
            return None;
        }
        let mut best: Option<Best> = None;
        let floor = self.labels.purity(sums, weight) * (1.0 + 1e-12);
        // More are tried than asked for while those tried could not divide the rows.
        let mut tried = 0;
        for at in 0..self.order.len() {
            if tried >= growth.tries {
                break;
            }
            let other = at + self.random.below(self.order.len() - at);
            self.order.swap(at, other);
            let feature = self.order[at];
            self.cells.fill(self.binned, feature, self.labels, rows);
            let n_seen: u32 = self.cells.seen.iter().map(|w| w.count_ones()).sum();
            if n_seen > 1 {
                tried += 1;
                if let Some((purity, cut)) = self.cut(feature, sums, weight)
                    && purity > best.as_ref().map_or(floor, |b| b.purity)
                {
                    best = Some(Best { purity, feature, cut });
                }
            }
            self.cells.clear();
        }
        best
    }

    /// The best cut of the feature in the cells, or a random one.
    fn cut(&mut self, feature: usize, sums: &[f64], weight: f64) -> Option<(f64, Cut)> {
        let mut order: Vec<usize> = self.cells.bins().collect();
        let is_category = matches!(self.binned.bins[feature], Bins::Category { .. });
        if is_category {
            if self.growth.random_cuts {
                self.random.shuffle(&mut order);
            } else {
                self.sort_categories(&mut order);
            }
        }
        let chosen = if self.growth.random_cuts { self.random_place(&order, is_category) } else { None };
        let least = self.growth.min_leaf;
        let mut left = vec![0.0; sums.len()];
        let mut right = vec![0.0; sums.len()];
        let (mut left_weight, mut best): (f64, Option<(f64, usize)>) = (0.0, None);
        for (at, &bin) in order[..order.len() - 1].iter().enumerate() {
            left.iter_mut().zip(self.cells.of(bin)).for_each(|(l, s)| *l += s);
            left_weight += self.cells.weights[bin];
            let right_weight = weight - left_weight;
            let wanted = chosen.is_none_or(|chosen| chosen == at);
            if !wanted || left_weight < least || right_weight < least || right_weight <= 0.0 {
                continue;
            }
            right.iter_mut().zip(sums.iter().zip(&left)).for_each(|(r, (s, l))| *r = s - l);
            let purity = self.labels.purity(&left, left_weight) + self.labels.purity(&right, right_weight);
            if best.is_none_or(|(most, _)| purity > most) {
                best = Some((purity, at));
            }
        }
        let (purity, at) = best?;
        let weight_of = |bins: &[usize]| bins.iter().map(|&b| self.cells.weights[b]).sum::<f64>();
        let follows = 2.0 * weight_of(&order[..=at]) > weight;
        let missing_seen = self.cells.seen[0] & 1 == 1;
        // Bin 0, of the missing, comes first in the order of numbers.
        let missing_left = if missing_seen { order[..=at].contains(&0) } else { follows };
        let cut = if is_category {
            let mut set = [0u64; 4];
            order[..=at].iter().for_each(|&b| set[b / 64] |= 1 << (b % 64));
            Cut { bin: 0, set: Some(set), missing_left }
        } else {
            Cut { bin: order[at], set: None, missing_left }
        };
        Some((purity, cut))
    }

    /// The place of a random threshold between the least and the greatest bin.
    fn random_place(&mut self, order: &[usize], is_category: bool) -> Option<usize> {
        let (first, last) = (*order.first()?, *order.last()?);
        if is_category {
            return Some(self.random.below(order.len() - 1));
        }
        let threshold = first + self.random.below(last - first);
        Some(order.iter().take_while(|b| **b <= threshold).count() - 1)
    }

    /// By the mean of numbers; of classes, by the share of the last one that differs most: exact for two classes.
    fn sort_categories(&self, order: &mut [usize]) {
        let mean = |bin: &usize| {
            let sums = self.cells.of(*bin);
            let top = match self.labels {
                Labels::Numbers(_) => sums[1],
                Labels::Classes(..) => sums.iter().enumerate().map(|(c, s)| c as f64 * s).sum(),
            };
            top / self.cells.weights[*bin]
        };
        order.sort_by(|a, b| mean(a).total_cmp(&mean(b)).then(a.cmp(b)));
    }
}
