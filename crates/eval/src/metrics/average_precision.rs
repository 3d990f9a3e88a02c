//! Average precision: the area under the curve of precision over recall, as a step function.

use super::roc_auc::{binary_ranking, of_class, warned_of_labels};
use super::{BINARY, MULTICLASS, Metric, Score, classes, without_rows};
use crate::{Answers, Error, Result};

/// Average precision of the positive class.
pub(super) const AVERAGE_PRECISION: Metric = Metric {
    name: "average_precision",
    title: "Average precision (PR AUC)",
    about: "Precision averaged over all thresholds, each weighted by the recall it adds: of use where positive rows \
            are rare, guessing gives their share.",
    formula: "average_precision = sum over thresholds (recall_i - recall_(i-1)) * precision_i",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: BINARY,
    compute: average_precision,
};

/// Of several classes, averaged.
pub(super) const AVERAGE_PRECISION_MACRO: Metric = Metric {
    name: "average_precision_macro",
    title: "Average precision, macro",
    about: "Average precision of each class against all others, averaged over the classes that have rows: of use where classes are rare.",
    formula: "average_precision_macro = mean over classes (average_precision of the class against the rest)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| over_classes(answers, false),
};

/// Of several classes, averaged by support.
pub(super) const AVERAGE_PRECISION_WEIGHTED: Metric = Metric {
    name: "average_precision_weighted",
    title: "Average precision, weighted",
    about: "Average precision of each class against all others, averaged by support.",
    formula: "average_precision_weighted = sum over classes (support * average_precision of the class) / sum of support",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: true,
    in_report: false,
    tasks: MULTICLASS,
    compute: |answers| over_classes(answers, true),
};

fn average_precision(answers: &Answers<'_>) -> Result<Score> {
    let answers = classes(answers)?;
    let ranking = binary_ranking(answers)?;
    match ranking.average_precision() {
        Some(value) => Ok(warned_of_labels(Score::of(value), answers, "Average precision")),
        None => Ok(Score::undefined(
            "average_precision_no_positive",
            "average precision is undefined: no row is of the positive class",
        )),
    }
}

fn over_classes(answers: &Answers<'_>, by_support: bool) -> Result<Score> {
    let answers = classes(answers)?;
    if answers.probability.is_none() {
        return Err(Error::NeedsProbability { metric: "average_precision_macro" });
    }
    let counts = answers.counts();
    let areas: Vec<(usize, f64)> = (0..counts.n_classes())
        .filter(|&c| counts.truth[c] > 0.0)
        .filter_map(|c| Some((c, of_class(answers, c).average_precision()?)))
        .collect();
    let share = |c: usize| if by_support { counts.truth[c] } else { 1.0 };
    let total: f64 = areas.iter().map(|&(c, _)| share(c)).sum();
    let mut score = Score::of(areas.iter().map(|&(c, area)| share(c) * area).sum::<f64>() / total);
    score.detail = areas.iter().map(|&(c, area)| (answers.names[c].to_string(), area)).collect();
    match counts.n_classes() - areas.len() {
        0 => Ok(score),
        absent => Ok(score.warn(
            "average_precision_absent_class",
            format!("{}, so the mean of average precision is over the others", without_rows(absent)),
        )),
    }
}
