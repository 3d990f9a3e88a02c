//! The values of a column at which its effect is looked at, and rows in which it has one of them.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array};
use serde::Serialize;
use tidemill_core::{Batch, Kind};

use crate::{Error, Result};

/// A value of a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum GridValue {
    /// Of a number column.
    Number(f64),
    /// Of a flag column.
    Flag(bool),
    /// A name of a category column.
    Name(String),
}

/// The values of column `place` of `rows` to look at, ascending: all of them where they are no more than `n_points`, else so
/// many at equal distances from the 5th to the 95th percentile (as scikit-learn); each name of a category that occurs; false and
/// true of a flag.
pub(super) fn grid(rows: &Batch, place: usize, n_points: usize) -> Result<Vec<GridValue>> {
    let column = &rows.schema().columns()[place];
    let found: Vec<GridValue> = match column.kind {
        Kind::Number => numbers(&present(rows, place)?, n_points.max(2)),
        Kind::Flag => vec![GridValue::Flag(false), GridValue::Flag(true)],
        Kind::Category => {
            let (codes, names) = (rows.codes(place)?, column.categories()?.names());
            let mut seen = vec![false; names.len()];
            for code in codes.iter().flatten().filter(|code| (*code as usize) < names.len()) {
                seen[code as usize] = true;
            }
            let there = names.iter().zip(seen).filter(|(_, seen)| *seen);
            there.map(|(name, _)| GridValue::Name(name.to_string())).collect()
        }
        kind => {
            let what =
                format!("'{}' is a {}, whose values have no order to follow", column.name, kind.word());
            let remedy = "ask for the effect of a number, a flag or a category".into();
            return Err(Error::Explain { what, remedy });
        }
    };
    match found.is_empty() {
        true => {
            let what = format!("'{}' has no value in these rows", column.name);
            Err(Error::Explain { what, remedy: "give rows in which it has some".into() })
        }
        false => Ok(found),
    }
}

/// The finite values of a number column, ascending.
pub(super) fn present(rows: &Batch, place: usize) -> Result<Vec<f64>> {
    let mut values: Vec<f64> =
        rows.numbers(place)?.iter().flatten().filter(|value| value.is_finite()).collect();
    values.sort_by(f64::total_cmp);
    Ok(values)
}

fn numbers(sorted: &[f64], n_points: usize) -> Vec<GridValue> {
    let mut distinct = sorted.to_vec();
    distinct.dedup();
    if distinct.len() > n_points {
        let (low, high) = (mquantile(sorted, 0.05), mquantile(sorted, 0.95));
        let step = (high - low) / (n_points - 1) as f64;
        distinct =
            (0..n_points).map(|i| if i + 1 == n_points { high } else { low + step * i as f64 }).collect();
        distinct.dedup();
    }
    distinct.into_iter().map(GridValue::Number).collect()
}

/// The quantile by plotting positions `(k - 0.4) / (n + 0.2)`, as SciPy's `mquantiles`.
fn mquantile(sorted: &[f64], share: f64) -> f64 {
    let at = sorted.len() as f64 * share + 0.4 + share * 0.2;
    let below = at.floor().clamp(1.0, (sorted.len() as f64 - 1.0).max(1.0));
    let (k, part) = (below as usize, (at - below).clamp(0.0, 1.0));
    let above = sorted.get(k).copied().unwrap_or(sorted[k - 1]);
    (1.0 - part) * sorted[k - 1] + part * above
}

/// The same rows, all with one value in a column.
pub(super) fn with_value(rows: &Batch, place: usize, value: &GridValue) -> Result<Batch> {
    let n = rows.n_rows();
    let column: ArrayRef = match value {
        GridValue::Number(x) => Arc::new(Float64Array::from(vec![*x; n])),
        GridValue::Flag(flag) => Arc::new(BooleanArray::from(vec![*flag; n])),
        GridValue::Name(name) => {
            let categories = rows.schema().columns()[place].categories()?;
            let code = categories.names().iter().position(|known| **known == **name).unwrap_or_default();
            categories.column(UInt32Array::from(vec![code as u32; n]))?
        }
    };
    with_column(rows, place, column)
}

/// The same rows with another array for a column.
pub(super) fn with_column(rows: &Batch, place: usize, column: ArrayRef) -> Result<Batch> {
    let mut columns = rows.columns().to_vec();
    debug_assert_eq!(column.len(), rows.n_rows());
    columns[place] = column;
    Ok(Batch::with_rows(Arc::clone(rows.schema()), columns, rows.n_rows())?)
}
