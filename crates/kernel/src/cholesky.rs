//! Positive definite systems, solved by Cholesky factorisation on one thread (always the same bits).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::cholesky::llt::factor::{cholesky_in_place, cholesky_in_place_scratch};
use faer::linalg::cholesky::llt::solve::solve_in_place;
use faer::{Mat, MatMut, Par};

/// The lower factor of a positive definite matrix.
#[derive(Clone, Debug)]
pub struct Cholesky {
    factor: Mat<f64>,
}

impl Cholesky {
    /// Factors the symmetric `n` x `n` matrix; `None` if it is not positive definite, or so nearly singular that a solution would have no
    /// correct digit (the ratio of pivots is below `least_pivot`).
    pub fn new(matrix: &[f64], n: usize, least_pivot: f64) -> Option<Self> {
        let mut factor = Mat::from_fn(n, n, |i, j| matrix[j * n + i]);
        let mut memory = MemBuffer::new(cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
        let stack = MemStack::new(&mut memory);
        cholesky_in_place(factor.as_mut(), Default::default(), Par::Seq, stack, Default::default()).ok()?;
        // A pivot is what is left of its diagonal element once the earlier columns are subtracted.
        let mut pivots = (0..n).map(|i| factor[(i, i)] * factor[(i, i)] / matrix[i * n + i]);
        pivots.all(|pivot| pivot > least_pivot).then_some(Cholesky { factor })
    }

    /// Replaces `b` (one number per row) with the solution.
    pub fn solve(&self, b: &mut [f64]) {
        let n = b.len();
        let mut memory = MemBuffer::new(faer::dyn_stack::StackReq::EMPTY);
        let stack = MemStack::new(&mut memory);
        solve_in_place(self.factor.as_ref(), MatMut::from_column_major_slice_mut(b, n, 1), Par::Seq, stack);
    }
}

/// The factor of `matrix` with `more` added to its diagonal, and as little as necessary to keep it positive definite.
pub(crate) fn steadied(mut matrix: Vec<f64>, n: usize, more: impl Fn(usize) -> f64) -> Option<Cholesky> {
    let greatest = (0..n).fold(0.0, |most, j| f64::max(most, matrix[j * n + j]));
    (0..n).for_each(|j| matrix[j * n + j] += more(j) + 1e-9 * greatest + 1e-30);
    Cholesky::new(&matrix, n, 0.0)
}
