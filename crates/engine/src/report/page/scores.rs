//! The table of all metrics.

use tidemill_core::Warning;
use tidemill_core::recipe::Task;
use tidemill_report::{Align, Block, Cell, Section, Table, Text, number};

use super::Subject;
use super::verdict::named;

pub(super) fn section(subject: &Subject<'_>) -> Section {
    let words = subject.words;
    let lead = if subject.other.is_some() { words.scores_lead } else { words.scores_lead_alone };
    let mut section = Section::new("scores", words.scores).lead(lead).with(Block::Table(figures(subject)));
    let report = subject.report;
    if report.lines.iter().any(|line| line.value.is_nan()) {
        section = section.with(Block::Text(Text::plain(words.undefined)));
    }
    if !report.classes.is_empty() {
        section = section
            .with(Block::Heading(Text::plain(words.classes_heading)))
            .with(Block::Text(Text::plain(words.classes_note)))
            .with(Block::Table(classes(subject)));
    }
    let note = |w: &Warning| {
        let text = words.told(&w.code, &w.message).into_owned();
        tidemill_report::Finding::new(tidemill_report::Level::Note, text)
    };
    let warnings: Vec<_> = report.warnings.iter().map(note).collect();
    if warnings.is_empty() { section } else { section.with(Block::Findings(warnings)) }
}

fn figures(subject: &Subject<'_>) -> Table {
    let words = subject.words;
    let mut head = vec![(words.metric, Align::Left), (words.model, Align::Right)];
    if let Some(other) = &subject.other {
        head.push((other.name, Align::Right));
    }
    head.push((words.meaning, Align::Left));
    let mut table = Table::new(words.scores_caption, &head);
    for line in subject.report.lines.iter().filter(|line| says_more(subject, line.name)) {
        let mut row: Vec<Cell> =
            vec![words.metric(line.name, line.title).into(), number::short(line.value).into()];
        if subject.other.is_some() {
            row.push(number::short(subject.other(line.name).unwrap_or(f64::NAN)).into());
        }
        let about = tidemill_eval::metric(line.name).map(|m| m.about).unwrap_or_default();
        let about = words.term(&format!("about.{}", line.name), about);
        let way = if line.greater_is_better { words.more_is_better } else { words.less_is_better };
        row.push(format!("{} ({way})", about.trim_end_matches('.')).into());
        if line.name == subject.metric.name {
            table.marked = Some(table.rows.len());
        }
        table.rows.push(row);
    }
    // What counts is never hidden.
    table.shown = table.shown.max(table.marked.map_or(0, |at| at + 1));
    table
}

/// Of two classes, averages over both say little that the positive class does not.
fn says_more(subject: &Subject<'_>, metric: &str) -> bool {
    let averages = ["_macro", "_micro", "_weighted"];
    subject.task() != Task::Binary
        || metric == subject.metric.name
        || !averages.iter().any(|end| metric.ends_with(end))
}

fn classes(subject: &Subject<'_>) -> Table {
    let words = subject.words;
    let head = [
        (words.class, Align::Left),
        (words.precision, Align::Right),
        (words.recall, Align::Right),
        (words.f1, Align::Right),
        (words.support, Align::Right),
    ];
    let mut table = Table::new(words.classes_caption, &head);
    table.rows = subject
        .report
        .classes
        .iter()
        .map(|class| {
            let figures = [class.precision, class.recall, class.f1].map(|x| Cell::from(number::short(x)));
            let support = Cell::from(number::count(class.support));
            std::iter::once(Cell::from(named(&class.name))).chain(figures).chain([support]).collect()
        })
        .collect();
    table
}
