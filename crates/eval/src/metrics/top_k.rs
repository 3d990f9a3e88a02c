//! Whether the true class is among the likeliest few.

use super::{MULTICLASS, Metric, Score, classes};
use crate::sum::weighted_sum;
use crate::{Answers, Error, Result};

/// Among the 2 likeliest.
pub(super) const TOP_TWO: Metric = Metric {
    name: "top_2_accuracy",
    title: "Top-2 accuracy",
    about: "The share of rows whose true class is among the 2 that got the highest probabilities; of tied ones the later class comes first.",
    formula: "top_2_accuracy = rows whose true class is among the 2 likeliest / all rows",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| top(answers, 2),
};

/// Among the 3 likeliest.
pub(super) const TOP_THREE: Metric = Metric {
    name: "top_3_accuracy",
    title: "Top-3 accuracy",
    about: "The share of rows whose true class is among the 3 that got the highest probabilities; of tied ones the later class comes first.",
    formula: "top_3_accuracy = rows whose true class is among the 3 likeliest / all rows",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| top(answers, 3),
};

/// Among the 5 likeliest.
pub(super) const TOP_FIVE: Metric = Metric {
    name: "top_5_accuracy",
    title: "Top-5 accuracy",
    about: "The share of rows whose true class is among the 5 that got the highest probabilities; of tied ones the later class comes first.",
    formula: "top_5_accuracy = rows whose true class is among the 5 likeliest / all rows",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| top(answers, 5),
};

fn top(answers: &Answers<'_>, most: usize) -> Result<Score> {
    let total = answers.total_weight();
    let a = classes(answers)?;
    let p = a.probability.as_deref().ok_or(Error::NeedsProbability { metric: "top_k_accuracy" })?;
    let k = a.names.len();
    if most >= k {
        let message = format!("there are only {k} classes, so the true one is always among {most}");
        return Ok(Score::of(1.0).warn("top_k_of_few_classes", message));
    }
    let hit = |row: usize| {
        let (row_p, truth) = (&p[row * k..(row + 1) * k], a.truth[row] as usize);
        let ahead = |(class, &q): (usize, &f64)| q > row_p[truth] || (q == row_p[truth] && class > truth);
        f64::from(row_p.iter().enumerate().filter(|&x| ahead(x)).count() < most)
    };
    Ok(Score::of(weighted_sum(a.truth.len(), a.weights.as_deref(), hit) / total))
}
