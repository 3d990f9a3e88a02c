//! Out-of-fold predictions.

use super::judge::Truth;

/// The answers to the rows of a fold, and what is true of these.
pub(super) type AnsweredRows = (Vec<f64>, Truth);

/// Several folds as one.
pub(super) fn joined(
    folds: &[AnsweredRows],
    which: impl Iterator<Item = usize> + Clone,
) -> (Vec<f64>, Truth) {
    let answers = which.clone().flat_map(|f| folds[f].0.iter().copied()).collect();
    let codes = which.clone().flat_map(|f| folds[f].1.codes().iter().copied()).collect();
    let n_classes = match folds.first().map(|f| &f.1.target) {
        Some(tidemill_core::Target::Class { n_classes, .. }) => *n_classes,
        _ => 0,
    };
    let weighted = folds.iter().any(|f| f.1.weights.is_some());
    let weights =
        weighted.then(|| which.flat_map(|f| folds[f].1.weights.iter().flatten().copied()).collect());
    (answers, Truth { target: tidemill_core::Target::Class { codes, n_classes }, weights })
}
