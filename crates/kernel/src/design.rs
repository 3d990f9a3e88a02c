//! The design matrix: a batch's features as 64-bit floats, in the layout fastest for the solvers.

use std::ops::Range;

use arrow_array::Array;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};
use pulp::NullaryFnOnce;
use rayon::prelude::*;
use tidemill_core::{Batch, Error, Kind, Result};

use crate::reduce::{in_chunks, sum_parts};
use crate::vector::{LANES, axpy_inline, dot_inline, sum_lanes, wide};
use crate::{Feature, Features};

/// Rows per block. Not a power of two, so that the columns of a block do not compete for the same cache sets.
const BLOCK: usize = 496;
/// Blocks per chunk of parallel work.
const CHUNK: usize = 8;
/// The partial Gram matrices of one reduction together hold at most so many numbers.
const GRAM_PARTS: usize = 1 << 24;

/// A dense `n_rows` x `n_columns` matrix in blocks of rows, each block column after column: a block stays in the
/// cache while all its columns are read, and every inner loop runs over consecutive numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Design {
    n_rows: usize,
    n_columns: usize,
    values: Vec<f64>,
}

/// Some consecutive rows of a [`Design`].
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The first row.
    pub start: usize,
    /// How many rows.
    pub n_rows: usize,
    values: &'a [f64],
}

impl<'a> Block<'a> {
    /// The numbers of column `j`.
    #[inline(always)]
    pub fn column(&self, j: usize) -> &'a [f64] {
        &self.values[j * self.n_rows..(j + 1) * self.n_rows]
    }

    /// The rows of this block within a slice over all rows.
    pub fn rows(&self) -> Range<usize> {
        self.start..self.start + self.n_rows
    }

    /// `out += columns * coefficients`, term after term in the order of the columns.
    #[inline(always)]
    pub fn times_inline(&self, coefficients: &[f64], out: &mut [f64]) {
        let n = self.n_rows;
        let out = &mut out[..n];
        let mut j = 0;
        while j + 4 <= coefficients.len() {
            let (a, b) = (&self.column(j)[..n], &self.column(j + 1)[..n]);
            let (c, d) = (&self.column(j + 2)[..n], &self.column(j + 3)[..n]);
            let [p, q, r, s] = [0, 1, 2, 3].map(|k| coefficients[j + k]);
            for i in 0..n {
                out[i] = (((out[i] + p * a[i]) + q * b[i]) + r * c[i]) + s * d[i];
            }
            j += 4;
        }
        for (k, &w) in coefficients.iter().enumerate().skip(j) {
            axpy_inline(w, self.column(k), out);
        }
    }

    /// `out[j] += sum(column j * x)`.
    #[inline(always)]
    pub fn transposed_times_inline(&self, x: &[f64], out: &mut [f64]) {
        let mut j = 0;
        while j + 4 <= out.len() {
            let sums = self.four_dots([j, j + 1, j + 2, j + 3], x);
            for k in 0..4 {
                out[j + k] += sums[k];
            }
            j += 4;
        }
        for (k, total) in out.iter_mut().enumerate().skip(j) {
            *total += dot_inline(self.column(k), x);
        }
    }

    /// Four dot products at once: each run of `x` is loaded once.
    #[inline(always)]
    fn four_dots(&self, columns: [usize; 4], x: &[f64]) -> [f64; 4] {
        let (x_runs, x_rest) = x[..self.n_rows].as_chunks::<LANES>();
        let [a, b, c, d] = columns.map(|j| self.column(j).as_chunks::<LANES>());
        let mut lanes = [[0.0; LANES]; 4];
        for (i, x) in x_runs.iter().enumerate() {
            let (a, b, c, d) = (&a.0[i], &b.0[i], &c.0[i], &d.0[i]);
            for l in 0..LANES {
                lanes[0][l] += a[l] * x[l];
                lanes[1][l] += b[l] * x[l];
                lanes[2][l] += c[l] * x[l];
                lanes[3][l] += d[l] * x[l];
            }
        }
        for (l, x) in x_rest.iter().enumerate() {
            lanes[0][l] += a.1[l] * x;
            lanes[1][l] += b.1[l] * x;
            lanes[2][l] += c.1[l] * x;
            lanes[3][l] += d.1[l] * x;
        }
        lanes.map(sum_lanes)
    }
}

/// The sum of the differences to a number.
struct Off<'a>(&'a [f64], f64);

impl NullaryFnOnce for Off<'_> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        let mut lanes = [0.0; LANES];
        let (runs, rest) = self.0.as_chunks::<LANES>();
        for run in runs {
            for (lane, x) in lanes.iter_mut().zip(run) {
                *lane += x - self.1;
            }
        }
        for (lane, x) in lanes.iter_mut().zip(rest) {
            *lane += x - self.1;
        }
        sum_lanes(lanes)
    }
}

/// Centres and scales a piece of a column; its sum of squares.
struct Shift<'a> {
    part: &'a mut [f64],
    centre: f64,
    factors: Option<&'a [f64]>,
}

impl NullaryFnOnce for Shift<'_> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        self.part.iter_mut().for_each(|x| *x -= self.centre);
        if let Some(factors) = self.factors {
            self.part.iter_mut().zip(factors).for_each(|(x, f)| *x *= f);
        }
        dot_inline(self.part, self.part)
    }
}

struct Times<'a>(Block<'a>, &'a [f64], &'a mut [f64]);

impl NullaryFnOnce for Times<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.times_inline(self.1, self.2);
    }
}

struct TransposedTimes<'a>(Block<'a>, &'a [f64], &'a mut [f64]);

impl NullaryFnOnce for TransposedTimes<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.transposed_times_inline(self.1, self.2);
    }
}

impl Design {
    /// The features of a batch (flags are 0 and 1).
    ///
    /// Errors name the column and the row of a value that is missing or infinite, and a feature that is not there.
    pub fn of(batch: &Batch, features: &Features) -> Result<Self> {
        let places = features.resolve(batch.schema())?;
        let (n, p) = (batch.n_rows(), features.n_columns());
        let mut design = Design { n_rows: n, n_columns: p, values: vec![0.0; n * p] };
        let mut at = 0;
        for (feature, place) in features.0.iter().zip(places) {
            design.fill(batch, feature, place, at)?;
            at += feature.width();
        }
        Ok(design)
    }

    /// A matrix from its rows, one after the other. `rows` holds `n_rows * n_columns` numbers; what is missing at
    /// its end is zero.
    pub fn from_rows(rows: &[f64], n_rows: usize, n_columns: usize) -> Self {
        let mut design = Design { n_rows, n_columns, values: vec![0.0; n_rows * n_columns] };
        for j in 0..n_columns {
            design.set_column(j, |i| rows.get(i * n_columns + j).copied().unwrap_or(0.0));
        }
        design
    }

    /// How many rows.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// How many columns.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    fn n_blocks(&self) -> usize {
        self.n_rows.div_ceil(BLOCK)
    }

    fn block(&self, b: usize) -> Block<'_> {
        let start = b * BLOCK;
        let n_rows = BLOCK.min(self.n_rows - start);
        let at = start * self.n_columns;
        Block { start, n_rows, values: &self.values[at..at + n_rows * self.n_columns] }
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        (0..self.n_blocks()).map(|b| self.block(b))
    }

    /// Runs `work` on chunks of blocks in parallel; the partial results come in the order of the rows.
    pub fn over_chunks<T: Send>(
        &self,
        work: impl Fn(&mut dyn Iterator<Item = Block<'_>>) -> T + Sync,
    ) -> Vec<T> {
        in_chunks(self.n_blocks(), CHUNK, |range| work(&mut range.map(|b| self.block(b))))
    }

    /// Column `j` in pieces, one per block.
    pub fn column(&self, j: usize) -> impl Iterator<Item = &[f64]> {
        self.blocks().map(move |block| block.column(j))
    }

    fn column_mut(&mut self, j: usize) -> impl Iterator<Item = (usize, &mut [f64])> {
        let p = self.n_columns;
        self.values.chunks_mut((BLOCK * p).max(1)).enumerate().map(move |(b, block)| {
            let n = block.len() / p;
            (b * BLOCK, &mut block[j * n..(j + 1) * n])
        })
    }

    fn set_column(&mut self, j: usize, value: impl Fn(usize) -> f64) {
        for (start, part) in self.column_mut(j) {
            for (i, x) in part.iter_mut().enumerate() {
                *x = value(start + i);
            }
        }
    }

    fn fill(&mut self, batch: &Batch, feature: &Feature, place: usize, at: usize) -> Result<()> {
        let column = batch.column(place);
        if column.null_count() > 0 {
            let row = (0..batch.n_rows()).find(|&i| column.is_null(i)).unwrap_or_default();
            return Err(not_finite(&feature.name, "missing", row));
        }
        match batch.schema().columns()[place].kind {
            Kind::Flag => {
                let flags = batch.flags(place)?;
                self.set_column(at, |i| f64::from(u8::from(flags.value(i))));
            }
            Kind::Vector { .. } => {
                let (values, width) = (batch.vector(place)?, feature.width());
                if let Some(i) = values.iter().position(|x| !x.is_finite()) {
                    return Err(not_finite(&feature.name, "not a finite number", i / width.max(1)));
                }
                for k in 0..width {
                    self.set_column(at + k, |i| f64::from(values[i * width + k]));
                }
            }
            _ => {
                let values = batch.numbers(place)?.values();
                for (start, part) in self.column_mut(at) {
                    let values = &values[start..start + part.len()];
                    if let Some(row) = values.iter().position(|x| !x.is_finite()) {
                        return Err(not_finite(&feature.name, "not a finite number", start + row));
                    }
                    part.copy_from_slice(values);
                }
            }
        }
        Ok(())
    }

    /// The weighted mean of each column. Exact for a constant column: means are taken of the differences to the
    /// first row.
    pub fn means(&self, weights: Option<&[f64]>) -> Vec<f64> {
        let total = weights.map_or(self.n_rows as f64, |w| w.iter().sum());
        let mut means: Vec<f64> = (0..self.n_columns).map(|j| first(self.column(j))).collect();
        if total <= 0.0 {
            return means;
        }
        let parts = self.over_chunks(|blocks| {
            let mut sums = vec![0.0; self.n_columns];
            for block in blocks {
                for (j, sum) in sums.iter_mut().enumerate() {
                    let shift = means[j];
                    *sum += match weights {
                        None => wide(Off(block.column(j), shift)),
                        Some(w) => {
                            let w = &w[block.rows()];
                            block.column(j).iter().zip(w).map(|(x, w)| w * (x - shift)).sum::<f64>()
                        }
                    };
                }
            }
            sums
        });
        let sums = sum_parts(parts, self.n_columns);
        for (mean, sum) in means.iter_mut().zip(sums) {
            *mean += sum / total;
        }
        means
    }

    /// Takes `centres[j]` off every number of column `j`, then multiplies row `i` by `factors[i]`; the sum of squares
    /// of each column as it is then.
    pub fn centre(&mut self, centres: &[f64], factors: Option<&[f64]>) -> Vec<f64> {
        let p = self.n_columns;
        let parts: Vec<Vec<f64>> = self
            .values
            .par_chunks_mut((BLOCK * CHUNK * p).max(1))
            .enumerate()
            .map(|(c, chunk)| {
                let mut sums = vec![0.0; p];
                for (b, values) in chunk.chunks_mut(BLOCK * p).enumerate() {
                    let (start, n) = ((c * CHUNK + b) * BLOCK, values.len() / p);
                    let factors = factors.map(|f| &f[start..start + n]);
                    for ((part, &centre), sum) in values.chunks_exact_mut(n).zip(centres).zip(&mut sums) {
                        *sum += wide(Shift { part, centre, factors });
                    }
                }
                sums
            })
            .collect();
        sum_parts(parts, p)
    }

    /// The columns at these places, copied.
    pub fn select(&self, columns: &[usize]) -> Design {
        let mut values = Vec::with_capacity(self.n_rows * columns.len());
        for block in self.blocks() {
            columns.iter().for_each(|&j| values.extend_from_slice(block.column(j)));
        }
        Design { n_rows: self.n_rows, n_columns: columns.len(), values }
    }

    /// Every `step`-th row, copied.
    pub fn thinned(&self, step: usize) -> Design {
        let step = step.max(1);
        let mut thin = Design {
            n_rows: self.n_rows.div_ceil(step),
            n_columns: self.n_columns,
            values: vec![0.0; self.n_rows.div_ceil(step) * self.n_columns],
        };
        let (p, values) = (self.n_columns, &self.values);
        for j in 0..p {
            thin.set_column(j, |i| {
                let (block, row) = (i * step / BLOCK, i * step % BLOCK);
                let n = BLOCK.min(self.n_rows - block * BLOCK);
                values[block * BLOCK * p + j * n + row]
            });
        }
        thin
    }

    /// `constant + matrix * coefficients`, a number per row.
    pub fn times(&self, coefficients: &[f64], constant: f64) -> Vec<f64> {
        let parts = self.over_chunks(|blocks| {
            let mut part = Vec::with_capacity(BLOCK * CHUNK);
            for block in blocks {
                let at = part.len();
                part.resize(at + block.n_rows, constant);
                wide(Times(block, coefficients, &mut part[at..]));
            }
            part
        });
        parts.concat()
    }

    /// `transposed matrix * x`, a number per column.
    pub fn transposed_times(&self, x: &[f64]) -> Vec<f64> {
        let parts = self.over_chunks(|blocks| {
            let mut sums = vec![0.0; self.n_columns];
            for block in blocks {
                wide(TransposedTimes(block, &x[block.rows()], &mut sums));
            }
            sums
        });
        sum_parts(parts, self.n_columns)
    }

    /// The sum of squares of each column.
    pub fn squared_norms(&self) -> Vec<f64> {
        let parts = self.over_chunks(|blocks| {
            let mut sums = vec![0.0; self.n_columns];
            for block in blocks {
                for (j, sum) in sums.iter_mut().enumerate() {
                    *sum += crate::vector::dot(block.column(j), block.column(j));
                }
            }
            sums
        });
        sum_parts(parts, self.n_columns)
    }

    /// `transposed matrix * diag(weights) * matrix`: `n_columns` squared numbers, symmetric.
    pub fn gram(&self, weights: Option<&[f64]>) -> Vec<f64> {
        let p = self.n_columns;
        let most_parts = (GRAM_PARTS / (p * p).max(1)).clamp(1, 1 << 20);
        let chunk = CHUNK.max(self.n_blocks().div_ceil(most_parts));
        let parts = in_chunks(self.n_blocks(), chunk, |range| {
            let mut sums = vec![0.0; p * p];
            let mut weighted = Vec::new();
            for block in range.map(|b| self.block(b)) {
                add_gram(block, p, weights, &mut weighted, &mut sums);
            }
            sums
        });
        let mut gram = sum_parts(parts, p * p);
        for j in 0..p {
            (0..j).for_each(|i| gram[j * p + i] = gram[i * p + j]);
        }
        gram
    }
}

/// Adds a block's share to the lower triangle (column after column).
fn add_gram(block: Block<'_>, p: usize, weights: Option<&[f64]>, weighted: &mut Vec<f64>, sums: &mut [f64]) {
    if p == 0 {
        return;
    }
    let n = block.n_rows;
    let x = MatRef::from_column_major_slice(block.values, n, p);
    let left = match weights {
        None => x,
        Some(weights) => {
            weighted.clear();
            let w = &weights[block.rows()];
            for j in 0..p {
                weighted.extend(block.column(j).iter().zip(w).map(|(x, w)| x * w));
            }
            MatRef::from_column_major_slice(weighted.as_slice(), n, p)
        }
    };
    let out = MatMut::from_column_major_slice_mut(sums, p, p);
    // One thread here: the order of the sums must not depend on how many there are.
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out, lower, Accum::Add, left.transpose(), whole, x, whole, 1.0, Par::Seq);
}

fn first<'a>(mut parts: impl Iterator<Item = &'a [f64]>) -> f64 {
    parts.next().and_then(|part| part.first()).copied().unwrap_or(0.0)
}

fn not_finite(name: &str, what: &str, row: usize) -> Error {
    Error::data(
        format!("feature '{name}' is {what} in row {row}"),
        "impute missing values and correct infinite ones before this learner",
    )
}
