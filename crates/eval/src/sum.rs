//! Sums in a fixed order, so that no answer depends on the number of threads.

use rayon::prelude::*;

use crate::NumberAnswers;

/// Rows per chunk. Part of the answer: another size rounds differently.
pub(crate) const CHUNK: usize = 1 << 16;

/// The sum of `term(row)` over rows `0..n`: chunk by chunk, the chunks' sums added in order.
pub(crate) fn sum(n: usize, term: impl Fn(usize) -> f64 + Sync) -> f64 {
    let partial = |chunk: usize| (chunk * CHUNK..n.min((chunk + 1) * CHUNK)).map(&term).sum::<f64>();
    if n <= CHUNK {
        return partial(0);
    }
    let partials: Vec<f64> = (0..n.div_ceil(CHUNK)).into_par_iter().map(partial).collect();
    partials.iter().sum()
}

/// The weight of a row: 1 where there are no weights.
pub(crate) fn weight(weights: Option<&[f64]>, row: usize) -> f64 {
    weights.map_or(1.0, |w| w[row])
}

/// The sum of `w * term(row)`, where `w` is the row's weight.
pub(crate) fn weighted_sum(n: usize, weights: Option<&[f64]>, term: impl Fn(usize) -> f64 + Sync) -> f64 {
    match weights {
        None => sum(n, term),
        Some(w) => sum(n, |i| w[i] * term(i)),
    }
}

/// The weighted mean of a function of truth and prediction; rows of weight 0 are not asked.
pub(crate) fn mean(a: &NumberAnswers<'_>, of: impl Fn(f64, f64) -> f64 + Sync) -> f64 {
    let n = a.truth.len();
    match a.weights.as_deref() {
        None => sum(n, |i| of(a.truth[i], a.predicted[i])) / n as f64,
        Some(w) => {
            let term = |i: usize| if w[i] == 0.0 { 0.0 } else { w[i] * of(a.truth[i], a.predicted[i]) };
            sum(n, term) / sum(n, |i| w[i])
        }
    }
}

/// The first row of some weight whose truth or prediction is not as wanted, in words.
pub(crate) fn outside(
    a: &NumberAnswers<'_>,
    truth: impl Fn(f64) -> bool,
    predicted: impl Fn(f64) -> bool,
) -> Option<String> {
    let bad = |&row: &usize| !(truth(a.truth[row]) && predicted(a.predicted[row]));
    let row = (0..a.truth.len()).filter(|&row| weight(a.weights.as_deref(), row) > 0.0).find(bad)?;
    Some(match truth(a.truth[row]) {
        false => format!("the truth in row {} is {}", row + 1, a.truth[row]),
        true => format!("the prediction in row {} is {}", row + 1, a.predicted[row]),
    })
}
