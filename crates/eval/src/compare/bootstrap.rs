//! The bootstrap over rows: how far a figure might move with another sample of rows (Efron 1979).

use rayon::prelude::*;
use serde::Serialize;
use tidemill_kernel::Random;

use crate::{Answers, Error, Metric, Result};

/// A figure with the range in which it may lie.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct ScoreInterval {
    /// The figure of all rows.
    pub value: f64,
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The chance that the interval holds the figure of the population.
    pub confidence: f64,
    /// How many of the samples had no figure (one class only, say) and were left out.
    pub n_undefined: usize,
}

/// The percentile interval of a metric over `n_samples` samples of the rows, drawn with replacement.
///
/// `confidence` lies between 0 and 1 (0.95). Sample `i` draws from random stream `i` of `seed`, so the interval is the
/// same for any number of threads. The ends are `NaN` when fewer than half of the samples have a figure. Errors
/// as [`Metric::score`] does, and for no samples or a confidence out of range.
///
/// ```
/// use tidemill_eval::{Answers, compare::bootstrap, metric};
/// let answers = Answers::classes(vec![0, 1, 1, 0, 1, 0, 1, 0], vec![0, 1, 0, 0, 1, 0, 1, 1], ["no", "yes"])?;
/// let interval = bootstrap(&answers, metric("accuracy")?, 500, 0.95, 7)?;
/// assert!(interval.low < 0.75 && 0.75 < interval.high);
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
pub fn bootstrap(
    answers: &Answers<'_>,
    metric: &Metric,
    n_samples: usize,
    confidence: f64,
    seed: u64,
) -> Result<ScoreInterval> {
    if n_samples == 0 || !(confidence > 0.0 && confidence < 1.0) {
        let what = format!("{n_samples} samples and a confidence of {confidence} give no interval");
        return Err(Error::Compare { what });
    }
    let value = metric.score(answers)?.value;
    let n = answers.n_rows();
    let sample = |i: usize| -> Result<f64> {
        let mut random = Random::new(seed, i as u64);
        let rows: Vec<u32> = (0..n).map(|_| random.below(n) as u32).collect();
        Ok(metric.score(&answers.take(&rows)?)?.value)
    };
    let values = (0..n_samples).into_par_iter().map(sample).collect::<Result<Vec<f64>>>()?;
    Ok(percentiles(value, values, confidence))
}

/// The percentile interval of a figure from those of the samples.
pub(super) fn percentiles(value: f64, samples: Vec<f64>, confidence: f64) -> ScoreInterval {
    let n_samples = samples.len();
    let mut samples: Vec<f64> = samples.into_iter().filter(|v| !v.is_nan()).collect();
    samples.sort_by(f64::total_cmp);
    let n_undefined = n_samples - samples.len();
    let (low, high) = if 2 * n_undefined > n_samples {
        (f64::NAN, f64::NAN)
    } else {
        (quantile(&samples, 0.5 - confidence / 2.0), quantile(&samples, 0.5 + confidence / 2.0))
    };
    ScoreInterval { value, low, high, confidence, n_undefined }
}

/// The quantile of sorted values, interpolated (as numpy's default).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let at = p * (sorted.len() as f64 - 1.0);
    let (below, above) = (at.floor() as usize, at.ceil() as usize);
    sorted[below] + (at - at.floor()) * (sorted[above] - sorted[below])
}
