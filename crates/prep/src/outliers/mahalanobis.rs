//! Mahalanobis distance: rows far from the middle, measured by how the columns vary together.

use tidemill_kernel::cholesky::Cholesky;
use tidemill_kernel::reduce::{in_chunks, sum_parts};

/// Rows whose products one thread sums at a time.
const ROWS: usize = 2048;

/// The squared Mahalanobis distance from the mean, by a covariance that is shrunk towards equal variances (Ledoit and Wolf 2004),
/// so that there is one even where columns outnumber rows.
///
/// Agrees with `mahalanobis` of scikit-learn's `LedoitWolf`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mahalanobis {
    mean: Vec<f64>,
    /// The inverse of the covariance, row after row.
    precision: Vec<f64>,
}

impl Mahalanobis {
    /// From rows of `p` finite numbers.
    pub(super) fn fit(z: &[f64], p: usize) -> Self {
        let n = (z.len() / p.max(1)).max(1) as f64;
        let sums = by_rows(z, p, p, |row, sums| sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x));
        let mean: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
        // Behind the products comes the sum of the fourth powers of the lengths.
        let sums = by_rows(z, p, p * p + 1, |row, sums| {
            let mut length = 0.0;
            for a in 0..p {
                let x = row[a] - mean[a];
                length += x * x;
                for b in 0..=a {
                    sums[a * p + b] += x * (row[b] - mean[b]);
                }
            }
            sums[p * p] += length * length;
        });
        let mut covariance: Vec<f64> =
            (0..p * p).map(|at| sums[(at / p).max(at % p) * p + (at / p).min(at % p)] / n).collect();
        shrink(&mut covariance, p, n, sums[p * p]);
        let precision = inverse(&covariance, p);
        Mahalanobis { mean, precision }
    }

    /// The squared distance of each row.
    pub(super) fn scores(&self, z: &[f64], out: &mut [f64]) {
        let p = self.mean.len();
        let mut off = vec![0.0; p];
        for (row, to) in z.chunks_exact(p).zip(out) {
            off.iter_mut().zip(row.iter().zip(&self.mean)).for_each(|(off, (x, mean))| *off = x - mean);
            let along = |precision: &[f64]| precision.iter().zip(&off).map(|(w, x)| w * x).sum::<f64>();
            *to = off.iter().zip(self.precision.chunks_exact(p)).map(|(x, of)| x * along(of)).sum();
        }
    }

    /// The mean, then the inverse of the covariance.
    pub(super) fn floats(&self) -> Vec<f64> {
        [self.mean.as_slice(), &self.precision].concat()
    }

    /// The inverse of [`Mahalanobis::floats`].
    pub(super) fn load(floats: &[f64], p: usize) -> Result<Self, String> {
        if floats.len() != p * p + p {
            return Err("its covariance is not whole".into());
        }
        let (mean, precision) = floats.split_at(p);
        Ok(Mahalanobis { mean: mean.to_vec(), precision: precision.to_vec() })
    }
}

fn by_rows(z: &[f64], p: usize, width: usize, add: impl Fn(&[f64], &mut [f64]) + Sync) -> Vec<f64> {
    let parts = in_chunks(z.len() / p.max(1), ROWS, |rows| {
        let mut sums = vec![0.0; width];
        z[rows.start * p..rows.end * p].chunks_exact(p).for_each(|row| add(row, &mut sums));
        sums
    });
    sum_parts(parts, width)
}

/// Moves the covariance of `n` rows towards a multiple of the identity, by the share that makes the expected error least.
fn shrink(covariance: &mut [f64], p: usize, n: f64, fourth: f64) {
    let size = p as f64;
    let trace: f64 = (0..p).map(|j| covariance[j * p + j]).sum();
    let mean = trace / size;
    let squares: f64 = covariance.iter().map(|x| x * x).sum();
    let delta = (squares - 2.0 * mean * trace + size * mean * mean) / size;
    let beta = ((fourth / n - squares) / (size * n)).min(delta);
    // With one column there is nothing to shrink towards.
    let share = if p > 1 && beta > 0.0 && delta > 0.0 { beta / delta } else { 0.0 };
    covariance.iter_mut().for_each(|x| *x *= 1.0 - share);
    (0..p).for_each(|j| covariance[j * p + j] += share * mean);
}

/// The inverse, of a matrix with as little more on its diagonal as it takes; zeros where no column varies.
fn inverse(covariance: &[f64], p: usize) -> Vec<f64> {
    let greatest = (0..p).fold(0.0, |most, j| f64::max(most, covariance[j * p + j]));
    let mut inverse = vec![0.0; p * p];
    if !(greatest > 0.0 && greatest.is_finite()) {
        return inverse;
    }
    let factored = [0.0, 1e-12, 1e-9, 1e-6].iter().find_map(|more| {
        let mut matrix = covariance.to_vec();
        (0..p).for_each(|j| matrix[j * p + j] += more * greatest);
        Cholesky::new(&matrix, p, 1e-13)
    });
    if let Some(factor) = factored {
        for (j, column) in inverse.chunks_exact_mut(p).enumerate() {
            column[j] = 1.0;
            factor.solve(column);
        }
    }
    inverse
}
