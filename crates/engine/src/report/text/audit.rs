//! An audit as text for people.

use std::fmt::Display;

use tidemill_core::{Kind, escaped};
use tidemill_data::profile::ColumnProfile;
use tidemill_report::words::{Words, fill};

use super::align::{self, left};
use super::role;
use crate::audit::{self, Audit, Finding, Severity};

/// The whole audit: the verdict first, then what was found, then the columns.
pub fn story(words: &Words, audit: &Audit) -> String {
    let said = &words.story;
    let (rows, columns) = (audit.profile.rows, audit.profile.columns.len());
    let target = audit.target.as_ref().map(|t| {
        let task = words.term(&format!("task.{}", t.task.word()), t.task.word());
        fill(said.audit_target, &[("column", &t.column), ("task", &task)])
    });
    let (source, target) = (&audit.source, target.unwrap_or_default());
    let head: [(&str, &dyn Display); 4] =
        [("source", source), ("rows", &rows), ("columns", &columns), ("target", &target)];
    let mut text = format!("{}\n{}\n\n", fill(said.audit, &head), verdict(words, audit));
    for finding in &audit.findings {
        text += &told(words, finding);
    }
    text += &table(words, audit);
    let sampled = audit.profile.sampled_rows;
    if sampled < rows {
        text += &format!("\n{}\n", fill(said.audit_sampled, &[("rows", &sampled)]));
    }
    text
}

/// What an audit comes to.
pub(crate) fn verdict(words: &Words, audit: &Audit) -> String {
    audit::verdict(words, audit.severe, audit.warnings, audit.notes)
}

fn told(words: &Words, finding: &Finding) -> String {
    let level = match finding.severity {
        Severity::Severe => words.story.level_severe,
        Severity::Warning => words.story.level_warning,
        Severity::Note => words.story.level_note,
    };
    let colon = if finding.recipe.is_some() { words.colon.trim_end() } else { "" };
    // Names of columns may hold line breaks.
    let message = escaped(&words.told(&finding.code, &finding.message)).into_owned();
    let remedy = escaped(&words.advised(&finding.remedy)).into_owned();
    let mut text = format!("{} {message}\n         -> {remedy}{colon}\n", left(level, 8));
    for line in finding.recipe.iter().flat_map(|lines| lines.lines()) {
        text += &format!("            {line}\n");
    }
    text + "\n"
}

fn table(words: &Words, audit: &Audit) -> String {
    let said = &words.story;
    let head = [words.column, words.kind, said.role, words.missing, said.different, said.holds];
    let lines = audit.profile.columns.iter().map(|c| line(words, c, audit.profile.rows));
    let rows: Vec<[String; 6]> = std::iter::once(head.map(String::from)).chain(lines).collect();
    align::table(&rows, [false, false, false, true, true, false])
}

fn line(words: &Words, column: &ColumnProfile, n_rows: u64) -> [String; 6] {
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
    let name: String = escaped(&column.name).chars().take(32).collect();
    let kind = words.kind(column.kind.word()).into();
    let different = format!("{about}{different}");
    [name, kind, role(words, column.role), missing, different, holds(words, column)]
}

fn holds(words: &Words, column: &ColumnProfile) -> String {
    if let Some(n) = &column.numbers {
        let [low, middle, high] = [n.quantiles[2][1], n.quantiles[3][1], n.quantiles[4][1]].map(short);
        let (min, max) = (short(n.min), short(n.max));
        let values: [(&str, &dyn Display); 5] =
            [("min", &min), ("low", &low), ("middle", &middle), ("high", &high), ("max", &max)];
        return fill(words.story.audit_numbers, &values);
    }
    if let Some([from, to]) = &column.times {
        return fill(words.story.audit_times, &[("from", from), ("to", to)]);
    }
    let shown: Vec<String> = column
        .top
        .iter()
        .take(4)
        .map(|t| format!("{} ({})", escaped(&t.name).chars().take(24).collect::<String>(), t.count))
        .collect();
    let more = if column.distinct.count > 4 && !shown.is_empty() { ", …" } else { "" };
    shown.join(words.list) + more
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
