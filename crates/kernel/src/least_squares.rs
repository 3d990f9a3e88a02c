//! Weighted least squares with a ridge penalty: `sum(s_i (y_i - x_i w - b)^2) + alpha |w|^2`, the objective of scikit-learn's `Ridge`; the
//! intercept `b` is never penalised.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, Par};

use tidemill_core::{Context, Result};

use crate::cholesky::Cholesky;
use crate::vector::{axpy, dot};
use crate::{Design, Moments};

/// Below this share of its diagonal, a pivot has lost more digits than the normal equations can afford.
const LEAST_PIVOT: f64 = 1e-10;
/// Up to this number of rows or columns, a ridge problem is solved directly.
const DIRECT: usize = 4096;
/// The same limit for sparse vectors, for which products are cheap and the Gram matrix is not.
const DIRECT_SPARSE: usize = 1000;

/// A linear function: `intercept + row * coefficients`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solution {
    /// One number per column.
    pub coefficients: Vec<f64>,
    /// The constant.
    pub intercept: f64,
}

/// A least-squares problem with the intercept eliminated: columns and target have a weighted mean of zero.
#[derive(Clone, Debug)]
pub struct Centred {
    /// The rows, centred.
    pub design: Design,
    /// The target of each row, centred.
    pub target: Vec<f64>,
    /// The weight of each row.
    pub weights: Option<Vec<f64>>,
    /// The sum of the weights (the number of rows without weights).
    pub total_weight: f64,
    /// The weighted sum of squares of each column of the rows.
    pub squared_norms: Vec<f64>,
    means: Vec<f64>,
    mean: f64,
}

impl Centred {
    /// Centres columns and target. `target` and `weights` have one number per row; weights are not negative and not all zero.
    pub fn new(mut design: Design, mut target: Vec<f64>, weights: Option<Vec<f64>>) -> Self {
        let Moments { means, squares } = design.centre(weights.as_deref());
        let shift = target.first().copied().unwrap_or(0.0);
        let total_weight = weights.as_ref().map_or(target.len() as f64, |w| w.iter().sum());
        let off = match &weights {
            None => target.iter().map(|y| y - shift).sum::<f64>(),
            Some(w) => target.iter().zip(w).map(|(y, w)| w * (y - shift)).sum::<f64>(),
        };
        let mean = shift + if total_weight > 0.0 { off / total_weight } else { 0.0 };
        target.iter_mut().for_each(|y| *y -= mean);
        Centred { design, target, weights, total_weight, squared_norms: squares, means, mean }
    }

    /// For each column, the sum over the rows of weight times column times `x`.
    pub fn products(&self, x: &[f64]) -> Vec<f64> {
        match &self.weights {
            None => self.design.transposed_times(x),
            Some(w) => {
                let weighted: Vec<f64> = x.iter().zip(w).map(|(x, w)| w * x).collect();
                self.design.transposed_times(&weighted)
            }
        }
    }

    /// The weighted sum of squares of one number per row.
    pub fn square(&self, x: &[f64]) -> f64 {
        match &self.weights {
            None => dot(x, x),
            Some(w) => x.iter().zip(w).map(|(x, w)| w * x * x).sum(),
        }
    }

    /// The residual of the target.
    pub fn residual(&self, w: &[f64]) -> Vec<f64> {
        let fitted = self.design.times(w, 0.0);
        self.target.iter().zip(fitted).map(|(y, f)| y - f).collect()
    }

    /// The solution of the original problem.
    pub fn solution(&self, coefficients: Vec<f64>) -> Solution {
        let intercept = self.mean - dot(&self.means, &coefficients);
        Solution { coefficients, intercept }
    }

    /// The minimum of `|y - Xw|^2 + alpha |w|^2`; with `alpha` 0 and dependent columns, the shortest such `w`.
    ///
    /// Uses the normal equations of the smaller side (Cholesky); if these are nearly singular, the singular values of the rows themselves;
    /// if both sides are large, conjugate gradients. `None` if the numbers are too large to be squared.
    pub fn ridge(&self, alpha: f64, context: &Context) -> Result<Option<Solution>> {
        let (n, p) = (self.design.n_rows(), self.design.n_columns());
        if p == 0 {
            return Ok(Some(self.solution(vec![])));
        }
        let most = if self.design.is_sparse() { DIRECT_SPARSE } else { DIRECT };
        let coefficients = if n.min(p) > most {
            Some(self.by_conjugate_gradients(alpha, context)?)
        } else {
            let direct = if p <= n { self.primal(alpha) } else { self.dual(alpha) };
            direct.or_else(|| self.by_singular_values(alpha))
        };
        let finite = coefficients.filter(|c| c.iter().all(|w| w.is_finite()));
        Ok(finite.map(|coefficients| self.solution(coefficients)))
    }

    /// Hestenes and Stiefel 1952, on the normal equations, scaled by their diagonal if there is a penalty (without one, the steps stay in
    /// the span of the rows, which leads to the shortest solution).
    fn by_conjugate_gradients(&self, alpha: f64, context: &Context) -> Result<Vec<f64>> {
        let p = self.design.n_columns();
        let scale = |j: usize| if alpha > 0.0 { 1.0 / (self.squared_norms[j] + alpha) } else { 1.0 };
        let scaled = |r: &[f64]| -> Vec<f64> { r.iter().enumerate().map(|(j, r)| scale(j) * r).collect() };
        let mut w = vec![0.0; p];
        let mut rest = self.products(&self.target);
        let mut z = scaled(&rest);
        let mut direction = z.clone();
        let mut size = dot(&rest, &z);
        let enough = size * 1e-24;
        for _ in 0..(10 * p.min(self.design.n_rows())).max(100) {
            context.check()?;
            if size <= enough || size.is_nan() {
                break;
            }
            let mut bent = self.products(&self.design.times(&direction, 0.0));
            axpy(alpha, &direction, &mut bent);
            let length = size / dot(&direction, &bent);
            if !length.is_finite() {
                break;
            }
            axpy(length, &direction, &mut w);
            axpy(-length, &bent, &mut rest);
            z = scaled(&rest);
            let next = dot(&rest, &z);
            direction.iter_mut().zip(&z).for_each(|(d, z)| *d = z + next / size * *d);
            size = next;
        }
        Ok(w)
    }

    fn primal(&self, alpha: f64) -> Option<Vec<f64>> {
        let p = self.design.n_columns();
        let mut gram = self.design.gram(self.weights.as_deref());
        (0..p).for_each(|j| gram[j * p + j] += alpha);
        let cholesky = Cholesky::new(&gram, p, LEAST_PIVOT)?;
        let mut w = self.products(&self.target);
        cholesky.solve(&mut w);
        // One refinement step with the rows themselves recovers the digits lost by squaring them.
        let mut step = self.products(&self.residual(&w));
        step.iter_mut().zip(&w).for_each(|(s, w)| *s -= alpha * w);
        cholesky.solve(&mut step);
        w.iter_mut().zip(step).for_each(|(w, s)| *w += s);
        Some(w)
    }

    /// The square roots of the weights.
    fn roots(&self) -> Option<Vec<f64>> {
        self.weights.as_ref().map(|w| w.iter().map(|w| w.sqrt()).collect())
    }

    /// The target, each row times the square root of its weight.
    fn rooted_target(&self) -> Vec<f64> {
        match self.roots() {
            None => self.target.clone(),
            Some(roots) => self.target.iter().zip(roots).map(|(y, root)| y * root).collect(),
        }
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
        let mut dual = self.rooted_target();
        cholesky.solve(&mut dual);
        if let Some(roots) = self.roots() {
            dual.iter_mut().zip(roots).for_each(|(d, root)| *d *= root);
        }
        Some(self.design.transposed_times(&dual))
    }

    /// The centred rows, each times the square root of its weight.
    fn matrix(&self) -> Mat<f64> {
        let mut matrix = Mat::zeros(self.design.n_rows(), self.design.n_columns());
        self.design.each_number(|i, j, x| matrix[(i, j)] = x);
        if let Some(roots) = self.roots() {
            for (i, root) in roots.iter().enumerate() {
                matrix.row_mut(i).iter_mut().for_each(|x| *x *= root);
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
        let target = self.rooted_target();
        let mut w = vec![0.0; p];
        for k in (0..size).filter(|&k| values[(k, 0)] > least) {
            let s = values[(k, 0)];
            let along: f64 = (0..n).map(|i| u[(i, k)] * target[i]).sum();
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
        // y = 2 (a + a): the shortest solution gives half to each copy.
        let rows: Vec<f64> = (0..20).flat_map(|i| [f64::from(i), f64::from(i)]).collect();
        let y: Vec<f64> = (0..20).map(|i| 1.0 + 4.0 * f64::from(i)).collect();
        let solved = Centred::new(Design::from_rows(&rows, 20, 2), y, None)
            .ridge(0.0, &Context::default())
            .unwrap()
            .unwrap();
        assert!((solved.coefficients[0] - 2.0).abs() < 1e-12, "{solved:?}");
        assert!((solved.coefficients[1] - 2.0).abs() < 1e-12);
        assert!((solved.intercept - 1.0).abs() < 1e-10);
    }
}
