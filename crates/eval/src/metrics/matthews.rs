//! Matthews correlation coefficient (Matthews 1975; for several classes Gorodkin 2004, "R_K").

use super::{CLASSES, Metric, Score, classes};
use crate::{Answers, Result};

/// The correlation of true and predicted classes.
pub(super) const MATTHEWS: Metric = Metric {
    name: "matthews",
    title: "Matthews correlation",
    about: "How far true and predicted classes go together, all cells of the confusion matrix counted: 0 is guessing, however rare a class is.",
    formula: "matthews = (n * hits - sum over classes (support * predicted)) / sqrt((n^2 - sum support^2) * (n^2 - sum predicted^2))",
    range: "-1 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: matthews,
};

fn matthews(answers: &Answers<'_>) -> Result<Score> {
    let counts = classes(answers)?.counts();
    let filled = |of: &[f64]| of.iter().filter(|w| **w > 0.0).count();
    for (of, what) in [(&counts.truth, "truly"), (&counts.predicted, "predicted as")] {
        if filled(of) < 2 {
            let message =
                format!("all rows are {what} one class: the Matthews correlation is 0/0, taken as 0");
            return Ok(Score::of(0.0).warn("matthews_undefined", message));
        }
    }
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let n: f64 = counts.predicted.iter().sum();
    let hits: f64 = counts.hits.iter().sum();
    let both = hits * n - dot(&counts.truth, &counts.predicted);
    let truth = n * n - dot(&counts.truth, &counts.truth);
    let predicted = n * n - dot(&counts.predicted, &counts.predicted);
    Ok(Score::of((both / (truth.sqrt() * predicted.sqrt())).clamp(-1.0, 1.0)))
}
