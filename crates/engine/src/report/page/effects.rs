//! Effects of columns: partial dependence with individual curves, accumulated local effects, and pairs.

use tidemill_eval::explain::GridValue;
use tidemill_report::{
    Bar, BarChart, Block, Figure, Finding, Level, LineChart, Point, Scale, Section, Series, Text, number,
};

use super::{Words, cut, fill, name, plain};
use crate::explain::{ColumnEffect, Effects, PairEffect};
use crate::report::text::counterfactual::listed;
use crate::report::text::effects::{sentence, together, value, what};

/// How many columns have pictures; of the others the sentence stands below.
const PICTURES: usize = 12;
/// Bars of a chart, and lines of one.
const BARS: usize = 24;
const LINES: usize = 4;

/// The sections about effects.
pub(super) fn sections(words: &'static Words, found: &Effects) -> Vec<Section> {
    let said = &words.insight;
    let output = found.most_moved();
    let lead = fill(
        said.effects_lead,
        &[
            ("what", plain(what(words, found, output))),
            ("asked", plain(number::count(found.n_asked as f64))),
            ("rows", plain(number::count(found.n_rows as f64))),
        ],
    );
    let mut section = Section::new("effects", said.effects).lead(lead);
    for column in found.columns.iter().take(PICTURES) {
        section = section
            .with(Block::Heading(Text::name(column.column.as_str())))
            .with(Block::Text(Text::plain(sentence(words, found, column, output))));
        if column.disagrees(output) {
            let text = fill(said.disagrees, &[("column", name(column.column.as_str()))]);
            section = section.with(Block::Findings(vec![Finding::new(Level::Warning, text)]));
        }
        section = section.with(Block::Figures(figures(words, found, column, output)));
    }
    if let Some(rest) = found.columns.get(PICTURES..).filter(|rest| !rest.is_empty()) {
        let line = |column| Block::Text(Text::plain(sentence(words, found, column, output)));
        let summary = fill(words.more, &[("n", plain(rest.len().to_string()))]);
        section = section.with(Block::Details { summary, blocks: rest.iter().map(line).collect() });
    }
    if !found.passed_over.is_empty() {
        let columns = listed(words, found.passed_over.clone());
        section = section.with(Block::Text(fill(said.passed_over, &[("columns", plain(columns))])));
    }
    let mut pairs = Section::new("pairs", said.pairs).lead(said.pairs_lead);
    for pair in &found.pairs {
        let near = near_pair(words, found, pair, output);
        let figures = std::iter::once(of_pair(words, found, pair, output)).chain(near).collect();
        pairs = pairs
            .with(Block::Text(Text::plain(together(words, found, pair, output))))
            .with(Block::Figures(figures));
    }
    vec![section, pairs]
}

fn figures(words: &'static Words, found: &Effects, column: &ColumnEffect, output: usize) -> Vec<Figure> {
    let about = what(words, found, output);
    let Some(grid) = numbers(&column.grid) else {
        let bars = column.grid.iter().zip(&column.partial[output]).take(BARS);
        let bars = bars.map(|(at, answer)| Bar::new(cut(&value(at), 40), *answer));
        let title = cut(&column.column, 60);
        let chart =
            BarChart { bars: bars.collect(), ..BarChart::new(title, Scale::number(about), &column.column) };
        return vec![Figure::whole(words, &chart)];
    };
    let said = &words.insight;
    let strands = column
        .individual
        .iter()
        .map(|strand| grid.iter().zip(&strand.answers[output]).map(|(x, y)| [*x, *y]).collect::<Vec<_>>());
    let partial = LineChart::new(
        cut(&column.column, 60),
        Scale::number(column.column.as_str()),
        Scale::number(about.as_str()),
    )
    .with(Series::new(said.on_average, line(&grid, &column.partial[output])))
    .behind(said.single_rows, strands.collect());
    let mut figures = vec![Figure::half(words, &partial)];
    if let Some(found) = &column.accumulated {
        let ends = [found.edges[0], found.edges[found.edges.len() - 1]];
        let title = fill(said.near, &[("column", plain(cut(&column.column, 40)))]).to_string();
        let axis = fill(said.near_axis, &[("what", plain(about))]).to_string();
        let near = LineChart::new(title, Scale::number(column.column.as_str()), Scale::number(axis))
            .with(Series::new(said.on_average, line(&found.edges, &found.effects[output])))
            .against(said.no_change, [ends[0], 0.0], [ends[1], 0.0]);
        figures.push(Figure::half(words, &near));
    }
    figures
}

fn line(x: &[f64], y: &[f64]) -> Vec<Point> {
    x.iter().zip(y).map(|(x, y)| Point::new(*x, *y)).collect()
}

/// The values of a number; `None` of flags and categories.
fn numbers(grid: &[GridValue]) -> Option<Vec<f64>> {
    grid.iter().map(|at| if let GridValue::Number(x) = at { Some(*x) } else { None }).collect()
}

/// Two numbers among rows that are near: lines along the first for a few values of the second.
fn near_pair(words: &'static Words, found: &Effects, pair: &PairEffect, output: usize) -> Option<Figure> {
    let (said, near) = (&words.insight, pair.accumulated.as_ref()?);
    let names = pair.columns.each_ref().map(|column| cut(column, 30)).join(" × ");
    let title = fill(said.pair_near, &[("columns", plain(names))]).to_string();
    let axis = fill(said.near_axis, &[("what", plain(what(words, found, output)))]).to_string();
    let [along, others] = &near.edges;
    let mut shown: Vec<usize> = (0..LINES).map(|k| k * (others.len() - 1) / (LINES - 1)).collect();
    shown.dedup();
    let chart = LineChart::new(title, Scale::number(pair.columns[0].as_str()), Scale::number(axis));
    let chart = shown.into_iter().fold(chart, |chart, j| {
        let at = [
            ("column", plain(cut(&pair.columns[1], 20))),
            ("value", plain(value(&GridValue::Number(others[j])))),
        ];
        let points = along.iter().enumerate().map(|(i, x)| Point::new(*x, near.effects[output][i][j]));
        chart.with(Series::new(fill(said.pair_value, &at).to_string(), points.collect()))
    });
    Some(Figure::whole(words, &chart))
}

/// Two columns: lines along a number for a few values of the other, or bars where none is a number.
fn of_pair(words: &'static Words, found: &Effects, pair: &PairEffect, output: usize) -> Figure {
    let about = what(words, found, output);
    let title = pair.columns.each_ref().map(|column| cut(column, 30)).join(" × ");
    let along = pair.grids.each_ref().map(|grid| numbers(grid));
    let at = |side: usize, i: usize, j: usize| {
        let [first, second] = if side == 0 { [i, j] } else { [j, i] };
        pair.partial[output][first][second]
    };
    let named = |side: usize, i: usize| {
        let values = [
            ("column", plain(cut(&pair.columns[side], 20))),
            ("value", plain(cut(&value(&pair.grids[side][i]), 20))),
        ];
        fill(words.insight.pair_value, &values).to_string()
    };
    let (side, x) = match along {
        [Some(x), _] => (0, x),
        [None, Some(x)] => (1, x),
        [None, None] => {
            let [n, m] = [0, 1].map(|side: usize| pair.grids[side].len());
            let cells = (0..n).flat_map(|i| (0..m).map(move |j| (i, j))).take(BARS);
            let bars = cells
                .map(|(i, j)| Bar::new(format!("{}{}{}", named(0, i), words.list, named(1, j)), at(0, i, j)));
            let names = pair.columns.join(words.list);
            let chart =
                BarChart { bars: bars.collect(), ..BarChart::new(title, Scale::number(about), names) };
            return Figure::whole(words, &chart);
        }
    };
    let others = pair.grids[1 - side].len();
    let mut shown: Vec<usize> = (0..LINES).map(|k| k * (others - 1) / (LINES - 1)).collect();
    shown.dedup();
    let chart = LineChart::new(title, Scale::number(pair.columns[side].as_str()), Scale::number(about));
    let chart = shown.into_iter().fold(chart, |chart, j| {
        let points = x.iter().enumerate().map(|(i, x)| Point::new(*x, at(side, i, j)));
        chart.with(Series::new(named(1 - side, j), points.collect()))
    });
    Figure::whole(words, &chart)
}
