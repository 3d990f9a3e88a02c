//! Outliers among rows of 20 numbers: an isolation forest of 100 trees on 200,000 rows and the local outlier factor with 20 neighbours on
//! 20,000, against scikit-learn, one thread each.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_prep::{Action, Detect, Outliers};

use crate::row::Row;
use crate::{Outcome, peer};

const FEATURES: usize = 20;
/// The share of rows that are outliers.
const SHARE: f64 = 0.02;

/// What is compared.
struct Case {
    kind: &'static str,
    detect: Detect,
    n_rows: usize,
    /// The share of the peer's outliers that must be ours: random cuts differ, so two forests agree on most of the outliers; the
    /// factor is the same number.
    common: f64,
    goals: [f64; 2],
}

const CASES: &[Case] = &[
    Case {
        kind: "isolation_forest",
        detect: Detect::IsolationForest,
        n_rows: 200_000,
        common: 0.8,
        goals: [4.0, 10.0],
    },
    Case {
        kind: "local_outlier_factor",
        detect: Detect::LocalOutlierFactor,
        n_rows: 20_000,
        common: 1.0,
        goals: [2.0, 5.0],
    },
];

/// A fit and the scores of its rows.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    CASES.iter().map(row).collect()
}

fn row(case: &Case) -> Outcome<Row> {
    let Case { kind, detect, n_rows, common, goals: [goal_at_least, reach] } = *case;
    let columns = columns(n_rows);
    let path = peer::write_columns(&format!("{kind}-{n_rows}-{FEATURES}.bin"), &columns)?;
    let schema = Schema::new((0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect())?;
    let arrays = columns.into_iter().map(|c| Arc::new(Float64Array::from(c)) as ArrayRef).collect();
    let table = Table::new(Batch::new(Arc::new(schema), arrays)?);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let action = Some(Action::Flag);
    let step = Outliers { detect, action, contamination: Some(SHARE), ..Outliers::default() };
    let marks = || -> Outcome<Vec<bool>> {
        let work = || step.fit_apply(Training::on(&table), &Context::default());
        let (_, marked) = pool.install(work).map_err(|e| e.to_string())?;
        let marks = marked.batch().flags(FEATURES).map_err(|e| e.to_string())?;
        Ok(marks.values().iter().collect())
    };
    let (peer_secs, theirs) = peer::timed("outliers", &[kind, &path, &SHARE.to_string()], 1)?;
    let (ours_secs, ours) = peer::median_secs(marks)?;
    let theirs = peer::numbers(&theirs);
    let both = theirs.iter().filter(|i| ours[**i as usize]).count() as f64 / theirs.len().max(1) as f64;
    if both < common {
        return Err(format!("{kind}: {:.1}% of the peer's outliers are ours", 100.0 * both).into());
    }
    Ok(Row {
        name: format!("{} {}k x {FEATURES}, fit and score", kind.replace('_', " "), n_rows / 1000),
        peer: "scikit-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least,
        reach,
        same_answer: format!(
            "{:.1}% of the {:.0}% that score highest are the same",
            100.0 * both,
            100.0 * SHARE
        ),
    })
}

/// Two clouds and, thinly, everything around them.
fn columns(n: usize) -> Vec<Vec<f64>> {
    let mut random = Random::new(23, 0);
    let centres: Vec<f64> = (0..n).map(|_| if random.unit() < 0.4 { 4.0 } else { 0.0 }).collect();
    let far: Vec<f64> = (0..n).map(|_| if random.unit() < SHARE { 4.0 } else { 1.0 }).collect();
    let column = |_| (0..n).map(|i| centres[i] + far[i] * random.normal()).collect();
    (0..FEATURES).map(column).collect()
}
