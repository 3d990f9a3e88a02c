//! Features as bins: a byte per row and feature, eight features side by side in a word.

use std::borrow::Cow;

use rayon::prelude::*;
use tidemill_core::Question;

/// Bins of values per feature; bin 0 is for what is missing or was never seen.
const MOST_BINS: usize = 255;
/// Bounds are read off about so many rows.
const SAMPLE_ROWS: usize = 60_000;
/// Rows that one thread quantises at a time.
const CHUNK: usize = 8192;
/// Features per word.
pub(super) const GROUP: usize = 8;

/// The values of one feature, `NaN` where missing; lent where they lie as they are wanted.
pub enum Values<'a> {
    /// Numbers in their order.
    Numbers(Cow<'a, [f64]>),
    /// Codes of categories, of which there are so many.
    Codes(Cow<'a, [f64]>, usize),
}

impl Values<'_> {
    fn values(&self) -> &[f64] {
        match self {
            Values::Numbers(values) | Values::Codes(values, _) => values,
        }
    }
}

/// How the values of one feature become bins.
#[derive(Debug)]
pub(super) enum Bins {
    /// Ascending bounds: bin `b` holds the numbers up to `bounds[b - 1]` and above the bound before.
    Number(Vec<f64>),
    /// The bin of each code; codes that are too rare for a bin of their own share the last.
    Category { bin_of: Vec<u8>, n_bins: usize },
}

impl Bins {
    /// How many bins there are, that of missing values included.
    pub(super) fn n_bins(&self) -> usize {
        match self {
            Bins::Number(bounds) => bounds.len() + 2,
            Bins::Category { n_bins, .. } => *n_bins,
        }
    }

    fn of(values: &Values<'_>, most: usize) -> Self {
        match values {
            Values::Numbers(values) => Bins::Number(bounds(values, most)),
            Values::Codes(values, n) => categories(values, *n),
        }
    }

    /// The question that sends these bins left.
    pub(super) fn question(&self, cut: &super::split::Cut) -> Question {
        match self {
            Bins::Number(bounds) => {
                let threshold = bounds.get(cut.bin.wrapping_sub(1)).copied().unwrap_or(f64::INFINITY);
                Question::Number { threshold }
            }
            Bins::Category { bin_of, .. } => {
                let mut left = vec![0u64; bin_of.len().div_ceil(64)];
                for (code, &bin) in bin_of.iter().enumerate() {
                    left[code / 64] |= u64::from(cut.goes_left(bin)) << (code % 64);
                }
                Question::Category { left }
            }
        }
    }
}

/// At most `most` bins with about as many rows each; where there are fewer different numbers, a bin for each.
fn bounds(values: &[f64], most: usize) -> Vec<f64> {
    let step = values.len().div_ceil(SAMPLE_ROWS).max(1);
    let mut sample: Vec<f64> = values.iter().copied().step_by(step).filter(|x| !x.is_nan()).collect();
    sample.sort_unstable_by(f64::total_cmp);
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for x in sample {
        match runs.last_mut() {
            Some((last, count)) if *last == x => *count += 1,
            _ => runs.push((x, 1)),
        }
    }
    let mut bounds = Vec::new();
    let (mut left, mut bins_left, mut held) = (runs.iter().map(|r| r.1).sum::<usize>(), most, 0);
    let each = runs.len() <= most;
    for pair in runs.windows(2) {
        let [(x, count), (next, next_count)] = [pair[0], pair[1]];
        held += count;
        left -= count;
        // Full, or nearer to full than with the next number.
        let full = 2 * held * bins_left >= (held + left) * 2
            || (2 * held + next_count) * bins_left > 2 * (held + left) && next_count > held;
        if each || (full && bins_left > 1) {
            bounds.push(between(x, next));
            bins_left -= 1;
            held = 0;
        }
    }
    bounds
}

/// A number from `a` up, but below `b`.
fn between(a: f64, b: f64) -> f64 {
    let middle = a / 2.0 + b / 2.0;
    if middle >= a && middle < b { middle } else { a }
}

fn categories(values: &[f64], n: usize) -> Bins {
    let mut counts = vec![0usize; n];
    values.iter().filter(|x| !x.is_nan()).for_each(|&x| counts[x as usize] += 1);
    let mut order: Vec<usize> = (0..n).filter(|&code| counts[code] > 0).collect();
    order.sort_by(|&a, &b| counts[b].cmp(&counts[a]).then(a.cmp(&b)));
    // A code without a row is as good as unseen: bin 0.
    let mut bin_of = vec![0u8; n];
    for (rank, &code) in order.iter().enumerate() {
        bin_of[code] = (rank + 1).min(MOST_BINS) as u8;
    }
    Bins::Category { bin_of, n_bins: order.len().min(MOST_BINS) + 1 }
}

/// All features of all rows as bins.
pub struct Binned {
    n_rows: usize,
    pub(super) bins: Vec<Bins>,
    /// For each group of eight features, a word per row.
    pub(super) groups: Vec<Vec<u64>>,
    /// For each group, the most bins that one of its features has.
    pub(super) widths: Vec<usize>,
}

impl Binned {
    /// Quantises features of equal length to at most `most_bins` bins (2 to 255) each.
    pub fn new(features: &[Values<'_>], most_bins: usize) -> Self {
        let most = most_bins.clamp(2, MOST_BINS);
        let bins: Vec<Bins> = features.par_iter().map(|values| Bins::of(values, most)).collect();
        let n_rows = features.first().map_or(0, |f| f.values().len());
        let widths = bins.chunks(GROUP).map(|bins| bins.iter().map(Bins::n_bins).max().unwrap_or(0));
        Binned { n_rows, groups: words(features, &bins, n_rows), widths: widths.collect(), bins }
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many features.
    pub fn n_features(&self) -> usize {
        self.bins.len()
    }

    /// The bin of a row's feature.
    #[inline(always)]
    pub(super) fn bin(&self, feature: usize, row: u32) -> u8 {
        (self.groups[feature / GROUP][row as usize] >> (feature % GROUP * 8)) as u8
    }
}

fn words(features: &[Values<'_>], bins: &[Bins], n_rows: usize) -> Vec<Vec<u64>> {
    let of_group = |(features, bins): (&[Values<'_>], &[Bins])| {
        let mut words = vec![0u64; n_rows];
        words.par_chunks_mut(CHUNK).enumerate().for_each(|(c, words)| {
            for (k, (values, bins)) in features.iter().zip(bins).enumerate() {
                let values = &values.values()[c * CHUNK..c * CHUNK + words.len()];
                put(words, values, bins, k * 8);
            }
        });
        words
    };
    features.chunks(GROUP).zip(bins.chunks(GROUP)).map(of_group).collect()
}

fn put(words: &mut [u64], values: &[f64], bins: &Bins, shift: usize) {
    match bins {
        Bins::Number(bounds) => {
            // Padded to 255, the search is eight steps without a branch.
            let mut padded = [f64::INFINITY; 255];
            padded[..bounds.len()].copy_from_slice(bounds);
            let last = bounds.len() as u64 + 1;
            for (word, &x) in words.iter_mut().zip(values) {
                let mut below = 0usize;
                for step in [128, 64, 32, 16, 8, 4, 2, 1] {
                    below += if padded[below + step - 1] < x { step } else { 0 };
                }
                let bin = if x.is_nan() { 0 } else { (below as u64 + 1).min(last) };
                *word |= bin << shift;
            }
        }
        Bins::Category { bin_of, .. } => {
            for (word, &x) in words.iter_mut().zip(values) {
                let bin = if x.is_nan() { 0 } else { bin_of.get(x as usize).copied().unwrap_or(0) };
                *word |= u64::from(bin) << shift;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_numbers_have_a_bin_each() {
        let binned =
            Binned::new(&[Values::Numbers(vec![3.0, 1.0, f64::NAN, 2.0, f64::INFINITY].into())], 255);
        let bins: Vec<u8> = (0..5).map(|i| binned.bin(0, i)).collect();
        assert_eq!(bins, [3, 1, 0, 2, 4]);
    }

    #[test]
    fn many_numbers_share_evenly() {
        let values: Vec<f64> = (0..10_000).map(f64::from).collect();
        let bounds = bounds(&values, 255);
        assert_eq!(bounds.len(), 254);
        let sizes: Vec<f64> = bounds.windows(2).map(|b| b[1] - b[0]).collect();
        assert!(sizes.iter().all(|s| (38.0..=41.0).contains(s)), "{sizes:?}");
        let heavy: Vec<f64> = (0..10_000).map(|i| if i < 5000 { 0.0 } else { f64::from(i) }).collect();
        let bounds = super::bounds(&heavy, 10);
        assert_eq!(bounds.len(), 9);
        assert!(bounds[0] < 5000.0);
    }

    #[test]
    fn bounds_stay_below_the_next_number() {
        assert_eq!(between(1.0, 2.0), 1.5);
        assert_eq!(between(f64::NEG_INFINITY, 0.0), f64::NEG_INFINITY);
        assert_eq!(between(0.0, f64::INFINITY), 0.0);
        let next = 1.0f64.next_up();
        assert_eq!(between(1.0, next), 1.0);
    }
}
