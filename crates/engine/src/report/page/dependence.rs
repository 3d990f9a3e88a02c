//! Dependence plots: SHAP values of a column over its values, coloured by the column that changes them most.

use tidemill_report::{Dependence, Figure, Scale, Text};

use super::explanation::levels;
use super::{Words, cut, fill, name, plain};
use crate::explain::{Explained, Method};

/// How many columns have such a picture, and among how many the other column is looked for.
const PICTURES: usize = 4;
const OTHERS: usize = 12;
/// Fewer rows, and fewer different values, show no dependence.
const FEWEST: usize = 20;
const FEWEST_VALUES: usize = 5;
/// A column that goes along with another so much says the same as it, and changes nothing about it.
const ALIKE: f64 = 0.8;

/// Where a line explains all but this share of what a column adds, no other column changes it.
const ALONE: f64 = 0.01;

/// The pictures of the numbers that matter most.
pub(super) fn figures(words: &'static Words, explained: &Explained, output: usize) -> Vec<Figure> {
    if explained.rows.len() < FEWEST || explained.method == Method::Lime {
        return Vec::new();
    }
    let told = (0..explained.columns.len()).filter(|at| explained.importance[*at] > 0.0);
    let told = told.filter(|at| {
        let mut values = numbers(explained, *at);
        values.retain(|x| x.is_finite());
        let n = values.len();
        values.sort_by(f64::total_cmp);
        values.dedup();
        n >= FEWEST && values.len() >= FEWEST_VALUES
    });
    told.take(PICTURES).map(|at| figure(words, explained, output, at)).collect()
}

/// The numbers of a column, `NaN` for what is none.
fn numbers(explained: &Explained, at: usize) -> Vec<f64> {
    explained.rows.iter().map(|row| row.cells[at].as_f64().unwrap_or(f64::NAN)).collect()
}

fn figure(words: &'static Words, explained: &Explained, output: usize, at: usize) -> Figure {
    let (said, column) = (&words.insight, &explained.columns[at]);
    let x = numbers(explained, at);
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
        // Short: the picture is low, and its title names the column.
        y: Scale::number(fill(said.adds, &[("of", plain(cut(&explained.outputs[output], 24)))]).to_string()),
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
/// for interactions: rows in the order of `x` in tenths, and the correlations within each, whatever their sign. With its levels; `None`
/// where the values follow `x` alone.
fn other(explained: &Explained, at: usize, x: &[f64], y: &[f64]) -> Option<(usize, Vec<Option<f64>>)> {
    let mut order: Vec<usize> = (0..x.len()).filter(|row| x[*row].is_finite()).collect();
    order.sort_by(|a, b| x[*a].total_cmp(&x[*b]).then(a.cmp(b)));
    let per_part = (order.len() / 10).clamp(5, 50);
    let left = left(&order, per_part, x, y);
    // What a column adds by itself alone, no other changes.
    if order.iter().map(|row| left[*row].powi(2)).sum::<f64>() < ALONE * spread(&order, y) {
        return None;
    }
    let strength = |levels: &[Option<f64>]| {
        let of_part = |rows: &[usize]| {
            let pairs = rows.iter().filter_map(|row| Some((levels[*row]?, left[*row])));
            correlation(&pairs.collect::<Vec<_>>()).abs()
        };
        order.chunks(per_part).map(of_part).sum::<f64>()
    };
    let of_column = |at: usize| levels(explained.rows.iter().map(|row| &row.cells[at]));
    let own = of_column(at);
    let is_alike = |levels: &[Option<f64>]| {
        let pairs = own.iter().zip(levels).filter_map(|(own, other)| Some(((*own)?, (*other)?)));
        correlation(&pairs.collect::<Vec<_>>()).abs() >= ALIKE
    };
    let others = (0..explained.columns.len().min(OTHERS)).filter(|other| *other != at);
    let found = others.map(|other| (other, of_column(other))).filter(|(_, levels)| !is_alike(levels));
    let found = found.map(|(other, levels)| (strength(&levels), other, levels));
    let found: Vec<_> = found.filter(|(strength, ..)| *strength > 0.0).collect();
    let best = found.into_iter().rev().max_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((best.1, best.2))
}

/// What a straight line along `x` leaves of `y`, in each part of the rows in this order.
fn left(order: &[usize], per_part: usize, x: &[f64], y: &[f64]) -> Vec<f64> {
    let mut left = vec![0.0; y.len()];
    for rows in order.chunks(per_part) {
        let pairs: Vec<(f64, f64)> = rows.iter().map(|row| (x[*row], y[*row])).collect();
        let r = correlation(&pairs);
        let slope = if r == 0.0 { 0.0 } else { r * (spread(rows, y) / spread(rows, x)).sqrt() };
        let mean = |of: &[f64]| rows.iter().map(|row| of[*row]).sum::<f64>() / rows.len() as f64;
        let (x_mean, y_mean) = (mean(x), mean(y));
        rows.iter().for_each(|&row| left[row] = y[row] - y_mean - slope * (x[row] - x_mean));
    }
    left
}

/// The squared differences from the mean of some rows, summed.
fn spread(rows: &[usize], values: &[f64]) -> f64 {
    let mean = rows.iter().map(|row| values[*row]).sum::<f64>() / rows.len().max(1) as f64;
    rows.iter().map(|row| (values[*row] - mean).powi(2)).sum()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_line_leaves_goes_along_with_the_other_factor() {
        // y = x z, in rows of 10 values of x: z is the other factor, and nothing is left of 3 x.
        let x: Vec<f64> = (0..100).map(|i| f64::from(i / 10) + 0.01 * f64::from(i % 10)).collect();
        let z: Vec<f64> = (0..100).map(|i| f64::from(i * 7 % 10) - 4.5).collect();
        let order: Vec<usize> = (0..100).collect();
        let y: Vec<f64> = x.iter().zip(&z).map(|(x, z)| x * z).collect();
        let rest = left(&order, 10, &x, &y);
        let pairs: Vec<(f64, f64)> = (90..100).map(|row| (z[row], rest[row])).collect();
        assert!(correlation(&pairs) > 0.9, "{}", correlation(&pairs));
        assert!(rest.iter().map(|x| x * x).sum::<f64>() > ALONE * spread(&order, &y));
        let line: Vec<f64> = x.iter().map(|x| 3.0 * x).collect();
        assert!(left(&order, 10, &x, &line).iter().all(|x| x.abs() < 1e-9));
    }
}
