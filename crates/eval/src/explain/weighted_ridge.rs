//! A small ridge regression with weights.

use tidemill_kernel::cholesky::Cholesky;

use crate::{Error, Result};

/// What it found.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct WeightedRidge {
    /// By column; 0 for those not used.
    pub coefficients: Vec<f64>,
    pub intercept: f64,
    /// The weighted coefficient of determination on the rows that it was fitted on; 0 where there is nothing to explain.
    pub r2: f64,
}

/// Least squares of `y` on the columns `used` of `design` (rows of `p` numbers), weighted, with `penalty` on the squares of the
/// coefficients and none on the intercept (scikit-learn's `Ridge`).
pub(super) fn weighted_ridge(
    design: &[f64],
    p: usize,
    used: &[usize],
    y: &[f64],
    weights: &[f64],
    penalty: f64,
) -> Result<WeightedRidge> {
    let (q, total) = (used.len(), weights.iter().sum::<f64>());
    let mut means = vec![0.0; q];
    let mut mean_y = 0.0;
    for ((row, y), w) in design.chunks_exact(p).zip(y).zip(weights) {
        let share = w / total;
        means.iter_mut().zip(used).for_each(|(mean, &j)| *mean += share * row[j]);
        mean_y += share * y;
    }
    let (mut matrix, mut right) = (vec![0.0; q * q], vec![0.0; q]);
    let mut off = vec![0.0; q];
    for ((row, y), w) in design.chunks_exact(p).zip(y).zip(weights) {
        off.iter_mut().zip(used).zip(&means).for_each(|((off, &j), mean)| *off = row[j] - mean);
        for (a, of_a) in off.iter().enumerate() {
            let of_a = w * of_a;
            right[a] += of_a * (y - mean_y);
            // The upper triangle is mirrored below.
            matrix[a * q + a..(a + 1) * q].iter_mut().zip(&off[a..]).for_each(|(to, x)| *to += of_a * x);
        }
    }
    for a in 0..q {
        matrix[a * q + a] += penalty;
        (0..a).for_each(|b| matrix[a * q + b] = matrix[b * q + a]);
    }
    let factor = if q == 0 { None } else { Some(Cholesky::new(&matrix, q, 0.0).ok_or_else(not_finite)?) };
    if let Some(factor) = factor {
        factor.solve(&mut right);
    }
    let intercept = mean_y - right.iter().zip(&means).map(|(b, mean)| b * mean).sum::<f64>();
    let (mut residual, mut all) = (0.0, 0.0);
    for ((row, y), w) in design.chunks_exact(p).zip(y).zip(weights) {
        let said = intercept + right.iter().zip(used).map(|(b, &j)| b * row[j]).sum::<f64>();
        residual += w * (y - said) * (y - said);
        all += w * (y - mean_y) * (y - mean_y);
    }
    if !residual.is_finite() {
        return Err(not_finite());
    }
    let mut coefficients = vec![0.0; p];
    used.iter().zip(&right).for_each(|(&j, b)| coefficients[j] = *b);
    Ok(WeightedRidge { coefficients, intercept, r2: if all > 0.0 { 1.0 - residual / all } else { 0.0 } })
}

fn not_finite() -> Error {
    Error::Explain {
        what: "the model's answers near the row are not all finite numbers".into(),
        remedy: "look at the row's values, or use another explanation".into(),
    }
}
