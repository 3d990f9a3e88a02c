//! Which training rows are near a row, and what each of them is worth.

use tidemill_core::Context;
use tidemill_kernel::reduce::{in_chunks, sum_parts};

use crate::{Error, Result};

/// So many parts, at most, are summed: the memory of the reduction.
const PARTS: usize = 32;
/// The fewest rows of a part.
const CHUNK: usize = 16;

/// Rows in a space in which they can be near each other.
#[derive(Clone, Debug, PartialEq)]
pub enum RowSpace {
    /// The leaf of each tree that a row ends in, row after row: the distance is the share of trees in which two rows end apart.
    Leaves {
        /// How many trees, at least one.
        n_trees: usize,
        /// A number per row and tree.
        leaves: Vec<u32>,
    },
    /// Numbers and codes, row after row: the distance is the root of the squared differences of the numbers and of one for each
    /// code that differs.
    Features {
        /// How many rows.
        n_rows: usize,
        /// Numbers, as many for each row.
        numbers: Vec<f64>,
        /// Codes, as many for each row.
        codes: Vec<u32>,
    },
}

impl RowSpace {
    /// How many rows.
    pub fn n_rows(&self) -> usize {
        match self {
            RowSpace::Leaves { n_trees, leaves } => leaves.len() / (*n_trees).max(1),
            RowSpace::Features { n_rows, .. } => *n_rows,
        }
    }

    /// About how many comparisons the distance of two rows takes.
    pub fn width(&self) -> usize {
        match self {
            RowSpace::Leaves { n_trees, .. } => *n_trees,
            RowSpace::Features { n_rows, numbers, codes } => (numbers.len() + codes.len()) / (*n_rows).max(1),
        }
    }

    /// The distances of row `i` to all rows of `others`; `None` where these lie in another space.
    fn distances(&self, i: usize, others: &RowSpace) -> Option<Vec<f64>> {
        match (self, others) {
            (RowSpace::Leaves { n_trees, leaves }, RowSpace::Leaves { n_trees: same, leaves: others })
                if n_trees == same && *n_trees > 0 =>
            {
                let own = leaves.get(i * n_trees..(i + 1) * n_trees)?;
                let apart = |other: &[u32]| other.iter().zip(own).filter(|(a, b)| a != b).count();
                Some(
                    others
                        .chunks_exact(*n_trees)
                        .map(|other| apart(other) as f64 / *n_trees as f64)
                        .collect(),
                )
            }
            (
                RowSpace::Features { n_rows, numbers, codes },
                RowSpace::Features { n_rows: n_others, numbers: other_numbers, codes: other_codes },
            ) => {
                let (p, q) = (numbers.len() / (*n_rows).max(1), codes.len() / (*n_rows).max(1));
                if p * n_others != other_numbers.len() || q * n_others != other_codes.len() {
                    return None;
                }
                let (own, named) = (&numbers[i * p..(i + 1) * p], &codes[i * q..(i + 1) * q]);
                let of = |j: usize| {
                    let numbers = other_numbers[j * p..(j + 1) * p].iter().zip(own);
                    let squares: f64 = numbers.map(|(a, b)| (a - b) * (a - b)).sum();
                    let codes = other_codes[j * q..(j + 1) * q].iter().zip(named);
                    (squares + codes.filter(|(a, b)| a != b).count() as f64).sqrt()
                };
                Some((0..*n_others).map(of).collect())
            }
            _ => None,
        }
    }
}

/// What training rows taught of some rows.
#[derive(Clone, Debug, PartialEq)]
pub struct TaughtBy {
    /// By row: the nearest training rows and their distances, the nearest first.
    pub nearest: Vec<Vec<(u32, f64)>>,
    /// By training row: its worth, on average over the rows, where it was asked for.
    pub worth: Option<Vec<f64>>,
}

/// Finds the `n_nearest` training rows of each row and, where `says` is given, the worth of every training row among neighbourhoods
/// of `k`: `says(row, training row)` is how right that training row's answer is for the row. Of equally near ones the earlier comes
/// first. The same bits on any number of threads.
///
/// Errors when the rows lie in other spaces, and once cancelled.
pub fn taught_by(
    training: &RowSpace,
    rows: &RowSpace,
    n_nearest: usize,
    k: usize,
    says: Option<&(dyn Fn(usize, usize) -> f64 + Sync)>,
    context: &Context,
) -> Result<TaughtBy> {
    let (n, n_training) = (rows.n_rows(), training.n_rows());
    let parts = in_chunks(n, n.div_ceil(PARTS).max(CHUNK), |range| {
        let (mut nearest, mut worth) = (Vec::with_capacity(range.len()), vec![0.0; n_training]);
        for row in range {
            context.check()?;
            let distances = rows.distances(row, training).ok_or_else(|| Error::Explain {
                what: "the rows are not in the space of the training rows".into(),
                remedy: "prepare both alike".into(),
            })?;
            let mut order: Vec<u32> = (0..n_training as u32).collect();
            order.sort_by(|a, b| distances[*a as usize].total_cmp(&distances[*b as usize]));
            nearest.push(order.iter().take(n_nearest).map(|at| (*at, distances[*at as usize])).collect());
            if let Some(says) = says {
                let right: Vec<f64> = order.iter().map(|at| says(row, *at as usize)).collect();
                for (at, value) in order.iter().zip(knn_shapley(&right, k)) {
                    worth[*at as usize] += value;
                }
            }
        }
        Ok::<_, Error>((nearest, worth))
    });
    let (mut nearest, mut sums) = (Vec::with_capacity(n), Vec::new());
    for part in parts {
        let (own, worth) = part?;
        nearest.extend::<Vec<Vec<(u32, f64)>>>(own);
        sums.push(worth);
    }
    let worth = says.map(|_| {
        let total = sum_parts(sums, n_training);
        total.into_iter().map(|sum| sum / n.max(1) as f64).collect()
    });
    Ok(TaughtBy { nearest, worth })
}

/// The exact Shapley value of every training row where an answer is formed from the `k` nearest of those that are there: a set of rows
/// is worth the sum of how right its `k` nearest are, over `k`. `right` holds how right each is, the nearest first (for classes 1 where
/// it is of the class, else 0). One pass from the farthest to the nearest (Jia et al. 2019, "Efficient task-specific data valuation for
/// nearest neighbor algorithms", theorem 1). The values sum to what all rows together are worth.
///
/// ```
/// use tidemill_eval::explain::knn_shapley;
/// // The nearest is wrong: it takes a place from the right ones.
/// let worth = knn_shapley(&[0.0, 1.0, 1.0], 1);
/// assert!(worth[0] < 0.0 && (worth.iter().sum::<f64>() - 0.0).abs() < 1e-12);
/// ```
pub fn knn_shapley(right: &[f64], k: usize) -> Vec<f64> {
    let (n, k) = (right.len(), k.max(1));
    let mut worth = vec![0.0; n];
    let mut below = 0.0;
    for i in (0..n).rev() {
        let share = k.min(i + 1) as f64 / (k as f64 * (i + 1) as f64);
        below += match right.get(i + 1) {
            None => right[i] * share,
            Some(next) => (right[i] - next) * share,
        };
        worth[i] = below;
    }
    worth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_are_found_in_either_space() {
        let training = RowSpace::Leaves { n_trees: 2, leaves: vec![0, 0, 0, 1, 1, 1] };
        let rows = RowSpace::Leaves { n_trees: 2, leaves: vec![0, 1] };
        let found = taught_by(&training, &rows, 2, 1, None, &Context::default()).unwrap();
        assert_eq!(found.nearest, [vec![(1, 0.0), (0, 0.5)]]);
        let training = RowSpace::Features { n_rows: 2, numbers: vec![0.0, 3.0], codes: vec![7, 7] };
        let rows = RowSpace::Features { n_rows: 1, numbers: vec![3.0], codes: vec![8] };
        let found = taught_by(&training, &rows, 2, 1, None, &Context::default()).unwrap();
        assert_eq!(found.nearest, [vec![(1, 1.0), (0, 10.0f64.sqrt())]]);
        let other = RowSpace::Leaves { n_trees: 1, leaves: vec![0] };
        assert!(taught_by(&training, &other, 1, 1, None, &Context::default()).is_err());
    }
}
