//! SHAP values of many rows at once: a decision plot, and the contribution of each column in each row.

use tidemill_report::{DecisionPlot, Figure, HeatMap, Scale};

use super::explanation::SHOWN;
use super::{Words, cut, fill, name, plain};
use crate::explain::{Explained, ExplainedRow, Method};
use crate::report::text::signed;

/// Fewer rows are shown one by one.
const FEWEST: usize = 5;
/// The most rows that are told apart: as lines, and as stripes.
const LINES: usize = 60;
const STRIPES: usize = 100;

/// Both pictures; none of few rows.
pub(super) fn figures(words: &'static Words, explained: &Explained, output: usize) -> Vec<Figure> {
    let mut rows: Vec<&ExplainedRow> =
        explained.rows.iter().filter(|row| row.totals[output].is_finite()).collect();
    if rows.len() < FEWEST || explained.columns.len() < 2 || explained.method == Method::Lime {
        return Vec::new();
    }
    rows.sort_by(|a, b| a.totals[output].total_cmp(&b.totals[output]).then(a.row.cmp(&b.row)));
    vec![ways(words, explained, &rows, output), heat(words, explained, &rows, output)]
}

/// At most so many of the rows, evenly spaced, and always the last one.
fn some<'a>(rows: &[&'a ExplainedRow], most: usize) -> Vec<&'a ExplainedRow> {
    let n = rows.len().min(most);
    (0..n).map(|i| rows[(i * (rows.len() - 1)) / (n - 1).max(1)]).collect()
}

/// The names of the columns that are shown, and of all others where there are some.
fn names(words: &Words, explained: &Explained) -> Vec<String> {
    let others = (explained.columns.len() > SHOWN).then(|| words.explanation_others.to_string());
    explained.columns.iter().take(SHOWN).map(|column| cut(column, 40)).chain(others).collect()
}

/// What each of them adds in a row.
fn values(row: &ExplainedRow, output: usize) -> Vec<f64> {
    let all = &row.values[output];
    let others = (all.len() > SHOWN).then(|| all[SHOWN..].iter().sum::<f64>());
    all.iter().take(SHOWN).copied().chain(others).collect()
}

fn ways(words: &'static Words, explained: &Explained, rows: &[&ExplainedRow], output: usize) -> Figure {
    let said = &words.insight;
    let chart = DecisionPlot {
        title: said.ways.into(),
        x: Scale::number(answer_name(words, explained, output)),
        y_name: words.column.into(),
        base: explained.base[output],
        columns: names(words, explained),
        lines: some(rows, LINES).into_iter().map(|row| values(row, output)).collect(),
        levels: [said.ways_low, said.ways_middle, said.ways_high].map(String::from),
    };
    let of_first = || rows.iter().map(|row| row.values[output][0]);
    let values = [
        ("column", name(explained.columns[0].as_str())),
        ("of", name(explained.outputs[output].as_str())),
        ("low", plain(signed(of_first().fold(f64::INFINITY, f64::min)))),
        ("high", plain(signed(of_first().fold(f64::NEG_INFINITY, f64::max)))),
    ];
    Figure::whole(words, &chart).note(fill(said.ways_note, &values))
}

/// What is explained, with its units.
fn answer_name(words: &Words, explained: &Explained, output: usize) -> String {
    let units = words.term(&format!("units.{}", explained.units), explained.units);
    format!("{} ({units})", cut(&explained.outputs[output], 40))
}

fn heat(words: &'static Words, explained: &Explained, rows: &[&ExplainedRow], output: usize) -> Figure {
    let (said, of) = (&words.insight, cut(&explained.outputs[output], 40));
    let shown: Vec<Vec<f64>> = some(rows, STRIPES).into_iter().map(|row| values(row, output)).collect();
    let band = |(at, name): (usize, String)| (name, shown.iter().map(|row| row[at]).collect());
    let named = |template: &str| fill(template, &[("of", plain(of.clone()))]).to_string();
    let chart = HeatMap {
        title: said.heat.into(),
        x_name: said.heat_rows.into(),
        y_name: words.column.into(),
        total: (said.heat_all.into(), shown.iter().map(|row| row.iter().sum()).collect()),
        bands: names(words, explained).into_iter().enumerate().map(band).collect(),
        signs: [named(said.heat_lowers), named(said.heat_raises)],
    };
    let (column, n) = most_often_first(explained, rows, output);
    let values = [
        ("column", name(explained.columns[column].as_str())),
        ("n", plain(n.to_string())),
        ("rows", plain(rows.len().to_string())),
    ];
    Figure::whole(words, &chart).note(fill(said.heat_note, &values))
}

/// The column that most often adds or takes most, and in how many rows it does.
fn most_often_first(explained: &Explained, rows: &[&ExplainedRow], output: usize) -> (usize, usize) {
    let mut counts = vec![0; explained.columns.len()];
    for row in rows {
        let values = row.values[output].iter().enumerate().rev();
        if let Some((at, _)) = values.max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())) {
            counts[at] += 1;
        }
    }
    let most = (0..counts.len()).rev().max_by_key(|at| counts[*at]).unwrap_or(0);
    (most, counts.get(most).copied().unwrap_or(0))
}
