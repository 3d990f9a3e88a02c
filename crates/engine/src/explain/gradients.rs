//! Integrated gradients of nets: what each column adds along the way from a usual row to the row.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array, new_null_array};
use tidemill_core::{Batch, Context, Error, Fitted, Kind, Result, Role, dense_vector};
use tidemill_eval::explain::{ShapValues, Sources, gauss_legendre};
use tidemill_neural::{FittedNet, PathGradients};

use super::Method;
use super::explained::PathFit;
use super::values::Found;
use crate::search::apply;

/// Points of the way that are looked at, at first and at most: doubled until what is missing is small.
const FEWEST: usize = 50;
const MOST: usize = 800;
/// What may be missing, of the greatest change of the answer.
const SMALL: f64 = 1e-3;

/// The net that a step is.
pub(super) fn as_net(step: &Arc<dyn Fitted>) -> Option<&FittedNet> {
    let any: &dyn Any = &**step;
    any.downcast_ref()
}

/// Of the net at this place; the way begins at the mean of the usual rows' numbers and at their commonest categories and flags.
pub(super) fn values(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let net = steps.get(at).and_then(as_net).ok_or_else(|| Error::internal("the net is gone"))?;
    let (rows, usual) = (apply(&steps[..at], rows.clone())?, apply(&steps[..at], usual.clone())?);
    let start = typical(&usual)?;
    let mut n_points = FEWEST;
    let (found, gap) = loop {
        let (points, weights) = gauss_legendre(n_points);
        let path: Vec<(f64, f64)> = points.into_iter().zip(weights).collect();
        let found = net.path_gradients(&rows, &start, &path, context)?;
        let (gap, change) = missing(&found);
        if gap <= SMALL * change || n_points >= MOST {
            break (found, gap);
        }
        n_points *= 2;
    };
    let sources = Sources::of_columns(found.columns.iter().map(String::as_str), rows.schema());
    let mut shap = ShapValues::zeros(rows.n_rows(), found.base.clone(), found.columns.len());
    let (k, p) = (found.base.len(), found.columns.len().max(1));
    for (place, values) in found.values.chunks_exact(p).enumerate() {
        shap.of_mut(place / k, place % k).copy_from_slice(values);
    }
    let units = if net.is_of_classes() { "probability" } else { "prediction" };
    let shap = shap.by_source(&sources);
    let path = PathFit { points: n_points, gap };
    Ok(Found { path: Some(path), ..Found::shap(Method::Gradients, units, sources.names, shap, None) })
}

/// The most that base and values of a row lack of its answer, and the greatest change of an answer.
fn missing(found: &PathGradients) -> (f64, f64) {
    let (k, p) = (found.base.len().max(1), found.columns.len().max(1));
    let (mut gap, mut change) = (0.0f64, 0.0f64);
    for (place, values) in found.values.chunks_exact(p).enumerate() {
        let whole = found.answers[place] - found.base[place % k];
        gap = gap.max((values.iter().sum::<f64>() - whole).abs());
        change = change.max(whole.abs());
    }
    (gap, change)
}

/// One row of what is usual: means of numbers, the commonest of flags and categories, nothing elsewhere.
fn typical(rows: &Batch) -> Result<Batch> {
    let columns = rows.schema().columns().iter().enumerate().map(|(place, column)| {
        if !matches!(column.role, Role::Feature | Role::Time) {
            return Ok(new_null_array(rows.column(place).data_type(), 1));
        }
        Ok(match column.kind {
            Kind::Number => {
                Arc::new(Float64Array::from(vec![mean(rows.numbers(place)?.iter().flatten())])) as ArrayRef
            }
            Kind::Flag => {
                let (mut yes, mut no) = (0usize, 0usize);
                rows.flags(place)?.iter().flatten().for_each(|flag| if flag { yes += 1 } else { no += 1 });
                Arc::new(BooleanArray::from(vec![yes > no]))
            }
            Kind::Category => {
                column.categories()?.column(UInt32Array::from(vec![commonest(rows.codes(place)?)]))?
            }
            Kind::Vector { len, sparse: false } => {
                let values = rows.vector(place)?;
                let of = |at: usize| values.iter().skip(at).step_by(len.max(1)).map(|x| f64::from(*x));
                dense_vector((0..len).map(|at| mean(of(at)).unwrap_or(0.0) as f32).collect(), len)?
            }
            _ => new_null_array(rows.column(place).data_type(), 1),
        })
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    Batch::new(rows.schema().clone(), columns)
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (n, sum) = values.filter(|x| x.is_finite()).fold((0usize, 0.0), |(n, sum), x| (n + 1, sum + x));
    (n > 0).then(|| sum / n as f64)
}

/// The commonest code, of equally common ones the first; `None` where all are missing.
fn commonest(codes: &UInt32Array) -> Option<u32> {
    let mut counts: Vec<usize> = Vec::new();
    for code in codes.iter().flatten() {
        let at = code as usize;
        if at >= counts.len() {
            counts.resize(at + 1, 0);
        }
        counts[at] += 1;
    }
    (0..counts.len()).rev().max_by_key(|at| counts[*at]).map(|at| at as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commonest_of_equals_is_the_first() {
        assert_eq!(commonest(&UInt32Array::from(vec![Some(2), None, Some(1), Some(1), Some(2)])), Some(1));
        assert_eq!(commonest(&UInt32Array::from(vec![None::<u32>])), None);
        assert_eq!(mean([1.0, f64::NAN, 3.0].into_iter()), Some(2.0));
    }
}
