//! The usual preparation of a table of a million rows, 40 numbers with missing values and 10 categories: missing numbers become the median,
//! numbers are scaled, categories become vectors; against scikit-learn's `ColumnTransformer`. Both sides use every core they know to use.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{Batch, Categories, Column, Context, Estimator, Kind, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_prep::{EncodeOneHot, ImputeMedian, ScaleStandard};

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 1_000_000;
const NUMBERS: usize = 40;
/// How many names each category has.
const NAMES: [usize; 10] = [2, 3, 4, 6, 10, 2, 3, 4, 6, 10];
/// Every so many rows are compared number by number; of all others the sums.
const EVERY: usize = 1000;

/// Steps fitted and applied one after the other, as in training.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let columns = columns();
    let path = peer::write_columns("prepare-1m-50.bin", &columns)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let numbers = NUMBERS.to_string();
    let (peer_secs, theirs) = peer::timed("prepare", &[&path, &numbers, &EVERY.to_string()], cores)?;
    let table = table(columns)?;
    let (median, scale, one_hot) =
        (ImputeMedian::default(), ScaleStandard::default(), EncodeOneHot::default());
    let steps: [&dyn Estimator; 3] = [&median, &scale, &one_hot];
    let prepare = || -> Outcome<Table> {
        let mut prepared = table.clone();
        for step in steps {
            prepared = step.fit_apply(Training::on(&prepared), &Context::default())?.1;
        }
        Ok(prepared)
    };
    let (ours_secs, ours) = peer::median_secs(prepare)?;
    let apart = apart(ours.batch(), &theirs)?;
    if apart > 1e-9 {
        return Err(format!("prepared numbers are {apart:e} apart").into());
    }
    Ok(vec![Row {
        name: "impute + scale + one-hot, fit and apply, 1M x 50".into(),
        peer: "scikit-learn ColumnTransformer".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 8.0,
        reach: 20.0,
        same_answer: format!(
            "{} rows number by number and the mean squares of all columns within {apart:.0e}",
            ROWS / EVERY
        ),
    }])
}

/// How far the rows that are compared, and the mean square of each column, are apart at most.
fn apart(ours: &Batch, theirs: &Value) -> Outcome<f64> {
    let (rows, squares) = (peer::numbers(&theirs["rows"]), peer::numbers(&theirs["squares"]));
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for (at, column) in ours.schema().columns().iter().enumerate() {
        match column.kind {
            Kind::Vector { len, .. } => {
                let values = ours.vector(at)?;
                let part = |k| values.iter().skip(k).step_by(len).map(|x| f64::from(*x)).collect();
                columns.extend((0..len).map(part));
            }
            _ => columns.push(ours.numbers(at)?.values().to_vec()),
        }
    }
    let n = ROWS / EVERY;
    if rows.len() != n * columns.len() || squares.len() != columns.len() {
        return Err(format!("{} columns here, {} there", columns.len(), squares.len()).into());
    }
    let mut most = 0.0f64;
    for (column, (theirs, square)) in columns.iter().zip(rows.chunks(n).zip(&squares)) {
        let each = column.iter().step_by(EVERY).zip(theirs);
        most = each.fold(most, |most, (a, b)| most.max((a - b).abs()));
        most = most.max((column.iter().map(|x| x * x).sum::<f64>() / ROWS as f64 - square).abs());
    }
    Ok(most)
}

/// Numbers, then the codes of categories.
fn columns() -> Vec<Vec<f64>> {
    let mut random = Random::new(31, 0);
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for j in 0..NUMBERS {
        let value = |_| {
            let x = j as f64 + (1.0 + j as f64) * random.normal();
            if random.unit() < 0.1 { f64::NAN } else { x }
        };
        columns.push((0..ROWS).map(value).collect());
    }
    columns.extend(NAMES.map(|n| (0..ROWS).map(|_| random.below(n) as f64).collect()));
    columns
}

fn table(columns: Vec<Vec<f64>>) -> Outcome<Table> {
    let mut schema: Vec<Column> = (0..NUMBERS).map(|j| Column::number(format!("x{j}"))).collect();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (j, values) in columns.into_iter().enumerate() {
        if j < NUMBERS {
            let known = values.into_iter().map(|x| (!x.is_nan()).then_some(x));
            arrays.push(Arc::new(known.collect::<Float64Array>()));
        } else {
            let names = Categories::new((0..NAMES[j - NUMBERS]).map(|name| format!("name {name:02}")));
            let codes = UInt32Array::from_iter_values(values.into_iter().map(|code| code as u32));
            arrays.push(names.column(codes)?);
            schema.push(Column::category(format!("c{j}"), names));
        }
    }
    Ok(Table::new(Batch::new(Arc::new(Schema::new(schema)?), arrays)?))
}
