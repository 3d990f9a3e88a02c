//! Products of matrices that lie in slices, each on the thread that calls: threads work on different shards of a batch.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};

/// A matrix in a slice, row by row; `.transpose()` turns it.
pub(crate) fn by_rows(values: &[f32], n_rows: usize, n_columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(&values[..n_rows * n_columns], n_rows, n_columns)
}

/// A matrix whose rows start `stride` numbers apart; they may overlap.
pub(crate) fn by_strided_rows(
    values: &[f32],
    n_rows: usize,
    n_columns: usize,
    stride: usize,
) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice_with_stride(values, n_rows, n_columns, stride)
}

/// `out = a b`, or `out += a b` with `Accum::Add`; `out` is a matrix of as many rows and columns as the product, row by row.
pub(crate) fn multiply(out: &mut [f32], accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>) {
    let out = MatMut::from_row_major_slice_mut(out, a.nrows(), b.ncols());
    matmul(out, accum, a, b, 1.0f32, Par::Seq);
}

/// `out = factor a b` into rows that start `stride` numbers apart.
pub(crate) fn multiply_strided(
    (out, stride): (&mut [f32], usize),
    a: MatRef<'_, f32>,
    b: MatRef<'_, f32>,
    factor: f32,
) {
    // faer 0.24's `from_row_major_slice_with_stride_mut` checks rows but strides by columns: it writes beyond the slice.
    let out = MatMut::from_column_major_slice_with_stride_mut(out, b.ncols(), a.nrows(), stride);
    matmul(out.transpose_mut(), Accum::Replace, a, b, factor, Par::Seq);
}

/// The product `a b` in a vector, row by row.
pub(crate) fn product(a: MatRef<'_, f32>, b: MatRef<'_, f32>) -> Vec<f32> {
    let mut out = vec![0.0; a.nrows() * b.ncols()];
    multiply(&mut out, Accum::Replace, a, b);
    out
}

/// Adds each row of `rows` to `total`, in their order.
pub(crate) fn add_rows(total: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(total.len().max(1)) {
        for (t, x) in total.iter_mut().zip(row) {
            *t += x;
        }
    }
}
