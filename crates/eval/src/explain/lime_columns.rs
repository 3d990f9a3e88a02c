//! What LIME knows of each column: how to draw values of it, and what a drawn value is to the local model.

use serde::Serialize;
use tidemill_kernel::{Random, normal};

/// One value or stretch of values of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Bin {
    /// The share of training rows.
    share: f64,
    mean: f64,
    spread: f64,
    least: f64,
    greatest: f64,
    /// The shares of the normal distribution of this mean and spread below both ends.
    below: [f64; 2],
}

/// One column of the training rows.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) enum LimeColumn {
    /// A number as it is.
    Number { mean: f64, scale: f64 },
    /// A number by the stretch that it lies in: up to each edge, beyond the last, and missing.
    Binned { edges: Vec<f64>, bins: Vec<Bin> },
    /// A category by its code, and missing.
    Category { n: usize, shares: Vec<f64> },
}

impl LimeColumn {
    pub(super) fn new(values: &[f64], n_categories: Option<usize>, discretized: bool) -> Self {
        let n = values.len().max(1) as f64;
        if let Some(categories) = n_categories {
            let mut shares = vec![0.0; categories + 1];
            values.iter().for_each(|x| shares[place(*x, categories)] += 1.0 / n);
            return LimeColumn::Category { n: categories, shares };
        }
        let mut sorted: Vec<f64> = values.iter().copied().filter(|x| !x.is_nan()).collect();
        sorted.sort_by(f64::total_cmp);
        if !discretized {
            let (mean, spread) = moments(&sorted);
            return LimeColumn::Number { mean, scale: if spread > 0.0 { spread } else { 1.0 } };
        }
        let mut edges: Vec<f64> =
            [0.25, 0.5, 0.75].iter().filter_map(|share| percentile(&sorted, *share)).collect();
        edges.dedup();
        let mut bins: Vec<Bin> = Vec::with_capacity(edges.len() + 2);
        let mut start = 0;
        for bin in 0..=edges.len() {
            let end = edges.get(bin).map_or(sorted.len(), |edge| sorted.partition_point(|x| x <= edge));
            bins.push(Bin::of(&sorted[start..end], n));
            start = end;
        }
        bins.push(Bin { share: (values.len() - sorted.len()) as f64 / n, ..Bin::of(&[], n) });
        LimeColumn::Binned { edges, bins }
    }

    /// Where a value lies; numbers as they are have one place.
    fn place(&self, x: f64) -> usize {
        match self {
            LimeColumn::Number { .. } => 0,
            LimeColumn::Binned { bins, .. } if x.is_nan() => bins.len() - 1,
            LimeColumn::Binned { edges, .. } => edges.partition_point(|edge| *edge < x),
            LimeColumn::Category { n, .. } => place(x, *n),
        }
    }

    /// What the local model sees of the row itself.
    pub(super) fn own(&self, x: f64) -> f64 {
        match self {
            LimeColumn::Number { mean, scale } => {
                if x.is_nan() {
                    0.0
                } else {
                    (x - mean) / scale
                }
            }
            _ => 1.0,
        }
    }

    /// A drawn value and its mark: for a number as it is what the local model sees of it, else the place where it lies.
    pub(super) fn draw(&self, random: &mut Random) -> (f64, f64) {
        match self {
            LimeColumn::Number { mean, scale } => {
                let z = random.normal();
                (mean + scale * z, z)
            }
            LimeColumn::Binned { bins, .. } => {
                let (at, rest) = pick(bins.iter().map(|bin| bin.share), random);
                let value = if at + 1 == bins.len() { f64::NAN } else { bins[at].value(rest) };
                (value, at as f64)
            }
            LimeColumn::Category { n, shares } => {
                let (at, _) = pick(shares.iter().copied(), random);
                let value = if at == *n { f64::NAN } else { at as f64 };
                (value, at as f64)
            }
        }
    }

    /// The mark of values that count as the row's own; `None` for a number as it is.
    pub(super) fn mark(&self, own: f64) -> Option<f64> {
        match self {
            LimeColumn::Number { .. } => None,
            _ => Some(self.place(own) as f64),
        }
    }

    /// Between which bounds (above the first, up to the second) a value counts as the row's; `None` where it is not about a
    /// stretch.
    pub(super) fn stretch(&self, x: f64) -> Option<(f64, f64)> {
        let LimeColumn::Binned { edges, .. } = self else { return None };
        if x.is_nan() {
            return None;
        }
        let at = self.place(x);
        let below = at.checked_sub(1).map_or(f64::NEG_INFINITY, |below| edges[below]);
        Some((below, edges.get(at).copied().unwrap_or(f64::INFINITY)))
    }
}

impl Bin {
    fn of(values: &[f64], n: f64) -> Self {
        let (mean, spread) = moments(values);
        let least = values.first().copied().unwrap_or(0.0);
        let greatest = values.last().copied().unwrap_or(0.0);
        let below = [least, greatest].map(|end| share_below((end - mean) / spread));
        Bin { share: values.len() as f64 / n, mean, spread, least, greatest, below }
    }

    /// Of the normal distribution of the stretch's mean and spread, between its ends, the value with this share of it below.
    fn value(&self, share: f64) -> f64 {
        if !(self.spread > 0.0 && self.spread.is_finite()) {
            return self.mean;
        }
        let [low, high] = self.below;
        let x = self.mean + self.spread * normal::quantile(low + share * (high - low));
        x.clamp(self.least, self.greatest)
    }
}

/// The share of a normal distribution below `z` standard deviations from its mean.
fn share_below(z: f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    // As fine as the numbers near 1 are.
    for _ in 0..53 {
        let middle = 0.5 * (low + high);
        if normal::quantile(middle) < z { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

fn place(x: f64, n: usize) -> usize {
    if x.is_nan() || x < 0.0 { n } else { (x as usize).min(n) }
}

/// The mean and the standard deviation (of the values, not of a sample).
fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let square = values.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / n;
    (mean, square.sqrt())
}

/// Between neighbours, as NumPy's.
fn percentile(sorted: &[f64], share: f64) -> Option<f64> {
    let at = share * sorted.len().checked_sub(1)? as f64;
    let below = sorted[at as usize];
    let above = sorted[(at as usize + 1).min(sorted.len() - 1)];
    Some(below + (at - at.floor()) * (above - below))
}

/// One of these shares by chance, and where in it, from 0 to 1.
fn pick(shares: impl Iterator<Item = f64>, random: &mut Random) -> (usize, f64) {
    let mut left = random.unit();
    let mut last = 0;
    for (i, share) in shares.enumerate().filter(|(_, share)| *share > 0.0) {
        last = i;
        if left < share {
            return (i, left / share);
        }
        left -= share;
    }
    // Shares that sum to a rounding less than 1.
    (last, 0.5)
}
