//! How a model in service does, as text for people.

use std::fmt::Display;

use tidemill_report::words::{Words, fill};

use super::align::{left, right};
use crate::facts::{LiveFigure, Monitor, Ratings};

/// What a terminal shows.
pub fn story(words: &Words, monitor: &Monitor) -> String {
    let said = &words.story;
    let counted = |counts: Vec<String>| counts.join(words.list);
    let feedback: Vec<String> = monitor.feedback.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let feedback = if feedback.is_empty() { said.none.into() } else { counted(feedback) };
    let logged = fill(said.logged, &[("n", &monitor.predictions), ("feedback", &feedback)]);
    let mut text = format!("{}\n\n{logged}\n", sentence(words, monitor));
    if !monitor.not_counted.is_empty() {
        let reasons = monitor.not_counted.iter().map(|(why, n)| format!("{n} {why}")).collect();
        text += &format!("{}\n", fill(said.uncounted, &[("reasons", &counted(reasons))]));
    }
    if !monitor.odd_rows.is_empty() {
        let odd = monitor.odd_rows.iter().map(|(code, n)| format!("{n} {code}")).collect();
        let values: [(&str, &dyn Display); 2] = [("n", &monitor.odd_of), ("codes", &counted(odd))];
        text += &format!("{}\n", fill(said.odd_rows, &values));
    }
    if let Some(live) = &monitor.live {
        text += "\n";
        for (name, value) in &live.metrics {
            text += &format!("  {name:<28} {}\n", value.map_or(said.no_figure.into(), |v| format!("{v:.4}")));
        }
    }
    if let Some(ratings) = &monitor.ratings {
        text += &format!("  {}\n", satisfied(words, ratings));
    }
    text += &days(words, monitor);
    for decision in &monitor.improvements {
        text += &format!("\n{}: {}", decision.at, decision.verdict);
    }
    if !monitor.improvements.is_empty() {
        text += "\n";
    }
    for other in &monitor.others {
        text += &format!("\n{}", story(words, other));
    }
    text
}

fn days(words: &Words, monitor: &Monitor) -> String {
    let said = &words.story;
    let line = |day: &str, rows: &str, value: &str, range: &str| {
        format!("  {} {} {}   {range}\n", left(day, 12), right(rows, 8), right(value, 12))
    };
    let mut text = String::new();
    if !monitor.days.is_empty() {
        text += &format!("\n{}", line(said.day, said.day_rows, &monitor.metric, said.day_interval));
    }
    for day in &monitor.days {
        let range = match (day.figure.low, day.figure.high) {
            (Some(low), Some(high)) => {
                fill(said.day_range, &[("low", &format!("{low:.4}")), ("high", &format!("{high:.4}"))])
            }
            _ => said.day_few.into(),
        };
        text += &line(&day.day, &day.rows.to_string(), &format!("{:.4}", day.figure.value), &range);
    }
    text
}

/// All of it in a sentence or two.
pub(crate) fn sentence(words: &Words, monitor: &Monitor) -> String {
    let said = &words.story;
    let metric = words.metric(&monitor.metric, title(monitor));
    let mut text = match (&monitor.live, &monitor.test) {
        (None, _) => said.live_unknown.to_string(),
        (Some(live), test) => {
            let value = format!("{:.4}", live.figure.value);
            let before = test.as_ref().map(|test| format!("{:.4}", test.value)).unwrap_or_default();
            let values: [(&str, &dyn Display); 5] = [
                ("metric", &metric),
                ("value", &value),
                ("rows", &live.rows),
                ("test", &before),
                ("verdict", &test.as_ref().map_or("", |test| against(words, monitor, live, test.value))),
            ];
            fill(if test.is_some() { said.live_test } else { said.live }, &values)
        }
    };
    if let Some(ratings) = &monitor.ratings {
        let values: [(&str, &dyn Display); 2] =
            [("satisfied", &satisfied(words, ratings)), ("n", &ratings.n)];
        text += &fill(said.live_users, &values);
    }
    match &monitor.target {
        None => text,
        Some(target) => fill(said.live_target, &[("target", target), ("sentence", &text)]),
    }
}

/// The metric's own title: of several targets, the target stands before it.
fn title(monitor: &Monitor) -> &str {
    let title = monitor.metric_title.as_str();
    let own = monitor.target.as_deref().and_then(|target| title.strip_prefix(target)?.strip_prefix(": "));
    own.unwrap_or(title)
}

fn against(words: &Words, monitor: &Monitor, live: &LiveFigure, test: f64) -> &'static str {
    let said = &words.story;
    let (Some(low), Some(high)) = (live.figure.low, live.figure.high) else { return said.live_few };
    let (above, below) = (low > test, high < test);
    let (better, worse) = if monitor.greater_is_better { (above, below) } else { (below, above) };
    match (better, worse) {
        (true, _) => said.live_better,
        (_, true) => said.live_worse,
        _ => said.live_alike,
    }
}

/// How content users are.
pub(crate) fn satisfied(words: &Words, ratings: &Ratings) -> String {
    let [share, low, high] =
        [ratings.satisfied, ratings.low, ratings.high].map(|x| format!("{:.0}%", 100.0 * x));
    fill(words.story.satisfied, &[("share", &share), ("low", &low), ("high", &high)])
}
