//! The design matrix: a batch's features as 64-bit floats, in the layout fastest for the solvers.

mod block;
mod by_column;
mod compressed;
mod gram;
mod moments;

use arrow_array::{Array, BooleanArray, Float64Array};
use rayon::prelude::*;
use tidemill_core::{Batch, Error, Kind, Result};

use crate::reduce::{in_chunks, sum_parts};
use crate::vector::wide;
use crate::{Feature, Features};
use block::{Times, TransposedTimes};
use compressed::Compressed;

pub use block::Block;
pub use by_column::ByColumn;
pub use moments::Moments;

/// Rows per block. Not a power of two, so that the columns of a block do not compete for the same cache sets.
const BLOCK: usize = 496;
/// Blocks per chunk of parallel work.
const CHUNK: usize = 8;
/// The partial sums of one reduction together hold at most so many numbers.
const PARTS: usize = 1 << 24;
/// A thinned design takes so many rows in a row: whole cache lines, whatever the step.
const RUN: usize = 16;

/// An `n_rows` x `n_columns` matrix, read in blocks of rows: a block stays in the cache while all its columns are
/// read, and every inner loop runs over consecutive numbers.
///
/// Number columns of a batch are shared with it, not copied; flags and dense vectors are copied into blocks; sparse
/// vectors stay sparse. [`Design::centre`] makes it a matrix of centred columns without touching shared numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Design {
    n_rows: usize,
    n_columns: usize,
    /// The columns in order.
    parts: Vec<Part>,
    /// Columns of its own: block after block, each column after column.
    values: Vec<f64>,
    n_own: usize,
    shared: Vec<Float64Array>,
    /// Of each shared column, the sum of the differences to its first number, and of their squares.
    shared_sums: Vec<f64>,
    /// What is taken off each column while it is read.
    centres: Vec<f64>,
}

/// Some consecutive columns, from column `at`.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Dense { at: usize, places: Vec<Place> },
    Sparse { at: usize, rows: Compressed },
}

/// Where a dense column lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Own(usize),
    Shared(usize),
}

/// What an own column is copied from.
enum Copied<'a> {
    Flags(&'a BooleanArray),
    Vector(&'a [f32], usize),
}

impl Design {
    /// The features of a batch (flags are 0 and 1).
    ///
    /// Errors name the column and the row of a value that is missing or infinite, and a feature that is not there.
    pub fn of(batch: &Batch, features: &Features) -> Result<Self> {
        let places = features.resolve(batch.schema())?;
        let mut design = Design { n_rows: batch.n_rows(), ..Design::default() };
        let mut copied = Vec::new();
        let mut names = Vec::new();
        for (feature, place) in features.0.iter().zip(places) {
            let column = batch.column(place);
            if column.null_count() > 0 {
                let row = (0..batch.n_rows()).find(|&i| column.is_null(i)).unwrap_or_default();
                return Err(not_finite(&feature.name, "missing", row));
            }
            match batch.schema().columns()[place].kind {
                Kind::Flag => {
                    design.push_own(1);
                    copied.push(Copied::Flags(batch.flags(place)?));
                }
                Kind::Vector { sparse: true, .. } => {
                    let rows = sparse_rows(batch, place, feature)?;
                    let at = design.n_columns;
                    design.n_columns += rows.width;
                    design.parts.push(Part::Sparse { at, rows });
                }
                Kind::Vector { .. } => {
                    let (values, width) = (batch.vector(place)?, feature.width());
                    if let Some(i) = values.iter().position(|x| !x.is_finite()) {
                        return Err(not_finite(&feature.name, "not a finite number", i / width.max(1)));
                    }
                    design.push_own(width);
                    copied.push(Copied::Vector(values, width));
                }
                _ => {
                    names.push(&feature.name);
                    design.push_dense(Place::Shared(design.shared.len()));
                    design.shared.push(batch.numbers(place)?.clone());
                }
            }
        }
        design.fill(&copied);
        design.centres = vec![0.0; design.n_columns];
        design.shared_sums = design.shared_sums(None);
        design.check_shared(&names)?;
        Ok(design)
    }

    fn push_own(&mut self, width: usize) {
        for _ in 0..width {
            self.push_dense(Place::Own(self.n_own));
            self.n_own += 1;
        }
    }

    fn push_dense(&mut self, place: Place) {
        match self.parts.last_mut() {
            Some(Part::Dense { places, .. }) => places.push(place),
            _ => self.parts.push(Part::Dense { at: self.n_columns, places: vec![place] }),
        }
        self.n_columns += 1;
    }

    /// Numbers that are not finite leave their mark on the sums; only then are they looked for.
    fn check_shared(&self, names: &[&String]) -> Result<()> {
        for (k, sums) in self.shared_sums.chunks_exact(2).enumerate() {
            if sums.iter().all(|s| s.is_finite()) {
                continue;
            }
            if let Some(row) = self.shared[k].values().iter().position(|x| !x.is_finite()) {
                return Err(not_finite(names[k], "not a finite number", row));
            }
        }
        Ok(())
    }

    fn fill(&mut self, copied: &[Copied<'_>]) {
        let n_own = self.n_own;
        self.values = vec![0.0; self.n_rows * n_own];
        self.values.par_chunks_mut((BLOCK * n_own).max(1)).enumerate().for_each(|(b, block)| {
            let (start, n) = (b * BLOCK, block.len() / n_own);
            let mut columns = block.chunks_exact_mut(n);
            for source in copied {
                match source {
                    Copied::Flags(flags) => {
                        let Some(column) = columns.next() else { return };
                        let flag = |i: usize| f64::from(u8::from(flags.value(start + i)));
                        column.iter_mut().enumerate().for_each(|(i, x)| *x = flag(i));
                    }
                    Copied::Vector(values, width) => {
                        for (k, column) in columns.by_ref().take(*width).enumerate() {
                            let rows = values[start * width..].chunks_exact(*width);
                            column.iter_mut().zip(rows).for_each(|(x, row)| *x = f64::from(row[k]));
                        }
                    }
                }
            }
        });
    }

    /// A matrix from its rows, one after the other. `rows` holds `n_rows * n_columns` numbers; what is missing at
    /// its end is zero.
    pub fn from_rows(rows: &[f64], n_rows: usize, n_columns: usize) -> Self {
        let mut design = Design { n_rows, centres: vec![0.0; n_columns], ..Design::default() };
        design.push_own(n_columns);
        design.values = vec![0.0; n_rows * n_columns];
        for j in 0..n_columns {
            design.set_own(j, |i| rows.get(i * n_columns + j).copied().unwrap_or(0.0));
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

    /// Whether some columns are those of a sparse vector.
    pub fn is_sparse(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Sparse { .. }))
    }

    fn n_blocks(&self) -> usize {
        self.n_rows.div_ceil(BLOCK)
    }

    fn block(&self, b: usize) -> Block<'_> {
        let start = b * BLOCK;
        let n_rows = BLOCK.min(self.n_rows - start);
        let at = start * self.n_own;
        Block { start, n_rows, design: self, own: &self.values[at..at + n_rows * self.n_own] }
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
        // Where a part holds a number per column, many columns ask for few parts.
        let most_parts = (PARTS / self.n_columns.max(1)).max(1);
        let chunk = CHUNK.max(self.n_blocks().div_ceil(most_parts));
        in_chunks(self.n_blocks(), chunk, |range| work(&mut range.map(|b| self.block(b))))
    }

    /// Column `j` as it is stored, in pieces, one per block; empty pieces for a column of a sparse vector.
    pub fn column(&self, j: usize) -> impl Iterator<Item = &[f64]> {
        self.blocks().map(move |block| block.column(j))
    }

    fn place(&self, j: usize) -> Option<Place> {
        self.parts.iter().rev().find_map(|part| match part {
            Part::Dense { at, places } if j >= *at => Some(places.get(j - at).copied()),
            Part::Sparse { at, .. } if j >= *at => Some(None),
            _ => None,
        })?
    }

    fn set_own(&mut self, k: usize, value: impl Fn(usize) -> f64) {
        let n_own = self.n_own;
        for (b, block) in self.values.chunks_mut((BLOCK * n_own).max(1)).enumerate() {
            let n = block.len() / n_own;
            for (i, x) in block[k * n..(k + 1) * n].iter_mut().enumerate() {
                *x = value(b * BLOCK + i);
            }
        }
    }

    /// The numbers of a dense column at these rows, as they are stored.
    fn picked<'a>(&'a self, place: Place, rows: &'a [usize]) -> impl Fn(usize) -> f64 + 'a {
        move |i| {
            let row = rows[i];
            match place {
                Place::Shared(k) => self.shared[k].values()[row],
                Place::Own(k) => {
                    let (block, within) = (row / BLOCK, row % BLOCK);
                    let n = BLOCK.min(self.n_rows - block * BLOCK);
                    self.values[block * BLOCK * self.n_own + k * n + within]
                }
            }
        }
    }

    /// Makes these shared columns the design's own.
    fn copy_columns(&mut self, columns: &[usize]) {
        let mut own = self.clone();
        for &j in columns {
            let Some(Place::Shared(_)) = own.place(j) else { continue };
            for part in &mut own.parts {
                if let Part::Dense { at, places } = part
                    && let Some(place) = j.checked_sub(*at).and_then(|i| places.get_mut(i))
                {
                    *place = Place::Own(own.n_own);
                }
            }
            own.n_own += 1;
        }
        own.values = vec![0.0; own.n_rows * own.n_own];
        let rows: Vec<usize> = (0..self.n_rows).collect();
        for j in 0..self.n_columns {
            if let (Some(from), Some(Place::Own(k))) = (self.place(j), own.place(j)) {
                own.set_own(k, self.picked(from, &rows));
            }
        }
        *self = own;
    }

    /// The columns at these places (ascending), centred as they are here.
    pub fn select(&self, columns: &[usize]) -> Design {
        let mut part = Design { n_rows: self.n_rows, shared: self.shared.clone(), ..Design::default() };
        let mut own = Vec::new();
        for from in &self.parts {
            match from {
                Part::Dense { at, places } => {
                    for &j in columns.iter().filter(|&&j| j >= *at && j - at < places.len()) {
                        if let Place::Own(k) = places[j - at] {
                            part.push_own(1);
                            own.push(k);
                        } else {
                            part.push_dense(places[j - at]);
                        }
                    }
                }
                Part::Sparse { at, rows } => {
                    let chosen = columns.iter().filter(|&&j| j >= *at && j - at < rows.width);
                    let chosen: Vec<usize> = chosen.map(|j| j - at).collect();
                    let (at, width) = (part.n_columns, chosen.len());
                    part.parts.push(Part::Sparse { at, rows: rows.narrowed(&chosen) });
                    part.n_columns += width;
                }
            }
        }
        part.values = Vec::with_capacity(self.n_rows * own.len());
        for block in self.blocks() {
            own.iter().for_each(|&k| part.values.extend_from_slice(block.at(Place::Own(k))));
        }
        part.centres = columns.iter().map(|&j| self.centres[j]).collect();
        part.shared_sums = self.shared_sums.clone();
        part
    }

    /// The rows of about every `step`-th run of 16.
    pub fn thin_rows(&self, step: usize) -> Vec<usize> {
        (0..self.n_rows).step_by(RUN * step.max(1)).flat_map(|at| at..(at + RUN).min(self.n_rows)).collect()
    }

    /// The dense columns row after row, as they are stored; and which columns these are.
    pub(crate) fn dense_rows(&self) -> (Vec<usize>, Vec<f64>) {
        let columns: Vec<usize> = (0..self.n_columns).filter(|&j| self.place(j).is_some()).collect();
        let p = columns.len();
        let mut rows = vec![0.0; p * self.n_rows];
        for block in self.blocks() {
            let rows = &mut rows[block.start * p..(block.start + block.n_rows) * p];
            for (k, &j) in columns.iter().enumerate() {
                let numbers = block.column(j);
                rows.iter_mut().skip(k).step_by(p).zip(numbers).for_each(|(x, &number)| *x = number);
            }
        }
        (columns, rows)
    }

    /// Row `i` of each sparse vector: its first column, the places within it, and the numbers.
    pub(crate) fn sparse_lines(&self, i: usize) -> Vec<(usize, &[u32], &[f32])> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Sparse { at, rows } => {
                    let (places, values) = rows.line(i);
                    Some((*at, places, values))
                }
                Part::Dense { .. } => None,
            })
            .collect()
    }

    /// These rows, copied, centred as they are here.
    pub fn take(&self, rows: &[usize]) -> Design {
        let mut taken = Design { n_rows: rows.len(), ..Design::default() };
        taken.centres = vec![0.0; self.n_columns];
        for part in &self.parts {
            match part {
                Part::Dense { places, .. } => taken.push_own(places.len()),
                Part::Sparse { at, rows: lines } => {
                    taken.centres[*at..*at + lines.width]
                        .copy_from_slice(&self.centres[*at..*at + lines.width]);
                    taken.parts.push(Part::Sparse { at: *at, rows: lines.take(rows) });
                    taken.n_columns += lines.width;
                }
            }
        }
        taken.values = vec![0.0; rows.len() * taken.n_own];
        for j in 0..self.n_columns {
            if let (Some(from), Some(Place::Own(k))) = (self.place(j), taken.place(j)) {
                let picked = self.picked(from, rows);
                taken.set_own(k, |i| picked(i) - self.centres[j]);
            }
        }
        taken
    }

    /// What is to be added to every row's sum of products with the columns as they are stored.
    pub fn offset(&self, coefficients: &[f64]) -> f64 {
        -crate::vector::dot(&self.centres, coefficients)
    }

    /// Turns sums of products with the columns as they are stored (`sums[j] = sum(column j * x)`) into those with the
    /// centred columns, given the sum of `x`.
    pub fn settle(&self, sums: &mut [f64], x: f64) {
        crate::vector::axpy(-x, &self.centres, sums);
    }

    /// `constant + matrix * coefficients`, a number per row.
    pub fn times(&self, coefficients: &[f64], constant: f64) -> Vec<f64> {
        let constant = constant + self.offset(coefficients);
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
            let mut sums = vec![0.0; self.n_columns + 1];
            for block in blocks {
                let x = &x[block.rows()];
                wide(TransposedTimes(block, x, &mut sums[..self.n_columns]));
                sums[self.n_columns] += x.iter().sum::<f64>();
            }
            sums
        });
        let mut sums = sum_parts(parts, self.n_columns + 1);
        let total = sums.pop().unwrap_or(0.0);
        self.settle(&mut sums, total);
        sums
    }
}

fn sparse_rows(batch: &Batch, place: usize, feature: &Feature) -> Result<Compressed> {
    let (sparse, width) = (batch.sparse(place)?, feature.width());
    let mut rows =
        Compressed { starts: Vec::with_capacity(batch.n_rows() + 1), width, ..Compressed::default() };
    let (first, last) = (sparse.offsets[0] as usize, sparse.offsets[batch.n_rows()] as usize);
    rows.starts.extend(sparse.offsets.iter().map(|&at| at as usize - first));
    rows.indices.extend_from_slice(&sparse.indices[first..last]);
    rows.values.extend_from_slice(&sparse.values[first..last]);
    let row_of = |at: usize| rows.starts.partition_point(|&start| start <= at) - 1;
    if let Some(at) = rows.values.iter().position(|x| !x.is_finite()) {
        return Err(not_finite(&feature.name, "not a finite number", row_of(at)));
    }
    match rows.indices.iter().position(|&j| j as usize >= width) {
        None => Ok(rows),
        Some(at) => Err(Error::data(
            format!(
                "'{}' has a number at place {} in row {}, but only {width} places",
                feature.name,
                rows.indices[at],
                row_of(at)
            ),
            "prepare the column as it was prepared for training",
        )),
    }
}

fn not_finite(name: &str, what: &str, row: usize) -> Error {
    Error::data(
        format!("feature '{name}' is {what} in row {row}"),
        "impute missing values and correct infinite ones before this learner",
    )
}

#[cfg(test)]
mod tests;
