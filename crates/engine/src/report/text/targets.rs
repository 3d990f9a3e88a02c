//! Several targets: the story of their training, and the card of their model.

use std::fmt::Write;

use super::training::{cautions, chosen, task, verdict};
use crate::facts::{Outcome, TrainedTargets};
use crate::format::short;
use crate::recipe::label;

/// The story of a training of several targets: each in short, then all beside each other.
pub fn story(trained: &TrainedTargets) -> String {
    let mut text = String::new();
    let outcomes: Vec<&Outcome> = trained.outcomes.iter().collect();
    if let Some(first) = outcomes.first() {
        let _ = writeln!(text, "Read {} columns from {}.", first.columns.len(), first.data.source);
    }
    for o in &outcomes {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}", task(o));
        let _ = writeln!(text, "{} rows have it. Split: {}.", o.data.rows, o.split.why);
        for line in chosen(o) {
            let _ = writeln!(text, "{line}");
        }
        let _ = writeln!(text, "{}", verdict(o));
        for line in cautions(o) {
            let _ = writeln!(text, "{line}");
        }
    }
    let _ = writeln!(text, "\n{}", table(&outcomes));
    for note in outcomes.iter().filter_map(|o| o.shipped.rows_note()).take(1) {
        let _ = writeln!(text, "{note}");
    }
    let _ = writeln!(
        text,
        "Written: {} ({}), {}, {}, {}",
        trained.model.display(),
        &trained.hash[..12.min(trained.hash.len())],
        trained.recipe.display(),
        trained.metrics.display(),
        trained.report.display()
    );
    text
}

/// The targets beside each other, a line for each.
fn table(outcomes: &[&Outcome]) -> String {
    let head = ["target", "task", "learner", "metric", "model", "95% interval", "baseline", "test rows"];
    let rows = outcomes.iter().map(|o| {
        let value = |value: Option<f64>| value.map_or_else(String::new, short);
        let interval = o.test_interval.as_ref().map(|i| format!("{} to {}", short(i.low), short(i.high)));
        [
            o.target.column.clone(),
            o.target.task.word().into(),
            label(&o.chosen),
            o.metric.clone(),
            value(o.test.value(&o.metric)),
            interval.unwrap_or_default(),
            value(o.baseline.value(&o.metric)),
            o.test.n_rows.to_string(),
        ]
    });
    let rows: Vec<[String; 8]> = std::iter::once(head.map(String::from)).chain(rows).collect();
    let width = |c: usize| rows.iter().map(|row| row[c].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate().map(|(c, (cell, width))| match c < 4 {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        let _ = writeln!(text, "  {}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

/// What stands in a model file of several targets before the card of each.
pub fn card(outcomes: &[&Outcome]) -> String {
    let names: Vec<String> = outcomes.iter().map(|o| format!("`{}`", o.target.column)).collect();
    format!("# Model for {}\n\n{SEPARATE}\n\n```text\n{}```\n", names.join(", "), table(outcomes))
}

const SEPARATE: &str = "Each target has a model of its own, which never sees the others.";

/// The same of an improved model: what led to it.
pub(crate) fn improved_card(old: &str, parent: &str, verdict: &str) -> String {
    let title = old.lines().next().unwrap_or("# Model");
    let lines: String = verdict.lines().map(|line| format!("- {line}\n")).collect();
    format!("{title}\n\n{SEPARATE}\n\nImproved from `{parent}`:\n\n{lines}")
}
