//! Exact Shapley values of linear functions.

use rayon::prelude::*;
use tidemill_kernel::cholesky::Cholesky;

use super::{ShapValues, check_rows};
use crate::{Error, Result};

/// A linear function of `p` features for each output: `intercept + coefficients * x`.
#[derive(Clone, Copy, Debug)]
pub struct LinearFunction<'a> {
    /// Output after output, a number per feature.
    pub coefficients: &'a [f64],
    /// A number per output.
    pub intercepts: &'a [f64],
}

impl LinearFunction<'_> {
    fn n_features(&self) -> usize {
        self.coefficients.len() / self.intercepts.len().max(1)
    }

    fn base(&self, means: &[f64]) -> Vec<f64> {
        let outputs = self.intercepts.iter().zip(self.coefficients.chunks_exact(means.len().max(1)));
        match means.is_empty() {
            true => self.intercepts.to_vec(),
            false => outputs.map(|(b, w)| b + w.iter().zip(means).map(|(w, m)| w * m).sum::<f64>()).collect(),
        }
    }
}

/// The exact Shapley values where features that are not known are those of background rows, whose `means` they are: each
/// feature adds its coefficient times what it has above the mean (interventional; Strumbelj and Kononenko 2014).
///
/// `x` holds rows of as many numbers as there are means, row after row. Base and values sum to the linear function, before
/// any link.
///
/// ```
/// use tidemill_eval::explain::{LinearFunction, linear_shap};
/// let function = LinearFunction { coefficients: &[2.0, -1.0], intercepts: &[5.0] };
/// let shap = linear_shap(function, &[1.0, 1.0], &[4.0, 3.0])?;
/// assert_eq!((shap.base(), shap.of(0, 0)), (&[6.0][..], &[6.0, -2.0][..]));
/// # Ok::<(), tidemill_eval::Error>(())
/// ```
///
/// Errors when the lengths do not fit.
pub fn linear_shap(function: LinearFunction<'_>, means: &[f64], x: &[f64]) -> Result<ShapValues> {
    let p = check(function, means, x)?;
    let k = function.intercepts.len();
    let mut values = vec![0.0; x.len() * k];
    let rows = values.par_chunks_mut((k * p).max(1)).zip(x.par_chunks(p.max(1)));
    rows.for_each(|(values, x)| {
        for (values, w) in values.chunks_exact_mut(p).zip(function.coefficients.chunks_exact(p)) {
            for (((value, w), x), mean) in values.iter_mut().zip(w).zip(x).zip(means) {
                *value = w * (x - mean);
            }
        }
    });
    Ok(ShapValues::new(function.base(means), p, values))
}

fn check(function: LinearFunction<'_>, means: &[f64], x: &[f64]) -> Result<usize> {
    let p = function.n_features();
    if means.len() != p {
        return Err(Error::Lengths { what: "means of the background", found: means.len(), wanted: p });
    }
    check_rows(x, p)?;
    Ok(p)
}

/// The Shapley values of a linear function whose unknown parts are averages over a background: for functions of columns that
/// are wide or sparse, of which only what each column adds (`parts`: for each row, output after output, a number per column)
/// is at hand, and the same of the background. Exact, for each column is known as a whole or not at all.
///
/// `intercepts` are those of the linear function. Errors when the lengths do not fit, and for an empty background.
pub fn linear_shap_of_columns(
    intercepts: &[f64],
    n_columns: usize,
    parts: &[f64],
    background: &[f64],
) -> Result<ShapValues> {
    let width = intercepts.len() * n_columns;
    check_rows(parts, width)?;
    let n_background = check_rows(background, width)?;
    if n_background == 0 {
        return Err(Error::EmptyBackground);
    }
    let mut means = vec![0.0; width];
    for row in background.chunks_exact(width.max(1)) {
        means.iter_mut().zip(row).for_each(|(mean, x)| *mean += x);
    }
    means.iter_mut().for_each(|mean| *mean /= n_background as f64);
    let sums = means.chunks_exact(n_columns.max(1)).map(|means| means.iter().sum::<f64>());
    let base = intercepts.iter().zip(sums).map(|(b, sum)| b + sum).collect();
    let less = |row: &[f64]| row.iter().zip(&means).map(|(x, mean)| x - mean).collect::<Vec<_>>();
    let values = parts.chunks_exact(width.max(1)).flat_map(less).collect();
    Ok(ShapValues::new(base, n_columns, values))
}

/// The exact Shapley values where features that are not known are what they are on average among rows whose known features
/// are those of the row ("correlated", "observational"), for features that are jointly normal with these `means` and
/// `covariance` (`p` x `p`).
///
/// The average over all `2^p` sets of known features is a matrix that depends on the covariance alone (Aas, Jullum, Loland
/// 2021): it is found exactly for up to 14 features, and refused for more. `jitter` (relative to each variance) keeps features
/// apart that are copies of each other; 1e-9 is usual.
pub fn correlated_linear_shap(
    function: LinearFunction<'_>,
    means: &[f64],
    covariance: &[f64],
    jitter: f64,
    x: &[f64],
) -> Result<ShapValues> {
    let p = check(function, means, x)?;
    if covariance.len() != p * p {
        return Err(Error::Lengths { what: "covariances", found: covariance.len(), wanted: p * p });
    }
    if p > MOST_CORRELATED {
        let what = format!("{p} columns have too many sets ({MOST_CORRELATED} columns are the most)");
        return Err(Error::Explain {
            what,
            remedy: "group correlated columns, or take independent values".into(),
        });
    }
    let mut steady = covariance.to_vec();
    (0..p).for_each(|j| steady[j * p + j] += jitter * covariance[j * p + j].max(f64::MIN_POSITIVE));
    let matrices: Vec<Vec<f64>> = function
        .coefficients
        .chunks_exact(p.max(1))
        .map(|w| transform(w, &steady, p))
        .collect::<Result<_>>()?;
    let mut values = Vec::with_capacity(x.len() * matrices.len());
    for x in x.chunks_exact(p.max(1)) {
        let off: Vec<f64> = x.iter().zip(means).map(|(x, mean)| x - mean).collect();
        for matrix in &matrices {
            values.extend(
                matrix.chunks_exact(p).map(|row| row.iter().zip(&off).map(|(a, b)| a * b).sum::<f64>()),
            );
        }
    }
    Ok(ShapValues::new(function.base(means), p, values))
}

/// Features whose sets are all gone through.
const MOST_CORRELATED: usize = 14;

/// The matrix that turns a row's distances from the means into its Shapley values.
fn transform(w: &[f64], covariance: &[f64], p: usize) -> Result<Vec<f64>> {
    // What is expected given the features of a set is linear in their distances: a row of `p` numbers per set.
    let sets: Vec<Vec<f64>> =
        (0..1usize << p).into_par_iter().map(|set| given(w, covariance, p, set)).collect::<Result<_>>()?;
    let mut weights = vec![1.0 / p.max(1) as f64; p];
    (1..p).for_each(|s| weights[s] = weights[s - 1] * s as f64 / (p - s) as f64);
    let mut matrix = vec![0.0; p * p];
    for (set, before) in sets.iter().enumerate() {
        for j in (0..p).filter(|j| set >> j & 1 == 0) {
            let weight = weights[set.count_ones() as usize];
            let row = matrix[j * p..(j + 1) * p].iter_mut().zip(&sets[set | 1 << j]).zip(before);
            row.for_each(|((to, with), without)| *to += weight * (with - without));
        }
    }
    Ok(matrix)
}

/// By feature: what a step of it changes in the expectation when the features of `set` are known.
fn given(w: &[f64], covariance: &[f64], p: usize, set: usize) -> Result<Vec<f64>> {
    let known: Vec<usize> = (0..p).filter(|j| set >> j & 1 == 1).collect();
    let n = known.len();
    let mut slopes = vec![0.0; p];
    if n == 0 {
        return Ok(slopes);
    }
    let block: Vec<f64> =
        known.iter().flat_map(|i| known.iter().map(move |j| covariance[i * p + j])).collect();
    // The covariance of the known features with the whole function.
    let mut with: Vec<f64> =
        known.iter().map(|i| (0..p).map(|j| covariance[i * p + j] * w[j]).sum()).collect();
    let Some(factor) = Cholesky::new(&block, n, 0.0) else {
        let what = "the covariance of the background is not positive definite".into();
        return Err(Error::Explain {
            what,
            remedy: "leave out constant columns, or raise the jitter".into(),
        });
    };
    factor.solve(&mut with);
    known.iter().zip(with).for_each(|(&j, slope)| slopes[j] = slope);
    Ok(slopes)
}
