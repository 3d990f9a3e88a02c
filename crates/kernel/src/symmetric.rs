//! Eigenvalues and eigenvectors of symmetric matrices, on one thread (always the same bits).

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par};

/// The eigenvalues of the symmetric `n` x `n` matrix, the largest first, and the unit eigenvector of each (`n` numbers, vector after
/// vector), with the sign that makes its largest component positive. `None` if an element is not finite.
///
/// ```
/// let (values, vectors) = tidemill_kernel::symmetric::eigen(&[2.0, 1.0, 1.0, 2.0], 2).unwrap();
/// assert!((values[0] - 3.0).abs() < 1e-12 && (values[1] - 1.0).abs() < 1e-12);
/// assert!((vectors[0] - 0.5f64.sqrt()).abs() < 1e-12);
/// ```
pub fn eigen(matrix: &[f64], n: usize) -> Option<(Vec<f64>, Vec<f64>)> {
    if matrix.iter().any(|x| !x.is_finite()) {
        return None;
    }
    let a = Mat::from_fn(n, n, |i, j| matrix[i.max(j) * n + i.min(j)]);
    let mut s = Mat::<f64>::zeros(n, 1);
    let mut u = Mat::<f64>::zeros(n, n);
    let with = ComputeEigenvectors::Yes;
    let scratch = self_adjoint_evd_scratch::<f64>(n, with, Par::Seq, Default::default());
    let mut memory = MemBuffer::new(scratch);
    let stack = MemStack::new(&mut memory);
    let s_diag = s.col_mut(0).as_diagonal_mut();
    self_adjoint_evd(a.as_ref(), s_diag, Some(u.as_mut()), Par::Seq, stack, Default::default()).ok()?;
    let mut vectors = Vec::with_capacity(n * n);
    for k in (0..n).rev() {
        let most =
            (0..n).map(|i| u[(i, k)]).fold(0.0f64, |most, x| if x.abs() > most.abs() { x } else { most });
        vectors.extend((0..n).map(|i| if most < 0.0 { -u[(i, k)] } else { u[(i, k)] }));
    }
    Some(((0..n).rev().map(|k| s[(k, 0)]).collect(), vectors))
}
