//! An audit as text for people.

use std::fmt::Write;

use tidemill_core::{Kind, Role};
use tidemill_data::profile::ColumnProfile;

use crate::audit::{Audit, Finding};

/// The whole audit: the verdict first, then what was found, then the columns.
pub fn story(audit: &Audit) -> String {
    let mut text = String::new();
    let target = audit.target.as_ref().map(|t| format!(", target '{}' ({})", t.column, t.task.word()));
    let (rows, columns) = (audit.profile.rows, audit.profile.columns.len());
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}: {rows} rows, {columns} columns{}", audit.source, target.unwrap_or_default());
    let _ = writeln!(text, "{}\n", audit.verdict);
    for finding in &audit.findings {
        text += &told(finding);
    }
    text += &table(audit);
    if audit.profile.sampled_rows < rows {
        let _ = writeln!(
            text,
            "\nEvery row was read. Fences, associations with categories, near-duplicates and drift rest on {} rows spread evenly.",
            audit.profile.sampled_rows
        );
    }
    text
}

fn told(finding: &Finding) -> String {
    let mut text = format!("{:<8} {}\n", finding.severity.word(), finding.message);
    let colon = if finding.recipe.is_some() { ":" } else { "" };
    let _ = writeln!(text, "         -> {}{colon}", finding.remedy);
    for line in finding.recipe.iter().flat_map(|lines| lines.lines()) {
        let _ = writeln!(text, "            {line}");
    }
    text + "\n"
}

fn table(audit: &Audit) -> String {
    let rows: Vec<[String; 6]> = audit.profile.columns.iter().map(|c| line(c, audit.profile.rows)).collect();
    let head = ["column", "kind", "role", "missing", "different", "what it holds"].map(String::from);
    let mut widths = [0; 6];
    for row in std::iter::once(&head).chain(&rows) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in std::iter::once(&head).chain(&rows) {
        let cells = row.iter().zip(widths).enumerate().map(|(i, (cell, width))| {
            if i == 3 || i == 4 { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    text
}

fn line(column: &ColumnProfile, n_rows: u64) -> [String; 6] {
    let missing = match column.missing.count {
        0 => String::new(),
        n => format!("{:.1}%", 100.0 * n as f64 / n_rows.max(1) as f64),
    };
    let about = if column.distinct.exact { "" } else { "~" };
    let different = if matches!(column.kind, Kind::Flag) {
        2.min(column.top.len() as u64)
    } else {
        column.distinct.count
    };
    let name: String = column.name.chars().take(32).collect();
    let role = if column.role == Role::Ignore {
        "left out".into()
    } else {
        format!("{:?}", column.role).to_lowercase()
    };
    [name, column.kind.word().into(), role, missing, format!("{about}{different}"), holds(column)]
}

fn holds(column: &ColumnProfile) -> String {
    if let Some(n) = &column.numbers {
        let [low, middle, high] = [n.quantiles[2][1], n.quantiles[3][1], n.quantiles[4][1]].map(short);
        return format!("{} to {}, half from {low} to {high}, median {middle}", short(n.min), short(n.max));
    }
    if let Some([from, to]) = &column.times {
        return format!("{from} to {to}");
    }
    let shown: Vec<String> = column
        .top
        .iter()
        .take(4)
        .map(|t| format!("{} ({})", t.name.chars().take(24).collect::<String>(), t.count))
        .collect();
    let more = if column.distinct.count > 4 && !shown.is_empty() { ", …" } else { "" };
    shown.join(", ") + more
}

/// Four digits, without zeros at the end.
fn short(x: f64) -> String {
    if x == 0.0 {
        return "0".into();
    }
    let size = x.abs().log10().floor();
    if !(-4.0..=7.0).contains(&size) {
        return format!("{x:.3e}");
    }
    let digits = (3.0 - size).clamp(0.0, 9.0) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}
