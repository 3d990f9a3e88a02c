//! What steps learn about a number column: counts, means, spreads and quantiles of its finite values.
//!
//! Sums go over chunks of fixed size whose results are added up in a fixed tree, so that the answer is the same
//! whatever the number of threads. Missing values, `NaN` and infinities are left out; the weight column is not used.

use arrow_array::{Array, Float64Array};
use rayon::prelude::*;

/// Values of one chunk; small enough to stay in the first-level cache.
const CHUNK: usize = 4096;
/// Independent sums within a chunk, which the compiler turns into vector instructions.
const LANES: usize = 8;

/// What one pass over a column finds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Summary {
    /// How many values are finite.
    pub(crate) n: usize,
    /// How many values are infinite.
    pub(crate) n_infinite: usize,
    /// The mean of the finite values, 0 when there are none.
    pub(crate) mean: f64,
    /// The least of them, `inf` when there are none.
    pub(crate) min: f64,
    /// The greatest of them, `-inf` when there are none.
    pub(crate) max: f64,
}

#[derive(Clone, Copy)]
struct Part {
    n: f64,
    n_infinite: f64,
    sum: f64,
    min: f64,
    max: f64,
}

/// Count, mean, least and greatest of the finite values.
pub(crate) fn summary(values: &Float64Array) -> Summary {
    let parts = by_chunks(values, |chunk| {
        let mut lanes =
            [Part { n: 0.0, n_infinite: 0.0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }; LANES];
        for eight in chunk.chunks(LANES) {
            for (lane, &x) in lanes.iter_mut().zip(eight) {
                let finite = x.is_finite();
                lane.n += if finite { 1.0 } else { 0.0 };
                lane.n_infinite += if x.is_infinite() { 1.0 } else { 0.0 };
                lane.sum += if finite { x } else { 0.0 };
                lane.min = if finite && x < lane.min { x } else { lane.min };
                lane.max = if finite && x > lane.max { x } else { lane.max };
            }
        }
        tree(&lanes, &join)
    });
    let Some(all) = (!parts.is_empty()).then(|| tree(&parts, &join)) else {
        return Summary { n: 0, n_infinite: 0, mean: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };
    };
    let mut mean = if all.n > 0.0 { all.sum / all.n } else { 0.0 };
    if !mean.is_finite() {
        mean = tree_sum(values, |x| x / all.n);
    }
    Summary { n: all.n as usize, n_infinite: all.n_infinite as usize, mean, min: all.min, max: all.max }
}

fn join(a: Part, b: Part) -> Part {
    Part {
        n: a.n + b.n,
        n_infinite: a.n_infinite + b.n_infinite,
        sum: a.sum + b.sum,
        min: a.min.min(b.min),
        max: a.max.max(b.max),
    }
}

/// The variance (divided by n) of the finite values around their `mean`: the corrected two-pass algorithm of Chan,
/// Golub and LeVeque (1983), as in scikit-learn. 0 when there are none.
pub(crate) fn variance(values: &Float64Array, n: usize, mean: f64) -> f64 {
    if n == 0 {
        return 0.0;
    }
    let parts = by_chunks(values, |chunk| {
        let mut lanes = [(0.0, 0.0); LANES];
        for eight in chunk.chunks(LANES) {
            for (lane, &x) in lanes.iter_mut().zip(eight) {
                let d = if x.is_finite() { x - mean } else { 0.0 };
                *lane = (lane.0 + d, lane.1 + d * d);
            }
        }
        tree(&lanes, &|a, b| (a.0 + b.0, a.1 + b.1))
    });
    let (sum, squares): (f64, f64) = tree(&parts, &|a, b| (a.0 + b.0, a.1 + b.1));
    let n = n as f64;
    ((squares - sum * sum / n) / n).max(0.0)
}

/// The sum of `f` over the finite values.
fn tree_sum(values: &Float64Array, f: impl Fn(f64) -> f64 + Sync + Send) -> f64 {
    let parts = by_chunks(values, |chunk| chunk.iter().filter(|x| x.is_finite()).map(|&x| f(x)).sum::<f64>());
    if parts.is_empty() { 0.0 } else { tree(&parts, &|a, b| a + b) }
}

/// `work` on every chunk, with missing values shown as `NaN`; results in the order of the chunks.
fn by_chunks<T: Send>(values: &Float64Array, work: impl Fn(&[f64]) -> T + Sync + Send) -> Vec<T> {
    let all: &[f64] = values.values();
    let Some(nulls) = values.nulls().filter(|n| n.null_count() > 0) else {
        return all.par_chunks(CHUNK).with_min_len(8).map(work).collect();
    };
    let chunks = all.par_chunks(CHUNK).with_min_len(8).enumerate();
    let with_nulls = |(c, chunk): (usize, &[f64])| {
        let mut shown = [f64::NAN; CHUNK];
        for (i, (slot, &x)) in shown.iter_mut().zip(chunk).enumerate() {
            *slot = if nulls.is_valid(c * CHUNK + i) { x } else { f64::NAN };
        }
        work(&shown[..chunk.len()])
    };
    chunks.map(with_nulls).collect()
}

/// The parts joined in pairs, then the pairs in pairs…: a tree whose form depends on their number alone.
fn tree<T: Copy>(parts: &[T], join: &impl Fn(T, T) -> T) -> T {
    match parts {
        [one] => *one,
        _ => {
            let (left, right) = parts.split_at(parts.len().div_ceil(2));
            join(tree(left, join), tree(right, join))
        }
    }
}

/// The finite values, copied.
pub(crate) fn finite(values: &Float64Array) -> Vec<f64> {
    let all = values.values().iter().copied();
    match values.nulls().filter(|n| n.null_count() > 0) {
        None => all.filter(|x| x.is_finite()).collect(),
        Some(nulls) => all.zip(nulls.iter()).filter(|(x, ok)| *ok && x.is_finite()).map(|(x, _)| x).collect(),
    }
}

/// The quantile `q` (from 0 to 1) of finite values, which are reordered: linear between the two nearest, as numpy's
/// default. 0 when there are none.
pub(crate) fn quantile(values: &mut [f64], q: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return 0.0 };
    let place = q * last as f64;
    let below = (place.floor() as usize).min(last);
    let t = place - below as f64;
    let (_, &mut a, above) = values.select_nth_unstable_by(below, f64::total_cmp);
    let Some(b) = above.iter().copied().min_by(f64::total_cmp) else { return a };
    if t == 0.0 {
        a
    } else if t < 0.5 {
        a + (b - a) * t
    } else {
        b - (b - a) * (1.0 - t)
    }
}

/// The middle of finite values, which are reordered; the mean of the two in the middle of an even number.
/// `None` when there are none.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, &mut high, _) = values.select_nth_unstable_by(middle, f64::total_cmp);
    if n % 2 == 1 {
        return Some(high);
    }
    let low = below.iter().copied().max_by(f64::total_cmp)?;
    let sum = low + high;
    Some(if sum.is_finite() { sum / 2.0 } else { low / 2.0 + high / 2.0 })
}

/// The most frequent of finite values, which are reordered; the least of those equally frequent. `None` when there
/// are none.
pub(crate) fn mode(values: &mut [f64]) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let runs = values.chunk_by(|a, b| a == b);
    let best = runs.reduce(|best, run| if run.len() > best.len() { run } else { best })?;
    // The two zeros are one value: adding 0 makes it the positive one.
    best.first().map(|x| x + 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_leaves_out_what_is_not_finite() {
        let values = [Some(1.0), None, Some(f64::NAN), Some(f64::INFINITY), Some(-3.0)];
        let wanted = Summary { n: 2, n_infinite: 1, mean: -1.0, min: -3.0, max: 1.0 };
        assert_eq!(summary(&Float64Array::from_iter(values)), wanted);
        assert_eq!(summary(&Float64Array::from_iter(values).slice(1, 4)).mean, -3.0);
        assert_eq!(summary(&Float64Array::from(vec![0.0; 0])).n, 0);
    }

    #[test]
    fn sums_that_overflow_still_have_a_mean() {
        let values = Float64Array::from(vec![1.5e308; 9000]);
        assert!((summary(&values).mean / 1.5e308 - 1.0).abs() < 1e-12);
        assert_eq!(median(&mut [1.5e308, 1.7e308]), Some(1.6e308));
    }

    #[test]
    fn many_chunks_with_holes_count_each_value_once() {
        let n = 3 * CHUNK + 17;
        let values = Float64Array::from_iter((0..n).map(|i| (i % 5 != 0).then_some(i as f64)));
        let kept: Vec<f64> = (0..n).filter(|i| i % 5 != 0).map(|i| i as f64).collect();
        let mean = kept.iter().sum::<f64>() / kept.len() as f64;
        let found = summary(&values);
        assert_eq!((found.n, found.mean, found.max), (kept.len(), mean, (n - 1) as f64));
        let squares = kept.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / kept.len() as f64;
        assert!((variance(&values, found.n, mean) / squares - 1.0).abs() < 1e-13);
    }

    #[test]
    fn the_mode_is_the_least_of_the_most_frequent() {
        assert_eq!(mode(&mut [3.0, 1.0, 3.0, 1.0, 2.0]), Some(1.0));
        assert_eq!(mode(&mut []), None);
    }
}
