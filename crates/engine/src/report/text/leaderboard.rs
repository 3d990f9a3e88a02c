//! The leaderboard for people: scores, spreads, costs and times.

use std::time::Duration;

use serde::Serialize;
use tidemill_core::recipe::Spec;
use tidemill_report::words::{Words, fill};

use super::align::{left, right, width};
use crate::facts::Trained;
use crate::format::{short, size, time};
use crate::recipe::labels;
use crate::search::{CandidateScore, Times};

/// Lines that are shown.
const SHOWN: usize = 12;
/// Settings that failed and are shown.
const FAILED: usize = 4;

/// One line, with how long it took: for the terminal and `--json`, never for a file.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The learner with the parameters that say the most.
    pub learner: String,
    /// The mean of the metric over the folds it ran on.
    pub mean: Option<f64>,
    /// Its standard deviation over the folds.
    pub spread: Option<f64>,
    /// How many folds it ran on.
    pub folds: usize,
    /// Seconds to fit on a fold on average, while others ran beside it.
    pub fit_secs: f64,
    /// Microseconds to answer a row, in a batch.
    pub predict_row_us: f64,
    /// Bytes of its learned numbers.
    pub bytes: u64,
    /// Why it could not be fitted, where it could not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// Every line, the best first.
pub fn table(trained: &Trained) -> Vec<Line> {
    let specs = trained.outcome.leaderboard.iter();
    let specs = specs.map(|s| Spec { kind: s.learner.clone(), params: s.params.clone() }).collect::<Vec<_>>();
    let lines = trained.outcome.leaderboard.iter().zip(&trained.times).zip(labels(&specs));
    lines.map(|((standing, times), label)| Line::of(standing, *times, label)).collect()
}

impl Line {
    fn of(standing: &CandidateScore, times: Times, learner: String) -> Self {
        Line {
            learner,
            mean: standing.mean,
            spread: standing.spread,
            folds: standing.folds.len(),
            fit_secs: times.fit.as_secs_f64(),
            predict_row_us: times.predict_row.as_secs_f64() * 1e6,
            bytes: standing.bytes,
            problem: standing.problem.clone(),
        }
    }
}

/// The best lines as text, under their heads.
pub(crate) fn lines(words: &Words, trained: &Trained) -> Vec<String> {
    let said = &words.story;
    let table = table(trained);
    let scored: Vec<&Line> = table.iter().filter(|line| line.mean.is_some()).collect();
    let wide = scored.iter().take(SHOWN).map(|l| width(&l.learner)).max().unwrap_or(0).max(7);
    let line = |cells: [&str; 7]| {
        let [learner, cells @ ..] = cells;
        let cells = cells.iter().zip([10, 8, 5, 8, 8, 8]).map(|(cell, cells)| right(cell, cells));
        format!("  {}  {}", left(learner, wide), cells.collect::<Vec<_>>().join("  "))
    };
    let metric = trained.outcome.metric.as_str();
    let head = [words.learner, metric, words.spread, said.folds, said.fit_time, said.row_time, words.size];
    let mut lines = vec![line(head)];
    lines.extend(scored.iter().take(SHOWN).map(|l| {
        let seconds = |secs: f64| time(Duration::from_secs_f64(secs));
        line([
            &l.learner,
            &l.mean.map(short).unwrap_or_default(),
            &l.spread.map(short).unwrap_or_default(),
            &l.folds.to_string(),
            &seconds(l.fit_secs),
            &seconds(l.predict_row_us / 1e6),
            &size(l.bytes),
        ])
    }));
    let failed: Vec<&Line> = table.iter().filter(|line| line.problem.is_some()).collect();
    lines.extend(failed.iter().take(FAILED).filter_map(|l| {
        let why = fill(said.failed, &[("problem", l.problem.as_ref()?)]);
        Some(format!("  {}  {why}", left(&l.learner, wide)))
    }));
    let shown = SHOWN.min(scored.len()) + FAILED.min(failed.len());
    if table.len() > shown {
        let without = match failed.len().saturating_sub(FAILED) {
            0 => String::new(),
            n => fill(said.more_failed, &[("n", &n)]),
        };
        lines.push(fill(said.more_settings, &[("n", &(table.len() - shown)), ("failed", &without)]));
    }
    lines
}
