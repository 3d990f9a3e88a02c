//! How each column was prepared, and warnings about the data.

use serde_json::Value;
use tidemill_core::recipe::Spec;
use tidemill_core::{Role, Slot, Sort};
use tidemill_report::{Align, Block, Cell, Finding, Level, Section, Table, Text};

use super::verdict::named;
use super::{Words, columns};
use crate::builtin;
use crate::facts::{ColumnFacts, Outcome};
use crate::judge::Evidence;
use crate::report::text::role;

pub(super) fn section(words: &'static Words, outcome: &Outcome, evidence: &Evidence) -> Section {
    let mut section = Section::new("data", words.data).lead(words.data_lead);
    let noticed: Vec<Finding> = outcome
        .warnings
        .iter()
        .map(|w| {
            let level = if w.code == "leak" { Level::Warning } else { Level::Note };
            Finding::new(level, words.told(&w.code, &w.message).into_owned())
        })
        .collect();
    if !noticed.is_empty() {
        section = section.with(Block::Heading(Text::plain(words.findings))).with(Block::Findings(noticed));
    }
    section = section.with(Block::Table(table(words, outcome)));
    let cards = columns::cards(words, evidence.columns());
    if cards.is_empty() {
        return section;
    }
    section.with(Block::Heading(Text::plain(words.pictures))).with(Block::Cards(cards))
}

fn table(words: &'static Words, outcome: &Outcome) -> Table {
    let head = [
        (words.column, Align::Left),
        (words.kind, Align::Left),
        (words.role, Align::Left),
        (words.why, Align::Left),
        (words.done, Align::Left),
    ];
    let mut table = Table::new(words.columns_caption, &head);
    table.rows = outcome
        .columns
        .iter()
        .map(|column| {
            vec![
                named(&column.name).into(),
                words.kind(column.kind).into(),
                role(words, column.role).into(),
                words.reasoned(&column.why).into_owned().into(),
                Cell::from(done(words, column, &outcome.preparation)),
            ]
        })
        .collect();
    table.shown = 15;
    table
}

/// The steps that worked on a column, in words.
fn done(words: &'static Words, column: &ColumnFacts, preparation: &[Spec]) -> String {
    if !matches!(column.role, Role::Feature | Role::Time) {
        return String::new();
    }
    let steps: Vec<String> =
        preparation.iter().filter(|s| touches(s, column)).map(|step| in_words(words, step)).collect();
    if steps.is_empty() { words.nothing_done.into() } else { steps.join("; ") }
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

fn in_words(words: &'static Words, step: &Spec) -> String {
    let done = builtin::entry(&step.kind).map_or(step.kind.as_str(), |entry| entry.done);
    let done = words.term(&format!("done.{}", step.kind), done);
    let marked = step.params.get("flag") == Some(&Value::Bool(true));
    if marked { format!("{done}{}", words.marked) } else { done.to_string() }
}
