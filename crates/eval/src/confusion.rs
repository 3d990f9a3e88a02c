//! True and predicted classes counted against each other.

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;

use crate::sum::{CHUNK, weight};

/// Up to so many classes the whole matrix is counted; beyond, only its diagonal and margins.
pub(crate) const MATRIX_CLASSES: usize = 256;

/// The weight of the rows of each true class, each predicted class, and each class truly predicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts {
    /// Per class: the weight of its rows that are predicted as it (true positives).
    pub hits: Vec<f64>,
    /// Per class: the weight of the rows predicted as it, right or wrong.
    pub predicted: Vec<f64>,
    /// Per class: the weight of the rows that truly are of it (its support).
    pub truth: Vec<f64>,
    /// `n_classes * n_classes` weights, true classes down, predicted ones across; `None` beyond 256 classes.
    pub matrix: Option<Vec<f64>>,
}

impl Counts {
    /// One pass over the rows, in fixed chunks.
    pub(crate) fn of(truth: &[u32], predicted: &[u32], weights: Option<&[f64]>, n_classes: usize) -> Self {
        if n_classes <= MATRIX_CLASSES {
            let cells = n_classes * n_classes;
            let matrix = tally(truth.len(), cells, |row, add| {
                let at = truth[row] as usize * n_classes + predicted[row] as usize;
                add[at] += weight(weights, row);
            });
            return Counts::of_matrix(matrix, n_classes);
        }
        let margins = tally(truth.len(), 3 * n_classes, |row, add| {
            let (t, p, w) = (truth[row] as usize, predicted[row] as usize, weight(weights, row));
            add[t] += w;
            add[n_classes + p] += w;
            add[2 * n_classes + t] += if t == p { w } else { 0.0 };
        });
        Counts {
            truth: margins[..n_classes].to_vec(),
            predicted: margins[n_classes..2 * n_classes].to_vec(),
            hits: margins[2 * n_classes..].to_vec(),
            matrix: None,
        }
    }

    fn of_matrix(matrix: Vec<f64>, k: usize) -> Self {
        Counts {
            hits: (0..k).map(|c| matrix[c * k + c]).collect(),
            truth: (0..k).map(|c| matrix[c * k..(c + 1) * k].iter().sum()).collect(),
            predicted: (0..k).map(|c| (0..k).map(|t| matrix[t * k + c]).sum()).collect(),
            matrix: Some(matrix),
        }
    }

    /// How many classes.
    pub fn n_classes(&self) -> usize {
        self.truth.len()
    }

    /// The classes that have a row, true or predicted, of some weight.
    pub fn present(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.n_classes()).filter(|&c| self.truth[c] > 0.0 || self.predicted[c] > 0.0)
    }

    /// The matrix with its names.
    pub fn confusion(&self, names: &[Arc<str>]) -> Option<Confusion> {
        let k = self.n_classes();
        let matrix = self.matrix.as_ref()?;
        let counts = (0..k).map(|t| matrix[t * k..(t + 1) * k].to_vec()).collect();
        Some(Confusion { classes: names.iter().map(|n| n.to_string()).collect(), counts })
    }
}

/// A confusion matrix: `counts[t][p]` is the weight of the rows of true class `t` predicted as class `p`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Confusion {
    /// The names of the classes, in the order of rows and columns.
    pub classes: Vec<String>,
    /// True classes down, predicted ones across.
    pub counts: Vec<Vec<f64>>,
}

/// `cells` sums over `n` rows; each chunk of rows has sums of its own, added in the order of chunks.
pub(crate) fn tally(n: usize, cells: usize, add: impl Fn(usize, &mut [f64]) + Sync) -> Vec<f64> {
    // Many cells ask for long chunks, or the chunks' own sums would outgrow the rows.
    let len = CHUNK.max(8 * cells);
    let chunk = |c: usize| {
        let mut sums = vec![0.0; cells];
        (c * len..n.min((c + 1) * len)).for_each(|row| add(row, &mut sums));
        sums
    };
    let partials: Vec<Vec<f64>> = (0..n.div_ceil(len)).into_par_iter().map(chunk).collect();
    partials.into_iter().fold(vec![0.0; cells], |mut total, partial| {
        total.iter_mut().zip(partial).for_each(|(t, p)| *t += p);
        total
    })
}
