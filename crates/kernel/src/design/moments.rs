//! Means and sums of squares of the columns, and centring by them.

use pulp::NullaryFnOnce;
use rayon::prelude::*;

use super::{BLOCK, Block, CHUNK, Design, Part, Place};
use crate::reduce::sum_parts;
use crate::vector::{LANES, dot_inline, sum_lanes, wide};

/// A column is centred while it is read where its mean is at most so many times its spread; where it is more, the
/// digits that this would lose are worth a copy.
const FAR: f64 = 1e3;

/// The means of columns, and what is left around them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moments {
    /// The weighted mean of each column.
    pub means: Vec<f64>,
    /// The weighted sum of squares of the differences to it.
    pub squares: Vec<f64>,
}

/// The sum of the differences to a number, and of their squares.
struct Off<'a> {
    column: &'a [f64],
    from: f64,
    weights: Option<&'a [f64]>,
}

impl NullaryFnOnce for Off<'_> {
    type Output = [f64; 2];
    #[inline(always)]
    fn call(self) -> [f64; 2] {
        let mut lanes = [[0.0; LANES]; 2];
        let Some(weights) = self.weights else {
            let (runs, rest) = self.column.as_chunks::<LANES>();
            for run in runs {
                for (l, x) in run.iter().enumerate() {
                    let off = x - self.from;
                    lanes[0][l] += off;
                    lanes[1][l] += off * off;
                }
            }
            for (l, x) in rest.iter().enumerate() {
                let off = x - self.from;
                lanes[0][l] += off;
                lanes[1][l] += off * off;
            }
            return lanes.map(sum_lanes);
        };
        for (run, weights) in self.column.chunks(LANES).zip(weights.chunks(LANES)) {
            for (l, (x, w)) in run.iter().zip(weights).enumerate() {
                let off = x - self.from;
                lanes[0][l] += w * off;
                lanes[1][l] += w * off * off;
            }
        }
        lanes.map(sum_lanes)
    }
}

/// Takes a number off a piece of a column; its weighted sum of squares then.
struct Shift<'a> {
    part: &'a mut [f64],
    centre: f64,
    weights: Option<&'a [f64]>,
}

impl NullaryFnOnce for Shift<'_> {
    type Output = f64;
    #[inline(always)]
    fn call(self) -> f64 {
        self.part.iter_mut().for_each(|x| *x -= self.centre);
        match self.weights {
            None => dot_inline(self.part, self.part),
            Some(weights) => self.part.iter().zip(weights).map(|(x, w)| w * x * x).sum(),
        }
    }
}

impl Design {
    /// For each column of numbers shared with the batch, the sum of the differences to its first number, and of
    /// their squares. A number that is not finite shows in it.
    pub(super) fn shared_sums(&self, weights: Option<&[f64]>) -> Vec<f64> {
        let places: Vec<Place> = (0..self.shared.len()).map(Place::Shared).collect();
        self.sums(&places, weights)
    }

    /// Two numbers for each place: see [`Design::shared_sums`].
    fn sums(&self, places: &[Place], weights: Option<&[f64]>) -> Vec<f64> {
        let parts = self.over_chunks(|blocks| {
            let mut sums = vec![0.0; 2 * places.len()];
            for block in blocks {
                let weights = weights.map(|w| &w[block.rows()]);
                for (&place, sums) in places.iter().zip(sums.chunks_exact_mut(2)) {
                    let found = wide(Off { column: block.at(place), from: self.first(place), weights });
                    sums.iter_mut().zip(found).for_each(|(s, f)| *s += f);
                }
            }
            sums
        });
        sum_parts(parts, 2 * places.len())
    }

    fn first(&self, place: Place) -> f64 {
        self.blocks().next().and_then(|block: Block<'_>| block.at(place).first().copied()).unwrap_or(0.0)
    }

    /// The weighted mean of each column. Exact for a constant column: means are taken of the differences to the
    /// first row.
    pub fn means(&self, weights: Option<&[f64]>) -> Vec<f64> {
        self.moments(weights).means
    }

    /// Means and squares of the columns as they are stored.
    fn moments(&self, weights: Option<&[f64]>) -> Moments {
        let total = weights.map_or(self.n_rows as f64, |w| w.iter().sum());
        let mut moments = Moments { means: vec![0.0; self.n_columns], squares: vec![0.0; self.n_columns] };
        for part in &self.parts {
            match part {
                Part::Dense { at, places } => self.dense_moments(places, *at, weights, total, &mut moments),
                Part::Sparse { at, rows } => {
                    let weight = |i: usize| weights.map_or(1.0, |w| w[i]);
                    for i in 0..rows.len() {
                        let (places, values) = rows.line(i);
                        for (&j, &v) in places.iter().zip(values) {
                            moments.means[at + j as usize] += weight(i) * f64::from(v);
                            moments.squares[at + j as usize] += weight(i) * f64::from(v) * f64::from(v);
                        }
                    }
                    for j in *at..at + rows.width {
                        moments.means[j] = if total > 0.0 { moments.means[j] / total } else { 0.0 };
                        let around = moments.squares[j] - total * moments.means[j] * moments.means[j];
                        moments.squares[j] = around.max(0.0);
                    }
                }
            }
        }
        moments
    }

    fn dense_moments(
        &self,
        places: &[Place],
        at: usize,
        weights: Option<&[f64]>,
        total: f64,
        moments: &mut Moments,
    ) {
        let known = |place: &Place| match (place, weights) {
            (Place::Shared(k), None) => self.shared_sums.get(2 * k..2 * k + 2),
            _ => None,
        };
        let unknown: Vec<Place> = places.iter().copied().filter(|place| known(place).is_none()).collect();
        let counted = self.sums(&unknown, weights);
        let mut counted = counted.chunks_exact(2);
        for (j, place) in places.iter().enumerate() {
            let Some(&[sum, squares]) = known(place).or_else(|| counted.next()) else { continue };
            let off = if total > 0.0 { sum / total } else { 0.0 };
            moments.means[at + j] = self.first(*place) + off;
            moments.squares[at + j] = match squares - total * off * off {
                // The first row lies so far out that hardly a digit is left: from the mean itself, then.
                around if around < 1e-6 * squares => {
                    let from = moments.means[at + j];
                    let one = |block: Block<'_>| {
                        let weights = weights.map(|w| &w[block.rows()]);
                        wide(Off { column: block.at(*place), from, weights })[1]
                    };
                    self.blocks().map(one).sum()
                }
                around => around,
            };
        }
    }

    /// Takes the weighted mean off every column: products and Gram matrices are from then on those of the centred
    /// columns. Numbers shared with a batch and sparse vectors stay as they are, and are centred while they are read.
    pub fn centre(&mut self, weights: Option<&[f64]>) -> Moments {
        let mut moments = self.moments(weights);
        let total = weights.map_or(self.n_rows as f64, |w| w.iter().sum::<f64>());
        let far = |j: usize| {
            let mean = moments.means[j];
            total * mean * mean > FAR * FAR * moments.squares[j]
        };
        let shared = |j: usize| matches!(self.place(j), Some(Place::Shared(_)));
        let far: Vec<usize> = (0..self.n_columns).filter(|&j| shared(j) && far(j)).collect();
        if !far.is_empty() {
            self.copy_columns(&far);
        }
        let own: Vec<(usize, usize)> = self.own_columns();
        let squares = self.shift_own(&own, &moments.means, weights);
        for (&(j, _), squares) in own.iter().zip(squares) {
            moments.squares[j] = squares;
        }
        self.centres.copy_from_slice(&moments.means);
        own.iter().for_each(|&(j, _)| self.centres[j] = 0.0);
        moments
    }

    /// The sum of squares of each column, centred as it is.
    pub fn squared_norms(&self) -> Vec<f64> {
        let mut norms = vec![0.0; self.n_columns];
        for part in &self.parts {
            match part {
                Part::Dense { at, places } => {
                    for (j, &place) in places.iter().enumerate() {
                        let from = self.centres[at + j];
                        let squares =
                            |block: Block<'_>| wide(Off { column: block.at(place), from, weights: None })[1];
                        norms[at + j] = self.blocks().map(squares).sum();
                    }
                }
                Part::Sparse { at, rows } => {
                    let centres = &self.centres[*at..*at + rows.width];
                    let norms = &mut norms[*at..*at + rows.width];
                    // All zeros at first; each number that is none then takes the place of one.
                    norms.iter_mut().zip(centres).for_each(|(s, c)| *s = self.n_rows as f64 * c * c);
                    for (&j, &v) in rows.indices.iter().zip(&rows.values) {
                        let (v, c) = (f64::from(v), centres[j as usize]);
                        norms[j as usize] += (v - c) * (v - c) - c * c;
                    }
                }
            }
        }
        norms
    }

    /// The columns whose numbers are the design's own, each with its place.
    fn own_columns(&self) -> Vec<(usize, usize)> {
        let own = |j: usize| match self.place(j) {
            Some(Place::Own(k)) => Some((j, k)),
            _ => None,
        };
        (0..self.n_columns).filter_map(own).collect()
    }

    fn shift_own(&mut self, own: &[(usize, usize)], means: &[f64], weights: Option<&[f64]>) -> Vec<f64> {
        let n_own = self.n_own;
        let parts: Vec<Vec<f64>> = self
            .values
            .par_chunks_mut((BLOCK * CHUNK * n_own).max(1))
            .enumerate()
            .map(|(c, chunk)| {
                let mut sums = vec![0.0; own.len()];
                for (b, values) in chunk.chunks_mut(BLOCK * n_own).enumerate() {
                    let (start, n) = ((c * CHUNK + b) * BLOCK, values.len() / n_own);
                    let weights = weights.map(|w| &w[start..start + n]);
                    for (&(j, k), sum) in own.iter().zip(&mut sums) {
                        let part = &mut values[k * n..(k + 1) * n];
                        *sum += wide(Shift { part, centre: means[j], weights });
                    }
                }
                sums
            })
            .collect();
        sum_parts(parts, own.len())
    }
}
