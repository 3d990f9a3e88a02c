//! What was done to each column, and what was noticed about the data.

use serde_json::Value;
use tidemill_core::recipe::Spec;
use tidemill_core::{Role, Slot, Sort};
use tidemill_report::{Align, Block, Cell, Finding, Level, Section, Table, Text};

use super::verdict::named;
use super::{W, columns};
use crate::builtin;
use crate::facts::{ColumnFacts, Outcome};
use crate::judge::Evidence;

pub(super) fn section(outcome: &Outcome, evidence: &Evidence) -> Section {
    let mut section = Section::new("data", W.data).lead(W.data_lead);
    let noticed: Vec<Finding> = outcome
        .warnings
        .iter()
        .map(|w| {
            let level = if w.code == "leak" { Level::Warning } else { Level::Note };
            Finding::new(level, w.message.clone())
        })
        .collect();
    if !noticed.is_empty() {
        section = section.with(Block::Heading(Text::plain(W.findings))).with(Block::Findings(noticed));
    }
    section = section.with(Block::Table(table(outcome)));
    let cards = columns::cards(evidence.columns());
    if cards.is_empty() {
        return section;
    }
    section.with(Block::Heading(Text::plain(W.pictures))).with(Block::Cards(cards))
}

fn table(outcome: &Outcome) -> Table {
    let head = [
        (W.column, Align::Left),
        (W.kind, Align::Left),
        (W.role, Align::Left),
        (W.why, Align::Left),
        (W.done, Align::Left),
    ];
    let mut table = Table::new(W.columns_caption, &head);
    table.rows = outcome
        .columns
        .iter()
        .map(|column| {
            vec![
                named(&column.name).into(),
                column.kind.into(),
                role(column.role).into(),
                column.why.clone().into(),
                Cell::from(done(column, &outcome.preparation)),
            ]
        })
        .collect();
    table.shown = 15;
    table
}

pub(super) fn role(role: Role) -> &'static str {
    match role {
        Role::Target => W.role_target,
        Role::Key => W.role_key,
        Role::Time => W.role_time,
        Role::Group => W.role_group,
        Role::Weight => W.role_weight,
        Role::Split => W.role_split,
        Role::Ignore => W.role_ignore,
        _ => W.role_feature,
    }
}

/// The steps that worked on a column, in words.
fn done(column: &ColumnFacts, preparation: &[Spec]) -> String {
    if !matches!(column.role, Role::Feature | Role::Time) {
        return String::new();
    }
    let steps: Vec<String> = preparation.iter().filter(|s| touches(s, column)).map(in_words).collect();
    if steps.is_empty() { W.nothing_done.into() } else { steps.join("; ") }
}

/// Whether a step works on a column: by name, or by kind where it names none.
fn touches(step: &Spec, column: &ColumnFacts) -> bool {
    match step.params.get("columns") {
        Some(Value::Array(names)) if !names.is_empty() => {
            names.iter().any(|n| n.as_str() == Some(column.name.as_str()))
        }
        _ => match builtin::entry(&step.kind).map(|entry| entry.sort) {
            Some(Sort::Step(Slot::Derived)) => column.kind == "time",
            Some(Sort::Step(Slot::Encode)) => column.kind == "category",
            Some(Sort::Step(Slot::Text)) => column.kind == "text",
            Some(Sort::Step(Slot::Select | Slot::Media)) => false,
            _ => column.kind == "number",
        },
    }
}

fn in_words(step: &Spec) -> String {
    let words = builtin::entry(&step.kind).map_or(step.kind.as_str(), |entry| entry.done);
    let marked = step.params.get("flag") == Some(&Value::Bool(true));
    if marked { format!("{words}{}", W.marked) } else { words.to_string() }
}
