//! Permutation importance (Breiman 2001; Fisher, Rudin and Dominici 2019).

use tidemill_eval::explain::Importance;
use tidemill_report::{Align, Bar, BarChart, Block, Cell, Figure, Scale, Section, Table, Text, number};

use super::{Subject, cut, fill, plain};

/// How many columns the chart shows.
const SHOWN: usize = 15;

pub(super) fn section(subject: &Subject<'_>, found: &[Importance]) -> Section {
    let words = subject.words;
    let section = Section::new("importance", words.importance).lead(words.importance_lead);
    if found.is_empty() {
        return section;
    }
    let x = fill(
        words.importance_x,
        &[("metric", plain(super::subject::title_of(subject, subject.metric.name)))],
    );
    let mut chart = BarChart::new(words.importance_title, Scale::number(x.to_string()), words.column);
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
    let section = section.with(Block::Figures(vec![Figure::whole(words, &chart)]));
    if found.len() <= SHOWN {
        return section;
    }
    let head = [(words.column, Align::Left), (words.mean, Align::Right), (words.spread, Align::Right)];
    let mut table = Table::new(words.importance_caption, &head);
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
        summary: Text::plain(words.importance_caption),
        blocks: vec![Block::Table(table)],
    })
}
