//! SHAP values: over many rows, and for single rows.

use serde_json::Value;
use tidemill_report::{
    Beeswarm, Block, Figure, Finding, Level, LineChart, Point, Scale, Section, Series, SwarmDot, Text,
    Waterfall, number,
};

use super::{Words, cut, dependence, fill, local, name, overview, parts, plain, together};
use crate::explain::{Explained, ExplainedRow, Judged, Method};
use crate::report::text::{cell_text, main_reasons, reservations, said_by, strongest};

/// How many columns the charts show.
pub(super) const SHOWN: usize = 12;

pub(super) fn section(words: &'static Words, explained: &Explained) -> Section {
    if explained.method == Method::Lime {
        return local::section(words, explained);
    }
    let how = match explained.method {
        Method::PartitionShap => words.story.why_groups,
        Method::PermutationShap | Method::KernelShap | Method::Lime => words.explanation_sampled,
        Method::TreeShap
        | Method::InterventionalTreeShap
        | Method::LinearShap
        | Method::CorrelatedLinearShap
        | Method::AdditiveShap => words.explanation_exact,
        Method::InterventionalShap => words.insight.of_answer,
        Method::Gradients => words.story.why_path,
    };
    let output = most_moved(explained);
    let rows = number::count(explained.rows.len() as f64);
    let lead = fill(words.explanation_lead, &[("rows", plain(rows)), ("how", plain(how))]);
    let mut section = Section::new("explanation", words.explanation).lead(lead);
    section = with_doubts(section, words, explained);
    let many = overview::figures(words, explained, output);
    let swarm = swarm(words, explained, output);
    section = section.with(Block::Figures(std::iter::once(swarm).chain(many).collect()));
    let along = dependence::figures(words, explained, output);
    if !along.is_empty() {
        section = section.with(Block::Figures(along));
    }
    if let Some(pairs) = together::figure(words, explained) {
        section = section.with(Block::Figures(vec![pairs]));
    }
    if let Some(judged) = &explained.judged {
        section = section.with(Block::Figures(vec![curves(words, explained, judged)]));
    }
    for row in examples(explained, output) {
        let said = fill(
            words.explanation_row,
            &[("row", plain(row.row.to_string())), ("answer", name(cell_text(words, &row.prediction)))],
        );
        let of_row = of_prediction(explained, row);
        section = section
            .with(Block::Heading(said))
            .with(Block::Text(Text::plain(main_reasons(words, explained, row, of_row).trim_end())))
            .with(Block::Figures(vec![Figure::whole(words, &waterfall(words, explained, row, of_row))]));
        let of_parts = parts::figures(words, explained, row, of_row);
        if !of_parts.is_empty() {
            section = section.with(Block::Figures(of_parts));
        }
    }
    section
}

/// The section with why its explanation is to be trusted less, where there is a reason.
pub(super) fn with_doubts(section: Section, words: &'static Words, explained: &Explained) -> Section {
    let doubts: Vec<Finding> =
        reservations(words, explained).map(|line| Finding::new(Level::Warning, Text::plain(line))).collect();
    if doubts.is_empty() { section } else { section.with(Block::Findings(doubts)) }
}

/// Dots for each row and column: what the column adds to one output.
fn swarm(words: &'static Words, explained: &Explained, output: usize) -> Figure {
    let rows = (0..explained.columns.len().min(SHOWN)).map(|at| {
        let levels = levels(explained.rows.iter().map(|row| &row.cells[at]));
        let dots = explained.rows.iter().zip(levels);
        let dots = dots.map(|(row, level)| SwarmDot { value: row.values[output][at], level });
        (cut(&explained.columns[at], 60), dots.collect())
    });
    let chart = Beeswarm {
        title: words.explanation_title.into(),
        x: Scale::number(x_name(words, explained, output)),
        y_name: words.column.into(),
        rows: rows.collect(),
        levels: [words.level_low, words.level_middle, words.level_high].map(String::from),
        other: words.level_none.into(),
    };
    let mut figure = Figure::whole(words, &chart);
    figure.note = fill(words.explanation_note, &[("of", name(explained.outputs[output].as_str()))]);
    figure
}

/// What is answered while columns are taken away and given.
fn curves(words: &'static Words, explained: &Explained, judged: &Judged) -> Figure {
    let said = &words.insight;
    let share = |at: usize| at as f64 / (judged.deletion.len() - 1).max(1) as f64;
    let line = |curve: &[f64]| curve.iter().enumerate().map(|(at, y)| Point::new(share(at), *y)).collect();
    let answer =
        format!("{} ({})", explained.target, words.term(&format!("units.{}", judged.units), judged.units));
    let chart = LineChart::new(said.judged, Scale::number(said.judged_share), Scale::number(answer))
        .with(Series::new(said.judged_deletion, line(&judged.deletion)))
        .with(Series::new(said.judged_insertion, line(&judged.insertion)));
    Figure::whole(words, &chart)
}

pub(super) fn waterfall(
    words: &'static Words,
    explained: &Explained,
    row: &ExplainedRow,
    output: usize,
) -> Waterfall {
    let values = &row.values[output];
    let order = strongest(values);
    let step = |at: &usize| {
        let said = match row.ranges.get(*at) {
            Some(Some(_)) => cut(&said_by(words, explained, row, *at), 60),
            _ => {
                let cell = cut(&cell_text(words, &row.cells[*at]), 24);
                format!("{} = {cell}", cut(&explained.columns[*at], 40))
            }
        };
        (said, values[*at])
    };
    let mut steps: Vec<(String, f64)> = order.iter().take(SHOWN).map(step).collect();
    if order.len() > SHOWN {
        steps.push((words.explanation_others.into(), order[SHOWN..].iter().map(|at| values[*at]).sum()));
    }
    Waterfall {
        title: fill(words.explanation_row_title, &[("row", plain(row.row.to_string()))]).to_string(),
        x: Scale::number(x_name(words, explained, output)),
        y_name: words.column.into(),
        first: match row.local.get(output) {
            Some(fit) => (words.story.why_elsewhere.into(), fit.intercept),
            None => (words.explanation_usual.into(), explained.base[output]),
        },
        steps,
        last: words.explanation_this.into(),
    }
}

pub(super) fn x_name(words: &'static Words, explained: &Explained, output: usize) -> String {
    let of = explained.outputs[output].as_str();
    let units = match explained.units {
        "margin" => words.units_margin,
        "probability" => words.units_probability,
        _ => words.units_prediction,
    };
    fill(units, &[("of", plain(cut(of, 40)))]).to_string()
}

/// The output that the columns move most: of many classes, one is shown.
pub(super) fn most_moved(explained: &Explained) -> usize {
    let moved = |output: usize| -> f64 {
        explained.rows.iter().flat_map(|row| &row.values[output]).map(|value| value.abs()).sum()
    };
    let moved: Vec<f64> = (0..explained.outputs.len()).map(moved).collect();
    (0..moved.len()).rev().max_by(|a, b| moved[*a].total_cmp(&moved[*b])).unwrap_or(0)
}

/// The output that a row's answer is about: of many classes, the one that was predicted.
pub(super) fn of_prediction(explained: &Explained, row: &ExplainedRow) -> usize {
    let said = row.prediction.as_str().unwrap_or_default();
    explained.outputs.iter().position(|name| name == said).unwrap_or(0)
}

/// The rows with the greatest, the least and the middle total.
pub(super) fn examples(explained: &Explained, output: usize) -> Vec<&ExplainedRow> {
    let mut rows: Vec<&ExplainedRow> = explained.rows.iter().collect();
    rows.sort_by(|a, b| b.totals[output].total_cmp(&a.totals[output]).then(a.row.cmp(&b.row)));
    match rows.len() {
        0..=3 => rows,
        n => vec![rows[0], rows[n / 2], rows[n - 1]],
    }
}

/// How great each value is among all of a column, from 0 to 1; equal values have one level, what is no number has none.
pub(super) fn levels<'a>(cells: impl Iterator<Item = &'a Value>) -> Vec<Option<f64>> {
    let values: Vec<Option<f64>> =
        cells.map(|cell| cell.as_f64().or(cell.as_bool().map(|yes| f64::from(u8::from(yes))))).collect();
    let mut sorted: Vec<f64> = values.iter().flatten().copied().collect();
    sorted.sort_by(f64::total_cmp);
    let level = |value: f64| {
        let (below, upto) = (sorted.partition_point(|x| *x < value), sorted.partition_point(|x| *x <= value));
        (below + upto) as f64 / (2 * sorted.len()) as f64
    };
    values.into_iter().map(|value| value.map(level)).collect()
}
