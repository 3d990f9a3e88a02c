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
) -> Result<Vec<Point>> {
    let Some(last) = folds.last() else { return Ok(Vec::new()) };
    let n_folds = if last.train.len() < FEW_ROWS { 3.min(folds.len()) } else { 1 };
    // Of folds in time the last has the most rows to learn from.
    let used = &folds[folds.len() - n_folds..];
    let candidates = [candidate];
    let ring = FoldRunner { table, candidates: &candidates, recipe, judge, context };
    let shuffled: Vec<Vec<u32>> = used.iter().enumerate().map(|(at, f)| shuffled(f, at, context)).collect();
    let mut points = Vec::with_capacity(SHARES.len());
    for share in SHARES {
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
