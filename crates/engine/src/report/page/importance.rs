//! What the model looks at: permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019).

use tidemill_eval::explain::Importance;
use tidemill_report::{Align, Bar, BarChart, Block, Cell, Figure, Scale, Section, Table, Text, number};

use super::{Subject, W, cut, fill, plain};

/// How many columns the chart shows.
const SHOWN: usize = 15;

pub(super) fn section(subject: &Subject<'_>, found: &[Importance]) -> Section {
    let section = Section::new("importance", W.importance).lead(W.importance_lead);
    if found.is_empty() {
        return section;
    }
    let x =
        fill(W.importance_x, &[("metric", plain(super::subject::title_of(subject, subject.metric.name)))]);
    let mut chart = BarChart::new(W.importance_title, Scale::number(x.to_string()), W.column);
    chart.bars = found
        .iter()
        .take(SHOWN)
        .map(|i| Bar {
            name: cut(&i.column, 80),
            value: i.mean,
            spread: Some([i.mean - i.spread, i.mean + i.spread]),
            label: None,
        })
        .collect();
    let section = section.with(Block::Figures(vec![Figure::whole(&chart)]));
    if found.len() <= SHOWN {
        return section;
    }
    let head = [(W.column, Align::Left), (W.mean, Align::Right), (W.spread, Align::Right)];
    let mut table = Table::new(W.importance_caption, &head);
    table.rows = found
        .iter()
        .map(|i| {
            vec![
                Cell::from(Text::name(&i.column)),
                number::short(i.mean).into(),
                number::short(i.spread).into(),
            ]
        })
        .collect();
    section.with(Block::Details {
        summary: Text::plain(W.importance_caption),
        blocks: vec![Block::Table(table)],
    })
}
