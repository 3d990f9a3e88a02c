//! Where it is weak.

use tidemill_eval::slices::{Slice, Slices};
use tidemill_report::{Align, Block, Cell, Finding, Level, Section, Span, Table, Text, number};

use super::{Subject, W, cut, fill, name, plain};

pub(super) fn section(subject: &Subject<'_>, weak: Option<&Slices>) -> Section {
    let section = Section::new("weak", W.slices).lead(W.slices_lead);
    let Some(weak) = weak else { return section };
    let looked = fill(W.slices_tested, &[("n", plain(number::count(weak.n_tested as f64)))]);
    if weak.slices.is_empty() {
        let text =
            if weak.n_tested == 0 { Text::plain(W.weak_few) } else { Text::plain(W.weak_none).then(looked) };
        return section.with(Block::Text(text));
    }
    let metric = super::subject::title_of(subject, weak.metric);
    let head = [
        (W.slice, Align::Left),
        (W.rows, Align::Right),
        (metric.as_str(), Align::Right),
        (W.elsewhere, Align::Right),
    ];
    let mut table = Table::new(W.slices_caption, &head);
    table.rows = weak
        .slices
        .iter()
        .map(|slice| {
            vec![
                Cell::from(conditions(slice)),
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
    let slice = weak.slices.first()?;
    let (metric, value, rest) = match slice.value.is_finite() {
        true => (weak.metric, slice.value, slice.rest),
        false => (weak.loss, slice.loss, slice.rest_loss),
    };
    let [before, after] = W.weak.split("{conditions}").collect::<Vec<_>>()[..] else { return None };
    let values = [
        ("metric", plain(super::subject::title_of(subject, metric))),
        ("value", Span::Strong(number::short(value))),
        ("rest", plain(number::short(rest))),
        ("rows", plain(number::count(slice.n_rows as f64))),
    ];
    let text = fill(before, &values).then(conditions(slice)).then(fill(after, &values));
    Some(Finding::new(Level::Warning, text).chip(W.weak_chip))
}

/// What holds of the rows of a slice.
fn conditions(slice: &Slice) -> Text {
    let mut text = Text::default();
    for (i, condition) in slice.conditions.iter().enumerate() {
        if i > 0 {
            text = text.then(Text::plain(W.and));
        }
        text = text.then(Text(vec![
            name(cut(&condition.column, 80)),
            plain(format!(" {}", cut(&condition.test, 80))),
        ]));
    }
    text
}
