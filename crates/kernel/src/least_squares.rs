//! Weighted least squares with a ridge: `sum(s_i (y_i - x_i w - b)^2) + alpha |w|^2`, the objective of
//! scikit-learn's `Ridge`; the intercept `b` is never penalised.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, Par};

use crate::Design;
use crate::cholesky::Cholesky;
use crate::vector::dot;

/// Below this share of its diagonal, a pivot has lost the digits that a normal equation can afford.
const LEAST_PIVOT: f64 = 1e-10;

/// A linear function: `intercept + row * coefficients`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solution {
    /// A number per column.
    pub coefficients: Vec<f64>,
    /// The constant.
    pub intercept: f64,
}

/// A least-squares problem whose intercept and weights have been worked into its rows: columns and target have a
/// weighted mean of zero, and row `i` is multiplied by the root of its weight.
#[derive(Clone, Debug)]
pub struct Centred {
    /// The rows.
    pub design: Design,
    /// The target of each row.
    pub target: Vec<f64>,
    /// The sum of the weights (the number of rows without weights).
    pub total_weight: f64,
    /// The sum of squares of each column of the rows.
    pub squared_norms: Vec<f64>,
    means: Vec<f64>,
    mean: f64,
}

impl Centred {
    /// Works intercept and weights into the rows. `target` and `weights` have a number per row; weights are not
    /// negative and not all zero.
    pub fn new(mut design: Design, mut target: Vec<f64>, weights: Option<&[f64]>) -> Self {
        let means = design.means(weights);
        let roots: Option<Vec<f64>> = weights.map(|w| w.iter().map(|w| w.sqrt()).collect());
        let squared_norms = design.centre(&means, roots.as_deref());
        let shift = target.first().copied().unwrap_or(0.0);
        let total_weight = weights.map_or(target.len() as f64, |w| w.iter().sum());
        let off = match weights {
            None => target.iter().map(|y| y - shift).sum::<f64>(),
            Some(w) => target.iter().zip(w).map(|(y, w)| w * (y - shift)).sum::<f64>(),
        };
        let mean = shift + if total_weight > 0.0 { off / total_weight } else { 0.0 };
        target.iter_mut().for_each(|y| *y -= mean);
        if let Some(roots) = &roots {
            target.iter_mut().zip(roots).for_each(|(y, root)| *y *= root);
        }
        Centred { design, target, total_weight, squared_norms, means, mean }
    }

    /// The solution of the problem as it was given.
    pub fn solution(&self, coefficients: Vec<f64>) -> Solution {
        let intercept = self.mean - dot(&self.means, &coefficients);
        Solution { coefficients, intercept }
    }

    /// The least of `|y - Xw|^2 + alpha |w|^2`; with `alpha` 0 and dependent columns, the shortest such `w`.
    ///
    /// By the normal equations of the smaller side (Cholesky); where these are too near singular, by the singular
    /// values of the rows themselves. `None` when the numbers are too large for their squares.
    pub fn ridge(&self, alpha: f64) -> Option<Solution> {
        let (n, p) = (self.design.n_rows(), self.design.n_columns());
        if p == 0 {
            return Some(self.solution(vec![]));
        }
        let coefficients = if p <= n { self.primal(alpha) } else { self.dual(alpha) };
        let coefficients = coefficients.or_else(|| self.by_singular_values(alpha))?;
        coefficients.iter().all(|w| w.is_finite()).then(|| self.solution(coefficients))
    }

    fn primal(&self, alpha: f64) -> Option<Vec<f64>> {
        let p = self.design.n_columns();
        let mut gram = self.design.gram(None);
        (0..p).for_each(|j| gram[j * p + j] += alpha);
        let cholesky = Cholesky::new(&gram, p, LEAST_PIVOT)?;
        let mut w = self.design.transposed_times(&self.target);
        cholesky.solve(&mut w);
        // One step of refinement with the rows themselves gives back the digits that squaring them cost.
        let fitted = self.design.times(&w, 0.0);
        let rest: Vec<f64> = self.target.iter().zip(fitted).map(|(y, f)| y - f).collect();
        let mut step = self.design.transposed_times(&rest);
        step.iter_mut().zip(&w).for_each(|(s, w)| *s -= alpha * w);
        cholesky.solve(&mut step);
        w.iter_mut().zip(step).for_each(|(w, s)| *w += s);
        Some(w)
    }

    fn dual(&self, alpha: f64) -> Option<Vec<f64>> {
        let n = self.design.n_rows();
        if alpha <= 0.0 {
            return None;
        }
        let rows = self.matrix();
        let mut kernel = Mat::<f64>::zeros(n, n);
        faer::linalg::matmul::matmul(
            kernel.as_mut(),
            faer::Accum::Replace,
            rows.as_ref(),
            rows.transpose(),
            1.0,
            Par::Seq,
        );
        let flat: Vec<f64> =
            (0..n * n).map(|k| kernel[(k % n, k / n)] + if k % n == k / n { alpha } else { 0.0 }).collect();
        let cholesky = Cholesky::new(&flat, n, LEAST_PIVOT)?;
        let mut dual = self.target.clone();
        cholesky.solve(&mut dual);
        Some(self.design.transposed_times(&dual))
    }

    fn matrix(&self) -> Mat<f64> {
        let (n, p) = (self.design.n_rows(), self.design.n_columns());
        let mut matrix = Mat::zeros(n, p);
        for block in self.design.blocks() {
            for j in 0..p {
                for (i, &x) in block.column(j).iter().enumerate() {
                    matrix[(block.start + i, j)] = x;
                }
            }
        }
        matrix
    }

    fn by_singular_values(&self, alpha: f64) -> Option<Vec<f64>> {
        let rows = self.matrix();
        let (n, p) = (rows.nrows(), rows.ncols());
        let size = n.min(p);
        let mut values = Mat::<f64>::zeros(size, 1);
        let (mut u, mut v) = (Mat::zeros(n, size), Mat::zeros(p, size));
        let thin = ComputeSvdVectors::Thin;
        let mut memory = MemBuffer::new(svd_scratch::<f64>(n, p, thin, thin, Par::Seq, Default::default()));
        let stack = MemStack::new(&mut memory);
        let s = values.col_mut(0).as_diagonal_mut();
        svd(rows.as_ref(), s, Some(u.as_mut()), Some(v.as_mut()), Par::Seq, stack, Default::default())
            .ok()?;
        let least = values[(0, 0)] * f64::EPSILON * n.max(p) as f64;
        let mut w = vec![0.0; p];
        for k in (0..size).filter(|&k| values[(k, 0)] > least) {
            let s = values[(k, 0)];
            let along: f64 = (0..n).map(|i| u[(i, k)] * self.target[i]).sum();
            let share = along * s / (s * s + alpha);
            w.iter_mut().enumerate().for_each(|(j, w)| *w += share * v[(j, k)]);
        }
        Some(w)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dependent_columns_share_the_weight() {
        // y = 2 (a + a): the shortest solution gives each copy half.
        let rows: Vec<f64> = (0..20).flat_map(|i| [f64::from(i), f64::from(i)]).collect();
        let y: Vec<f64> = (0..20).map(|i| 1.0 + 4.0 * f64::from(i)).collect();
        let solved = Centred::new(Design::from_rows(&rows, 20, 2), y, None).ridge(0.0).unwrap();
        assert!((solved.coefficients[0] - 2.0).abs() < 1e-12, "{solved:?}");
        assert!((solved.coefficients[1] - 2.0).abs() < 1e-12);
        assert!((solved.intercept - 1.0).abs() < 1e-10);
    }
}
