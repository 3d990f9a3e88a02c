//! Layers that learn, forwards and backwards, on rows of numbers. Sums have a fixed order, whatever the threads.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use rayon::prelude::*;

/// Rows of a product that a thread takes.
const ROWS: usize = 64;

/// A matrix of rows of `columns` numbers.
pub(super) fn rows(values: &[f32], columns: usize) -> MatRef<'_, f32> {
    MatRef::from_row_major_slice(values, values.len() / columns.max(1), columns)
}

/// `out (+)= factor * a b`, by blocks of rows.
pub(super) fn product(out: &mut [f32], accum: Accum, a: MatRef<'_, f32>, b: MatRef<'_, f32>, factor: f32) {
    let columns = b.ncols();
    if columns == 0 {
        return;
    }
    out.par_chunks_mut(ROWS * columns).enumerate().for_each(|(i, out)| {
        let n = out.len() / columns;
        let out = MatMut::from_row_major_slice_mut(out, n, columns);
        matmul(out, accum, a.subrows(i * ROWS, n), b, factor, Par::Seq);
    });
}

/// `x w^T + b` of rows of `inputs` numbers.
pub(super) fn linear(x: &[f32], inputs: usize, w: &[f32], b: &[f32]) -> Vec<f32> {
    let n = x.len() / inputs;
    let mut out = b.repeat(n);
    product(&mut out, Accum::Add, rows(x, inputs), rows(w, inputs).transpose(), 1.0);
    out
}

/// The gradient at `x`; those of `w` and `b` are added to theirs.
pub(super) fn linear_back(
    x: &[f32],
    inputs: usize,
    w: &[f32],
    dy: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
) -> Vec<f32> {
    let dy_rows = rows(dy, db.len());
    product(dw, Accum::Add, dy_rows.transpose(), rows(x, inputs), 1.0);
    dy.chunks_exact(db.len()).for_each(|row| db.iter_mut().zip(row).for_each(|(b, dy)| *b += dy));
    let mut dx = vec![0.0; x.len()];
    product(&mut dx, Accum::Replace, dy_rows, rows(w, inputs), 1.0);
    dx
}

/// Rows with mean 0 and variance 1, times `w` plus `b` (Ba et al. 2016).
pub(super) fn norm(x: &[f32], w: &[f32], b: &[f32], epsilon: f32) -> Vec<f32> {
    let mut out = x.to_vec();
    out.par_chunks_mut(w.len()).for_each(|row| {
        let (mean, scale) = moments(row, epsilon);
        for ((x, w), b) in row.iter_mut().zip(w).zip(b) {
            *x = ((f64::from(*x) - mean) * scale) as f32 * w + b;
        }
    });
    out
}

/// The gradient at `x`; those of `w` and `b` are added to theirs.
pub(super) fn norm_back(
    x: &[f32],
    w: &[f32],
    epsilon: f32,
    dy: &[f32],
    dw: &mut [f32],
    db: &mut [f32],
) -> Vec<f32> {
    let (width, n) = (w.len(), w.len() as f64);
    let mut dx = vec![0.0; x.len()];
    for ((x, dy), dx) in x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)) {
        let (mean, scale) = moments(x, epsilon);
        let normal = |x: f32| (f64::from(x) - mean) * scale;
        let (mut level, mut along) = (0.0, 0.0);
        for j in 0..width {
            let pulled = f64::from(dy[j]) * f64::from(w[j]);
            level += pulled;
            along += pulled * normal(x[j]);
            dw[j] += dy[j] * normal(x[j]) as f32;
            db[j] += dy[j];
        }
        for j in 0..width {
            let pulled = f64::from(dy[j]) * f64::from(w[j]);
            dx[j] = (scale * (pulled - level / n - normal(x[j]) * along / n)) as f32;
        }
    }
    dx
}

fn moments(row: &[f32], epsilon: f32) -> (f64, f64) {
    let n = row.len() as f64;
    let mean = row.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let square = row.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / n;
    (mean, 1.0 / (square + f64::from(epsilon)).sqrt())
}

/// Queries, keys and values of a text of `n` tokens, or gradients at them.
pub(super) type Three<'a> = [&'a [f32]; 3];

/// The answer of attention within one text, in which every token sees all.
pub(super) fn attend([q, k, v]: Three<'_>, width: usize, heads: usize) -> Vec<f32> {
    let (n, size) = (q.len() / width, width / heads);
    let factor = 1.0 / (size as f32).sqrt();
    let (mut out, mut shares) = (vec![0.0; n * width], vec![0.0; n * n]);
    for head in 0..heads {
        let of = |x| rows(x, width).subcols(head * size, size);
        times(&mut shares, of(q), of(k).transpose(), factor);
        shares.chunks_exact_mut(n).for_each(softmax);
        let out = MatMut::from_row_major_slice_mut(&mut out, n, width).subcols_mut(head * size, size);
        matmul(out, Accum::Replace, rows(&shares, n), of(v), 1.0, Par::Seq);
    }
    out
}

/// The gradients at queries, keys and values from that at the answer.
pub(super) fn attend_back([q, k, v]: Three<'_>, d_out: &[f32], width: usize, heads: usize) -> [Vec<f32>; 3] {
    let (n, size) = (q.len() / width, width / heads);
    let factor = 1.0 / (size as f32).sqrt();
    let mut found = [vec![0.0; n * width], vec![0.0; n * width], vec![0.0; n * width]];
    let (mut shares, mut d_shares) = (vec![0.0; n * n], vec![0.0; n * n]);
    for head in 0..heads {
        let of = |x| rows(x, width).subcols(head * size, size);
        times(&mut shares, of(q), of(k).transpose(), factor);
        shares.chunks_exact_mut(n).for_each(softmax);
        times(&mut d_shares, of(d_out), of(v).transpose(), 1.0);
        for (shares, d_shares) in shares.chunks_exact(n).zip(d_shares.chunks_exact_mut(n)) {
            let mean: f64 = shares.iter().zip(&*d_shares).map(|(p, d)| f64::from(*p) * f64::from(*d)).sum();
            shares.iter().zip(d_shares).for_each(|(p, d)| *d = p * (*d - mean as f32));
        }
        let (shares, d_scores) = (rows(&shares, n), rows(&d_shares, n));
        let sides = [
            (d_scores, of(k), factor),
            (d_scores.transpose(), of(q), factor),
            (shares.transpose(), of(d_out), 1.0),
        ];
        for (to, (a, b, factor)) in found.iter_mut().zip(sides) {
            let to = MatMut::from_row_major_slice_mut(to, n, width).subcols_mut(head * size, size);
            matmul(to, Accum::Replace, a, b, factor, Par::Seq);
        }
    }
    found
}

fn times(out: &mut [f32], a: MatRef<'_, f32>, b: MatRef<'_, f32>, factor: f32) {
    let out = MatMut::from_row_major_slice_mut(out, a.nrows(), b.ncols());
    matmul(out, Accum::Replace, a, b, factor, Par::Seq);
}

/// Scores become shares.
pub(super) fn softmax(row: &mut [f32]) {
    let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    row.iter_mut().for_each(|x| *x = (*x - largest).exp());
    let total: f64 = row.iter().map(|x| f64::from(*x)).sum();
    row.iter_mut().for_each(|x| *x = (f64::from(*x) / total) as f32);
}
