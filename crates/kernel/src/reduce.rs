//! Reductions in a fixed order: work is split into chunks that depend only on the size of the data, and partial results are combined in the
//! order of the chunks, whichever thread computed them.

use std::ops::Range;

use rayon::prelude::*;

/// Runs `work` on consecutive ranges of `per_chunk` of `0..n`, in parallel on the current pool; results are returned in order.
///
/// ```
/// let parts = tidemill_kernel::reduce::in_chunks(10, 4, |range| range.len());
/// assert_eq!(parts, [4, 4, 2]);
/// ```
pub fn in_chunks<T: Send>(n: usize, per_chunk: usize, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    let per_chunk = per_chunk.max(1);
    let n_chunks = n.div_ceil(per_chunk);
    let range = |c: usize| c * per_chunk..n.min((c + 1) * per_chunk);
    if n_chunks <= 1 || rayon::current_num_threads() == 1 {
        return (0..n_chunks).map(|c| work(range(c))).collect();
    }
    (0..n_chunks).into_par_iter().map(|c| work(range(c))).collect()
}

/// The element-wise sum of parts of equal length, in order; `len` zeros if there are none.
pub fn sum_parts(parts: Vec<Vec<f64>>, len: usize) -> Vec<f64> {
    let mut parts = parts.into_iter();
    let Some(mut total) = parts.next() else { return vec![0.0; len] };
    for part in parts {
        for (t, x) in total.iter_mut().zip(part) {
            *t += x;
        }
    }
    total
}
