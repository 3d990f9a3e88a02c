//! Other answers and what leads to them, as text for people.

use std::fmt::Display;

use serde_json::Value;
use tidemill_core::recipe::Changeable as Direction;
use tidemill_report::words::{Words, fill};

use crate::explain::{CounterfactualRow, Counterfactuals, Marked, Offer};
use crate::format::{plain, short};

/// Rows that are shown.
const ROWS: usize = 20;
/// Columns that are named one by one.
const NAMED: usize = 12;

/// What would have to be otherwise, row by row.
pub fn story(words: &Words, found: &Counterfactuals) -> String {
    let said = &words.insight;
    let head: [(&str, &dyn Display); 3] =
        [("target", &found.target), ("wanted", &wanted(words, found)), ("rows", &found.rows.len())];
    let mut text = fill(said.wanted_head, &head) + "\n" + &limits(words, found).join("\n") + "\n";
    for row in found.rows.iter().take(ROWS) {
        text += &format!("\n{}\n", row_head(words, found, row));
        text += &ways(words, row).iter().map(|way| format!("  {way}\n")).collect::<String>();
    }
    if found.rows.len() > ROWS {
        text += &format!("\n{}\n", fill(said.more_rows, &[("n", &(found.rows.len() - ROWS))]));
    }
    text
}

/// The answer that is wanted, in words.
pub(crate) fn wanted(words: &Words, found: &Counterfactuals) -> String {
    let said = &words.insight;
    match &found.wanted {
        None => said.wanted_other.into(),
        Some(text) if found.rows.iter().any(|row| row.prediction.is_number()) => {
            fill(said.wanted_range, &[("target", &found.target), ("range", text)])
        }
        Some(class) => fill(said.wanted_class, &[("class", class)]),
    }
}

/// What may change, what is held, and how the ways were checked: a sentence each.
pub(crate) fn limits(words: &Words, found: &Counterfactuals) -> Vec<String> {
    let said = &words.insight;
    let named = found.changeable.iter().map(|column| {
        let template = match column.direction {
            Direction::Up => said.up,
            Direction::Down => said.down,
            _ => return column.column.clone(),
        };
        fill(template, &[("column", &column.column)])
    });
    let may = if found.marked == Marked::Nobody { said.may_unmarked } else { said.may };
    let mut lines = vec![fill(may, &[("columns", &listed(words, named.collect()))])];
    if !found.held.is_empty() {
        lines.push(fill(said.held, &[("columns", &listed(words, found.held.clone()))]));
    }
    lines.push(said.checked.into());
    lines
}

/// Names one after the other, the first of them where there are many.
pub(crate) fn listed(words: &Words, mut names: Vec<String>) -> String {
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let columns = names.join(words.list);
    match more {
        0 => columns,
        n => fill(words.insight.and_more, &[("columns", &columns), ("n", &n)]),
    }
}

fn row_head(words: &Words, found: &Counterfactuals, row: &CounterfactualRow) -> String {
    let said = &words.insight;
    let key = row.key.as_ref().map(|key| fill(said.key, &[("key", &cell(words, key))]));
    let values: [(&str, &dyn Display); 5] = [
        ("row", &row.row),
        ("key", &key.unwrap_or_default()),
        ("target", &found.target),
        ("answer", &answer(words, &row.prediction)),
        ("chance", &chance(words, row.probability)),
    ];
    fill(said.row, &values)
}

/// The ways found for a row, a sentence each; or why there is none.
pub(crate) fn ways(words: &Words, row: &CounterfactualRow) -> Vec<String> {
    let said = &words.insight;
    if row.already {
        return vec![said.already.into()];
    }
    if row.offers.is_empty() {
        let template = match (row.n_columns, row.complete) {
            (0, _) => said.none_to_try,
            (_, true) => said.none_complete,
            (_, false) => said.none_partly,
        };
        return vec![fill(template, &[("n", &row.n_columns), ("asked", &row.n_asked)])];
    }
    let way = |offer: &Offer| {
        let values: [(&str, &dyn Display); 3] = [
            ("changes", &changes(words, offer)),
            ("answer", &answer(words, &offer.prediction)),
            ("chance", &chance(words, offer.probability)),
        ];
        fill(said.offer, &values)
    };
    row.offers.iter().map(way).collect()
}

/// What changes, in words.
pub(crate) fn changes(words: &Words, offer: &Offer) -> String {
    let said = &words.insight;
    let change = offer.changes.iter().map(|change| {
        let values: [(&str, &dyn Display); 3] = [
            ("column", &change.column),
            ("to", &cell(words, &change.to)),
            ("from", &cell(words, &change.from)),
        ];
        fill(said.change, &values)
    });
    change.collect::<Vec<_>>().join(said.and)
}

/// An answer and the probability beside it, in words.
pub(crate) fn answer(words: &Words, value: &Value) -> String {
    match value.as_f64() {
        Some(x) if value.is_f64() => short(x),
        _ => cell(words, value),
    }
}

pub(crate) fn chance(words: &Words, probability: Option<f64>) -> String {
    probability.map(|p| fill(words.insight.chance, &[("p", &format!("{p:.2}"))])).unwrap_or_default()
}

/// A cell with all its digits: a number cut short might not lead to the answer.
pub(crate) fn cell(words: &Words, value: &Value) -> String {
    match value {
        Value::Null => words.story.missing.into(),
        Value::String(text) => text.clone(),
        Value::Number(x) if x.is_f64() => x.as_f64().map(plain).unwrap_or_default(),
        other => other.to_string(),
    }
}
