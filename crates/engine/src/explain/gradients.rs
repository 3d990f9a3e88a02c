//! Integrated gradients of nets: what each column adds along the way from a usual row to the row.

use std::any::Any;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array, new_null_array};
use tidemill_core::{Batch, Chain, Context, Error, Fitted, Kind, Result, Role, dense_vector};
use tidemill_eval::explain::{ShapValues, Sources, gauss_legendre};
use tidemill_neural::{FittedNet, PathGradients};

use super::explained::{CellParts, PathFit};
use super::values::Found;
use super::{Method, looks};
use crate::links::blend::Blend;
use crate::search::apply;

/// Points of the way that are looked at, at first and at most: doubled until what is missing is small.
const FEWEST: usize = 50;
const MOST: usize = 800;
/// What may be missing, of the greatest change of the answer.
const SMALL: f64 = 1e-3;

/// A net that answers alone or in a blend: what prepares its rows, and its share of the answer.
struct Part<'a> {
    before: &'a [Arc<dyn Fitted>],
    net: &'a FittedNet,
    share: f64,
}

/// Whether a step is a net, or a blend of nets alone.
pub(super) fn are_nets(step: &Arc<dyn Fitted>) -> bool {
    parts(step).is_some()
}

fn as_net(step: &Arc<dyn Fitted>) -> Option<&FittedNet> {
    let any: &dyn Any = &**step;
    any.downcast_ref()
}

fn parts(step: &Arc<dyn Fitted>) -> Option<Vec<Part<'_>>> {
    if let Some(net) = as_net(step) {
        return Some(vec![Part { before: &[], net, share: 1.0 }]);
    }
    let any: &dyn Any = &**step;
    let blend: &Blend = any.downcast_ref()?;
    let parts = blend.shares().map(|(part, share)| {
        let any: &dyn Any = &**part;
        let (last, before) = any.downcast_ref::<Chain>()?.0.split_last()?;
        Some(Part { before, net: as_net(last)?, share })
    });
    parts.collect()
}

/// Of the net or the nets at this place; the way begins at the mean of the usual rows' numbers and at their commonest categories and
/// flags. A blend answers with the weighted mean of its nets, and so its gradients are that of theirs.
pub(super) fn values(
    steps: &[Arc<dyn Fitted>],
    at: usize,
    rows: &Batch,
    usual: &Batch,
    context: &Context,
) -> Result<Found> {
    let parts = steps.get(at).and_then(parts).ok_or_else(|| Error::internal("the nets are gone"))?;
    let raw = rows;
    let (rows, usual) = (apply(&steps[..at], raw.clone())?, apply(&steps[..at], usual.clone())?);
    let found = parts.iter().map(|part| of_part(part, &rows, &usual, context)).collect::<Result<Vec<_>>>()?;
    let mut names: Vec<String> = Vec::new();
    for name in found.iter().flat_map(|part| &part.names) {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    let k = found.first().map_or(0, |part| part.shap.n_outputs());
    let mut base = vec![0.0; k];
    for (part, found) in parts.iter().zip(&found) {
        base.iter_mut().zip(found.shap.base()).for_each(|(base, x)| *base += part.share * x);
    }
    let mut shap = ShapValues::zeros(rows.n_rows(), base, names.len());
    let mut path = PathFit { points: 0, gap: 0.0 };
    for (part, found) in parts.iter().zip(&found) {
        let places: Vec<usize> =
            found.names.iter().filter_map(|name| names.iter().position(|known| known == name)).collect();
        for (row, output) in (0..rows.n_rows()).flat_map(|row| (0..k).map(move |output| (row, output))) {
            let to = shap.of_mut(row, output);
            places.iter().zip(found.shap.of(row, output)).for_each(|(&at, x)| to[at] += part.share * x);
        }
        path = PathFit { points: path.points.max(found.points), gap: path.gap + part.share * found.gap };
    }
    let of_classes = parts.iter().any(|part| part.net.is_of_classes());
    let units = if of_classes { "probability" } else { "prediction" };
    let looked = looks(&steps[..at], &parts, (raw, &rows), k, context)?;
    Ok(Found { path: Some(path), parts: looked, ..Found::shap(Method::Gradients, units, names, shap, None) })
}

/// Where the net looks, in a blend that of the greatest share. Rows stand `raw` in the data, and prepared by `steps` for all parts.
fn looks(
    steps: &[Arc<dyn Fitted>],
    parts: &[Part<'_>],
    (raw, rows): (&Batch, &Batch),
    n_outputs: usize,
    context: &Context,
) -> Result<Vec<Vec<CellParts>>> {
    let Some(part) = parts.iter().rev().max_by(|a, b| a.share.total_cmp(&b.share)) else {
        return Ok(Vec::new());
    };
    let rows = apply(part.before, rows.clone())?;
    let steps: Vec<&Arc<dyn Fitted>> = steps.iter().chain(part.before).collect();
    looks::of_net(part.net, &steps, (raw, &rows), n_outputs, context)
}

/// Of one net, by source column.
struct OfNet {
    names: Vec<String>,
    shap: ShapValues,
    points: usize,
    gap: f64,
}

fn of_part(part: &Part<'_>, rows: &Batch, usual: &Batch, context: &Context) -> Result<OfNet> {
    let (rows, usual) = (apply(part.before, rows.clone())?, apply(part.before, usual.clone())?);
    let start = typical(&usual)?;
    let mut n_points = FEWEST;
    let (found, gap) = loop {
        let (points, weights) = gauss_legendre(n_points);
        let path: Vec<(f64, f64)> = points.into_iter().zip(weights).collect();
        let found = part.net.path_gradients(&rows, &start, &path, context)?;
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
    let shap = shap.by_source(&sources);
    Ok(OfNet { names: sources.names, shap, points: n_points, gap })
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
