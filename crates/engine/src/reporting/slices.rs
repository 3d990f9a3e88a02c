//! Where it is weak.

use tidemill_report::{Align, Block, Cell, Section, Table, Text, number};

use super::evidence::Weak;
use super::{Subject, W, cut};

pub(super) fn section(subject: &Subject<'_>, weak: &[Weak]) -> Section {
    let section = Section::new("weak", W.slices).lead(W.slices_lead);
    let Some(first) = weak.first() else {
        return section.with(Block::Text(Text::plain(W.weak_none)));
    };
    let metric = super::verdict::title_of(subject, &first.metric);
    let head = [
        (W.slice, Align::Left),
        (W.rows, Align::Right),
        (metric.as_str(), Align::Right),
        (W.overall, Align::Right),
    ];
    let mut table = Table::new(W.slices_caption, &head);
    table.rows = weak
        .iter()
        .map(|w| {
            vec![
                Cell::from(Text::name(conditions(w))),
                number::count(w.rows as f64).into(),
                number::short(w.value).into(),
                number::short(w.overall).into(),
            ]
        })
        .collect();
    section.with(Block::Table(table))
}

/// The conditions of a slice in one line.
pub(super) fn conditions(weak: &Weak) -> String {
    weak.conditions.iter().map(|c| cut(c, 80)).collect::<Vec<_>>().join(W.and)
}
