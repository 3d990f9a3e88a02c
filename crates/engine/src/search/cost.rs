//! Estimates the cost of fitting a learner: operations, from the table's sizes and what each learner declares of itself.
//!
//! One operation is about a nanosecond of one core of a server of 2023. The figures were measured on the tables of `examples/`
//! and on generated ones; they are right within a factor of two, which is enough to say what fits into a budget. No clock is
//! asked, so that the same rows lead to the same candidates everywhere.

use arrow_array::Array;
use tidemill_core::recipe::{Quality, Spec};
use tidemill_core::{Batch, Column, FitCost, Kind, Layout, Needs, Result, Role, Shape};

use super::preparation::ONE_HOT_MOST;
use crate::builtin;

/// Cores that a budget is meant for, and how much of them work keeps busy.
const CORES: f64 = 2.0 * 0.8;
/// Operations of a core in a second.
pub(super) const PER_SECOND: f64 = 1e9;
/// Seconds that the default may take for up to [`CELLS`] cells.
const SECONDS: f64 = 50.0;
/// Numbers, terms and pixels up to which the budget is the same; beyond, it grows with them.
const CELLS: f64 = 1e6;
/// How many times the default's work `best` may do.
const BEST: f64 = 10.0;
/// Rows whose words are counted.
const COUNTED: usize = 500;
/// Bins of a column at most.
const MOST_BINS: f64 = 255.0;
/// Parts of a date.
const DATE_PARTS: f64 = 6.0;

/// The sizes of these rows.
pub(super) fn shape(batch: &Batch, rows: &[u32], n_classes: usize) -> Result<Shape> {
    let mut shape = Shape { rows: rows.len() as f64, classes: n_classes.max(1) as f64, ..Shape::default() };
    let used = |c: &Column| matches!(c.role, Role::Feature | Role::Time);
    let (mut bins, mut binned) = (0.0, 0.0);
    for (at, column) in batch.schema().columns().iter().enumerate().filter(|(_, c)| used(c)) {
        match column.kind {
            Kind::Text => {
                shape.texts += 1.0;
                shape.words += words(batch, at, rows)?;
            }
            Kind::Category => {
                let names = column.categories.as_ref().map_or(1, |names| names.len());
                shape.columns += 1.0;
                shape.numbers += if names > ONE_HOT_MOST { 1.0 } else { names as f64 };
                (bins, binned) = (bins + (names as f64).min(MOST_BINS), binned + 1.0);
            }
            Kind::Time => {
                shape.columns += DATE_PARTS;
                shape.numbers += DATE_PARTS;
            }
            Kind::Vector { len, .. } => {
                shape.columns += len as f64;
                shape.numbers += len as f64;
                if let Some(Layout::Image { channels, height, width }) = column.layout {
                    shape.pixels += len as f64;
                    if height * width > shape.image[0] * shape.image[1] {
                        shape.image = [height, width, channels];
                    }
                }
            }
            kind => {
                shape.columns += 1.0;
                shape.numbers += 1.0;
                let own = if kind == Kind::Number { distinct(batch, at, rows)? } else { 2.0 };
                (bins, binned) = (bins + own, binned + 1.0);
            }
        }
    }
    shape.bins = if binned > 0.0 { bins / binned } else { MOST_BINS };
    Ok(shape)
}

/// How many different numbers a column seems to have; [`MOST_BINS`] where most of them differ.
fn distinct(batch: &Batch, at: usize, rows: &[u32]) -> Result<f64> {
    let numbers = batch.numbers(at)?;
    let step = rows.len().div_ceil(COUNTED).max(1);
    let mut seen: Vec<u64> =
        rows.iter().step_by(step).map(|&row| numbers.value(row as usize).to_bits()).collect();
    let n = seen.len();
    seen.sort_unstable();
    seen.dedup();
    Ok(if 2 * seen.len() > n { MOST_BINS } else { seen.len() as f64 })
}

/// Words of a row on average.
fn words(batch: &Batch, at: usize, rows: &[u32]) -> Result<f64> {
    let texts = batch.texts(at)?;
    let step = rows.len().div_ceil(COUNTED).max(1);
    let counted: Vec<u32> = rows.iter().copied().step_by(step).collect();
    let one = |row: &u32| match texts.is_valid(*row as usize) {
        true => tidemill_kernel::words::count(texts.value(*row as usize)),
        false => 0.0,
    };
    let sum: f64 = counted.iter().map(one).sum();
    Ok(sum / counted.len().max(1) as f64)
}

/// The work that all of a training may do.
pub(super) fn budget(quality: Quality, shape: &Shape) -> f64 {
    let usual = SECONDS * CORES * PER_SECOND * (shape.cells() / CELLS).max(1.0);
    if quality == Quality::Best { BEST * usual } else { usual }
}

/// The work that so much time allows on so many threads.
pub(super) fn within(seconds: f64, threads: usize) -> f64 {
    seconds * PER_SECOND * (threads as f64 * 0.8).max(1.0)
}

/// Operations of preparing rows for learners with these needs.
pub(super) fn preparing(needs: Needs, shape: &Shape) -> f64 {
    let plain = 20.0 * shape.rows * shape.numbers;
    let terms = shape.rows * shape.words;
    match needs.sparse {
        true => plain + 400.0 * terms,
        false => plain + (200.0 + 12.0 * Shape::DIRECTIONS) * terms,
    }
}

/// Operations of fitting a learner with these needs on rows of this shape, as the learner itself declares them.
pub(super) fn fitting(spec: &Spec, needs: Needs, shape: &Shape) -> f64 {
    let Some(entry) = builtin::entry(&spec.kind) else { return 0.0 };
    match entry.fit_cost(&spec.params, &shape.read_sparse(needs.sparse)) {
        FitCost::Operations(operations) => operations,
        FitCost::Fits(fits) => fits.iter().map(|(inner, times)| times * fitting(inner, needs, shape)).sum(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(rows: usize, numbers: f64) -> Shape {
        Shape { rows: rows as f64, numbers, columns: numbers, classes: 2.0, bins: 255.0, ..Shape::default() }
    }

    #[test]
    fn the_budget_is_flat_up_to_a_million_cells_and_then_grows_with_them() {
        let of = |rows| budget(Quality::Default, &plain(rows, 10.0));
        assert_eq!(of(1_000), of(100_000));
        assert_eq!(of(1_000_000), 10.0 * of(100_000));
        assert_eq!(budget(Quality::Best, &plain(50, 10.0)), 10.0 * of(50));
    }

    #[test]
    fn costs_grow_as_the_algorithms_do() {
        let cost = |kind: &str, rows| fitting(&Spec::new(kind), Needs::default(), &plain(rows, 10.0));
        for kind in ["logistic", "neural_net", "gaussian_nb"] {
            assert_eq!(cost(kind, 20_000), 10.0 * cost(kind, 2_000), "{kind}");
        }
        assert_eq!(cost("svm", 20_000), 100.0 * cost("svm", 2_000));
        assert!(cost("logistic", 1_000) < cost("boosted_trees", 1_000));
    }

    #[test]
    fn learners_of_learners_cost_what_they_fit() {
        let cost = |spec: &Spec| fitting(spec, Needs::default(), &plain(2_000, 10.0));
        let inner = Spec::new("logistic").with("penalty", "l1");
        let bagged = Spec::new("bagged")
            .with("learner", "logistic")
            .with("params", serde_json::json!({ "penalty": "l1" }))
            .with("copies", 3);
        assert_eq!(cost(&bagged), 3.0 * cost(&inner));
        let stacked = Spec::new("stacked").with("folds", 4).with("learners", serde_json::json!([inner]));
        assert_eq!(cost(&stacked), 5.0 * cost(&inner));
    }
}
