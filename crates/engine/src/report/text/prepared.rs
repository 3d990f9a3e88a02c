//! What preparation did, as text for people.

use std::fmt::Display;

use tidemill_report::number;
use tidemill_report::words::{Words, fill};

use super::align;
use crate::facts::{CellChanges, ColumnShape, PreparedFacts, StepFacts};

/// How many columns of a step are named.
const NAMED: usize = 6;

/// The whole of it: rows first, then the steps, then each column before and after.
pub fn story(words: &Words, facts: &PreparedFacts) -> String {
    let said = &words.story;
    let values: [(&str, &dyn Display); 4] = [
        ("source", &facts.source),
        ("before", &facts.rows_before),
        ("after", &facts.rows_after),
        ("touched", &facts.rows_touched),
    ];
    let mut lines = vec![
        fill(said.prepared, &values),
        if facts.fitted { said.prepared_fitted } else { said.prepared_applied }.to_string(),
    ];
    lines.extend(balance(words, facts));
    let left = facts.left_out.iter();
    lines.extend(
        left.map(|left| fill(said.prepared_left_out, &[("column", &left.column), ("why", &left.why)])),
    );
    lines.push(String::new());
    let steps = facts.steps.iter().enumerate();
    lines.extend(steps.map(|(at, step)| format!("{:>2}. {}: {}", at + 1, step.spec.kind, done(words, step))));
    if facts.steps.is_empty() {
        lines.push(said.prepared_no_steps.into());
    }
    let text = format!("{}\n\n{}", lines.join("\n"), table(words, facts));
    let written = facts.out.iter().filter(|out| *out != "-");
    let written = written.map(|out| fill(said.prepared_rows, &[("file", out)]) + "\n");
    let saved = facts.saved.iter();
    let saved = saved.map(|file| fill(said.prepared_saved, &[("file", &file.display())]) + "\n");
    let files: String = written.chain(saved).collect();
    if files.is_empty() { text } else { text + "\n" + &files }
}

/// What was done about `[balance]`, in a sentence.
pub(crate) fn balance(words: &Words, facts: &PreparedFacts) -> Option<String> {
    let said = &words.story;
    if let Some(balance) = &facts.balance {
        if let ([before], [after]) = (&balance.before[..], &balance.after[..]) {
            let values: [(&str, &dyn Display); 3] =
                [("kind", &balance.kind), ("before", before), ("after", after)];
            return Some(fill(said.balanced_numbers, &values));
        }
        let counts = |of: &[usize]| of.iter().map(usize::to_string).collect::<Vec<_>>().join(words.list);
        let (before, after) = (counts(&balance.before), counts(&balance.after));
        let values: [(&str, &dyn Display); 3] =
            [("kind", &balance.kind), ("before", &before), ("after", &after)];
        return Some(fill(said.prepared_balanced, &values));
    }
    let kind = facts.balance_skipped.as_ref()?;
    let template = if facts.fitted { said.prepared_unbalanced } else { said.prepared_unbalanced_new };
    Some(fill(template, &[("kind", kind)]))
}

/// What a step did, in words.
pub(crate) fn done(words: &Words, step: &StepFacts) -> String {
    let said = &words.story;
    let mut parts: Vec<String> = Vec::new();
    let changed = step.changed.iter().map(|(name, n)| format!("{name} ({})", cells(words, n)));
    let changed: Vec<String> = changed.collect();
    if !changed.is_empty() {
        let values: [(&str, &dyn Display); 2] =
            [("columns", &some(words, &changed)), ("rows", &step.rows_touched)];
        parts.push(fill(said.step_changed, &values));
    }
    for (template, names) in [(said.step_added, &step.added), (said.step_removed, &step.removed)] {
        if !names.is_empty() {
            parts.push(fill(template, &[("columns", &some(words, names))]));
        }
    }
    if step.rows_dropped > 0 {
        parts.push(fill(said.step_dropped, &[("rows", &step.rows_dropped)]));
    }
    if parts.is_empty() { said.step_nothing.into() } else { parts.join(said.step_gap) }
}

fn some(words: &Words, names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(words.list);
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => fill(words.story.step_more, &[("columns", &shown), ("n", &more)]),
    }
}

fn cells(words: &Words, n: &CellChanges) -> String {
    let said = &words.story;
    let parts =
        [(n.filled, said.cells_filled), (n.replaced, said.cells_replaced), (n.emptied, said.cells_emptied)];
    let told = parts.iter().filter(|(n, _)| *n > 0).map(|(n, template)| fill(template, &[("n", n)]));
    told.collect::<Vec<_>>().join(words.list)
}

fn table(words: &Words, facts: &PreparedFacts) -> String {
    let said = &words.story;
    let head = [words.column, "", words.kind, words.missing, said.different, said.holds].map(String::from);
    let mut rows = vec![head];
    for column in &facts.columns {
        let name: String = column.name.chars().take(32).collect();
        match (&column.before, &column.after) {
            (Some(before), Some(after)) if before == after => rows.push(line(words, &name, "", Some(before))),
            (before, after) => {
                rows.push(line(words, &name, words.prepared_before, before.as_ref()));
                rows.push(line(words, "", words.prepared_after, after.as_ref()));
            }
        }
    }
    align::table(&rows, [false, false, false, true, true, false])
}

fn line(words: &Words, name: &str, when: &str, shape: Option<&ColumnShape>) -> [String; 6] {
    let Some(shape) = shape else {
        return [name.into(), when.into(), "-".into(), String::new(), String::new(), String::new()];
    };
    let missing = if shape.missing == 0 { String::new() } else { shape.missing.to_string() };
    let kind = words.kind(shape.kind).into();
    [name.into(), when.into(), kind, missing, distinct(shape), holds(words, shape)]
}

/// How many different values.
pub(crate) fn distinct(shape: &ColumnShape) -> String {
    let about = if shape.exact { "" } else { "~" };
    shape.distinct.map(|n| format!("{about}{n}")).unwrap_or_default()
}

/// What a column holds, in a line.
pub(crate) fn holds(words: &Words, shape: &ColumnShape) -> String {
    if let Some(n) = &shape.numbers {
        let std = n.std.map(|std| fill(words.story.holds_std, &[("std", &number::bare(std))]));
        let [min, low, middle, high, max] = n.quantiles.map(number::bare);
        let values: [(&str, &dyn Display); 7] = [
            ("mean", &number::bare(n.mean)),
            ("std", &std.unwrap_or_default()),
            ("min", &min),
            ("low", &low),
            ("middle", &middle),
            ("high", &high),
            ("max", &max),
        ];
        return fill(words.story.holds_numbers, &values);
    }
    if let Some(times) = &shape.times {
        return fill(words.story.audit_times, &[("from", &times.first), ("to", &times.last)]);
    }
    let shown = shape.top.iter().take(4).map(|(name, n)| {
        let name: String = name.chars().take(24).collect();
        format!("{name} ({n})")
    });
    let more = if shape.distinct > Some(4) && !shape.top.is_empty() { ", …" } else { "" };
    shown.collect::<Vec<_>>().join(words.list) + more
}
