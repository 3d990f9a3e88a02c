//! What comes after the learners: calibration and the decision, found on rows that they were not fitted on.

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::{Calibration, Cost, Decision, Recipe};
use tidemill_core::{Context, Error, Fitted, Result};
use tidemill_eval::Answers;
use tidemill_kernel::Random;

use super::choice::{Choice, beyond_noise};
use super::judge::{Judge, Truth, mean};
use crate::calibrate::{Calibrate, Seen, drawn_in_loss, log_loss};
use crate::error::EngineError;
use crate::threshold::Threshold;

/// Rows of a fold that calibrate and decide.
const ROWS: usize = 20_000;
/// With fewer rows in all, nothing is calibrated unasked: a curve would follow chance.
const CALIBRATION_ROWS: usize = 200;
/// With fewer rows in all, a free curve follows chance.
const ISOTONIC_ROWS: usize = 1_000;
/// Thresholds that are tried at most.
const THRESHOLDS: usize = 256;

/// The links after the learners, and what is to be said of them.
#[derive(Default)]
pub(crate) struct Finish {
    /// The links, in order.
    pub links: Vec<Arc<dyn Fitted>>,
    /// How probabilities were brought in line, where they were.
    pub calibration: Option<Calibrated>,
    /// From which probability on the positive class is predicted, where that is not one half.
    pub decision: Option<Decided>,
}

/// What calibration did.
#[derive(Clone, Debug, Serialize)]
pub struct Calibrated {
    /// How.
    pub method: Calibration,
    /// The log loss of rows left out of training (to truths drawn in from 0 and 1 as if each class had been seen once more),
    /// before.
    pub before: f64,
    /// And after, where each fold had no say in its own curve.
    pub after: f64,
}

/// What the threshold does.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// From this probability of the positive class on it is predicted.
    pub threshold: f64,
    /// What it was chosen by: a metric, `cost` (per row), or `given`.
    pub by: String,
    /// What that is on rows left out of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// And what it would be from one half on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_half: Option<f64>,
}

/// Finds calibration and threshold for what was chosen.
///
/// # Errors
/// A metric that does not judge labels.
pub(crate) fn finish(
    choice: &Choice,
    judge: &Judge<'_>,
    recipe: &Recipe,
    context: &Context,
) -> Result<Finish> {
    let n_classes = judge.classes.as_ref().map_or(0, |c| c.len());
    let decision = &recipe.decision;
    let mut finish = Finish::default();
    let mut folds = sampled(choice, context);
    if n_classes >= 2 && !folds.is_empty() {
        let found = calibration(&folds, n_classes, choice.test_share, recipe.train.calibrate);
        if let Some((curve, facts)) = found {
            for (answers, _) in &mut folds {
                answers.chunks_exact_mut(n_classes).for_each(|p| curve.change(p));
            }
            finish.links.push(Arc::new(curve));
            finish.calibration = Some(facts);
        }
    }
    if *decision != Decision::default() {
        let (answers, truth) = joined(&folds, 0..folds.len());
        let decided = decide(decision, &answers, &truth, judge)?;
        finish.links.push(Arc::new(Threshold::new(decided.threshold)?));
        finish.decision = Some(decided);
    }
    Ok(finish)
}

/// Refuses what cannot be asked of so many classes, before any work.
pub(super) fn check(recipe: &Recipe, n_classes: usize) -> Result<()> {
    let decision = &recipe.decision;
    if n_classes < 2 && recipe.train.calibrate.is_some_and(|method| method != Calibration::None) {
        let problem = "there are no probabilities to calibrate: the target is a number";
        return Err(EngineError::usage(problem, "leave train.calibrate out of the recipe").into());
    }
    if *decision == Decision::default() {
        return Ok(());
    }
    if n_classes != 2 {
        let problem = "a threshold divides two classes, and this target has not two";
        return Err(EngineError::usage(problem, "leave [decision] out of the recipe").into());
    }
    let said = [decision.metric.is_some(), decision.cost.is_some(), decision.threshold.is_some()];
    if said.iter().filter(|said| **said).count() > 1 {
        return Err(EngineError::usage(
            "[decision] says more than one thing",
            "keep metric, cost or threshold",
        )
        .into());
    }
    Ok(())
}

type Answered = (Vec<f64>, Truth);

/// The folds, or of large ones a sample.
fn sampled(choice: &Choice, context: &Context) -> Vec<Answered> {
    let mut random = Random::new(context.seed_for("finish"), 0);
    let folds = choice.answers.iter().zip(&choice.truths);
    folds
        .map(|(answers, truth)| {
            let n = truth.target.len();
            let width = answers.len() / n.max(1);
            let rows = super::sampled(&(0..n as u32).collect::<Vec<_>>(), ROWS, &mut random);
            let row = |&r: &u32| &answers[r as usize * width..(r as usize + 1) * width];
            (rows.iter().flat_map(row).copied().collect(), truth.take(&rows))
        })
        .collect()
}

/// Several folds as one.
fn joined(folds: &[Answered], which: impl Iterator<Item = usize> + Clone) -> (Vec<f64>, Truth) {
    let answers = which.clone().flat_map(|f| folds[f].0.iter().copied()).collect();
    let codes = which.clone().flat_map(|f| folds[f].1.codes().iter().copied()).collect();
    let n_classes = match folds.first().map(|f| &f.1.target) {
        Some(tidemill_core::Target::Class { n_classes, .. }) => *n_classes,
        _ => 0,
    };
    let weighted = folds.iter().any(|f| f.1.weights.is_some());
    let weights =
        weighted.then(|| which.flat_map(|f| folds[f].1.weights.iter().flatten().copied()).collect());
    (answers, Truth { target: tidemill_core::Target::Class { codes, n_classes }, weights })
}

fn curve(method: Calibration, n_classes: usize, answers: &[f64], truth: &Truth) -> Option<Calibrate> {
    let weights = truth.weights.as_deref();
    Calibrate::fit(method, &Seen { n_classes, probabilities: answers, truth: truth.codes(), weights })
}

/// The curve that lowers the log loss most and by more than chance, or the one that was asked for.
fn calibration(
    folds: &[Answered],
    n_classes: usize,
    test_share: f64,
    asked: Option<Calibration>,
) -> Option<(Calibrate, Calibrated)> {
    let n_rows: usize = folds.iter().map(|f| f.1.target.len()).sum();
    let methods: Vec<Calibration> = match asked {
        Some(method) => vec![method],
        None if n_rows < CALIBRATION_ROWS => return None,
        None if n_rows < ISOTONIC_ROWS => vec![Calibration::Temperature, Calibration::Platt],
        None => vec![Calibration::Temperature, Calibration::Platt, Calibration::Isotonic],
    };
    let before = scores(folds, |_| None, n_classes);
    let mut best: Option<(f64, Calibration, f64)> = None;
    for method in methods.into_iter().filter(|m| *m != Calibration::None) {
        let without = |f: usize| {
            let (answers, truth) = joined(folds, (0..folds.len()).filter(move |o| *o != f));
            curve(method, n_classes, &answers, &truth)
        };
        if folds.len() < 2 && asked.is_none() {
            continue;
        }
        let after = scores(folds, without, n_classes);
        let gains = |of: fn(&FoldLoss) -> f64| -> Vec<f64> {
            before.iter().zip(&after).map(|(b, a)| of(b) - of(a)).filter(|g| g.is_finite()).collect()
        };
        let drawn_in = gains(|loss| loss.drawn_in);
        let gain = mean(&drawn_in);
        // The one guards against being surer than the rows can show, the other against doubt that they refute.
        let helps = beyond_noise(&drawn_in, test_share) && mean(&gains(|loss| loss.plain)) >= 0.0;
        if asked.is_some() || (helps && best.is_none_or(|(most, ..)| gain > most)) {
            best = Some((gain, method, plain(&after)));
        }
    }
    let (_, method, after) = best?;
    let (answers, truth) = joined(folds, 0..folds.len());
    let found = curve(method, n_classes, &answers, &truth);
    found.map(|curve| (curve, Calibrated { method, before: plain(&before), after }))
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

/// The log loss of each fold after its curve.
fn scores(folds: &[Answered], curve: impl Fn(usize) -> Option<Calibrate>, n_classes: usize) -> Vec<FoldLoss> {
    let n_rows = folds.iter().map(|f| f.1.target.len()).sum::<usize>() as f64;
    let score = |(f, (answers, truth)): (usize, &Answered)| {
        let curve = curve(f);
        let (mut plain, mut drawn_in, mut total) = (0.0, 0.0, 0.0);
        let mut row = vec![0.0; n_classes];
        for (i, (p, &code)) in answers.chunks_exact(n_classes).zip(truth.codes()).enumerate() {
            row.copy_from_slice(p);
            if let Some(curve) = &curve {
                curve.change(&mut row);
            }
            let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
            plain += weight * log_loss(&row, code);
            drawn_in += weight * drawn_in_loss(&row, code, n_rows);
            total += weight;
        }
        FoldLoss { plain: plain / total, drawn_in: drawn_in / total }
    };
    folds.iter().enumerate().map(score).collect()
}

/// The threshold that is asked for.
fn decide(decision: &Decision, answers: &[f64], truth: &Truth, judge: &Judge<'_>) -> Result<Decided> {
    if let Some(threshold) = decision.threshold {
        return Ok(Decided { threshold, by: "given".into(), score: None, at_half: None });
    }
    let yes: Vec<f64> = answers.iter().skip(1).step_by(2).copied().collect();
    let (by, greater) = match (&decision.metric, decision.cost) {
        (Some(name), _) => (name.clone(), tidemill_eval::metric(name)?.greater_is_better),
        (None, _) => ("cost".to_string(), false),
    };
    let value = |threshold: f64| -> Result<f64> {
        match (&decision.metric, decision.cost) {
            (Some(name), _) => by_metric(name, threshold, &yes, truth, judge),
            (None, Some(cost)) => Ok(by_cost(cost, threshold, &yes, truth)),
            (None, None) => Err(Error::internal("a decision by nothing")),
        }
    };
    let gain = |score: f64| if greater { score } else { -score };
    let mut best: Option<(f64, f64)> = None;
    for threshold in thresholds(&yes) {
        let now = value(threshold)?;
        let nearer = |than: f64| (threshold - 0.5).abs() < (than - 0.5).abs();
        let better = |(at, score): (f64, f64)| gain(now) > gain(score) || (now == score && nearer(at));
        if !now.is_nan() && best.is_none_or(better) {
            best = Some((threshold, now));
        }
    }
    let (threshold, score) = best.unwrap_or((0.5, f64::NAN));
    let known = |x: f64| (!x.is_nan()).then_some(x);
    Ok(Decided { threshold, by, score: known(score), at_half: known(value(0.5)?) })
}

/// One half, and places between neighbouring probabilities, evenly over the rows.
fn thresholds(yes: &[f64]) -> Vec<f64> {
    let mut sorted = yes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let between: Vec<f64> = sorted.windows(2).map(|w| w[0] + (w[1] - w[0]) / 2.0).collect();
    let every = between.len().div_ceil(THRESHOLDS).max(1);
    std::iter::once(0.5).chain(between.into_iter().skip(every / 2).step_by(every)).collect()
}

fn by_metric(name: &str, threshold: f64, yes: &[f64], truth: &Truth, judge: &Judge<'_>) -> Result<f64> {
    let metric = tidemill_eval::metric(name)?;
    let predicted: Vec<u32> = yes.iter().map(|p| u32::from(*p >= threshold)).collect();
    let classes = judge.classes.as_ref().ok_or_else(|| Error::internal("a decision without classes"))?;
    let mut answers = Answers::classes(truth.codes(), predicted, classes.iter())?;
    if let Some(weights) = &truth.weights {
        answers = answers.with_weights(&weights[..])?;
    }
    Ok(metric.score(&answers)?.value)
}

/// The cost of a row on average.
fn by_cost(cost: Cost, threshold: f64, yes: &[f64], truth: &Truth) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (i, (&p, &truth_code)) in yes.iter().zip(truth.codes()).enumerate() {
        let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
        total += weight;
        sum += match (p >= threshold, truth_code) {
            (true, 0) => weight * cost.false_positive,
            (false, 1) => weight * cost.false_negative,
            _ => 0.0,
        };
    }
    sum / total
}
