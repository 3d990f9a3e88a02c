//! Missing numbers filled from the nearest rows and by equations in turns, against scikit-learn: fitted and applied to the same rows. Both
//! sides use every core they know to use.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_prep::{ImputeIterative, ImputeKnn};

use crate::row::Row;
use crate::{Outcome, peer};

const FEATURES: usize = 20;
/// The share of numbers that are missing.
const MISSING: f64 = 0.1;

/// 10,000 rows by neighbours, 50,000 rows by equations.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    Ok(vec![
        row("knn", "KNN imputation 10k x 20, 10% missing", &ImputeKnn::default(), 10_000, [10.0, 40.0])?,
        row("iterative", "iterative imputation 50k x 20", &ImputeIterative::default(), 50_000, [5.0, 15.0])?,
    ])
}

fn row(kind: &str, name: &str, step: &dyn Estimator, n: usize, goals: [f64; 2]) -> Outcome<Row> {
    let columns = columns(n);
    let path = peer::write_columns(&format!("impute-{n}-{FEATURES}.bin"), &columns)?;
    let schema = Schema::new((0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect())?;
    let known = |c: &Vec<f64>| c.iter().map(|x| (!x.is_nan()).then_some(*x)).collect::<Float64Array>();
    let arrays = columns.iter().map(|c| Arc::new(known(c)) as ArrayRef).collect();
    let table = Table::new(Batch::new(Arc::new(schema), arrays)?);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (peer_secs, theirs) = peer::timed("impute", &[kind, &path], cores)?;
    let fill = || Ok(step.fit_apply(Training::on(&table), &Context::default())?.1);
    let (ours_secs, ours) = peer::median_secs(fill)?;
    let theirs = peer::numbers(&theirs);
    let mut filled = Vec::new();
    for (j, column) in columns.iter().enumerate() {
        let values = ours.batch().numbers(j)?.values();
        filled.extend((0..n).filter(|i| column[*i].is_nan()).map(|i| values[i]));
    }
    let apart = filled.iter().zip(&theirs).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
    if theirs.len() != filled.len() || apart > 1e-6 {
        return Err(format!("{kind}: filled numbers are {apart:e} apart").into());
    }
    Ok(Row {
        name: name.into(),
        peer: "scikit-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least: goals[0],
        reach: goals[1],
        same_answer: format!("{} filled numbers within {apart:.0e}", filled.len()),
    })
}

/// Columns of deviation 1 and more that know something of each other, some numbers missing by chance.
fn columns(n: usize) -> Vec<Vec<f64>> {
    let mut random = Random::new(29, 0);
    let shared: Vec<[f64; 3]> = (0..n).map(|_| std::array::from_fn(|_| random.normal())).collect();
    let mut column = |j: usize| {
        let value = |s: &[f64; 3]| {
            let x = 0.4 * (j % 4) as f64 * s[j % 3] + 0.5 * s[(j + 1) % 3] + random.normal();
            if random.unit() < MISSING { f64::NAN } else { x }
        };
        shared.iter().map(value).collect()
    };
    (0..FEATURES).map(&mut column).collect()
}
