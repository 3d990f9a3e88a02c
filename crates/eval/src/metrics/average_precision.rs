//! Average precision: the area under the curve of precision over recall, as a step function.

use super::roc_auc::{binary_ranking, warned_of_labels};
use super::{BINARY, Metric, Score, classes};
use crate::{Answers, Result};

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
    tasks: BINARY,
    compute: average_precision,
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
