//! The page of several targets: all in one table, then a section for each.

use tidemill_report::words::Words;
use tidemill_report::{Align, Block, Cell, Report, Section, Table, Text, Verdict, number};

use super::{fill, name, plain};
use crate::facts::Outcome;
use crate::recipe::label;

/// Of a training; `pages` are those about each target, in the order of `outcomes`.
pub fn trained(words: &'static Words, outcomes: &[&Outcome], pages: Vec<Report>) -> Report {
    let head = [
        (words.target, Align::Left),
        (words.learner, Align::Left),
        (words.metric, Align::Left),
        (words.model, Align::Right),
        (words.interval, Align::Right),
        (words.baseline, Align::Right),
        (words.rows, Align::Right),
    ];
    let mut table = Table::new(words.targets_caption, &head);
    table.rows = outcomes.iter().map(|outcome| row(words, outcome)).collect();
    table.shown = table.rows.len();
    let compared = Section::new("targets", words.targets)
        .lead(fill(words.targets_lead, &[("n", plain(outcomes.len().to_string()))]))
        .with(Block::Table(table));
    let names = outcomes.iter().map(|o| o.target.column.as_str()).collect::<Vec<_>>();
    together(words, &names, Some(compared), pages)
}

/// Of a judgement of each of these targets.
pub fn evaluated(words: &'static Words, names: &[&str], pages: Vec<Report>) -> Report {
    together(words, names, None, pages)
}

fn row(words: &Words, o: &Outcome) -> Vec<Cell> {
    let interval =
        o.test_interval.as_ref().map(|i| format!("{} – {}", number::short(i.low), number::short(i.high)));
    let value = |value: Option<f64>| Cell::from(number::short(value.unwrap_or(f64::NAN)));
    let title = tidemill_eval::metric(&o.metric).map_or(o.metric.as_str(), |m| words.metric(m.name, m.title));
    vec![
        Text::name(&o.target.column).into(),
        label(&o.chosen).into(),
        title.into(),
        value(o.test.value(&o.metric)),
        interval.unwrap_or_default().into(),
        value(o.baseline.value(&o.metric)),
        number::count(o.test.n_rows as f64).into(),
    ]
}

fn together(words: &'static Words, names: &[&str], compared: Option<Section>, pages: Vec<Report>) -> Report {
    let mut page = Report::new(words, fill(words.predicting, &[("target", name(names.join(words.list)))]));
    if let Some(first) = pages.first() {
        page.kicker = first.kicker.clone();
        page.foot = first.foot.clone();
    }
    page.lead = fill(words.targets_page_lead, &[("n", plain(names.len().to_string()))]);
    page.sections.extend(compared);
    let mut again = None;
    for (i, (target, own)) in names.iter().zip(pages).enumerate() {
        let id = format!("target-{}", i + 1);
        page = page.with(opening(words, &id, target, own.lead, own.verdict));
        for mut section in own.sections {
            // How to get here again is said once, at the end.
            if section.id == super::again::ID {
                again = again.or(Some(section));
                continue;
            }
            section.id = format!("{id}-{}", section.id);
            section.title = Text::name(*target).then(Text::plain(words.colon)).then(section.title);
            page = page.with(section);
        }
    }
    again.into_iter().fold(page, Report::with)
}

/// What stands at the top of a page about one target.
fn opening(words: &Words, id: &str, target: &str, lead: Text, verdict: Option<Verdict>) -> Section {
    let mut section = Section::new(id, Text::name(target)).lead(lead);
    let Some(verdict) = verdict else { return section };
    let mut sentence = verdict.sentence;
    if !verdict.more.is_empty() {
        sentence = sentence.then(Text::plain(words.gap)).then(verdict.more);
    }
    section = section.with(Block::Text(sentence));
    if let Some(figure) = verdict.figure {
        section = section.with(Block::Figures(vec![figure]));
    }
    section.with(Block::Tiles(verdict.tiles)).with(Block::Findings(verdict.findings))
}
