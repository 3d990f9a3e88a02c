//! Bayesian ridge regression, which learns the amount of shrinkage from the data (MacKay 1992, Tipping 2001).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, Par};

/// The shape and rate of the gamma priors on the precisions of noise and coefficients, as in scikit-learn.
const PRIOR: f64 = 1e-6;
/// The maximum number of steps.
const STEPS: usize = 300;
/// The iteration stops when the coefficients together change by less than this.
const TOL: f64 = 1e-3;

/// The sums of products that a regression needs, of centred columns and target.
#[derive(Clone, Copy, Debug)]
pub struct Products<'a> {
    /// The number of rows.
    pub n: usize,
    /// `X'X`, `p * p` numbers.
    pub xx: &'a [f64],
    /// `X'y`, `p` numbers.
    pub xy: &'a [f64],
    /// `y'y`.
    pub yy: f64,
}

/// The coefficients. Agrees with scikit-learn's `BayesianRidge` with its defaults; the intercept is the mean of the target minus the
/// coefficients times the means of the columns. `None` if a number is not finite.
///
/// ```
/// use tidemill_kernel::bayesian_ridge::{Products, coefficients};
/// // y = 2 x on four rows: x is -3, -1, 1, 3.
/// let w = coefficients(Products { n: 4, xx: &[20.0], xy: &[40.0], yy: 80.0 }).unwrap();
/// assert!((w[0] - 2.0).abs() < 1e-3);
/// ```
pub fn coefficients(products: Products<'_>) -> Option<Vec<f64>> {
    let Products { n, xx, xy, yy } = products;
    let p = xy.len();
    let finite = xx.iter().chain(xy).all(|x| x.is_finite()) && yy.is_finite();
    if p == 0 || n == 0 || !finite {
        return finite.then(|| vec![0.0; p]);
    }
    let (values, vectors) = eigen(xx, p)?;
    // The target along each direction.
    let along: Vec<f64> = (0..p).map(|k| (0..p).map(|j| vectors[(j, k)] * xy[j]).sum()).collect();
    let n = n as f64;
    let (mut alpha, mut lambda) = (1.0 / (yy / n + f64::EPSILON), 1.0);
    let mut coef = vec![0.0; p];
    let mut before: Option<Vec<f64>> = None;
    for _ in 0..STEPS {
        let (next, rest) = shrunk(&values, &along, &vectors, products, lambda / alpha);
        coef = next;
        let gamma: f64 = values.iter().map(|v| alpha * v / (lambda + alpha * v)).sum();
        lambda = (gamma + 2.0 * PRIOR) / (coef.iter().map(|w| w * w).sum::<f64>() + 2.0 * PRIOR);
        alpha = (n - gamma + 2.0 * PRIOR) / (rest + 2.0 * PRIOR);
        let moved = before.map(|old| old.iter().zip(&coef).map(|(a, b)| (a - b).abs()).sum::<f64>());
        if moved.is_some_and(|moved| moved < TOL) {
            break;
        }
        before = Some(coef.clone());
    }
    let last = shrunk(&values, &along, &vectors, products, lambda / alpha).0;
    Some(if last.iter().all(|w| w.is_finite()) { last } else { coef })
}

/// The coefficients for this ratio of precisions, and the residual sum of squares.
fn shrunk(
    values: &[f64],
    along: &[f64],
    vectors: &Mat<f64>,
    Products { yy, .. }: Products<'_>,
    ratio: f64,
) -> (Vec<f64>, f64) {
    let shares: Vec<f64> = values.iter().zip(along).map(|(v, a)| a / (v + ratio)).collect();
    let p = along.len();
    let coef = (0..p).map(|j| (0..p).map(|k| vectors[(j, k)] * shares[k]).sum()).collect();
    let fitted: f64 = shares.iter().zip(along).zip(values).map(|((s, a), v)| s * (2.0 * a - v * s)).sum();
    (coef, (yy - fitted).max(0.0))
}

/// The eigenvalues and, column by column, the eigenvectors of a symmetric matrix without negative eigenvalues, computed as its singular
/// values and vectors.
fn eigen(xx: &[f64], p: usize) -> Option<(Vec<f64>, Mat<f64>)> {
    let matrix = Mat::from_fn(p, p, |i, j| xx[i * p + j]);
    let (mut values, mut left) = (Mat::<f64>::zeros(p, 1), Mat::<f64>::zeros(p, p));
    let thin = ComputeSvdVectors::Thin;
    let none = ComputeSvdVectors::No;
    let mut memory = MemBuffer::new(svd_scratch::<f64>(p, p, thin, none, Par::Seq, Default::default()));
    let stack = MemStack::new(&mut memory);
    let s = values.col_mut(0).as_diagonal_mut();
    svd(matrix.as_ref(), s, Some(left.as_mut()), None, Par::Seq, stack, Default::default()).ok()?;
    Some(((0..p).map(|k| values[(k, 0)]).collect(), left))
}
