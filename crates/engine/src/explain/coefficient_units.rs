//! Coefficients on the user's own scale: from what a linear function reads back to the columns as they stand in the data.

use tidemill_core::{Batch, Column, Kind, Result};
use tidemill_kernel::{Feature, Features};

/// A number that lies no farther off a straight line than this, relative to its spread, counts as scaled.
const STRAIGHT: f64 = 1e-9;

/// What one number that a linear function reads is to the user.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Unit {
    /// The user's column.
    pub(super) column: String,
    /// What of it: a category, a part of a date; `None` for the number itself.
    pub(super) part: Option<String>,
    /// The prepared number is `scale` times the user's plus `offset`.
    pub(super) scale: f64,
    pub(super) offset: f64,
    /// Whether that is known; else the coefficient is on the scale of the prepared column.
    pub(super) own: bool,
    /// For a one-hot indicator: the place of the reference category, which is the commonest.
    pub(super) against: Option<usize>,
}

/// The units of every number of these features: `stages` are the rows as read and after each step, the last of them what is read.
pub(super) fn units(features: &Features, stages: &[Batch]) -> Result<Vec<Unit>> {
    let Some(prepared) = stages.last() else { return Ok(Vec::new()) };
    let mut units = Vec::with_capacity(features.n_columns());
    for (feature, place) in features.0.iter().zip(features.resolve(prepared.schema())?) {
        let column = &prepared.schema().columns()[place];
        match &feature.parts {
            None => units.push(of_number(column, place, stages)?),
            Some(parts) => of_vector(feature, parts, column, place, prepared, &mut units)?,
        }
    }
    Ok(units)
}

/// A number or a flag: the first stage that knows it by name says what its own scale is.
fn of_number(column: &Column, place: usize, stages: &[Batch]) -> Result<Unit> {
    let source = column.source();
    let part = (column.name != source).then(|| column.name.clone());
    let as_it_is = Unit { column: source.into(), part, scale: 1.0, offset: 0.0, own: true, against: None };
    let Some(last) = stages.last().filter(|_| column.kind != Kind::Flag) else { return Ok(as_it_is) };
    let readable = |batch: &&Batch| {
        let kind = batch.schema().column(&column.name).map(|column| column.kind);
        kind.is_ok_and(|kind| matches!(kind, Kind::Number | Kind::Flag))
    };
    let Some(first) = stages.iter().find(readable) else { return Ok(as_it_is) };
    let before = numbers(first, first.schema().index(&column.name)?)?;
    Ok(match straight(&before, &numbers(last, place)?) {
        Some([scale, offset]) => Unit { scale, offset, ..as_it_is },
        None => Unit { own: false, ..as_it_is },
    })
}

fn numbers(batch: &Batch, place: usize) -> Result<Vec<f64>> {
    if batch.schema().columns()[place].kind == Kind::Flag {
        return Ok(batch
            .flags(place)?
            .iter()
            .map(|f| f.map_or(f64::NAN, |f| f64::from(u8::from(f))))
            .collect());
    }
    Ok(batch.numbers(place)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}

/// Slope and intercept of the line through all pairs of finite numbers; `None` where they lie on no line, or on a horizontal one.
fn straight(from: &[f64], to: &[f64]) -> Option<[f64; 2]> {
    let pairs = || from.iter().zip(to).filter(|(x, y)| x.is_finite() && y.is_finite());
    let least = pairs().min_by(|a, b| a.0.total_cmp(b.0))?;
    let most = pairs().max_by(|a, b| a.0.total_cmp(b.0))?;
    let slope = (most.1 - least.1) / (most.0 - least.0);
    if !(slope.is_finite() && slope != 0.0) {
        return None;
    }
    let intercept = least.1 - slope * least.0;
    let near = STRAIGHT * ((most.1 - least.1).abs() + slope.abs() * (most.0.abs().max(least.0.abs())));
    pairs().all(|(x, y)| (slope * x + intercept - y).abs() <= near).then_some([slope, intercept])
}

fn of_vector(
    feature: &Feature,
    parts: &[String],
    column: &Column,
    place: usize,
    prepared: &Batch,
    units: &mut Vec<Unit>,
) -> Result<()> {
    let first = units.len();
    let against = match feature.sparse {
        true => None,
        false => commonest(prepared.vector(place)?, parts.len()),
    };
    let source = column.source();
    for part in parts {
        let label = part.strip_prefix(source).and_then(|rest| rest.strip_prefix('=')).unwrap_or(part);
        units.push(Unit {
            column: source.into(),
            part: Some(label.into()),
            scale: 1.0,
            offset: 0.0,
            own: true,
            against: against.map(|at| first + at),
        });
    }
    Ok(())
}

/// Of indicators of which every row has exactly one, the commonest.
fn commonest(values: &[f32], width: usize) -> Option<usize> {
    let mut counts = vec![0usize; width];
    for row in values.chunks_exact(width.max(1)) {
        let mut ones = row.iter().enumerate().filter(|(_, x)| **x != 0.0);
        match (ones.next(), ones.next()) {
            (Some((at, &1.0)), None) => counts[at] += 1,
            _ => return None,
        }
    }
    (0..width).rev().max_by_key(|at| counts[*at]).filter(|_| width > 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scaled_number_is_found_whatever_is_missing() {
        let found = straight(&[1.0, f64::NAN, 3.0, 5.0], &[-1.0, 0.0, 0.0, 1.0]).unwrap();
        assert!((found[0] - 0.5).abs() < 1e-15 && (found[1] + 1.5).abs() < 1e-15);
        assert_eq!(straight(&[1.0, 2.0, 3.0], &[1.0, 4.0, 9.0]), None);
        assert_eq!(straight(&[1.0, 2.0], &[3.0, 3.0]), None);
    }

    #[test]
    fn only_full_indicators_have_a_commonest() {
        assert_eq!(commonest(&[1.0, 0.0, 0.0, 1.0, 0.0, 1.0], 2), Some(1));
        assert_eq!(commonest(&[1.0, 0.0, 0.0, 0.0], 2), None);
        assert_eq!(commonest(&[0.5, 0.5], 2), None);
    }
}
