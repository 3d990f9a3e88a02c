//! Some consecutive rows of a design, as its inner loops read them.

use std::ops::Range;

use pulp::NullaryFnOnce;

use super::{Design, Part, Place};
use crate::vector::{LANES, axpy_inline, dot_inline, sum_lanes};

/// Some consecutive rows of a [`Design`]. Columns are as they are stored: what [`Design::centre`] takes off while
/// reading is added by the methods of [`Design`].
#[derive(Clone, Copy, Debug)]
pub struct Block<'a> {
    /// The first row.
    pub start: usize,
    /// How many rows.
    pub n_rows: usize,
    pub(super) design: &'a Design,
    pub(super) own: &'a [f64],
}

impl<'a> Block<'a> {
    /// The numbers of column `j`; none for a column of a sparse vector.
    #[inline(always)]
    pub fn column(&self, j: usize) -> &'a [f64] {
        self.design.place(j).map_or(&[], |place| self.at(place))
    }

    #[inline(always)]
    pub(super) fn at(&self, place: Place) -> &'a [f64] {
        match place {
            Place::Own(k) => &self.own[k * self.n_rows..(k + 1) * self.n_rows],
            Place::Shared(k) => &self.design.shared[k].values()[self.rows()],
        }
    }

    /// The rows of this block within a slice over all rows.
    pub fn rows(&self) -> Range<usize> {
        self.start..self.start + self.n_rows
    }

    /// `out += columns * coefficients`, term after term in the order of the columns.
    #[inline(always)]
    pub fn times_inline(&self, coefficients: &[f64], out: &mut [f64]) {
        for part in &self.design.parts {
            match part {
                Part::Dense { at, places } => {
                    self.dense_times(places, &coefficients[*at..*at + places.len()], out);
                }
                Part::Sparse { at, rows } => {
                    let coefficients = &coefficients[*at..*at + rows.width];
                    for (out, i) in out.iter_mut().zip(self.rows()) {
                        *out += rows.dot(i, coefficients);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn dense_times(&self, places: &[Place], coefficients: &[f64], out: &mut [f64]) {
        let n = self.n_rows;
        let out = &mut out[..n];
        let (fours, rest) = places.as_chunks::<4>();
        for (k, places) in fours.iter().enumerate() {
            let [p, q, r, s] = [0, 1, 2, 3].map(|l| coefficients[4 * k + l]);
            if p == 0.0 && q == 0.0 && r == 0.0 && s == 0.0 {
                continue;
            }
            let [a, b, c, d] = places.map(|place| &self.at(place)[..n]);
            for i in 0..n {
                out[i] = (((out[i] + p * a[i]) + q * b[i]) + r * c[i]) + s * d[i];
            }
        }
        for (&place, &w) in rest.iter().zip(&coefficients[4 * fours.len()..]) {
            axpy_inline(w, self.at(place), out);
        }
    }

    /// `out[j] += sum(column j * x)`.
    #[inline(always)]
    pub fn transposed_times_inline(&self, x: &[f64], out: &mut [f64]) {
        for part in &self.design.parts {
            match part {
                Part::Dense { at, places } => {
                    self.dense_transposed_times(places, x, &mut out[*at..*at + places.len()]);
                }
                Part::Sparse { at, rows } => {
                    let out = &mut out[*at..*at + rows.width];
                    for (&x, i) in x.iter().zip(self.rows()).filter(|(x, _)| **x != 0.0) {
                        rows.axpy(i, x, out);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn dense_transposed_times(&self, places: &[Place], x: &[f64], out: &mut [f64]) {
        let (fours, rest) = places.as_chunks::<4>();
        for (k, places) in fours.iter().enumerate() {
            let sums = self.four_dots(*places, x);
            for l in 0..4 {
                out[4 * k + l] += sums[l];
            }
        }
        for (&place, total) in rest.iter().zip(&mut out[4 * fours.len()..]) {
            *total += dot_inline(self.at(place), x);
        }
    }

    /// Four dot products at once: each run of `x` is loaded once.
    #[inline(always)]
    fn four_dots(&self, places: [Place; 4], x: &[f64]) -> [f64; 4] {
        let (x_runs, x_rest) = x[..self.n_rows].as_chunks::<LANES>();
        let [a, b, c, d] = places.map(|place| self.at(place).as_chunks::<LANES>());
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

    /// The block as a dense matrix with its centres taken off, column after column, instead of what `out` held.
    pub(super) fn gather(&self, out: &mut Vec<f64>) {
        out.clear();
        let n = self.n_rows;
        for part in &self.design.parts {
            match part {
                Part::Dense { at, places } => {
                    for (j, &place) in places.iter().enumerate() {
                        let centre = self.design.centres[at + j];
                        out.extend(self.at(place).iter().map(|x| x - centre));
                    }
                }
                Part::Sparse { at, rows } => {
                    let first = out.len();
                    for j in 0..rows.width {
                        out.resize(first + (j + 1) * n, -self.design.centres[at + j]);
                    }
                    for (k, i) in self.rows().enumerate() {
                        let (places, values) = rows.line(i);
                        for (&j, &v) in places.iter().zip(values) {
                            out[first + j as usize * n + k] += f64::from(v);
                        }
                    }
                }
            }
        }
    }
}

pub(super) struct Times<'a>(pub(super) Block<'a>, pub(super) &'a [f64], pub(super) &'a mut [f64]);

impl NullaryFnOnce for Times<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.times_inline(self.1, self.2);
    }
}

pub(super) struct TransposedTimes<'a>(pub(super) Block<'a>, pub(super) &'a [f64], pub(super) &'a mut [f64]);

impl NullaryFnOnce for TransposedTimes<'_> {
    type Output = ();
    #[inline(always)]
    fn call(self) {
        self.0.transposed_times_inline(self.1, self.2);
    }
}
