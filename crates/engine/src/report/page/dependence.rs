//! What a column adds along its values, in the colours of the column that changes that most.

use tidemill_report::{Dependence, Figure, Scale, Text};

use super::explanation::{levels, x_name};
use super::{Words, cut, fill, name, plain};
use crate::explain::{Explained, Method};

/// How many columns have such a picture, and among how many the other column is looked for.
const PICTURES: usize = 4;
const OTHERS: usize = 12;
/// Fewer rows show no dependence.
const FEWEST: usize = 20;

/// The pictures of the numbers that matter most.
pub(super) fn figures(words: &'static Words, explained: &Explained, output: usize) -> Vec<Figure> {
    if explained.rows.len() < FEWEST || explained.method == Method::Lime {
        return Vec::new();
    }
    let numbers = (0..explained.columns.len()).filter(|at| explained.importance[*at] > 0.0);
    let numbers = numbers
        .filter(|at| explained.rows.iter().filter(|row| row.cells[*at].as_f64().is_some()).count() >= FEWEST);
    numbers.take(PICTURES).map(|at| figure(words, explained, output, at)).collect()
}

fn figure(words: &'static Words, explained: &Explained, output: usize, at: usize) -> Figure {
    let (said, column) = (&words.insight, &explained.columns[at]);
    let x: Vec<f64> = explained.rows.iter().map(|row| row.cells[at].as_f64().unwrap_or(f64::NAN)).collect();
    let y: Vec<f64> = explained.rows.iter().map(|row| row.values[output][at]).collect();
    let other = other(explained, at, &x, &y);
    let of_other = match &other {
        Some((_, levels)) => levels.clone(),
        None => vec![Some(0.5); x.len()],
    };
    let dots = x.iter().zip(&y).zip(of_other).map(|((x, y), level)| ([*x, *y], level));
    let named = |level: &str, other: &str| format!("{} · {level}", cut(other, 24));
    let levels = [words.level_low, words.level_middle, words.level_high];
    let chart = Dependence {
        title: fill(said.along, &[("column", plain(cut(column, 40)))]).to_string(),
        x: Scale::number(column.as_str()),
        y: Scale::number(x_name(words, explained, output)),
        dots: dots.collect(),
        levels: match &other {
            Some((at, _)) => levels.map(|level| named(level, &explained.columns[*at])),
            None => levels.map(|_| words.rows.to_string()),
        },
        other: words.level_none.into(),
        what: words.rows.into(),
    };
    let mut figure = Figure::half(words, &chart);
    figure.note = match other {
        Some((at, _)) => {
            let other = explained.columns[at].as_str();
            fill(said.along_other, &[("column", name(column.as_str())), ("other", name(other))])
        }
        None => Text::plain(said.along_alone),
    };
    figure
}

/// The column that goes along most with what is left of a column's values among rows of nearly the same `x`, as the `shap` package looks
/// for interactions: rows in the order of `x` in tenths, and the correlations within each, whatever their sign. With its levels.
fn other(explained: &Explained, at: usize, x: &[f64], y: &[f64]) -> Option<(usize, Vec<Option<f64>>)> {
    let mut order: Vec<usize> = (0..x.len()).filter(|row| x[*row].is_finite()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
    let per_part = (order.len() / 10).clamp(5, 50);
    let strength = |levels: &[Option<f64>]| {
        let of_part = |rows: &[usize]| {
            let pairs = rows.iter().filter_map(|row| Some((levels[*row]?, y[*row])));
            correlation(&pairs.collect::<Vec<_>>()).abs()
        };
        order.chunks(per_part).map(of_part).sum::<f64>()
    };
    let others = (0..explained.columns.len().min(OTHERS)).filter(|other| *other != at);
    let found = others.map(|other| {
        let levels = levels(explained.rows.iter().map(|row| &row.cells[other]));
        (strength(&levels), other, levels)
    });
    let found: Vec<_> = found.filter(|(strength, ..)| *strength > 0.0).collect();
    let best = found.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((best.1, best.2))
}

/// Pearson's correlation; 0 where one side has one value only.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len().max(1) as f64;
    let mean = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / n;
    let (a, b) = (mean(&|pair| pair.0), mean(&|pair| pair.1));
    let product = mean(&|pair| (pair.0 - a) * (pair.1 - b));
    let spread = (mean(&|pair| (pair.0 - a).powi(2)) * mean(&|pair| (pair.1 - b).powi(2))).sqrt();
    if spread > 0.0 { product / spread } else { 0.0 }
}
