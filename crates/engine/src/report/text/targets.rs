//! Several targets: the story of their training, and the card of their model.

use std::fmt::Display;

use tidemill_report::words::{EN, Words, fill};

use super::align;
use super::training::{cautions, chosen, rows_note, task, verdict};
use super::written::written;
use crate::facts::{Outcome, TrainedTargets};
use crate::format::short;
use crate::recipe::label;

/// The story of a training of several targets: each in short, then all beside each other.
pub fn story(words: &Words, trained: &TrainedTargets) -> String {
    let said = &words.story;
    let outcomes: Vec<&Outcome> = trained.outcomes.iter().collect();
    let mut lines = Vec::new();
    if let Some(first) = outcomes.first() {
        let values: [(&str, &dyn Display); 2] =
            [("columns", &first.columns.len()), ("source", &first.data.source)];
        lines.push(fill(said.targets_read, &values));
    }
    for o in &outcomes {
        lines.extend([String::new(), task(words, o)]);
        lines.push(fill(said.targets_rows, &[("rows", &o.data.rows), ("why", &o.split.why)]));
        lines.extend(chosen(words, o));
        lines.push(verdict(words, o));
        lines.extend(cautions(words, o));
    }
    lines.extend([String::new(), table(words, &outcomes)]);
    lines.extend(outcomes.iter().find_map(|o| rows_note(words, &o.shipped)));
    let files = [&trained.model, &trained.recipe, &trained.metrics, &trained.report];
    lines.push(written(words, &trained.hash, files.map(|file| &**file)));
    lines.join("\n") + "\n"
}

/// The targets beside each other, a line for each.
fn table(words: &Words, outcomes: &[&Outcome]) -> String {
    let said = &words.story;
    let head = [
        words.target,
        said.targets_task,
        words.learner,
        words.metric,
        words.model,
        words.interval,
        words.baseline,
        said.targets_test_rows,
    ];
    let rows = outcomes.iter().map(|o| {
        let value = |value: Option<f64>| value.map_or_else(String::new, short);
        let interval = o
            .test_interval
            .as_ref()
            .map(|i| fill(said.targets_interval, &[("low", &short(i.low)), ("high", &short(i.high))]));
        let task = o.target.task.word();
        [
            o.target.column.clone(),
            words.term(&format!("task.{task}"), task).into(),
            label(&o.chosen),
            o.metric.clone(),
            value(o.test.value(&o.metric)),
            interval.unwrap_or_default(),
            value(o.baseline.value(&o.metric)),
            o.test.n_rows.to_string(),
        ]
    });
    let rows: Vec<[String; 8]> = std::iter::once(head.map(String::from)).chain(rows).collect();
    let table = align::table(&rows, [false, false, false, false, true, true, true, true]);
    table.lines().map(|line| format!("  {line}\n")).collect()
}

/// What stands in a model file of several targets before the card of each.
pub fn card(outcomes: &[&Outcome]) -> String {
    let names: Vec<String> = outcomes.iter().map(|o| format!("`{}`", o.target.column)).collect();
    format!("# Model for {}\n\n{SEPARATE}\n\n```text\n{}```\n", names.join(", "), table(&EN, outcomes))
}

const SEPARATE: &str = "Each target has a model of its own, which never sees the others.";

/// The same of an improved model: what led to it.
pub(crate) fn improved_card(old: &str, parent: &str, verdict: &str) -> String {
    let title = old.lines().next().unwrap_or("# Model");
    let lines: String = verdict.lines().map(|line| format!("- {line}\n")).collect();
    format!("{title}\n\n{SEPARATE}\n\nImproved from `{parent}`:\n\n{lines}")
}
