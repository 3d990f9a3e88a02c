//! What the trees of a forest learn: numbers, or classes.

use super::Item;

/// So many classes are counted one by one.
const COUNTED: usize = 16;

/// What is to be learned, and how sums over rows are kept: so many floats for each bin.
pub trait Labels: Sync {
    /// What is to be learned of one row.
    type Label: Copy + Default + PartialEq + Send + Sync;

    /// Sums over rows.
    type Sums: Clone + AsRef<[f64]> + AsMut<[f64]>;

    /// Numbers per leaf.
    fn width(&self) -> usize;

    /// Sums over no row.
    fn zero(&self) -> Self::Sums;

    /// Adds an item to the sums of its bin.
    fn add(&self, sums: &mut Self::Sums, item: &Item<Self::Label>);

    /// How many classes there are, where sums over rows that all count once are the counts of classes; 0 where they are not.
    fn n_classes(&self) -> usize;

    /// The class of a label, below [`Labels::n_classes`].
    fn class(&self, label: Self::Label) -> u8;

    /// Sums over so many rows of each class that all count once.
    fn sums_of(&self, counts: &[u32], sums: &mut Self::Sums);

    /// Adds items to the sums, one after the other.
    fn add_all(&self, sums: &mut Self::Sums, items: impl Iterator<Item = Item<Self::Label>>) {
        items.for_each(|item| self.add(sums, &item));
    }

    /// The weight in the sums.
    fn weight(&self, sums: &Self::Sums) -> f64;

    /// What the mean of the rows explains: greater for purer rows.
    fn purity(&self, sums: &Self::Sums) -> f64;

    /// What [`Labels::purity`] gives for the two parts of `whole` in sum, the left part given.
    fn purity_of_parts(&self, left: &Self::Sums, whole: &Self::Sums) -> f64;

    /// By what categories are put in order; `chosen` is a random number.
    fn rank(&self, sums: &Self::Sums, chosen: u64) -> f64;

    /// The answer of a leaf into `out`; gives its weight.
    fn values(&self, sums: &Self::Sums, out: &mut [f64]) -> f64;
}

/// Numbers, less their `centre`; or two classes as 0 and 1, whose Gini impurity is twice their variance.
pub struct NumberLabels {
    /// What was taken off each number, and is added to answers.
    pub centre: f64,
    /// Whether a leaf holds the shares of two classes.
    pub two_classes: bool,
}

impl Labels for NumberLabels {
    type Label = f64;
    type Sums = [f64; 2];

    fn width(&self) -> usize {
        if self.two_classes { 2 } else { 1 }
    }

    fn zero(&self) -> [f64; 2] {
        [0.0; 2]
    }

    #[inline(always)]
    fn add(&self, sums: &mut Self::Sums, item: &Item<f64>) {
        let weight = f64::from(item.weight);
        sums[0] += weight;
        sums[1] += weight * item.label;
    }

    fn n_classes(&self) -> usize {
        if self.two_classes && self.centre == 0.0 { 2 } else { 0 }
    }

    #[inline(always)]
    fn class(&self, label: f64) -> u8 {
        label as u8
    }

    fn sums_of(&self, counts: &[u32], sums: &mut Self::Sums) {
        *sums = [f64::from(counts.iter().sum::<u32>()), f64::from(counts[1])];
    }

    #[inline(always)]
    fn add_all(&self, sums: &mut Self::Sums, items: impl Iterator<Item = Item<f64>>) {
        // A copy of its own stays in registers: nothing else could have written to it.
        let mut own = *sums;
        items.for_each(|item| self.add(&mut own, &item));
        *sums = own;
    }

    #[inline(always)]
    fn weight(&self, sums: &Self::Sums) -> f64 {
        sums[0]
    }

    #[inline(always)]
    fn purity(&self, sums: &Self::Sums) -> f64 {
        sums[1] * sums[1] / sums[0]
    }

    #[inline(always)]
    fn purity_of_parts(&self, left: &Self::Sums, whole: &Self::Sums) -> f64 {
        let (weight, sum) = (whole[0] - left[0], whole[1] - left[1]);
        // One division for both.
        (left[1] * left[1] * weight + sum * sum * left[0]) / (left[0] * weight)
    }

    fn rank(&self, sums: &Self::Sums, _: u64) -> f64 {
        sums[1] / sums[0]
    }

    fn values(&self, sums: &Self::Sums, out: &mut [f64]) -> f64 {
        let mean = if sums[0] > 0.0 { self.centre + sums[1] / sums[0] } else { self.centre };
        match out {
            [one] => *one = mean,
            [no, yes, ..] => (*no, *yes) = (1.0 - mean, mean),
            [] => {}
        }
        sums[0]
    }
}

/// So many classes, judged by Gini impurity.
pub struct ClassLabels(pub usize);

impl Labels for ClassLabels {
    type Label = u32;
    type Sums = Box<[f64]>;

    fn width(&self) -> usize {
        self.0
    }

    fn zero(&self) -> Box<[f64]> {
        vec![0.0; self.0].into()
    }

    #[inline(always)]
    fn add(&self, sums: &mut Self::Sums, item: &Item<u32>) {
        sums[item.label as usize] += f64::from(item.weight);
    }

    fn n_classes(&self) -> usize {
        // Each is counted by itself: with very many, one row after the other is quicker.
        if self.0 <= COUNTED { self.0 } else { 0 }
    }

    #[inline(always)]
    fn class(&self, label: u32) -> u8 {
        label as u8
    }

    fn sums_of(&self, counts: &[u32], sums: &mut Self::Sums) {
        sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum = f64::from(*n));
    }

    #[inline(always)]
    fn weight(&self, sums: &Self::Sums) -> f64 {
        sums.iter().sum()
    }

    fn purity(&self, sums: &Self::Sums) -> f64 {
        sums.iter().map(|s| s * s).sum::<f64>() / self.weight(sums)
    }

    #[inline(always)]
    fn purity_of_parts(&self, left: &Self::Sums, whole: &Self::Sums) -> f64 {
        let (mut weights, mut squares) = ([0.0; 2], [0.0; 2]);
        for (l, all) in left.iter().zip(whole.iter()) {
            let r = all - l;
            weights[0] += l;
            weights[1] += r;
            squares[0] += l * l;
            squares[1] += r * r;
        }
        squares[0] / weights[0] + squares[1] / weights[1]
    }

    /// By the share of a class drawn at random: each class is told from the rest in some trees.
    fn rank(&self, sums: &Self::Sums, chosen: u64) -> f64 {
        sums[(chosen % self.0.max(1) as u64) as usize] / self.weight(sums)
    }

    fn values(&self, sums: &Self::Sums, out: &mut [f64]) -> f64 {
        let weight = self.weight(sums);
        out.iter_mut().zip(sums.iter()).for_each(|(o, s)| *o = if weight > 0.0 { s / weight } else { 0.0 });
        weight
    }
}
