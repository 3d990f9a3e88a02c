//! The page about several targets: all of them beside each other, then what would be a page about each alone.

use tidemill_report::{Align, Block, Cell, Report, Section, Table, Text, Verdict, number};

use super::{W, fill, name, plain};
use crate::facts::Outcome;
use crate::recipe::label;

/// Of a training; `pages` are those about each target, in the order of `outcomes`.
pub fn trained(outcomes: &[&Outcome], pages: Vec<Report>) -> Report {
    let head = [
        (W.target, Align::Left),
        (W.learner, Align::Left),
        (W.metric, Align::Left),
        (W.model, Align::Right),
        (W.interval, Align::Right),
        (W.baseline, Align::Right),
        (W.rows, Align::Right),
    ];
    let mut table = Table::new(W.targets_caption, &head);
    table.rows = outcomes.iter().map(|outcome| row(outcome)).collect();
    table.shown = table.rows.len();
    let compared = Section::new("targets", W.targets)
        .lead(fill(W.targets_lead, &[("n", plain(outcomes.len().to_string()))]))
        .with(Block::Table(table));
    let names = outcomes.iter().map(|o| o.target.column.as_str()).collect::<Vec<_>>();
    together(&names, Some(compared), pages)
}

/// Of a judgement of each of these targets.
pub fn evaluated(names: &[&str], pages: Vec<Report>) -> Report {
    together(names, None, pages)
}

fn row(o: &Outcome) -> Vec<Cell> {
    let interval =
        o.test_interval.as_ref().map(|i| format!("{} – {}", number::short(i.low), number::short(i.high)));
    let value = |value: Option<f64>| Cell::from(number::short(value.unwrap_or(f64::NAN)));
    let title = tidemill_eval::metric(&o.metric).map_or(o.metric.as_str(), |m| m.title);
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

fn together(names: &[&str], compared: Option<Section>, pages: Vec<Report>) -> Report {
    let mut page = Report::new(W, fill(W.predicting, &[("target", name(names.join(", ")))]));
    if let Some(first) = pages.first() {
        page.kicker = first.kicker.clone();
        page.foot = first.foot.clone();
    }
    page.lead = fill(W.targets_page_lead, &[("n", plain(names.len().to_string()))]);
    page.sections.extend(compared);
    let mut again = None;
    for (i, (target, own)) in names.iter().zip(pages).enumerate() {
        let id = format!("target-{}", i + 1);
        page = page.with(opening(&id, target, own.lead, own.verdict));
        for mut section in own.sections {
            // How to get here again is said once, at the end.
            if section.id == super::again::ID {
                again = again.or(Some(section));
                continue;
            }
            section.id = format!("{id}-{}", section.id);
            section.title = Text::name(*target).then(Text::plain(": ")).then(section.title);
            page = page.with(section);
        }
    }
    again.into_iter().fold(page, Report::with)
}

/// What stands at the top of a page about one target.
fn opening(id: &str, target: &str, lead: Text, verdict: Option<Verdict>) -> Section {
    let mut section = Section::new(id, Text::name(target)).lead(lead);
    let Some(verdict) = verdict else { return section };
    let mut sentence = verdict.sentence;
    if !verdict.more.is_empty() {
        sentence = sentence.then(Text::plain(" ")).then(verdict.more);
    }
    section = section.with(Block::Text(sentence));
    if let Some(figure) = verdict.figure {
        section = section.with(Block::Figures(vec![figure]));
    }
    section.with(Block::Tiles(verdict.tiles)).with(Block::Findings(verdict.findings))
}
