//! Calibration of probabilities, fitted on out-of-fold predictions.

use serde::Serialize;
use tidemill_core::Result;
use tidemill_core::recipe::Calibration;
use tidemill_eval::Answers;
use tidemill_eval::curves::{self, Bins};

use super::answered::{AnsweredRows, joined};
use super::choice::beyond_noise;
use super::judge::{Judge, Truth, mean};
use crate::links::answer::most_probable;
use crate::links::calibrate::{Calibrate, Seen, drawn_in_loss, log_loss};

/// With fewer rows in all, nothing is calibrated unasked: a curve would follow chance.
const CALIBRATION_ROWS: usize = 200;
/// With fewer rows in all, a free curve follows chance.
const ISOTONIC_ROWS: usize = 1_000;
/// Bins of a reliability diagram, and how many where rows are few.
const BINS: [usize; 2] = [10, 5];
/// Rows below which they are few.
const FEW_ROWS: usize = 400;

/// What calibration did.
#[derive(Clone, Debug, Serialize)]
pub struct Calibrated {
    /// How.
    pub method: Calibration,
    /// The log loss of held-out rows, before.
    pub before: f64,
    /// And after, where each fold had no say in its own curve.
    pub after: f64,
    /// What became of what was said, before and after, on the same rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reliability: Option<Reliability>,
}

/// Reliability diagrams of held-out rows: of the positive class, or of several classes of the one that was
/// predicted (Guo et al. 2017).
#[derive(Clone, Debug, Serialize)]
pub struct Reliability {
    /// As the learners said it.
    pub before: curves::Calibration,
    /// After calibration, where each fold had no say in its own curve.
    pub after: curves::Calibration,
}

/// One method, tried.
struct Attempt {
    method: Calibration,
    gain: f64,
    loss: f64,
    answers: Vec<Vec<f64>>,
}

/// The curve that lowers the log loss most and by more than chance, or the one that was asked for.
pub(super) fn calibration(
    folds: &[AnsweredRows],
    judge: &Judge<'_>,
    test_share: f64,
    asked: Option<Calibration>,
) -> Option<(Calibrate, Calibrated)> {
    let n_classes = judge.classes.as_ref()?.len();
    let said: Vec<Vec<f64>> = folds.iter().map(|f| f.0.clone()).collect();
    let before = losses(folds, &said, n_classes);
    let mut best: Option<Attempt> = None;
    for method in methods(folds, asked) {
        let answers = crossed(folds, method, n_classes);
        let after = losses(folds, &answers, n_classes);
        let gains = |of: fn(&FoldLoss) -> f64| -> Vec<f64> {
            before.iter().zip(&after).map(|(b, a)| of(b) - of(a)).filter(|g| g.is_finite()).collect()
        };
        let drawn_in = gains(|loss| loss.drawn_in);
        let gain = mean(&drawn_in);
        // The one guards against being surer than the rows can show, the other against doubt that they refute.
        let helps = beyond_noise(&drawn_in, test_share) && mean(&gains(|loss| loss.plain)) >= 0.0;
        if asked.is_some() || (helps && best.as_ref().is_none_or(|best| gain > best.gain)) {
            best = Some(Attempt { method, gain, loss: plain(&after), answers });
        }
    }
    let Attempt { method, loss, answers, .. } = best?;
    let (all, truth) = joined(folds, 0..folds.len());
    let seen =
        Seen { n_classes, probabilities: &all, truth: truth.codes(), weights: truth.weights.as_deref() };
    let curve = Calibrate::fit(method, &seen)?;
    let diagram = |answers: &[Vec<f64>]| reliability(&answers.concat(), &truth, judge).ok().flatten();
    let reliability = diagram(&said).zip(diagram(&answers)).filter(|_| folds.len() > 1);
    let reliability = reliability.map(|(before, after)| Reliability { before, after });
    Some((curve, Calibrated { method, before: plain(&before), after: loss, reliability }))
}

/// What so many rows can bear, or what was asked for.
fn methods(folds: &[AnsweredRows], asked: Option<Calibration>) -> Vec<Calibration> {
    let n_rows: usize = folds.iter().map(|f| f.1.target.len()).sum();
    match asked {
        Some(Calibration::None) => Vec::new(),
        Some(method) => vec![method],
        // Of one fold alone, no curve can be judged on rows that had no say in it.
        None if n_rows < CALIBRATION_ROWS || folds.len() < 2 => Vec::new(),
        None if n_rows < ISOTONIC_ROWS => vec![Calibration::Temperature, Calibration::Platt],
        None => vec![Calibration::Temperature, Calibration::Platt, Calibration::Isotonic],
    }
}

/// The answers of each fold after the curve of the other folds.
fn crossed(folds: &[AnsweredRows], method: Calibration, n_classes: usize) -> Vec<Vec<f64>> {
    let changed = |f: usize| {
        let (others, truth) = joined(folds, (0..folds.len()).filter(move |o| *o != f));
        let weights = truth.weights.as_deref();
        let seen = Seen { n_classes, probabilities: &others, truth: truth.codes(), weights };
        let mut answers = folds[f].0.clone();
        if let Some(curve) = Calibrate::fit(method, &seen) {
            answers.chunks_exact_mut(n_classes).for_each(|p| curve.change(p));
        }
        answers
    };
    (0..folds.len()).map(changed).collect()
}

/// The log loss on a fold.
struct FoldLoss {
    /// As it is.
    plain: f64,
    /// To truths that are drawn in: see [`drawn_in_loss`].
    drawn_in: f64,
}

fn plain(folds: &[FoldLoss]) -> f64 {
    mean(&folds.iter().map(|loss| loss.plain).collect::<Vec<f64>>())
}

/// The log loss of each fold's answers.
fn losses(folds: &[AnsweredRows], answers: &[Vec<f64>], n_classes: usize) -> Vec<FoldLoss> {
    let n_rows = folds.iter().map(|f| f.1.target.len()).sum::<usize>() as f64;
    let loss = |((_, truth), answers): (&AnsweredRows, &Vec<f64>)| {
        let (mut plain, mut drawn_in, mut total) = (0.0, 0.0, 0.0);
        for (i, (row, &code)) in answers.chunks_exact(n_classes).zip(truth.codes()).enumerate() {
            let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
            plain += weight * log_loss(row, code);
            drawn_in += weight * drawn_in_loss(row, code, n_rows);
            total += weight;
        }
        FoldLoss { plain: plain / total, drawn_in: drawn_in / total }
    };
    folds.iter().zip(answers).map(loss).collect()
}

/// The diagram of these answers; `None` where there is nothing to draw.
fn reliability(answers: &[f64], truth: &Truth, judge: &Judge<'_>) -> Result<Option<curves::Calibration>> {
    let Some(classes) = &judge.classes else { return Ok(None) };
    let n_bins = BINS[usize::from(truth.codes().len() < FEW_ROWS)];
    let built = if classes.len() == 2 {
        judge.answers(truth, answers)?
    } else {
        top_label(answers, truth, classes.len())?
    };
    Ok(curves::calibration(&built, Bins::Quantile, n_bins)?.into_iter().next())
}

/// Whether the class that was predicted is the true one, and how sure that was said.
fn top_label(answers: &[f64], truth: &Truth, n_classes: usize) -> Result<Answers<'static>> {
    let rows = answers.chunks_exact(n_classes).zip(truth.codes());
    let (right, sure): (Vec<u32>, Vec<[f64; 2]>) = rows
        .map(|(p, code)| {
            let said = most_probable(p);
            let p = p[said as usize];
            (u32::from(said == *code), [1.0 - p, p])
        })
        .unzip();
    let said = vec![1; right.len()];
    let built = Answers::classes(right, said, ["another", "the class predicted"])?
        .with_probability(sure.into_flattened())?;
    Ok(match &truth.weights {
        Some(weights) => built.with_weights(weights.clone())?,
        None => built,
    })
}
