//! The page about preparation: what each step did, and each column before and after.

use tidemill_report::{
    Align, Bar, BarChart, Bin, Block, Cell, Chart, Figure, Histogram, Report, Scale, Section, Table, Text,
    Tile, Verdict, number,
};

use super::verdict::named;
use super::{Words, cut, file_name, fill, name, plain};
use crate::facts::{ColumnShape, PreparedFacts};
use crate::report::text::prepared as told;

/// Beyond so many columns nobody looks at pictures: the table has them all.
const PICTURES: usize = 60;

/// The page about a preparation, in the language of these words.
pub fn prepared(words: &'static Words, facts: &PreparedFacts) -> String {
    let mut page = Report::new(words, Text::name(file_name(words, &facts.source)));
    page.kicker = Text::plain(format!("Tidemill · {}", words.prepared_kicker));
    let rows = [
        ("before", plain(number::count(facts.rows_before as f64))),
        ("after", plain(number::count(facts.rows_after as f64))),
        ("source", name(file_name(words, &facts.source))),
    ];
    page.lead = fill(words.prepared_lead, &rows);
    page.foot = fill(words.foot, &[("version", plain(env!("CARGO_PKG_VERSION")))]);
    page.verdict = Some(verdict(words, facts));
    [steps(words, facts), columns(words, facts), pictures(words, facts)]
        .into_iter()
        .fold(page, Report::with)
        .html()
}

fn verdict(words: &'static Words, facts: &PreparedFacts) -> Verdict {
    let sentence = if facts.fitted { words.prepared_fitted } else { words.prepared_applied };
    let mut verdict = Verdict::new(Text::plain(sentence));
    verdict.more = told::balance(words, facts).map(Text::plain).unwrap_or_default();
    let tile = |name: &str, n: u64| Tile {
        name: Text::plain(name),
        value: number::count(n as f64),
        aside: Text::default(),
    };
    verdict.tiles = vec![
        tile(words.prepared_rows_in, facts.rows_before),
        tile(words.prepared_rows_out, facts.rows_after),
        tile(words.prepared_rows_touched, facts.rows_touched),
    ];
    verdict
}

fn steps(words: &'static Words, facts: &PreparedFacts) -> Section {
    let section = Section::new("steps", words.prepared_steps);
    if facts.steps.is_empty() {
        return section;
    }
    let mut table =
        Table::new(words.prepared_steps, &[(words.prepared_step, Align::Left), (words.done, Align::Left)]);
    let line = |step: &crate::facts::StepFacts| {
        vec![Text::name(&step.spec.kind).into(), told::done(words, step).into()]
    };
    table.rows = facts.steps.iter().map(line).collect();
    section.with(Block::Table(table))
}

fn columns(words: &'static Words, facts: &PreparedFacts) -> Section {
    let head = [
        (words.column, Align::Left),
        (words.prepared_when, Align::Left),
        (words.kind, Align::Left),
        (words.missing, Align::Right),
        (words.distinct, Align::Right),
        (words.prepared_holds, Align::Left),
        (words.prepared_by, Align::Left),
    ];
    let mut table = Table::new(words.columns_caption, &head);
    table.shown = 30;
    for column in &facts.columns {
        let by = column.steps.join(words.list);
        let unchanged = column.before.is_some() && column.before == column.after;
        let shapes = match unchanged {
            true => vec![("", column.before.as_ref())],
            false => {
                vec![
                    (words.prepared_before, column.before.as_ref()),
                    (words.prepared_after, column.after.as_ref()),
                ]
            }
        };
        for (when, shape) in shapes {
            let mut row: Vec<Cell> = vec![named(&column.name).into(), when.into()];
            let cells: [Cell; 4] = match shape {
                Some(shape) => [
                    words.kind(shape.kind).into(),
                    number::count(shape.missing as f64).into(),
                    told::distinct(shape).into(),
                    told::holds(words, shape).into(),
                ],
                None => ["–".into(), "".into(), "".into(), "".into()],
            };
            row.extend(cells);
            row.push(by.clone().into());
            table.rows.push(row);
        }
    }
    Section::new("columns", words.prepared_columns).with(Block::Table(table))
}

/// Columns whose distribution changed, before and after beside each other.
fn pictures(words: &'static Words, facts: &PreparedFacts) -> Section {
    let changed = facts.columns.iter().filter(|c| c.before != c.after);
    let mut section = Section::new("pictures", words.prepared_pictures).lead(words.prepared_pictures_lead);
    for column in changed.take(PICTURES) {
        let figures: Vec<Figure> =
            [(words.prepared_before, &column.before), (words.prepared_after, &column.after)]
                .into_iter()
                .filter_map(|(when, shape)| figure(words, &column.name, when, shape.as_ref()?))
                .collect();
        if !figures.is_empty() {
            section = section.with(Block::Figures(figures));
        }
    }
    section
}

/// What a column holds; `None` where there is nothing to draw.
pub(super) fn figure(words: &'static Words, column: &str, when: &str, shape: &ColumnShape) -> Option<Figure> {
    let title = format!("{} · {when}", cut(column, 40));
    let axis = cut(column, 30);
    let chart: Box<dyn Chart> = if let Some(numbers) = &shape.numbers {
        let (low, high) = (numbers.quantiles[0], numbers.quantiles[4]);
        let width = (high - low) / numbers.histogram.len().max(1) as f64;
        let bin = |(i, &n): (usize, &u64)| Bin {
            low: low + width * i as f64,
            high: low + width * (i + 1) as f64,
            count: n as f64,
        };
        if low >= high {
            return None;
        }
        let bins = numbers.histogram.iter().enumerate().map(bin).collect();
        let x = Scale::number(axis);
        Box::new(Histogram { title, x, y_name: words.rows.into(), bins, mark: None, small: true })
    } else if shape.top.is_empty() {
        return None;
    } else {
        let mut chart = BarChart::new(title, Scale::number(words.rows), axis);
        let bar = |(name, n): &(String, u64)| Bar {
            label: Some(number::count(*n as f64)),
            ..Bar::new(cut(name, 60), *n as f64)
        };
        chart.bars = shape.top.iter().map(bar).collect();
        Box::new(chart)
    };
    Some(Figure::half(words, &*chart))
}
