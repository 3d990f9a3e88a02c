//! The learning curve: the score by the number of training rows.

use std::fmt::Display;

use serde::Serialize;
use tidemill_core::{Context, Result};
use tidemill_data::split::Fold;
use tidemill_eval::compare::{student_t_quantile, student_t_two_sided};
use tidemill_kernel::Random;
use tidemill_report::words::{Words, fill};

use super::ahead;
use super::judge::mean;
use super::trial::FoldRunner;
use crate::format::short;

/// The shares of the training rows.
const SHARES: [f64; 5] = [0.1, 0.2, 0.4, 0.7, 1.0];
/// The most training rows of a point: the shape is seen on fewer than all.
const MOST_ROWS: usize = 50_000;

/// A score that the last stretch of the curve changes by more than this share of itself still grows, if that is some part of the curve.
const NOTABLE: f64 = 0.05;
/// What changes by less than this share of what is left to gain is no growth.
const SLIGHT: f64 = 0.02;
/// A change that chance would bring more often than this may be chance.
const CHANCE: f64 = 0.05;

/// One point of the curve.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Point {
    /// Rows that were learned from.
    pub rows: usize,
    /// Folds over which the scores are the mean.
    pub folds: usize,
    /// The metric on these.
    pub train: Option<f64>,
    /// The metric on held-out rows.
    pub valid: Option<f64>,
    /// How far the metric on held-out rows may have moved by chance since the point before: two standard errors of the mean change over
    /// the folds; nothing for one fold, and for the first point.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub band: Option<f64>,
}

/// The scores of the runner's first learner on five growing parts of the training rows of as many folds as the work allows. Learners that
/// cannot learn from so few rows have no point.
pub(super) fn curve(runner: &FoldRunner<'_>, folds: &[Fold], most_fits: f64) -> Result<Vec<Point>> {
    if folds.is_empty() {
        return Ok(Vec::new());
    }
    let Some((shares, n_folds)) = affordable(folds.len(), most_fits) else { return Ok(Vec::new()) };
    // Of folds in time the first is the latest, with the most rows to learn from.
    let used = &folds[..n_folds];
    let context = runner.context;
    let shuffled: Vec<Vec<u32>> = used.iter().enumerate().map(|(at, f)| shuffled(f, at, context)).collect();
    let mut points = Vec::with_capacity(shares.len());
    let mut before: Vec<f64> = Vec::new();
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
            for (_, trial) in runner.look(at, &part, &[0], &[0])?.trials {
                if let Some(Ok(trial)) = trial {
                    train.push(trial.train_score);
                    valid.push(trial.score);
                    rows = n;
                }
            }
        }
        let known = |x: f64| (!x.is_nan()).then_some(x);
        if !valid.is_empty() {
            let band = band(&before, &valid);
            points.push(Point {
                rows,
                folds: valid.len(),
                train: known(mean(&train)),
                valid: known(mean(&valid)),
                band,
            });
            before = valid;
        }
    }
    Ok(points)
}

impl Point {
    /// Whether a change up to this point may be chance, by a t-test over the folds, and the most that it may be. Of one fold nothing is
    /// known.
    fn chance(&self, step: f64) -> (bool, f64) {
        let Some(error) = self.band.map(|band| band / 2.0).filter(|_| self.folds > 1) else {
            return (false, step);
        };
        let df = self.folds as f64 - 1.0;
        let by_chance = error > 0.0 && student_t_two_sided(step / error, df) >= CHANCE;
        (by_chance, step + student_t_quantile(1.0 - CHANCE / 2.0, df) * error)
    }
}

/// The band of the change between the scores of the same folds.
fn band(before: &[f64], now: &[f64]) -> Option<f64> {
    let n = now.len();
    if n < 2 || before.len() != n {
        return None;
    }
    let changes: Vec<f64> = before.iter().zip(now).map(|(then, now)| now - then).collect();
    let mean = mean(&changes);
    let variance = changes.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / (n - 1) as f64;
    Some(2.0 * (variance / n as f64).sqrt()).filter(|band| band.is_finite())
}

/// The shares and folds of a curve of at most so many fits on all of a fold's rows; `None` where not two points are to be had.
fn affordable(n_folds: usize, most_fits: f64) -> Option<(&'static [f64], usize)> {
    let plans = [
        (&SHARES[..], n_folds),
        (&SHARES[..], 3.min(n_folds)),
        (&SHARES[..], 1),
        (&SHARES[..4], 1),
        (&SHARES[..3], 1),
    ];
    plans.into_iter().find(|(shares, n)| shares.iter().sum::<f64>() * *n as f64 <= most_fits + 1e-9)
}

/// A fold's training rows in an order by chance: each part of the curve holds the one before it.
fn shuffled(fold: &Fold, at: usize, context: &Context) -> Vec<u32> {
    let mut rows = fold.train.clone();
    Random::new(context.seed_for("curve"), at as u64).shuffle(&mut rows);
    rows
}

/// What the last stretch of the curve says, and where it leads with twice the rows; `score` names what it is a curve of. `too_simple` names a
/// learner that cannot follow more, whatever the rows: then the curve says nothing of the others.
pub(crate) fn sentence(
    words: &Words,
    points: &[Point],
    greater_is_better: bool,
    score: &str,
    too_simple: Option<&str>,
) -> Option<String> {
    let [.., before, last] = points else { return None };
    let gain = |p: &Point| p.valid.map(|v| if greater_is_better { v } else { -v });
    // A tenth of few rows may teach so little that all that follows looks small beside it.
    let start = if points.len() >= 4 { &points[1] } else { points.first()? };
    let first = gain(start)?;
    let (then, now) = (gain(before)?, gain(last)?);
    // Metrics of which more is better end at 1, the others at 0.
    let left = if greater_is_better { 1.0 } else { 0.0 } - then;
    // What a tenth of the rows taught is the measure of what the last third did; so is what there was to improve.
    let (all, step) = (now - first, now - then);
    let notable = step > NOTABLE * then.abs() && step > 0.03 * all;
    let grows = step > 0.0 && all > 0.0 && step > SLIGHT * left && (step > 0.15 * all || notable);
    // What the folds do not agree on may be chance, and so may be that nothing more was learned.
    let (by_chance, most) = last.chance(step);
    let said = &words.story;
    let helps = grows && !by_chance;
    let what = match (step, too_simple) {
        _ if helps => said.curve_helps.to_string(),
        (_, Some(learner)) => fill(said.curve_simple, &[("learner", &learner)]),
        _ if by_chance && most > NOTABLE * then.abs() => said.curve_unsure.into(),
        (step, None) if by_chance || step > 0.0 => said.curve_little.into(),
        _ => said.curve_useless.into(),
    };
    let [was, is] = [before.valid, last.valid].map(|score| short(score.unwrap_or_default()));
    let values: [(&str, &dyn Display); 7] = [
        ("score", &score),
        ("rows", &last.rows),
        ("before", &before.rows),
        ("was", &was),
        ("is", &is),
        ("chance", &if by_chance && was != is { said.curve_chance } else { "" }),
        ("what", &what),
    ];
    let mut sentence = fill(said.curve, &values);
    // Where more rows would help little, a figure for twice as many would say the opposite.
    if let Some(ahead) = ahead::ahead(points, greater_is_better).filter(|_| helps) {
        let [low, high] = ahead.band.map(short);
        let values: [(&str, &dyn Display); 5] = [
            ("rows", &(2 * last.rows)),
            ("is", &is),
            ("then", &short(ahead.valid)),
            ("low", &low),
            ("high", &high),
        ];
        sentence += &fill(said.curve_ahead, &values);
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use tidemill_report::words::EN;

    use super::*;

    /// What is said of a curve of these scores, of which less is better.
    fn said(valid: [f64; 3]) -> String {
        let points = [40, 280, 400].iter().zip(valid);
        let points: Vec<Point> = points
            .map(|(&rows, v)| Point { rows, folds: 3, train: None, valid: Some(v), band: None })
            .collect();
        sentence(&EN, &points, false, "the score", None).unwrap_or_default()
    }

    #[test]
    fn whether_more_rows_help_follows_from_the_scores() {
        assert_eq!(
            said([0.9, 0.41, 0.39]),
            "With 400 instead of 280 rows to learn from, the score went from 0.4100 to 0.3900: more rows alone would help little."
        );
        // Still falling by 7%, though most was learned from the first rows.
        assert!(said([1.2, 0.43, 0.40]).ends_with("more would help."));
        // Near perfection a large share is little.
        assert!(said([0.15, 0.0071, 0.0039]).ends_with("help little."));
        assert!(said([0.6, 0.5, 0.45]).ends_with("more would help."));
        // It got worse: over all, or at last.
        assert!(said([0.40, 0.42, 0.41]).ends_with("help little."));
        assert!(said([0.9, 0.39, 0.41]).ends_with("would not help."));
    }

    #[test]
    fn twice_the_rows_are_told_only_where_more_would_help() {
        let of = |scores: [f64; 5]| {
            let points: Vec<Point> = [40, 80, 160, 280, 400]
                .iter()
                .zip(scores)
                .map(|(&rows, v)| Point { rows, folds: 3, train: None, valid: Some(v), band: None })
                .collect();
            sentence(&EN, &points, false, "the score", None).unwrap_or_default()
        };
        let falling = of([1.0, 0.8, 0.62, 0.5, 0.42]);
        assert!(falling.contains("more would help. Twice the rows (800): from 0.4200 to about"), "{falling}");
        let flat = of([1.0, 0.8, 0.5, 0.41, 0.40]);
        assert!(flat.ends_with("more rows alone would help little."), "{flat}");
    }

    #[test]
    fn a_learner_that_is_too_simple_speaks_for_itself_alone() {
        let point = |rows, valid| Point { rows, folds: 3, train: None, valid: Some(valid), band: None };
        let flat = [point(40, 1.98), point(280, 1.962), point(400, 1.960)];
        let said = sentence(&EN, &flat, false, "the score", Some("ridge")).unwrap_or_default();
        assert!(said.contains("would help ridge little; a learner that can follow more"), "{said}");
        let falling = [point(40, 1.2), point(280, 0.6), point(400, 0.5)];
        let said = sentence(&EN, &falling, false, "the score", Some("ridge")).unwrap_or_default();
        assert!(said.ends_with("more would help."), "{said}");
    }

    #[test]
    fn a_change_within_its_band_promises_nothing() {
        // Of three folds (the band by Python's statistics: 2 * stdev(now - then) / 3 ** 0.5).
        let found = band(&[0.975, 0.98, 0.97], &[0.985, 0.975, 0.985]).unwrap();
        assert!((found - 0.012_018_504).abs() < 1e-8, "{found}");
        assert_eq!((band(&[], &[0.9, 0.8]), band(&[0.9], &[0.8])), (None, None));
        let said = |then: f64, now: f64, band: f64| {
            let point = |rows, valid, band| Point { rows, folds: 3, train: None, valid: Some(valid), band };
            let points = [point(25, 0.94, None), point(170, then, Some(0.01)), point(240, now, Some(band))];
            sentence(&EN, &points, true, "the score", None).unwrap_or_default()
        };
        // Near perfection and flat within what chance moves; the same step with folds that agree; a loss within the band.
        assert!(
            said(0.975, 0.9817, 0.0098)
                .ends_with("to 0.9817, which may be chance: more rows alone would help little.")
        );
        assert!(said(0.96, 0.9817, 0.0021).ends_with("more would help."));
        assert!(said(0.98, 0.975, 0.0098).ends_with("more rows alone would help little."));
        assert!(said(0.98, 0.975, 0.001).ends_with("would not help."));
        // Three folds that differ so much leave room for a gain of a fifth: neither is said.
        assert!(
            said(0.62, 0.66, 0.06)
                .ends_with("which may be chance: these folds cannot tell whether more would help.")
        );
        // Two standard errors of three folds are met by chance in one of five tables (t of 2.2 with 2 degrees of freedom: p = 0.16).
        assert!(said(0.96, 0.9817, 0.0195).ends_with("these folds cannot tell whether more would help."));
    }

    #[test]
    fn a_hundredth_of_what_is_left_is_no_growth() {
        // Noise: RMSE 2.986 to 2.956, where the mean has 2.975.
        assert!(said([3.1, 2.986, 2.956]).ends_with("help little."));
    }
}
