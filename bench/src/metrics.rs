//! ROC AUC, average precision and confusion matrix of 5 million predictions, against scikit-learn.

use std::path::PathBuf;

use serde_json::Value;
use tidemill_eval::{Answers, metric};
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 5_000_000;

/// Both sides use every core they know to use; ours checks the predictions as well.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let (truth, scores) = rows();
    let bytes = |name: &str, bytes: Vec<u8>| -> Outcome<PathBuf> {
        let path = peer::work_folder()?.join(name);
        std::fs::write(&path, bytes)?;
        Ok(path)
    };
    let truth_file = bytes("truth.u8", truth.iter().map(|&t| t as u8).collect())?;
    let scores_file = bytes("scores.f64", scores.iter().flat_map(|s| s.to_le_bytes()).collect())?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let files = [truth_file.display().to_string(), scores_file.display().to_string()];
    let (peer_secs, theirs) = peer::timed("metrics", &[&files[0], &files[1]], cores)?;

    let predicted: Vec<u32> = scores.iter().map(|&s| u32::from(s >= 0.5)).collect();
    let probability: Vec<f64> = scores.iter().flat_map(|&s| [1.0 - s, s]).collect();
    let (ours_secs, ours) = peer::median_secs(|| judge(&truth, &predicted, &probability))?;
    let theirs: Vec<f64> = theirs.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-9 * b.abs();
    if ours.len() != theirs.len() || !ours.iter().zip(&theirs).all(close) {
        return Err(format!("other figures: {ours:?} here, {theirs:?} there").into());
    }
    Ok(vec![Row {
        name: "ROC AUC + PR AUC + confusion on 5M predictions".into(),
        peer: "scikit-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 8.0,
        reach: 20.0,
        same_answer: format!("ROC AUC {:.6}, all figures to 1e-9", ours[0]),
    }])
}

/// The answers are built anew each time: what is counted and sorted is kept with them.
fn judge(truth: &[u32], predicted: &[u32], probability: &[f64]) -> Outcome<Vec<f64>> {
    let answers = Answers::classes(truth, predicted, ["no", "yes"])?.with_probability(probability)?;
    let mut figures = Vec::new();
    for name in ["roc_auc", "average_precision"] {
        figures.push(metric(name)?.score(&answers)?.value);
    }
    if let Answers::Classes(classes) = &answers {
        figures.extend(classes.counts().matrix.iter().flatten());
    }
    Ok(figures)
}

/// True classes, and scores that know something of them.
fn rows() -> (Vec<u32>, Vec<f64>) {
    let mut random = Random::new(7, 0);
    let row = |_| {
        let class = random.below(2) as u32;
        (class, 1.0 / (1.0 + (-1.5 * random.normal() - f64::from(class)).exp()))
    };
    (0..ROWS).map(row).unzip()
}
