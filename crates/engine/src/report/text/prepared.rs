//! What preparation did, as text for people.

use std::fmt::Write;

use tidemill_report::number;

use crate::facts::{CellChanges, ColumnShape, PreparedFacts, StepFacts};

/// How many columns of a step are named.
const NAMED: usize = 6;

/// The whole of it: rows first, then the steps, then each column before and after.
pub fn story(facts: &PreparedFacts) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "{}: {} rows in, {} rows out, {} with a changed cell",
        facts.source, facts.rows_before, facts.rows_after, facts.rows_touched
    );
    text += match facts.fitted {
        true => {
            "Fitted on all of these rows. Keep rows that will judge a model out, and prepare them with what --save wrote.\n"
        }
        false => "Nothing was fitted on these rows.\n",
    };
    if let Some(balance) = balance(facts) {
        let _ = writeln!(text, "{balance}");
    }
    for left in &facts.left_out {
        let _ = writeln!(text, "left out: {} ({})", left.column, left.why);
    }
    text.push('\n');
    for (at, step) in facts.steps.iter().enumerate() {
        let _ = writeln!(text, "{:>2}. {}: {}", at + 1, step.spec.kind, done(step));
    }
    if facts.steps.is_empty() {
        text += "No steps: cells were read as their kinds, and nothing else.\n";
    }
    text.push('\n');
    text += &table(facts);
    let written = facts.out.iter().filter(|out| *out != "-").map(|out| format!("Rows: {out}\n"));
    let saved = facts.saved.iter().map(|file| format!("Preparation: {}\n", file.display()));
    let files: String = written.chain(saved).collect();
    if files.is_empty() { text } else { text + "\n" + &files }
}

/// What was done about `[balance]`, in a sentence.
pub(crate) fn balance(facts: &PreparedFacts) -> Option<String> {
    if let Some(balance) = &facts.balance {
        let counts = |of: &[usize]| of.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
        let (kind, before, after) = (&balance.kind, counts(&balance.before), counts(&balance.after));
        return Some(format!(
            "Balanced by {kind}: rows of each class {before} before, {after} after. These rows are for learning, not for judging."
        ));
    }
    let kind = facts.balance_skipped.as_ref()?;
    Some(match facts.fitted {
        true => {
            format!("[balance] ({kind}) was not applied: the rows are as they came (--balance applies it).")
        }
        false => format!("[balance] ({kind}) was not applied: it is for rows that a learner is fitted on."),
    })
}

/// What a step did, in words.
pub(crate) fn done(step: &StepFacts) -> String {
    let mut parts: Vec<String> = Vec::new();
    let changed = step.changed.iter().map(|(name, n)| format!("{name} ({})", cells(n)));
    let changed: Vec<String> = changed.collect();
    if !changed.is_empty() {
        parts.push(format!("changed {} in {} rows", some(&changed), step.rows_touched));
    }
    for (word, names) in [("added", &step.added), ("took away", &step.removed)] {
        if !names.is_empty() {
            parts.push(format!("{word} {}", some(names)));
        }
    }
    if step.rows_dropped > 0 {
        parts.push(format!("dropped {} rows", step.rows_dropped));
    }
    if parts.is_empty() { "changed nothing".into() } else { parts.join("; ") }
}

fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn cells(n: &CellChanges) -> String {
    let parts = [(n.filled, "filled"), (n.replaced, "replaced"), (n.emptied, "emptied")];
    let said = parts.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}"));
    said.collect::<Vec<_>>().join(", ")
}

fn table(facts: &PreparedFacts) -> String {
    let head = ["column", "", "kind", "missing", "different", "what it holds"].map(String::from);
    let mut rows = vec![head];
    for column in &facts.columns {
        let name: String = column.name.chars().take(32).collect();
        match (&column.before, &column.after) {
            (Some(before), Some(after)) if before == after => rows.push(line(&name, "", Some(before))),
            (before, after) => {
                rows.push(line(&name, "before", before.as_ref()));
                rows.push(line("", "after", after.as_ref()));
            }
        }
    }
    let mut widths = [0; 6];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).enumerate().map(|(i, (cell, width))| {
            if i == 3 || i == 4 { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

fn line(name: &str, when: &str, shape: Option<&ColumnShape>) -> [String; 6] {
    let Some(shape) = shape else {
        return [name.into(), when.into(), "-".into(), String::new(), String::new(), String::new()];
    };
    let missing = if shape.missing == 0 { String::new() } else { shape.missing.to_string() };
    [name.into(), when.into(), shape.kind.into(), missing, distinct(shape), holds(shape)]
}

/// How many different values.
pub(crate) fn distinct(shape: &ColumnShape) -> String {
    let about = if shape.exact { "" } else { "~" };
    shape.distinct.map(|n| format!("{about}{n}")).unwrap_or_default()
}

/// What a column holds, in a line.
pub(crate) fn holds(shape: &ColumnShape) -> String {
    if let Some(n) = &shape.numbers {
        let std = n.std.map(|std| format!(" (std {})", number::bare(std))).unwrap_or_default();
        let [min, low, middle, high, max] = n.quantiles.map(number::bare);
        return format!("mean {}{std}; {min} | {low} | {middle} | {high} | {max}", number::bare(n.mean));
    }
    if let Some(times) = &shape.times {
        return format!("{} to {}", times.first, times.last);
    }
    let shown = shape.top.iter().take(4).map(|(name, n)| {
        let name: String = name.chars().take(24).collect();
        format!("{name} ({n})")
    });
    let more = if shape.distinct > Some(4) && !shape.top.is_empty() { ", …" } else { "" };
    shown.collect::<Vec<_>>().join(", ") + more
}
