//! Two models on the same rows.

use rayon::prelude::*;
use tidemill_kernel::Random;

use super::bootstrap::{ScoreInterval, percentiles};
use crate::{Answers, Error, Metric, Result};

/// By how much `b` is better than `a` on the same rows, as the percentile interval of a paired bootstrap: each sample
/// draws rows once and scores both on them, so that what is hard for both cancels out. Positive means that `b` is better,
/// whichever way the metric points.
///
/// Rows that follow each other may depend on each other (the same day, the same user): with `block` above 1, whole runs of so
/// many neighbours are drawn (the moving-block bootstrap, Künsch 1989). For the rest see [`super::bootstrap`].
///
/// ```
/// use tidemill_eval::{Answers, compare::paired, metric};
/// let truth: Vec<f64> = (0..200).map(f64::from).collect();
/// let a = Answers::numbers(truth.clone(), truth.iter().map(|y| y + 2.0).collect::<Vec<_>>())?;
/// let b = Answers::numbers(truth.clone(), truth.iter().map(|y| y - 1.0).collect::<Vec<_>>())?;
/// let better = paired(&a, &b, metric("mae")?, 1, 200, 0.95, 7)?;
/// assert_eq!((better.value, better.low), (1.0, 1.0));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn paired(
    a: &Answers<'_>,
    b: &Answers<'_>,
    metric: &Metric,
    block: usize,
    n_samples: usize,
    confidence: f64,
    seed: u64,
) -> Result<ScoreInterval> {
    let n = a.n_rows();
    if n != b.n_rows() || n == 0 || n_samples == 0 || !(confidence > 0.0 && confidence < 1.0) {
        let what = format!(
            "{n} rows against {}, {n_samples} samples and a confidence of {confidence} give no interval",
            b.n_rows()
        );
        return Err(Error::Compare { what });
    }
    let sign = if metric.greater_is_better { 1.0 } else { -1.0 };
    let difference = |a: &Answers<'_>, b: &Answers<'_>| -> Result<f64> {
        Ok(sign * (metric.score(b)?.value - metric.score(a)?.value))
    };
    let value = difference(a, b)?;
    let block = block.clamp(1, n);
    let sample = |i: usize| -> Result<f64> {
        let mut random = Random::new(seed, i as u64);
        let mut rows: Vec<u32> = Vec::with_capacity(n + block);
        while rows.len() < n {
            let start = random.below(n - block + 1);
            rows.extend((start..start + block).map(|row| row as u32));
        }
        rows.truncate(n);
        difference(&a.take(&rows)?, &b.take(&rows)?)
    };
    let values = (0..n_samples).into_par_iter().map(sample).collect::<Result<Vec<f64>>>()?;
    Ok(percentiles(value, values, confidence))
}
