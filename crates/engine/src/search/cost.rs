//! Estimates the cost of fitting a learner: operations, from the table's size and constants measured once.
//!
//! One operation is about a nanosecond of one core of a server of 2023. The figures were measured on the tables of `examples/`
//! and on generated ones; they are right within a factor of two, which is enough to say what fits into a budget. No clock is
//! asked, so that the same rows lead to the same candidates everywhere.

use arrow_array::Array;
use serde_json::Value;
use tidemill_core::recipe::{Quality, Spec};
use tidemill_core::{Batch, Column, Kind, Layout, Needs, Result, Role};

use super::preparation::ONE_HOT_MOST;

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
/// Directions that the terms of texts are brought down to.
const DIRECTIONS: f64 = 50.0;
/// Bins of a column at most.
const MOST_BINS: f64 = 255.0;
/// Parts of a date.
const DATE_PARTS: f64 = 6.0;

/// What a learner sees of a table: sizes alone.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Rows to fit on.
    pub rows: f64,
    /// Numbers of a row for learners that read only numbers (names of categories one by one).
    pub numbers: f64,
    /// Columns for learners that read categories as they are.
    pub columns: f64,
    /// Bins that boosted trees make of a column, on average.
    pub bins: f64,
    /// Words of a row, over all of its texts.
    pub words: f64,
    /// Texts.
    pub texts: f64,
    /// Numbers of its images, and height, width and channels of the largest.
    pub pixels: f64,
    /// Height, width and channels of the largest image.
    pub image: [usize; 3],
    /// Classes; 1 for a number.
    pub classes: f64,
}

impl Shape {
    /// The shape of these rows.
    pub(super) fn of(batch: &Batch, rows: &[u32], n_classes: usize) -> Result<Self> {
        let mut shape =
            Shape { rows: rows.len() as f64, classes: n_classes.max(1) as f64, ..Shape::default() };
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

    /// Numbers, terms and pixels of all rows.
    pub(super) fn cells(&self) -> f64 {
        self.rows * (self.columns + self.words).max(1.0)
    }

    /// The same columns with so many rows.
    pub(super) fn with_rows(self, rows: usize) -> Self {
        Shape { rows: rows as f64, ..self }
    }

    /// Numbers of a row for learners that read no sparse vector: terms come as directions.
    fn dense(&self) -> f64 {
        (self.numbers + DIRECTIONS * self.texts).max(1.0)
    }

    /// The same for learners that read categories as they are.
    fn tabular(&self) -> f64 {
        (self.columns + DIRECTIONS * self.texts).max(1.0)
    }

    /// Numbers of a row that are not 0 for learners that read sparse vectors; texts are words and pairs of them.
    fn filled(&self) -> f64 {
        (self.numbers + 2.0 * self.words).max(1.0)
    }
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
        false => plain + (200.0 + 12.0 * DIRECTIONS) * terms,
    }
}

/// Operations of fitting a learner on rows of this shape.
pub(super) fn fitting(spec: &Spec, needs: Needs, shape: &Shape) -> f64 {
    let Shape { rows: n, classes, .. } = *shape;
    let outputs = if classes > 2.0 { classes } else { 1.0 };
    let d = if needs.sparse && shape.texts > 0.0 { shape.filled() } else { shape.dense() };
    let number = |key: &str, usual: f64| spec.params.get(key).and_then(Value::as_f64).unwrap_or(usual);
    let is = |key: &str, value: &str| spec.params.get(key).and_then(Value::as_str) == Some(value);
    match spec.kind.as_str() {
        "ridge" if shape.texts > 0.0 => 300.0 * n * d,
        "ridge" => n * d * d.min(n) * 0.5 + 20.0 * n * d,
        "elastic_net" | "lasso" => n * d * d.min(n) * 0.5 + 200.0 * n * d,
        "logistic" if is("penalty", "l1") => 1500.0 * n * d * outputs * number("c", 1.0).max(0.1).sqrt(),
        "logistic" if shape.texts > 0.0 => 400.0 * n * d * outputs,
        "logistic" => 150.0 * n * d * outputs,
        "linear_svm" => 300.0 * n * d * outputs,
        "boosted_trees" => boosted(&number, shape),
        "random_forest" | "extra_trees" | "balanced_forest" => {
            let p = shape.tabular();
            let asked = if classes > 1.0 { p.sqrt() } else { p };
            let looked_at = spec.params.get("max_features").and_then(Value::as_f64).map_or(asked, |s| s * p);
            12.0 * number("n_trees", 100.0) * n * n.max(2.0).log2() * (8.0 * looked_at).sqrt()
        }
        "k_neighbors" => 0.3 * n * n * d,
        "svm" => 2.5 * n * n * d,
        "neural_net" => number("epochs", 40.0) * n * pass(spec, shape),
        // Beside each row, ten neighbours and some of theirs.
        "graph_net" => number("epochs", 100.0) * n * 30.0 * (d + 64.0) * 32.0,
        // Some fifteen moments, there and twice back, under kernels of three, with a gate beside each number.
        "stcn" => {
            let (width, layers) = (number("width", 16.0), number("layers", 3.0));
            number("epochs", 15.0) * n * 45.0 * 6.0 * layers * width * width
        }
        "label_propagation" => 100.0 * n,
        "relative" => match spec.params.get("learner") {
            Some(Value::Object(inner)) => {
                let mut params = inner.clone();
                let kind = params.shift_remove("kind").and_then(|k| k.as_str().map(String::from));
                fitting(&Spec { kind: kind.unwrap_or_default(), params }, needs, shape)
            }
            _ => 100.0 * n * d,
        },
        "bagged" => number("copies", 10.0) * inner(spec, needs, shape),
        "ada_boost" => number("rounds", 50.0) * inner(spec, needs, shape),
        "stacked" => {
            let named: Option<Vec<Spec>> =
                spec.params.get("learners").and_then(|list| serde_json::from_value(list.clone()).ok());
            let learners = named.unwrap_or_else(|| vec![Spec::new("random_forest"), Spec::new("logistic")]);
            let each: f64 = learners.iter().map(|learner| fitting(learner, needs, shape)).sum();
            (number("folds", 5.0) + 1.0) * each
        }
        // Bayes and the baseline count.
        _ => 10.0 * n * d,
    }
}

/// Operations of fitting the learner that another names; without one, a tree.
fn inner(spec: &Spec, needs: Needs, shape: &Shape) -> f64 {
    let named = spec.params.get("learner").and_then(Value::as_str);
    let spec = match (named, spec.params.get("params")) {
        (Some(kind), Some(Value::Object(params))) => Spec { kind: kind.into(), params: params.clone() },
        (Some(kind), _) => Spec::new(kind),
        (None, _) => Spec::new("random_forest").with("n_trees", 1).with("max_features", 1.0),
    };
    fitting(&spec, needs, shape)
}

/// Rounds until nothing is gained any more, times what a tree costs; where parts are held back, all is grown again.
fn boosted(number: &impl Fn(&str, f64) -> f64, shape: &Shape) -> f64 {
    let (n, p) = (shape.rows, shape.tabular());
    let outputs = if shape.classes > 2.0 { shape.classes } else { 1.0 };
    let leaves = number("max_leaves", 31.0).min(n / number("min_samples_leaf", 20.0)).max(2.0);
    let stops = number("early_stopping", 30.0) > 0.0;
    let rounds =
        12.0 / number("learning_rate", 0.05) * (31.0 / number("max_leaves", 31.0)).sqrt().max(0.7) + 30.0;
    let rounds = if stops { rounds.min(number("n_trees", 1000.0)) } else { number("n_trees", 1000.0) };
    let grown = match (stops, n * outputs) {
        (true, ..=2_500.0) => 5.0,
        (true, ..=50_000.0) => 1.85,
        _ => 1.0,
    };
    let learned = n * number("subsample", 0.8);
    let asked = p * number("max_features", 0.8);
    // A bin holds three rows at least.
    let bins = (n / 3.0).max(64.0).min(shape.bins);
    let tree = 1e5 + 0.5 * learned * asked * leaves.log2() + 2.5 * leaves * asked * (bins + 20.0);
    grown * rounds * outputs * tree
}

/// Operations of a net for one row, there and back. What layers of images do to each number costs more than its multiplications.
fn pass(spec: &Spec, shape: &Shape) -> f64 {
    let list = |value: Option<&Value>, usual: &[f64]| -> Vec<f64> {
        let own = value.and_then(Value::as_array).map(|list| list.iter().filter_map(Value::as_f64).collect());
        own.unwrap_or_else(|| usual.to_vec())
    };
    let filters = list(spec.params.get("images").and_then(|i| i.get("filters")), &[32.0, 64.0, 128.0]);
    let [mut height, mut width, mut channels] = shape.image.map(|size| size as f64);
    let (mut work, mut image) = (0.0, 0.0);
    for filters in filters.into_iter().filter(|_| shape.pixels > 0.0) {
        work += 16.0 * height * width * filters + 0.02 * 9.0 * height * width * channels * filters;
        (height, width) = ((height / 2.0).floor().max(1.0), (width / 2.0).floor().max(1.0));
        (channels, image) = (filters, filters);
    }
    let mut wide = (shape.numbers - shape.pixels).max(0.0) + 64.0 * shape.texts + image;
    // Encoders of texts cost by the word.
    work += 30_000.0 * shape.words;
    for next in list(spec.params.get("hidden"), &[128.0, 64.0]).into_iter().chain([shape.classes]) {
        work += 0.6 * wide * next;
        wide = next;
    }
    work
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(rows: usize, numbers: f64) -> Shape {
        Shape { rows: rows as f64, numbers, columns: numbers, classes: 2.0, bins: 255.0, ..Shape::default() }
    }

    #[test]
    fn the_budget_is_flat_up_to_a_million_cells_and_then_grows_with_them() {
        let of = |rows| budget(Quality::Default, &shape(rows, 10.0));
        assert_eq!(of(1_000), of(100_000));
        assert_eq!(of(1_000_000), 10.0 * of(100_000));
        assert_eq!(budget(Quality::Best, &shape(50, 10.0)), 10.0 * of(50));
    }

    #[test]
    fn costs_grow_as_the_algorithms_do() {
        let cost = |kind: &str, rows| fitting(&Spec::new(kind), Needs::default(), &shape(rows, 10.0));
        for kind in ["logistic", "neural_net", "gaussian_nb"] {
            assert_eq!(cost(kind, 20_000), 10.0 * cost(kind, 2_000), "{kind}");
        }
        assert_eq!(cost("svm", 20_000), 100.0 * cost("svm", 2_000));
        assert!(cost("logistic", 1_000) < cost("boosted_trees", 1_000));
    }
}
