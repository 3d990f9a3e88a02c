//! The 10 nearest neighbours of 5,000 rows among 50,000 rows of 20 features, against scikit-learn, one thread each.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::{Batch, Column, Context, Estimator, Role, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_learn::neighbors::KNeighbors;

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 50_000;
const ASKED: usize = 5_000;
const FEATURES: usize = 20;

/// A fit and the answers, equal to the peer's, against its two ways to search.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let columns = columns();
    let path = peer::write_columns("neighbors-50k-20.bin", &columns)?;
    let (train, asked) = (table(&columns, 0, ROWS)?, table(&columns, ROWS, ASKED)?);
    let learner = KNeighbors { n_neighbors: 10, ..KNeighbors::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let answer = || -> Outcome<Vec<f64>> {
        let batch = asked.batch();
        let work = || -> tidemill_core::Result<Batch> {
            let fitted = learner.fit(Training::on(&train), &Context::default())?;
            fitted.bind(batch.schema())?.apply(batch)
        };
        let output = pool.install(work).map_err(|e| e.to_string())?;
        let place = output.schema().index("prediction").map_err(|e| e.to_string())?;
        Ok(output.numbers(place).map_err(|e| e.to_string())?.values().to_vec())
    };
    ["brute", "kd_tree"]
        .into_iter()
        .map(|algorithm| {
            let (peer_secs, theirs) = peer::timed("neighbors", &[algorithm, &path], 1)?;
            let (ours_secs, ours) = peer::median_secs(answer)?;
            let theirs = peer::numbers(&theirs);
            let apart = ours.iter().zip(&theirs).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
            if theirs.len() != ours.len() || apart > 1e-9 {
                return Err(format!("neighbours: answers {apart:e} apart from {algorithm}'s").into());
            }
            Ok(Row {
                name: format!("nearest neighbours 50k x 20, 5k asked, {algorithm}"),
                peer: "scikit-learn".into(),
                ours_secs,
                peer_secs,
                goal_at_least: 1.0,
                reach: 4.0,
                same_answer: format!("within {apart:.0e}"),
            })
        })
        .collect()
}

/// The features and last the target, training rows before those asked about.
fn columns() -> Vec<Vec<f64>> {
    let mut random = Random::new(17, 0);
    let n = ROWS + ASKED;
    let shared: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let mut columns: Vec<Vec<f64>> = (0..FEATURES)
        .map(|j| shared.iter().map(|s| 0.2 * (j % 4) as f64 * s + random.normal()).collect())
        .collect();
    let target = (0..n).map(|i| columns[0][i] * columns[1][i] + columns[2][i] + random.normal()).collect();
    columns.push(target);
    columns
}

fn table(columns: &[Vec<f64>], start: usize, n: usize) -> Outcome<Table> {
    let name = |j: usize| match j {
        FEATURES => Column::number("y").with_role(Role::Target),
        _ => Column::number(format!("x{j}")),
    };
    let schema = Schema::new((0..columns.len()).map(name).collect())?;
    let array = |c: &Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(c[start..start + n].to_vec())) };
    Ok(Table::new(Batch::new(Arc::new(schema), columns.iter().map(array).collect())?))
}
