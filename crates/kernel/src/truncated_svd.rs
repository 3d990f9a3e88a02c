//! The first right singular vectors of a sparse matrix, without a dense copy of it.
//!
//! Source: Halko, Martinsson and Tropp 2011, "Finding structure with randomness" (algorithms 4.4 and 5.1): random directions, turned
//! towards the leading ones by products with the matrix and its transpose, and orthogonalised each time.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Mat, Par};
use rayon::prelude::*;
use tidemill_core::{Context, Error, Result, Sparse};

use crate::Random;
use crate::reduce::in_chunks;
use crate::vector::{axpy, dot};

/// Oversampling: additional directions that capture what the random start missed.
const MORE: usize = 10;
/// The number of power iterations; text matrices have slowly decaying singular values.
const TURNS: usize = 4;
/// The number of rows of a product that one thread computes at a time.
const ROWS: usize = 512;
/// A direction that is shorter than this share of its length before orthogonalisation consists of rounding errors.
const NOTHING: f64 = 1e-10;

/// The first `k` right singular vectors of a matrix of `n_rows` x `n_columns`, fewer if its rank is lower: for each column of the matrix,
/// its component along each of them (`n_columns` x `k'`, row after row). The sign is such that the largest component along each is
/// positive.
///
/// Independent of the number of threads. Time `O(non-zeros * k)`, memory `O((n_rows + n_columns) * k)`.
///
/// ```
/// use tidemill_core::{Context, Sparse};
/// use tidemill_kernel::truncated_svd::directions;
/// let rows = Sparse { offsets: &[0, 1, 2], indices: &[0, 0], values: &[3.0, 4.0] };
/// let (along, k) = directions(rows, 2, 2, 5, &Context::default()).unwrap();
/// assert_eq!(k, 1);
/// assert!((along[0] - 1.0).abs() < 1e-12 && along[1].abs() < 1e-12);
/// ```
pub fn directions(
    rows: Sparse<'_>,
    n_rows: usize,
    n_columns: usize,
    k: usize,
    context: &Context,
) -> Result<(Vec<f64>, usize)> {
    let width = (k + MORE).min(n_rows).min(n_columns);
    let matrix = Lines::of(rows, n_rows);
    let turned = matrix.transposed(n_columns);
    let mut random = Random::new(context.seed_for("truncated_svd"), 0);
    let mut right: Vec<f64> = (0..n_columns * width).map(|_| random.normal()).collect();
    for _ in 0..TURNS {
        context.check()?;
        let left = orthogonal(matrix.times(&right, width), width);
        right = orthogonal(turned.times(&left, width), width);
    }
    context.check()?;
    let left = orthogonal(matrix.times(&right, width), width);
    let reach = turned.times(&left, width);
    leading(&reach, n_columns, width, k)
}

/// The leading left singular vectors of `reach` (`n` x `width`).
fn leading(reach: &[f64], n: usize, width: usize, k: usize) -> Result<(Vec<f64>, usize)> {
    let tall = Mat::from_fn(n, width, |i, j| reach[i * width + j]);
    let (thin, none) = (ComputeSvdVectors::Thin, ComputeSvdVectors::No);
    let mut memory = MemBuffer::new(svd_scratch::<f64>(n, width, thin, none, Par::Seq, Default::default()));
    let (mut values, mut u) = (Mat::<f64>::zeros(width, 1), Mat::zeros(n, width));
    let s = values.col_mut(0).as_diagonal_mut();
    let stack = MemStack::new(&mut memory);
    svd(tall.as_ref(), s, Some(u.as_mut()), None, Par::Seq, stack, Default::default())
        .map_err(|e| Error::internal(format!("truncated SVD: {e:?}")))?;
    let least = if width > 0 { values[(0, 0)] * f64::EPSILON * n.max(width) as f64 } else { 0.0 };
    let found = (0..width.min(k)).take_while(|&c| values[(c, 0)] > least).count();
    let mut along = vec![0.0; n * found];
    for c in 0..found {
        let greatest = (0..n).map(|i| u[(i, c)]).fold(0.0, |m: f64, x| if x.abs() > m.abs() { x } else { m });
        let sign = if greatest < 0.0 { -1.0 } else { 1.0 };
        (0..n).for_each(|i| along[i * found + c] = sign * u[(i, c)]);
    }
    Ok((along, found))
}

/// Orthonormalises the columns of a matrix with `width` numbers per row (modified Gram-Schmidt, twice: once is not enough if they are
/// nearly parallel). Columns that depend on earlier ones become zeros.
fn orthogonal(matrix: Vec<f64>, width: usize) -> Vec<f64> {
    let n = matrix.len() / width.max(1);
    let mut columns: Vec<Vec<f64>> =
        (0..width).map(|j| (0..n).map(|i| matrix[i * width + j]).collect()).collect();
    for _ in 0..2 {
        for j in 0..width {
            let (done, later) = columns.split_at_mut(j + 1);
            let column = &mut done[j];
            let length = dot(column, column).sqrt();
            if length <= NOTHING {
                column.fill(0.0);
                continue;
            }
            column.iter_mut().for_each(|x| *x /= length);
            later.par_iter_mut().for_each(|other| {
                let before = dot(other, other).sqrt();
                axpy(-dot(column, other), column, other);
                if dot(other, other).sqrt() <= NOTHING * before {
                    other.fill(0.0);
                }
            });
        }
    }
    let mut out = matrix;
    for (j, column) in columns.iter().enumerate() {
        column.iter().enumerate().for_each(|(i, x)| out[i * width + j] = *x);
    }
    out
}

/// A sparse matrix, row by row.
struct Lines {
    starts: Vec<usize>,
    places: Vec<u32>,
    values: Vec<f64>,
}

impl Lines {
    fn of(rows: Sparse<'_>, n_rows: usize) -> Self {
        let first = rows.offsets.first().map_or(0, |&o| o as usize);
        let last = rows.offsets.get(n_rows).map_or(first, |&o| o as usize);
        Lines {
            starts: rows.offsets.iter().take(n_rows + 1).map(|&o| o as usize - first).collect(),
            places: rows.indices[first..last].to_vec(),
            values: rows.values[first..last].iter().map(|&x| f64::from(x)).collect(),
        }
    }

    fn transposed(&self, n_columns: usize) -> Self {
        let mut starts = vec![0; n_columns + 1];
        self.places.iter().for_each(|&j| starts[j as usize + 1] += 1);
        (0..n_columns).for_each(|j| starts[j + 1] += starts[j]);
        let mut next = starts.clone();
        let (mut places, mut values) = (vec![0; self.places.len()], vec![0.0; self.values.len()]);
        for (i, range) in self.starts.windows(2).enumerate() {
            for at in range[0]..range[1] {
                let to = &mut next[self.places[at] as usize];
                (places[*to], values[*to]) = (i as u32, self.values[at]);
                *to += 1;
            }
        }
        Lines { starts, places, values }
    }

    /// The product with a matrix that has `width` numbers per row.
    fn times(&self, other: &[f64], width: usize) -> Vec<f64> {
        let n = self.starts.len().saturating_sub(1);
        let parts = in_chunks(n, ROWS, |lines| {
            let mut out = vec![0.0; lines.len() * width];
            for (i, out) in lines.zip(out.chunks_exact_mut(width.max(1))) {
                for at in self.starts[i]..self.starts[i + 1] {
                    let j = self.places[at] as usize;
                    axpy(self.values[at], &other[j * width..(j + 1) * width], out);
                }
            }
            out
        });
        parts.concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dense(n: usize, p: usize, rank: usize) -> Vec<f32> {
        let mut random = Random::new(3, 0);
        let left: Vec<f64> = (0..n * rank).map(|_| random.normal()).collect();
        let right: Vec<f64> = (0..rank * p).map(|_| random.normal()).collect();
        let cell = |i: usize, j: usize| {
            (0..rank).map(|r| left[i * rank + r] * right[r * p + j] / (1 + r * r) as f64).sum::<f64>()
        };
        (0..n * p).map(|at| cell(at / p, at % p) as f32).collect()
    }

    fn of_dense(x: &[f32], n: usize, p: usize, k: usize) -> (Vec<f64>, usize) {
        let offsets: Vec<i32> = (0..=n).map(|i| (i * p) as i32).collect();
        let indices: Vec<u32> = (0..n * p).map(|at| (at % p) as u32).collect();
        directions(Sparse { offsets: &offsets, indices: &indices, values: x }, n, p, k, &Context::default())
            .unwrap()
    }

    #[test]
    fn directions_are_orthogonal_and_hold_all_of_a_matrix_of_their_rank() {
        let (n, p) = (40, 25);
        let x = dense(n, p, 6);
        let (v, k) = of_dense(&x, n, p, 6);
        assert_eq!(k, 6);
        for a in 0..k {
            for b in 0..k {
                let product: f64 = (0..p).map(|j| v[j * k + a] * v[j * k + b]).sum();
                assert!((product - f64::from(u8::from(a == b))).abs() < 1e-10);
            }
        }
        // x v v' = x.
        for row in x.chunks_exact(p) {
            let along: Vec<f64> =
                (0..k).map(|c| (0..p).map(|j| f64::from(row[j]) * v[j * k + c]).sum()).collect();
            for j in 0..p {
                let back: f64 = (0..k).map(|c| along[c] * v[j * k + c]).sum();
                assert!((back - f64::from(row[j])).abs() < 1e-5);
            }
        }
    }

    #[test]
    fn lower_rank_gives_fewer_directions() {
        // 32-bit numbers: a rounded matrix has the rank of its integers.
        let x: Vec<f32> = (0..60).map(|at| ((at / 6 + 1) * (at % 6 + 1)) as f32).collect();
        assert_eq!(of_dense(&x, 10, 6, 4).1, 1);
        assert_eq!(of_dense(&[0.0; 6], 2, 3, 2).1, 0);
    }
}
