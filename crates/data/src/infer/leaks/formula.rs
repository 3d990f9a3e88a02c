//! Several columns that make up the target by a formula: a sum or difference, a mean, a product, a ratio.
//!
//! Linear formulas are found by orthogonal matching pursuit (Pati, Rezaiifar and Krishnaprasad 1993): the column that explains most of
//! what is left joins, until nothing is left; columns that turn out to count for nothing leave again. A formula must hold in every
//! row, up to the rounding of the target.

use super::{ENOUGH, Feature, Values};
use crate::plan::Leak;

/// The most columns of a linear formula.
const TERMS: usize = 8;
/// The most columns that join on the way.
const STEPS: usize = 40;
/// The most columns that are tried in pairs.
const PAIRED: usize = 150;

pub(super) fn leak(features: &[&Feature<'_>], y: &[f64], target: &str) -> Option<Leak> {
    let mut columns: Vec<(&str, &[f64])> = Vec::new();
    for feature in features {
        if let Values::Numbers(x) = &feature.values
            && x.iter().filter(|x| x.is_nan()).count() * 20 <= x.len()
        {
            columns.push((feature.name, x));
        }
    }
    let whole: Vec<usize> = (0..y.len()).filter(|&i| columns.iter().all(|(_, x)| !x[i].is_nan())).collect();
    if columns.len() < 2 || whole.len() < ENOUGH {
        return None;
    }
    let pick = |x: &[f64]| whole.iter().map(|&i| x[i]).collect::<Vec<f64>>();
    let y = pick(y);
    let columns: Vec<(&str, Vec<f64>)> = columns.into_iter().map(|(name, x)| (name, pick(x))).collect();
    let tolerance = tolerance(&y)?;
    linear(&columns, &y, tolerance, target).or_else(|| pairs(&columns, &y, tolerance, target))
}

/// How far a formula may miss: half a unit of the last decimal of the target, where that is small beside its spread.
fn tolerance(y: &[f64]) -> Option<f64> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let spread = (y.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n).sqrt();
    let scale = y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    if spread <= scale * 1e-9 {
        return None;
    }
    let rounded = |power: &f64| {
        y.iter().all(|v| (v * power - (v * power).round()).abs() < 1e-6 * power.max(1.0).sqrt())
    };
    let half =
        [1.0, 10.0, 100.0, 1e3, 1e4].iter().find(|p| rounded(p)).map_or(0.0, |power| 0.500_001 / power);
    Some(scale * 1e-9 + if spread >= 100.0 * half { half } else { 0.0 })
}

fn linear(columns: &[(&str, Vec<f64>)], y: &[f64], tolerance: f64, target: &str) -> Option<Leak> {
    let centred = |x: &[f64]| {
        let mean = x.iter().sum::<f64>() / x.len() as f64;
        x.iter().map(|v| v - mean).collect::<Vec<f64>>()
    };
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let xs: Vec<Vec<f64>> = columns.iter().map(|(_, x)| centred(x)).collect();
    let norms: Vec<f64> = xs.iter().map(|x| dot(x, x).sqrt()).collect();
    let mut rest = centred(y);
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut chosen: Vec<usize> = Vec::new();
    for _ in 0..STEPS.min(y.len() / 5) {
        let best = (0..xs.len())
            .filter(|i| !chosen.contains(i) && norms[*i] > 0.0)
            .map(|i| (dot(&xs[i], &rest).abs() / norms[i], i))
            .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))?
            .1;
        let mut direction = xs[best].clone();
        for _ in 0..2 {
            // Twice is enough to be orthogonal to rounding.
            for q in &basis {
                let along = dot(&direction, q);
                direction.iter_mut().zip(q).for_each(|(d, q)| *d -= along * q);
            }
        }
        let length = dot(&direction, &direction).sqrt();
        chosen.push(best);
        if length <= 1e-7 * norms[best] {
            // A combination of those that joined before: it adds nothing.
            chosen.pop();
            return None;
        }
        direction.iter_mut().for_each(|d| *d /= length);
        let along = dot(&rest, &direction);
        rest.iter_mut().zip(&direction).for_each(|(r, q)| *r -= along * q);
        basis.push(direction);
        if rest.iter().all(|r| r.abs() <= tolerance) {
            let coefficients = coefficients(&basis, &chosen, &xs, &centred(y));
            return settle(columns, &chosen, &coefficients, y, tolerance, target);
        }
    }
    None
}

/// Solves for the coefficients of the chosen columns: their triangular form on the basis, backwards.
fn coefficients(basis: &[Vec<f64>], chosen: &[usize], xs: &[Vec<f64>], y: &[f64]) -> Vec<f64> {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let k = chosen.len();
    let mut solved = vec![0.0; k];
    for i in (0..k).rev() {
        let mut left = dot(&basis[i], y);
        for j in i + 1..k {
            left -= dot(&basis[i], &xs[chosen[j]]) * solved[j];
        }
        solved[i] = left / dot(&basis[i], &xs[chosen[i]]);
    }
    solved
}

/// Drops the columns that count for nothing, rounds coefficients to what a person would have written, and checks every row.
fn settle(
    columns: &[(&str, Vec<f64>)],
    chosen: &[usize],
    coefficients: &[f64],
    y: &[f64],
    tolerance: f64,
    target: &str,
) -> Option<Leak> {
    let reach = |i: usize, c: f64| {
        let x = &columns[i].1;
        let (low, high) =
            x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), &v| (l.min(v), h.max(v)));
        c.abs() * (high - low)
    };
    let counts: Vec<(usize, f64)> = chosen
        .iter()
        .copied()
        .zip(coefficients.iter().copied())
        .filter(|&(i, c)| reach(i, c) > 2.0 * tolerance)
        .collect();
    if counts.is_empty() || counts.len() > TERMS {
        return None;
    }
    let holds = |terms: &[(usize, f64)]| {
        let value = |row: usize| terms.iter().map(|&(i, c)| c * columns[i].1[row]).sum::<f64>();
        let offset = (0..y.len()).map(|row| y[row] - value(row)).sum::<f64>() / y.len() as f64;
        let offset = if offset.abs() <= tolerance { 0.0 } else { offset };
        let sound = (0..y.len()).all(|row| (y[row] - value(row) - offset).abs() <= 2.0 * tolerance);
        sound.then_some(offset)
    };
    let k = counts.len() as f64;
    let rounded: Vec<(usize, f64)> = counts.iter().map(|&(i, c)| (i, nice(c, k))).collect();
    let (mut terms, offset) = match holds(&rounded) {
        Some(offset) => (rounded, offset),
        None => (counts.clone(), holds(&counts)?),
    };
    terms.sort_by_key(|t| t.0);
    let names: Vec<&str> = terms.iter().map(|t| columns[t.0].0).collect();
    let mean = terms.len() > 1 && offset == 0.0 && terms.iter().all(|t| (t.1 - 1.0 / k).abs() < 1e-12);
    let scale = y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let how = if mean {
        format!("{target} is the mean of {}", names.join(", "))
    } else {
        let named: Vec<(f64, &str)> = terms.iter().map(|&(i, c)| (c, columns[i].0)).collect();
        format!("{target} = {}", shown(&named, offset, scale))
    };
    Some(Leak { columns: names.into_iter().map(String::from).collect(), how, exact: true })
}

/// The whole number, or the share of `k`, that a coefficient is close to.
fn nice(c: f64, k: f64) -> f64 {
    let close = |candidate: f64| (c - candidate).abs() <= 1e-2 * candidate.abs();
    if c.round() != 0.0 && close(c.round()) {
        return c.round();
    }
    [1.0 / k, -1.0 / k, 0.5, -0.5].into_iter().find(|&candidate| close(candidate)).unwrap_or(c)
}

/// A linear formula as a person would write it; an offset that is nothing beside `scale` is left out.
pub(super) fn shown(terms: &[(f64, &str)], offset: f64, scale: f64) -> String {
    let mut out = String::new();
    for (i, &(c, name)) in terms.iter().enumerate() {
        let sign = match (i, c < 0.0) {
            (0, false) => "",
            (0, true) => "-",
            (_, false) => " + ",
            (_, true) => " - ",
        };
        out.push_str(sign);
        if (c.abs() - 1.0).abs() > 1e-9 {
            out.push_str(&format!("{} * ", digits(c.abs())));
        }
        out.push_str(name);
    }
    if offset.abs() > 1e-9 * scale {
        out.push_str(&format!(" {} {}", if offset < 0.0 { '-' } else { '+' }, digits(offset.abs())));
    }
    out
}

/// Four significant digits, without zeros at the end.
fn digits(x: f64) -> String {
    let places = (3 - x.abs().log10().floor() as i32).clamp(0, 12) as usize;
    let text = format!("{x:.places$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_string() } else { text }
}

/// Products and ratios of two columns, times a constant.
fn pairs(columns: &[(&str, Vec<f64>)], y: &[f64], tolerance: f64, target: &str) -> Option<Leak> {
    let columns = &columns[..columns.len().min(PAIRED)];
    let few: Vec<usize> = (0..y.len()).step_by((y.len() / 48).max(1)).collect();
    let all: Vec<usize> = (0..y.len()).collect();
    let mut candidates = Vec::new();
    for i in 0..columns.len() {
        for j in 0..columns.len() {
            if i < j {
                candidates.push((i, j, true));
            }
            if i != j {
                candidates.push((i, j, false));
            }
        }
    }
    candidates.into_iter().find_map(|(i, j, product)| {
        let (a, b) = (&columns[i].1, &columns[j].1);
        let value = |row: usize| if product { a[row] * b[row] } else { a[row] / b[row] };
        constant_factor(&value, y, &few, tolerance)?;
        let factor = constant_factor(&value, y, &all, tolerance)?;
        let (first, second) = (columns[i].0, columns[j].0);
        let front =
            if (factor - 1.0).abs() < 1e-6 { String::new() } else { format!("{} * ", digits(factor)) };
        let sign = if product { '*' } else { '/' };
        Some(Leak {
            columns: vec![first.to_string(), second.to_string()],
            how: format!("{target} = {front}{first} {sign} {second}"),
            exact: true,
        })
    })
}

/// The constant that, times `value`, gives `y` in all these rows. Rows where the value is not a number (0 / 0) must not be many.
fn constant_factor(value: &dyn Fn(usize) -> f64, y: &[f64], rows: &[usize], tolerance: f64) -> Option<f64> {
    let (mut vv, mut vy, mut n) = (0.0, 0.0, 0usize);
    for &row in rows {
        let v = value(row);
        if v.is_finite() {
            vv += v * v;
            vy += v * y[row];
            n += 1;
        }
    }
    if n * 20 < rows.len() * 19 || vv <= 0.0 {
        return None;
    }
    let factor = vy / vv;
    let holds = |&row: &usize| {
        let v = value(row);
        !v.is_finite() || (y[row] - factor * v).abs() <= 2.0 * tolerance
    };
    (factor != 0.0 && rows.iter().all(holds)).then_some(factor)
}
