//! Slices of the rows on which the model is weak.

use tidemill_eval::slices::{Holds, Slice, Slices};
use tidemill_report::{Align, Block, Cell, Finding, Level, Section, Span, Table, Text, number};

use super::{Subject, Words, cut, fill, name, plain};

pub(super) fn section(subject: &Subject<'_>, weak: Option<&Slices>) -> Section {
    let words = subject.words;
    let section = Section::new("weak", words.slices).lead(words.slices_lead);
    let Some(weak) = weak else { return section };
    let looked = fill(words.slices_tested, &[("n", plain(number::count(weak.n_tested as f64)))]);
    if weak.slices.is_empty() {
        let text = if weak.n_tested == 0 {
            Text::plain(words.weak_few)
        } else {
            Text::plain(words.weak_none).then(looked)
        };
        return section.with(Block::Text(text));
    }
    let metric = super::subject::title_of(subject, weak.metric);
    let head = [
        (words.slice, Align::Left),
        (words.rows, Align::Right),
        (metric.as_str(), Align::Right),
        (words.elsewhere, Align::Right),
    ];
    let mut table = Table::new(words.slices_caption, &head);
    table.rows = weak
        .slices
        .iter()
        .map(|slice| {
            vec![
                Cell::from(conditions(words, slice)),
                number::count(slice.n_rows as f64).into(),
                number::short(slice.value).into(),
                number::short(slice.rest).into(),
            ]
        })
        .collect();
    section.with(Block::Table(table)).with(Block::Text(looked))
}

/// The worst of them in a sentence.
pub(super) fn finding(subject: &Subject<'_>, weak: &Slices) -> Option<Finding> {
    let words = subject.words;
    let slice = weak.slices.first()?;
    let (metric, value, rest) = match slice.value.is_finite() {
        true => (weak.metric, slice.value, slice.rest),
        false => (weak.loss, slice.loss, slice.rest_loss),
    };
    let [before, after] = words.weak.split("{conditions}").collect::<Vec<_>>()[..] else { return None };
    let values = [
        ("metric", plain(super::subject::title_of(subject, metric))),
        ("value", Span::Strong(number::short(value))),
        ("rest", plain(number::short(rest))),
        ("rows", plain(number::count(slice.n_rows as f64))),
    ];
    let text = fill(before, &values).then(conditions(words, slice)).then(fill(after, &values));
    Some(Finding::new(Level::Warning, text).chip(words.weak_chip))
}

/// What holds of the values of a column.
fn holds(words: &Words, holds: &Holds) -> String {
    let text = match holds {
        Holds::Is(value) => fill(words.holds_value, &[("value", plain(value))]),
        Holds::Between([low, high]) => {
            fill(words.holds_between, &[("low", plain(low)), ("high", plain(high))])
        }
        Holds::Missing => Text::plain(words.holds_missing),
        Holds::There => Text::plain(words.holds_there),
    };
    text.to_string()
}

/// What holds of the rows of a slice.
fn conditions(words: &'static Words, slice: &Slice) -> Text {
    let mut text = Text::default();
    for (i, condition) in slice.conditions.iter().enumerate() {
        if i > 0 {
            text = text.then(Text::plain(words.and));
        }
        text = text.then(Text(vec![
            name(cut(&condition.column, 80)),
            plain(format!(" {}", cut(&holds(words, &condition.holds), 80))),
        ]));
    }
    text
}
