//! Sums in a fixed order, so that no answer depends on the number of threads.

use rayon::prelude::*;

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
