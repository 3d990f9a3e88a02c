//! A design read column by column: what coordinate descent needs.

use super::compressed::Compressed;
use super::{Design, Part};
use crate::vector::{axpy, dot};

/// The columns of a [`Design`] one at a time, as they are stored (not centred): sparse vectors are turned once.
pub struct ByColumn<'a> {
    design: &'a Design,
    sparse: Vec<(usize, Compressed)>,
}

impl<'a> ByColumn<'a> {
    /// The columns of `design`.
    pub fn of(design: &'a Design) -> Self {
        let turned = |part: &Part| match part {
            Part::Sparse { at, rows } => Some((*at, rows.transposed())),
            Part::Dense { .. } => None,
        };
        ByColumn { design, sparse: design.parts.iter().filter_map(turned).collect() }
    }

    /// The design.
    pub fn design(&self) -> &'a Design {
        self.design
    }

    /// What centring takes off column `j`.
    pub fn centre(&self, j: usize) -> f64 {
        self.design.centres[j]
    }

    fn line(&self, j: usize) -> Option<(&Compressed, usize)> {
        let within = |(at, columns): &'_ &(usize, Compressed)| j >= *at && j - at < columns.len();
        self.sparse.iter().find(within).map(|(at, columns)| (columns, j - at))
    }

    /// `sum(column j * x)`.
    pub fn dot(&self, j: usize, x: &[f64]) -> f64 {
        if let Some((columns, line)) = self.line(j) {
            return columns.dot(line, x);
        }
        let (mut at, mut sum) = (0, 0.0);
        for part in self.design.column(j) {
            sum += dot(part, &x[at..at + part.len()]);
            at += part.len();
        }
        sum
    }

    /// `y += factor * column j`.
    pub fn axpy(&self, j: usize, factor: f64, y: &mut [f64]) {
        if let Some((columns, line)) = self.line(j) {
            return columns.axpy(line, factor, y);
        }
        let mut at = 0;
        for part in self.design.column(j) {
            axpy(factor, part, &mut y[at..at + part.len()]);
            at += part.len();
        }
    }

    /// `sum(weights * column j * x)`.
    pub fn weighted_dot(&self, j: usize, weights: &[f64], x: &[f64]) -> f64 {
        if let Some((columns, line)) = self.line(j) {
            let (rows, values) = columns.line(line);
            let term = |(&i, &v): (&u32, &f32)| f64::from(v) * weights[i as usize] * x[i as usize];
            return rows.iter().zip(values).map(term).sum();
        }
        let (mut at, mut sum) = (0, 0.0);
        for part in self.design.column(j) {
            let range = at..at + part.len();
            let terms = part.iter().zip(&weights[range.clone()]).zip(&x[range]);
            sum += terms.map(|((c, w), x)| c * w * x).sum::<f64>();
            at += part.len();
        }
        sum
    }
}
