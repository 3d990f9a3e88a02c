//! How a model in service does, as text for people.

use crate::facts::Monitor;

/// What a terminal shows.
pub fn story(monitor: &Monitor) -> String {
    let mut text = format!("{}\n", monitor.sentence);
    let feedback: Vec<String> = monitor.feedback.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
    let feedback = if feedback.is_empty() { "none".into() } else { feedback.join(", ") };
    text += &format!("\n{} predictions logged; feedback: {feedback}.\n", monitor.predictions);
    if !monitor.not_counted.is_empty() {
        let reasons: Vec<String> = monitor.not_counted.iter().map(|(why, n)| format!("{n} {why}")).collect();
        text += &format!("Feedback that does not count: {}.\n", reasons.join(", "));
    }
    if !monitor.odd_rows.is_empty() {
        let odd: Vec<String> = monitor.odd_rows.iter().map(|(code, n)| format!("{n} {code}")).collect();
        text += &format!("Odd rows among the newest {}: {}.\n", monitor.odd_of, odd.join(", "));
    }
    if let Some(live) = &monitor.live {
        text += "\n";
        for (name, value) in &live.metrics {
            text += &format!("  {name:<28} {}\n", value.map_or("undefined".into(), |v| format!("{v:.4}")));
        }
    }
    if let Some(ratings) = &monitor.ratings {
        text += &format!("  {}\n", ratings.sentence);
    }
    if !monitor.days.is_empty() {
        text += &format!("\n  {:<12} {:>8} {:>12}   95% CI\n", "day", "rows", monitor.metric);
    }
    for day in &monitor.days {
        let range = match (day.figure.low, day.figure.high) {
            (Some(low), Some(high)) => format!("{low:.4} and {high:.4}"),
            _ => "too few rows".into(),
        };
        text += &format!("  {:<12} {:>8} {:>12.4}   {range}\n", day.day, day.rows, day.figure.value);
    }
    for decision in &monitor.improvements {
        text += &format!("\n{}: {}", decision.at, decision.verdict);
    }
    if !monitor.improvements.is_empty() {
        text += "\n";
    }
    for other in &monitor.others {
        text += &format!("\n{}", story(other));
    }
    text
}
