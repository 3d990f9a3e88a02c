//! `monitor` for a language model: the share of responses that users accepted as they were.

use std::collections::BTreeMap;
use std::path::Path;

use tidemill_core::Result;
use tidemill_eval::compare::wilson;
use tidemill_report::words::EN;
use tidemill_store::{FeedbackKind, LoggedPrediction, Store};

use super::{DAY, DAYS, MOST, RECENT, Seen, decisions, moment, said, versions};
use crate::facts::{Day, Figure, LiveFigure, Monitor};
use crate::model::language::{Place, hash_at};
use crate::report::text;

const METRIC: &str = "accepted";

/// How the language model at a path does, by the store; `now` is in microseconds since 1970. Its weights are not read.
///
/// # Errors
/// A model that is not there; a store that fails.
pub fn of_language(path: &Path, name: Option<&str>, store: &Store, now: i64) -> Result<Monitor> {
    let place = Place::of(path)?;
    let name = name.unwrap_or(&place.name);
    let from = now - DAYS * DAY;
    let (mut seen, mut words) = (Seen::default(), Vec::new());
    for logged in store.newest_judged(name, from, MOST)? {
        seen.count(&logged);
        words.extend(word(&logged).map(|right| (logged.at, right)));
    }
    words.sort_unstable();
    let orphans = store.orphans(from, MOST)?;
    if orphans > 0 {
        seen.uncounted.insert("orphaned", orphans);
    }
    let (odd_of, odd_rows) = store.flaws(name, from, MOST)?;
    let live =
        figure(&words).map(|figure| LiveFigure { rows: words.len(), figure, metrics: BTreeMap::new() });
    let mut monitor = Monitor {
        model: name.into(),
        metric: METRIC.into(),
        metric_title: "Accepted as it was".into(),
        greater_is_better: true,
        sentence: String::new(),
        test: None,
        live,
        days: days(&words),
        ratings: seen.ratings(),
        predictions: store.count(name)?,
        feedback: seen.counts,
        not_counted: seen.uncounted,
        odd_rows,
        odd_of,
        versions: versions(store, name, &hash_at(&place)?)?,
        improvements: decisions(store, name)?,
        recent: said(&store.newest_feedback(name, from, RECENT)?),
        target: None,
        others: Vec::new(),
    };
    monitor.sentence = text::monitored(&EN, &monitor);
    Ok(monitor)
}

/// Whether an answer was right as it was, by the latest word on it.
fn word(logged: &LoggedPrediction) -> Option<bool> {
    let words = logged.feedback.iter().filter_map(|given| match given.kind {
        FeedbackKind::Accept => Some((given.counts_at(), true)),
        FeedbackKind::Reject | FeedbackKind::Correction => Some((given.counts_at(), false)),
        _ => None,
    });
    words.max_by_key(|(at, _)| *at).map(|(_, right)| right)
}

/// The share of right answers, with its interval (Wilson 1927).
fn figure(words: &[(i64, bool)]) -> Option<Figure> {
    let (n, right) = (words.len() as u64, words.iter().filter(|(_, right)| *right).count() as u64);
    let [low, high] = wilson(right, n)?;
    Some(Figure { value: right as f64 / n as f64, low: Some(low), high: Some(high) })
}

fn days(words: &[(i64, bool)]) -> Vec<Day> {
    let of_day = |day: &[(i64, bool)]| {
        let name = moment(day[0].0).chars().take(10).collect();
        figure(day).map(|figure| Day { day: name, rows: day.len(), figure })
    };
    words.chunk_by(|a, b| a.0.div_euclid(DAY) == b.0.div_euclid(DAY)).filter_map(of_day).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wilson's interval by statsmodels 0.14: `proportion_confint(3, 4, method="wilson")`.
    #[test]
    fn days_have_the_share_that_was_taken_as_it_was() {
        let words = [(1, true), (2, false), (3, true), (DAY - 1, true), (DAY, false)];
        let days = days(&words);
        assert_eq!((days.len(), days[0].rows, days[0].day.as_str()), (2, 4, "1970-01-01"));
        let Figure { value, low, high } = days[0].figure;
        assert_eq!(value, 0.75);
        assert!((low.unwrap() - 0.300_641_84).abs() < 1e-6 && (high.unwrap() - 0.954_413_8).abs() < 1e-4);
        assert_eq!(days[1].figure.value, 0.0);
        assert!(figure(&[]).is_none());
    }
}
