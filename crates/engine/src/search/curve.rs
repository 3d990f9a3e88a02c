//! The learning curve: how the score grows with the rows that are learned from.

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result, Table};
use tidemill_data::split::Fold;
use tidemill_kernel::Random;

use super::Candidate;
use super::judge::{Judge, mean};
use super::trial::FoldRunner;

/// The shares of the training rows.
const SHARES: [f64; 5] = [0.1, 0.2, 0.4, 0.7, 1.0];
/// The most training rows of a point: the shape is seen on fewer than all.
const MOST_ROWS: usize = 50_000;
/// With fewer training rows, a point is the mean over three folds.
const FEW_ROWS: usize = 2_000;

/// One point of the curve.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Rows that were learned from.
    pub rows: usize,
    /// The metric on these.
    pub train: Option<f64>,
    /// The metric on held-out rows.
    pub valid: Option<f64>,
}

/// The scores of one learner on five growing parts of the training rows of a fold (of three folds, where rows are few). Learners
/// that cannot learn from so few rows have no point.
pub(super) fn curve(
    table: &Arc<Table>,
    folds: &[Fold],
    candidate: Candidate,
    judge: &Judge<'_>,
    recipe: &Recipe,
    context: &Context,
    most_fits: f64,
) -> Result<Vec<Point>> {
    let Some(first) = folds.first() else { return Ok(Vec::new()) };
    let n_folds = if first.train.len() < FEW_ROWS { 3.min(folds.len()) } else { 1 };
    let Some((shares, n_folds)) = affordable(n_folds, most_fits) else { return Ok(Vec::new()) };
    // Of folds in time the first is the latest, with the most rows to learn from.
    let used = &folds[..n_folds];
    let candidates = [candidate];
    let ring = FoldRunner { table, candidates: &candidates, recipe, judge, context };
    let shuffled: Vec<Vec<u32>> = used.iter().enumerate().map(|(at, f)| shuffled(f, at, context)).collect();
    let mut points = Vec::with_capacity(shares.len());
    for &share in shares {
        let (mut train, mut valid, mut rows) = (Vec::new(), Vec::new(), 0);
        for (at, (fold, order)) in used.iter().zip(&shuffled).enumerate() {
            if context.out_of_time() {
                return Ok(points);
            }
            let n = (share * order.len().min(MOST_ROWS) as f64).round() as usize;
            let mut some = order[..n].to_vec();
            some.sort_unstable();
            let part = Fold { train: some, valid: fold.valid.clone() };
            for (_, trial) in ring.look(at, &part, &[0], &[0])?.trials {
                if let Some(Ok(trial)) = trial {
                    train.push(trial.train_score);
                    valid.push(trial.score);
                    rows = n;
                }
            }
        }
        let known = |x: f64| (!x.is_nan()).then_some(x);
        if !valid.is_empty() {
            points.push(Point { rows, train: known(mean(&train)), valid: known(mean(&valid)) });
        }
    }
    Ok(points)
}

/// The shares and folds of a curve of at most so many fits on all of a fold's rows; `None` where not two points are to be had.
fn affordable(n_folds: usize, most_fits: f64) -> Option<(&'static [f64], usize)> {
    let plans = [(&SHARES[..], n_folds), (&SHARES[..], 1), (&SHARES[..4], 1), (&SHARES[..3], 1)];
    plans.into_iter().find(|(shares, n)| shares.iter().sum::<f64>() * *n as f64 <= most_fits)
}

/// A fold's training rows in an order by chance: each part of the curve holds the one before it.
fn shuffled(fold: &Fold, at: usize, context: &Context) -> Vec<u32> {
    let mut rows = fold.train.clone();
    Random::new(context.seed_for("curve"), at as u64).shuffle(&mut rows);
    rows
}

/// What the last stretch of the curve says.
pub(crate) fn sentence(points: &[Point], greater_is_better: bool) -> Option<String> {
    let [.., before, last] = points else { return None };
    let gain = |p: &Point| p.valid.map(|v| if greater_is_better { v } else { -v });
    let first = gain(points.first()?)?;
    let (then, now) = (gain(before)?, gain(last)?);
    // What a tenth of the rows taught is the measure of what the last third did.
    let all = now - first;
    let share = (now - then) / all;
    Some(if all > 0.0 && share > 0.15 {
        format!(
            "The score still grows with more rows (from {} to {}): more would help.",
            before.rows, last.rows
        )
    } else {
        format!(
            "From {} to {} rows the score hardly grew: more rows alone would help little.",
            before.rows, last.rows
        )
    })
}
