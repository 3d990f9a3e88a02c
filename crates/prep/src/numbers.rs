//! What steps learn about a number column: counts, means, spreads and quantiles of its finite values.
//!
//! Sums go over chunks of fixed size whose results are added up in a fixed tree, so that the answer is the same
//! whatever the number of threads. Missing values, `NaN` and infinities are left out; the weight column is not used.

use arrow_array::{Array, Float64Array};
use arrow_buffer::NullBuffer;
use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_kernel::vector::wide;

/// The standard deviation of a normal distribution over its median absolute deviation (scikit-learn and statsmodels round alike
/// to 1.4826).
pub(crate) const MAD_TO_DEVIATION: f64 = 1.482_602_218_505_602;
/// Values of one chunk; small enough to stay in the first-level cache.
const CHUNK: usize = 4096;
/// Independent sums within a chunk, which the compiler turns into vector instructions.
const LANES: usize = 8;
/// Columns of so many values have their median looked for in a part of them.
const MANY: usize = 1 << 14;
/// Values that say where this part lies.
const SAMPLE: usize = 4096;

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
    let parts = by_chunks(values, |chunk| wide(Summarise(chunk)));
    let Some(all) = (!parts.is_empty()).then(|| tree(&parts, &join)) else {
        return Summary { n: 0, n_infinite: 0, mean: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };
    };
    let mut mean = if all.n > 0.0 { all.sum / all.n } else { 0.0 };
    if !mean.is_finite() {
        mean = tree_sum(values, |x| x / all.n);
    }
    Summary { n: all.n as usize, n_infinite: all.n_infinite as usize, mean, min: all.min, max: all.max }
}

/// The summary of one chunk, in lanes.
struct Summarise<'a>(&'a [f64]);

impl NullaryFnOnce for Summarise<'_> {
    type Output = Part;
    #[inline(always)]
    fn call(self) -> Part {
        let (mut n, mut n_infinite, mut sum) = ([0.0; LANES], [0.0; LANES], [0.0; LANES]);
        let (mut min, mut max) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        let (runs, last) = runs(self.0);
        for run in runs.iter().chain([&last]) {
            for l in 0..LANES {
                let (x, finite) = (run[l], run[l].is_finite());
                n[l] += if finite { 1.0 } else { 0.0 };
                n_infinite[l] += if x.is_infinite() { 1.0 } else { 0.0 };
                sum[l] += if finite { x } else { 0.0 };
                min[l] = if finite && x < min[l] { x } else { min[l] };
                max[l] = if finite && x > max[l] { x } else { max[l] };
            }
        }
        let lane =
            |l: usize| Part { n: n[l], n_infinite: n_infinite[l], sum: sum[l], min: min[l], max: max[l] };
        tree(&std::array::from_fn::<Part, LANES, _>(lane), &join)
    }
}

/// The values in runs of [`LANES`], the last of which is filled up with missing ones.
#[inline(always)]
fn runs(values: &[f64]) -> (&[[f64; LANES]], [f64; LANES]) {
    let (runs, rest) = values.as_chunks::<LANES>();
    let mut last = [f64::NAN; LANES];
    last[..rest.len()].copy_from_slice(rest);
    (runs, last)
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
    let parts = by_chunks(values, |chunk| wide(Spread { chunk, mean }));
    let (sum, squares): (f64, f64) = tree(&parts, &|a, b| (a.0 + b.0, a.1 + b.1));
    let n = n as f64;
    ((squares - sum * sum / n) / n).max(0.0)
}

/// The sums of the distances from the mean and of their squares in one chunk, in lanes.
struct Spread<'a> {
    chunk: &'a [f64],
    mean: f64,
}

impl NullaryFnOnce for Spread<'_> {
    type Output = (f64, f64);
    #[inline(always)]
    fn call(self) -> (f64, f64) {
        let (mut sums, mut squares) = ([0.0; LANES], [0.0; LANES]);
        let (runs, last) = runs(self.chunk);
        for run in runs.iter().chain([&last]) {
            for l in 0..LANES {
                let d = if run[l].is_finite() { run[l] - self.mean } else { 0.0 };
                sums[l] += d;
                squares[l] += d * d;
            }
        }
        let lane = |l: usize| (sums[l], squares[l]);
        tree(&std::array::from_fn::<(f64, f64), LANES, _>(lane), &|a, b| (a.0 + b.0, a.1 + b.1))
    }
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
        shown[..chunk.len()].copy_from_slice(chunk);
        for missing in absent(&nulls.slice(c * CHUNK, chunk.len())) {
            shown[missing] = f64::NAN;
        }
        work(&shown[..chunk.len()])
    };
    chunks.map(with_nulls).collect()
}

/// The places of missing values.
pub(crate) fn absent(nulls: &NullBuffer) -> Vec<usize> {
    (!nulls.inner()).set_indices().collect()
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
    let n = values.len();
    (n > 0).then(|| middle_of(values, n / 2, 1 - n % 2))
}

/// The median of the finite values of a column, the same number as [`median`] gives; `None` when there are none.
///
/// Of many values, a sample says between which two numbers the median is sure to lie but for bad luck, and only what lies between them is
/// sorted out (Floyd and Rivest 1975, "Expected time bounds for selection").
pub(crate) fn median_of(values: &Float64Array) -> Option<f64> {
    let sought = if values.len() < MANY { None } else { narrowed(values) };
    sought.or_else(|| median(&mut finite(values)))
}

/// `None` where the sample was misleading.
fn narrowed(values: &Float64Array) -> Option<f64> {
    let known = |i: &usize| values.is_valid(*i) && values.value(*i).is_finite();
    let places = (0..values.len()).step_by(values.len() / SAMPLE).filter(known);
    let mut sample: Vec<f64> = places.map(|i| values.value(i)).collect();
    sample.sort_unstable_by(f64::total_cmp);
    // Four standard deviations of the rank that a sample gives the median.
    let (middle, reach) = (sample.len() / 2, 2 * sample.len().isqrt() + 1);
    let (low, high) = (*sample.get(middle.checked_sub(reach)?)?, *sample.get(middle + reach)?);
    let parts = by_chunks(values, |chunk| between(chunk, low, high));
    let (n, below) = parts.iter().fold((0, 0), |(n, below), part| (n + part.n, below + part.below));
    let mut near: Vec<f64> = parts.into_iter().flat_map(|part| part.near).collect();
    // The one or two in the middle are all that is asked for.
    let first = ((n - 1) / 2).checked_sub(below)?;
    (n / 2 - below < near.len()).then(|| middle_of(&mut near, n / 2 - below, n / 2 - below - first))
}

/// What a chunk has below two numbers and between them.
struct Between {
    /// How many values are finite.
    n: usize,
    below: usize,
    near: Vec<f64>,
}

fn between(chunk: &[f64], low: f64, high: f64) -> Between {
    let (mut n, mut below, mut len) = (0, 0, 0);
    let mut near = [0.0; CHUNK];
    for &x in chunk {
        n += usize::from(x.is_finite());
        below += usize::from(x < low && x.is_finite());
        near[len] = x;
        len += usize::from(x >= low && x <= high);
    }
    Between { n, below, near: near[..len].to_vec() }
}

/// Of values, which are reordered, that at `place` in their order, or the mean of it and the one before where `both` is 1.
fn middle_of(values: &mut [f64], place: usize, both: usize) -> f64 {
    let (below, &mut high, _) = values.select_nth_unstable_by(place, f64::total_cmp);
    match below.iter().copied().max_by(f64::total_cmp) {
        Some(low) if both == 1 => mean_of_two(low, high),
        _ => high,
    }
}

fn mean_of_two(low: f64, high: f64) -> f64 {
    let sum = low + high;
    if sum.is_finite() { sum / 2.0 } else { low / 2.0 + high / 2.0 }
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
    fn the_median_of_many_is_that_of_all_in_order() {
        let n = 5 * MANY;
        let shapes: [&dyn Fn(usize) -> f64; 5] = [
            &|i| (i as f64 * 0.7).sin(),
            &|i| i as f64,
            &|i| ((i % 3) as f64 - 1.0) * 0.0,
            // The sample sees nothing but the large ones.
            &|i| if i.is_multiple_of(n / SAMPLE) { 1e9 } else { i as f64 },
            &|i| if i % 7 == 0 { f64::INFINITY } else { (i % 11) as f64 },
        ];
        for (shape, make) in shapes.iter().enumerate() {
            for n in [n, n + 1, n + SAMPLE / 2] {
                let values = Float64Array::from_iter((0..n).map(|i| (i % 5 != 1).then(|| make(i))));
                let mut kept: Vec<f64> = values.iter().flatten().filter(|x| x.is_finite()).collect();
                kept.sort_by(f64::total_cmp);
                let m = kept.len();
                let wanted = (kept[(m - 1) / 2] + kept[m / 2]) / 2.0;
                assert_eq!(median_of(&values).map(f64::to_bits), Some(wanted.to_bits()), "{shape} of {n}");
            }
        }
        assert_eq!(median_of(&Float64Array::from(vec![f64::NAN; n])), None);
    }

    #[test]
    fn the_mode_is_the_least_of_the_most_frequent() {
        assert_eq!(mode(&mut [3.0, 1.0, 3.0, 1.0, 2.0]), Some(1.0));
        assert_eq!(mode(&mut []), None);
    }
}
