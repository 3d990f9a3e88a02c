//! Intervals of one column that a decision tree finds: where they end follows from the target.

use tidemill_core::Target;

/// What rows are told apart by.
pub(crate) enum Labels {
    /// Numbers around their mean.
    Numbers(Vec<f64>),
    Classes(Vec<u32>, usize),
}

impl Labels {
    pub(crate) fn of(target: Target) -> Self {
        match target {
            Target::Class { codes, n_classes } => Labels::Classes(codes, n_classes),
            Target::Number(mut values) => {
                let n = values.len().max(1) as f64;
                let mean: f64 = values.iter().map(|y| y / n).sum();
                values.iter_mut().for_each(|y| *y -= mean);
                Labels::Numbers(values)
            }
        }
    }

    /// A sum over rows to which they are added one by one.
    fn sum(&self) -> Sum<'_> {
        let counts = if let Labels::Classes(_, n) = self { vec![0.0; *n] } else { vec![0.0] };
        Sum { labels: self, rows: 0.0, counts, squares: 0.0 }
    }
}

/// How many rows there are of each class, or the sum of their numbers.
struct Sum<'a> {
    labels: &'a Labels,
    rows: f64,
    counts: Vec<f64>,
    /// The sum of the squares of `counts`.
    squares: f64,
}

impl Sum<'_> {
    fn add(&mut self, row: u32, times: f64) {
        self.rows += times;
        let (at, x) = match self.labels {
            Labels::Numbers(values) => (0, values[row as usize]),
            Labels::Classes(codes, _) => (codes[row as usize] as usize, 1.0),
        };
        let before = self.counts[at];
        self.counts[at] += times * x;
        self.squares += self.counts[at] * self.counts[at] - before * before;
    }

    /// The greater, the purer the rows are, but for a constant: the sum of squares that their means (or shares) explain.
    fn purity(&self) -> f64 {
        if self.rows > 0.0 { self.squares / self.rows } else { 0.0 }
    }
}

/// A node that may be divided: rows `start..end` in order, best before row `at`.
struct Open {
    start: usize,
    end: usize,
    at: usize,
    gain: f64,
}

/// The ends, rising, of at most `n_bins` intervals of at least `least` rows, found by a tree that grows where it gains most, by the
/// variance of the target or Gini's impurity. Of `rows`, each a finite number and the place of its label.
pub(crate) fn ends(mut rows: Vec<(f64, u32)>, labels: &Labels, n_bins: usize, least: usize) -> Vec<f64> {
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut open: Vec<Open> = divide(&rows, labels, 0, rows.len(), least).into_iter().collect();
    let mut ends = Vec::new();
    while ends.len() + 1 < n_bins {
        // The first of equals.
        let best = (0..open.len()).rev().max_by(|a, b| open[*a].gain.total_cmp(&open[*b].gain));
        let Some(Open { start, end, at, .. }) = best.map(|best| open.swap_remove(best)) else { break };
        let (below, above) = (rows[at - 1].0, rows[at].0);
        let middle = below / 2.0 + above / 2.0;
        ends.push(if middle > below { middle } else { above });
        open.extend(divide(&rows, labels, start, at, least));
        open.extend(divide(&rows, labels, at, end, least));
    }
    ends.sort_unstable_by(f64::total_cmp);
    ends
}

/// The best place to divide rows `start..end`; `None` where nothing is gained.
fn divide(rows: &[(f64, u32)], labels: &Labels, start: usize, end: usize, least: usize) -> Option<Open> {
    let (mut left, mut right) = (labels.sum(), labels.sum());
    rows[start..end].iter().for_each(|(_, row)| right.add(*row, 1.0));
    let whole = right.purity();
    let mut best = None;
    // What rounding leaves is no gain.
    let mut most = f64::max(1e-12 * whole, f64::MIN_POSITIVE);
    for at in start + 1..end {
        let row = rows[at - 1].1;
        left.add(row, 1.0);
        right.add(row, -1.0);
        if rows[at - 1].0 == rows[at].0 || at - start < least || end - at < least {
            continue;
        }
        let gain = left.purity() + right.purity() - whole;
        if gain > most {
            most = gain;
            best = Some(Open { start, end, at, gain });
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Deserialize)]
    struct Case {
        value: Vec<f64>,
        of_value: Vec<f64>,
        class_of_value: Vec<u32>,
        number_ends: Vec<f64>,
        class_ends: Vec<f64>,
    }

    /// Stored by `tests/reference/selection.py`.
    #[test]
    fn intervals_are_the_leaves_of_scikit_learns_trees() {
        let case: Case = serde_json::from_str(include_str!("../tests/reference/selection.json")).unwrap();
        let rows = || case.value.iter().copied().zip(0..).collect::<Vec<(f64, u32)>>();
        let numbers = Labels::of(Target::Number(case.of_value.clone()));
        let classes = Labels::of(Target::Class { codes: case.class_of_value.clone(), n_classes: 2 });
        for (found, wanted) in [
            (ends(rows(), &numbers, 6, 15), &case.number_ends),
            (ends(rows(), &classes, 5, 20), &case.class_ends),
        ] {
            assert_eq!(found.len(), wanted.len(), "{found:?}, not {wanted:?}");
            for (found, wanted) in found.iter().zip(wanted) {
                assert!((found - wanted).abs() < 1e-6, "{found}, not {wanted}");
            }
        }
    }

    #[test]
    fn where_nothing_is_to_be_told_there_is_one_interval() {
        let rows: Vec<(f64, u32)> = (0..100).map(|i| (f64::from(i), i)).collect();
        let constant = Labels::of(Target::Number(vec![0.3; 100]));
        assert!(ends(rows, &constant, 5, 1).is_empty());
        assert!(ends(Vec::new(), &constant, 5, 1).is_empty());
    }
}
