//! The typical and the worst error.

use rayon::prelude::*;

use super::{Metric, REGRESSION, Score, numbers};
use crate::quantile::{Weighed, averaged_quantile};
use crate::sum::weight;
use crate::{Answers, NumberAnswers, Result};

/// The typical error.
pub(super) const MEDIAN_ABSOLUTE_ERROR: Metric = Metric {
    name: "median_absolute_error",
    title: "Median absolute error",
    about: "How far a prediction is off typically: half of the rows are nearer, and a few wild ones change nothing.",
    formula: "median_absolute_error = median over rows |truth - prediction|",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    in_report: true,
    tasks: REGRESSION,
    compute: median_absolute_error,
};

/// The worst error.
pub(super) const MAX_ERROR: Metric = Metric {
    name: "max_error",
    title: "Maximum error",
    about: "How far the worst prediction is off; weights play no part but for 0.",
    formula: "max_error = max over rows |truth - prediction|",
    range: "0 up, in the target's unit",
    greater_is_better: false,
    needs_probability: false,
    in_report: false,
    tasks: REGRESSION,
    compute: max_error,
};

/// The absolute errors of the rows that have weight.
fn errors<'b>(a: &'b NumberAnswers<'_>) -> impl ParallelIterator<Item = Weighed> + 'b {
    let of = |row: usize| Weighed {
        value: (a.truth[row] - a.predicted[row]).abs(),
        weight: weight(a.weights.as_deref(), row),
    };
    (0..a.truth.len()).into_par_iter().map(of).filter(|e| e.weight > 0.0)
}

fn median_absolute_error(answers: &Answers<'_>) -> Result<Score> {
    if answers.weights().is_none() {
        let errors = errors(numbers(answers)?).map(|e| e.value).collect();
        return Ok(Score::of(median(errors)));
    }
    let mut errors: Vec<Weighed> = errors(numbers(answers)?).collect();
    // Stable, so that the weights of equal errors are added in one order.
    errors.par_sort_by(|a, b| a.value.total_cmp(&b.value));
    Ok(Score::of(averaged_quantile(&errors, 0.5)))
}

/// The median of at least one value, without sorting them all.
fn median(mut values: Vec<f64>) -> f64 {
    let half = values.len() / 2;
    let even = values.len().is_multiple_of(2);
    let (below, &mut middle, _) = values.select_nth_unstable_by(half, f64::total_cmp);
    if even { 0.5 * (below.iter().copied().fold(f64::NEG_INFINITY, f64::max) + middle) } else { middle }
}

fn max_error(answers: &Answers<'_>) -> Result<Score> {
    Ok(Score::of(errors(numbers(answers)?).map(|e| e.value).reduce(|| 0.0, f64::max)))
}
