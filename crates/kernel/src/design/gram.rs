//! Gram matrices, block by block.

use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::{Accum, MatMut, MatRef, Par};

use super::{Block, CHUNK, Design, Part, Place};
use crate::reduce::{in_chunks, sum_parts};

/// The partial Gram matrices of one reduction together hold at most so many numbers.
const GRAM_PARTS: usize = 1 << 24;

/// Room for one block at a time.
#[derive(Default)]
struct Room {
    columns: Vec<f64>,
    weighted: Vec<f64>,
}

impl Design {
    /// `transposed matrix * diag(weights) * matrix`: `n_columns` squared numbers, symmetric. Sparse vectors are
    /// made dense a block of rows at a time.
    pub fn gram(&self, weights: Option<&[f64]>) -> Vec<f64> {
        let p = self.n_columns;
        let most_parts = (GRAM_PARTS / (p * p).max(1)).clamp(1, 1 << 20);
        let chunk = CHUNK.max(self.n_blocks().div_ceil(most_parts));
        let plain = self.is_plain();
        let parts = in_chunks(self.n_blocks(), chunk, |range| {
            let mut sums = vec![0.0; p * p];
            let mut room = Room::default();
            for block in range.map(|b| self.block(b)) {
                add_gram(block, plain, weights, &mut room, &mut sums);
            }
            sums
        });
        let mut gram = sum_parts(parts, p * p);
        for j in 0..p {
            (0..j).for_each(|i| gram[j * p + i] = gram[i * p + j]);
        }
        gram
    }

    /// As [`Design::gram`], with a column of ones after the others.
    pub fn gram_with_constant(&self, weights: &[f64]) -> Vec<f64> {
        let p = self.n_columns;
        let gram = self.gram(Some(weights));
        let edge = self.transposed_times(weights);
        let mut whole = vec![0.0; (p + 1) * (p + 1)];
        for (row, from) in whole.chunks_exact_mut(p + 1).zip(gram.chunks_exact(p.max(1))) {
            row[..p].copy_from_slice(from);
        }
        for (j, e) in edge.into_iter().enumerate() {
            whole[j * (p + 1) + p] = e;
            whole[p * (p + 1) + j] = e;
        }
        whole[p * (p + 1) + p] = weights.iter().sum();
        whole
    }

    /// Calls `visit` with row, column and number for every number of the centred matrix.
    pub fn each_number(&self, mut visit: impl FnMut(usize, usize, f64)) {
        let mut columns = Vec::new();
        for block in self.blocks() {
            block.gather(&mut columns);
            for (j, column) in columns.chunks_exact(block.n_rows).enumerate() {
                column.iter().enumerate().for_each(|(i, &x)| visit(block.start + i, j, x));
            }
        }
    }

    /// Whether the blocks hold just what they mean: the design's own numbers in the order of the columns.
    fn is_plain(&self) -> bool {
        let own = |(k, place): (usize, &Place)| *place == Place::Own(k);
        match self.parts.as_slice() {
            [Part::Dense { places, .. }] => {
                places.iter().enumerate().all(own) && self.centres.iter().all(|&c| c == 0.0)
            }
            _ => false,
        }
    }
}

/// Adds a block's share to the lower triangle (column after column).
fn add_gram(block: Block<'_>, plain: bool, weights: Option<&[f64]>, room: &mut Room, sums: &mut [f64]) {
    let (n, p) = (block.n_rows, block.design.n_columns);
    if p == 0 {
        return;
    }
    if !plain {
        block.gather(&mut room.columns);
    }
    let columns = if plain { block.own } else { &room.columns };
    let x = MatRef::from_column_major_slice(columns, n, p);
    let left = match weights {
        None => x,
        Some(weights) => {
            room.weighted.clear();
            let w = &weights[block.rows()];
            for column in columns.chunks_exact(n) {
                room.weighted.extend(column.iter().zip(w).map(|(x, w)| x * w));
            }
            MatRef::from_column_major_slice(room.weighted.as_slice(), n, p)
        }
    };
    let out = MatMut::from_column_major_slice_mut(sums, p, p);
    // One thread here: the order of the sums must not depend on how many there are.
    let (lower, whole) = (BlockStructure::TriangularLower, BlockStructure::Rectangular);
    triangular::matmul(out, lower, Accum::Add, left.transpose(), whole, x, whole, 1.0, Par::Seq);
}
