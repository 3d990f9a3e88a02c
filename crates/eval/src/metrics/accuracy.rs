//! Accuracy, plain and balanced.

use super::{CLASSES, Metric, Score, classes};
use crate::{Answers, Result};

/// The share of right answers.
pub(super) const ACCURACY: Metric = Metric {
    name: "accuracy",
    title: "Accuracy",
    about: "The share of rows whose predicted class is the true one.",
    formula: "accuracy = right rows / all rows",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: accuracy,
};

/// The mean recall of the classes.
pub(super) const BALANCED_ACCURACY: Metric = Metric {
    name: "balanced_accuracy",
    title: "Balanced accuracy",
    about: "The share of right rows within each true class, averaged over the classes, so that a rare class counts \
            as much as a common one.",
    formula: "balanced_accuracy = mean over classes that have rows (hits / support)",
    range: "0 to 1",
    greater_is_better: true,
    needs_probability: false,
    in_report: true,
    tasks: CLASSES,
    compute: balanced_accuracy,
};

fn accuracy(answers: &Answers<'_>) -> Result<Score> {
    let counts = classes(answers)?.counts();
    Ok(Score::of(counts.hits.iter().sum::<f64>() / counts.truth.iter().sum::<f64>()))
}

fn balanced_accuracy(answers: &Answers<'_>) -> Result<Score> {
    let answers = classes(answers)?;
    let counts = answers.counts();
    let with_rows: Vec<usize> = counts.present().filter(|&c| counts.truth[c] > 0.0).collect();
    let recalls: Vec<f64> = with_rows.iter().map(|&c| counts.hits[c] / counts.truth[c]).collect();
    let mut score = Score::of(recalls.iter().sum::<f64>() / recalls.len() as f64);
    if let Some(strange) = counts.present().find(|&c| counts.truth[c] == 0.0) {
        let name = &answers.names[strange];
        let message =
            format!("class '{name}' is predicted but is never true; balanced accuracy leaves it out");
        score = score.warn("class_never_true", message);
    }
    score.detail = with_rows.iter().map(|&c| answers.names[c].to_string()).zip(recalls).collect();
    Ok(score)
}
