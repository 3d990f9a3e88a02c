//! Calibration and decision threshold, fitted on out-of-fold predictions.

use std::sync::Arc;

use tidemill_core::recipe::{Balance, Calibration, Cost, Decision, Recipe};
use tidemill_core::{Context, Fitted, Result};
use tidemill_kernel::Random;

use super::answered::{AnsweredRows, joined};
use super::calibration::{Calibrated, calibration};
use super::choice::Choice;
use super::decision::{Decided, decide};
use super::judge::Judge;
use super::threshold::{self, OperatingPoint, Purpose};
use crate::error::EngineError;
use crate::links::smooth::Smooth;
use crate::links::threshold::Threshold;

/// Rows of a fold that calibrate and decide.
const ROWS: usize = 20_000;

/// The links after the learners, and what is to be said of them.
#[derive(Default)]
pub(crate) struct Finish {
    /// The links, in order.
    pub links: Vec<Arc<dyn Fitted>>,
    /// How probabilities were brought in line, where they were.
    pub calibration: Option<Calibrated>,
    /// From which probability on the positive class is predicted, where that is not one half.
    pub decision: Option<Decided>,
    /// Where positives are rare: what this threshold and others come to.
    pub points: Vec<OperatingPoint>,
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
    let decision = &threshold::implied(&recipe.decision, judge.metric, n_classes);
    let mut finish = Finish::default();
    let mut folds = sampled(choice, context);
    if n_classes >= 2 && !folds.is_empty() {
        let found = calibration(&folds, judge, choice.test_share, recipe.train.calibrate);
        if let Some((curve, facts)) = found {
            for (answers, _) in &mut folds {
                answers.chunks_exact_mut(n_classes).for_each(|p| curve.change(p));
            }
            finish.links.push(Arc::new(curve));
            finish.calibration = Some(facts);
        } else if recipe.train.calibrate.is_none()
            && let Some(smooth) = smooth(&folds)?
        {
            for (answers, _) in &mut folds {
                answers.chunks_exact_mut(n_classes).for_each(|p| smooth.change(p));
            }
            finish.links.push(Arc::new(smooth));
        }
    }
    if n_classes == 2 && !folds.is_empty() {
        finish.points = points(decision, &folds, judge)?;
    }
    if *decision != Decision::default() && !folds.is_empty() {
        let (answers, truth) = joined(&folds, 0..folds.len());
        let decided = decide(decision, &answers, &truth, judge)?;
        finish.links.push(Arc::new(Threshold::new(decided.threshold)?));
        finish.decision = Some(decided);
    }
    Ok(finish)
}

/// What keeps certainty out of answers that counts of rows gave: votes, leaves, frequencies; nothing where none is exactly 0 or 1.
fn smooth(folds: &[AnsweredRows]) -> Result<Option<Smooth>> {
    let certain = folds.iter().any(|(answers, _)| answers.iter().any(|p| *p <= 0.0 || *p >= 1.0));
    let n_rows: usize = folds.iter().map(|(_, truth)| truth.target.len()).sum();
    certain.then(|| Smooth::new(n_rows as f64)).transpose()
}

/// The decisions that are shown where positives are rare, beside the one in force.
const ASKED: [(Purpose, &str); 2] = [(Purpose::F1, "--decide f1"), (Purpose::Cost, "--decide cost:fn=10")];

/// What the threshold in force and others come to on held-out rows; nothing where positives are not rare.
fn points(decision: &Decision, folds: &[AnsweredRows], judge: &Judge<'_>) -> Result<Vec<OperatingPoint>> {
    let (answers, truth) = joined(folds, 0..folds.len());
    let codes = truth.codes();
    let positives = codes.iter().filter(|code| **code == 1).count();
    if !threshold::is_rare(positives as f64, codes.len() as f64) {
        return Ok(Vec::new());
    }
    let in_force = match *decision == Decision::default() {
        true => 0.5,
        false => decide(decision, &answers, &truth, judge)?.threshold,
    };
    let f1 = Decision { metric: Some("f1".into()), ..Decision::default() };
    let cost = Cost { false_positive: 1.0, false_negative: 10.0 };
    let costs = Decision { cost: Some(cost), ..Decision::default() };
    let mut asked = Vec::with_capacity(ASKED.len());
    for ((what, flag), decision) in ASKED.into_iter().zip([f1, costs]) {
        asked.push((what, flag, decide(&decision, &answers, &truth, judge)?.threshold));
    }
    Ok(threshold::points(&truth, &answers, in_force, &asked))
}

/// Refuses what cannot be asked of so many classes, before any work.
pub(super) fn check(recipe: &Recipe, n_classes: usize) -> Result<()> {
    let decision = &recipe.decision;
    let cut = |balance: &Balance| balance.params.contains_key("quantiles");
    if n_classes < 2 && recipe.balance.as_ref().is_some_and(|balance| !cut(balance)) {
        let problem = "there are no classes to balance: the target is a number";
        let remedy =
            "leave [balance] out of the recipe, or give it 'quantiles' that cut the target into bins";
        return Err(EngineError::usage(problem, remedy).into());
    }
    if n_classes > 1 && recipe.balance.as_ref().is_some_and(cut) {
        let problem = "'quantiles' of [balance] cut a number to predict into bins, and the target is classes";
        return Err(
            EngineError::usage(problem, "leave 'quantiles' out: classes are balanced as they are").into()
        );
    }
    if recipe.forecast.is_some() && recipe.labels.is_some() {
        let problem = "[labels] leaves rows out, and a forecast needs each of them";
        return Err(EngineError::usage(problem, "leave [labels] out of the recipe").into());
    }
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

/// The folds, or of large ones a sample.
fn sampled(choice: &Choice, context: &Context) -> Vec<AnsweredRows> {
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
