//! Outliers among 50,000 rows of 10 numbers: an isolation forest of 100 trees and the local outlier factor with 20 neighbours, against
//! scikit-learn, one thread each.

use std::io::Write as _;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array};
use serde_json::Value;
use tidemill_core::{Batch, Column, Context, Estimator, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_prep::{Action, Detect, Outliers};

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 50_000;
const FEATURES: usize = 10;
/// The share of rows that are outliers.
const SHARE: f64 = 0.02;

/// A fit and the marks of its rows.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let columns = columns();
    let path = peer::work_folder()?.join("outliers-50k-10.bin");
    let mut out = std::io::BufWriter::new(std::fs::File::create(&path)?);
    for x in columns.iter().flatten() {
        out.write_all(&x.to_le_bytes())?;
    }
    out.flush()?;
    let path = path.display().to_string();
    let schema = Schema::new((0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect())?;
    let arrays = columns.into_iter().map(|c| Arc::new(Float64Array::from(c)) as ArrayRef).collect();
    let table = Table::new(Batch::new(Arc::new(schema), arrays)?);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    // Random cuts differ, so two forests agree on most of the outliers; the factor is the same number.
    let kinds = [
        ("isolation_forest", Detect::IsolationForest, 0.8, 4.0),
        ("local_outlier_factor", Detect::LocalOutlierFactor, 1.0, 2.0),
    ];
    let row = |(name, detect, common, goal): (&str, Detect, f64, f64)| {
        let action = Some(Action::Flag);
        let step = Outliers { detect, action, contamination: Some(SHARE), ..Outliers::default() };
        let marks = || -> Outcome<Vec<bool>> {
            let work = || step.fit_apply(Training::on(&table), &Context::default());
            let (_, marked) = pool.install(work).map_err(|e| e.to_string())?;
            let marks = marked.batch().flags(FEATURES).map_err(|e| e.to_string())?;
            Ok(marks.values().iter().collect())
        };
        let (peer_secs, theirs) = peer::timed("outliers", &[name, &path], 1)?;
        let (ours_secs, ours) = peer::median_secs(marks)?;
        let theirs: Vec<usize> = theirs
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|i| Value::as_u64(i).map(|i| i as usize))
            .collect();
        let both = theirs.iter().filter(|i| ours[**i]).count() as f64 / theirs.len().max(1) as f64;
        if both < common {
            return Err(format!("{name}: {:.1}% of the peer's outliers are ours", 100.0 * both).into());
        }
        Ok(Row {
            name: format!("{} 50k x 10, fitted and marked", name.replace('_', " ")),
            peer: "scikit-learn".into(),
            ours_secs,
            peer_secs,
            goal_at_least: goal,
            reach: 2.0 * goal,
            same_answer: format!("{:.1}% of the outliers", 100.0 * both),
        })
    };
    kinds.into_iter().map(row).collect()
}

/// Two clouds and, thinly, everything around them.
fn columns() -> Vec<Vec<f64>> {
    let mut random = Random::new(23, 0);
    let centres: Vec<f64> = (0..ROWS).map(|_| if random.unit() < 0.4 { 4.0 } else { 0.0 }).collect();
    let far: Vec<f64> = (0..ROWS).map(|_| if random.unit() < SHARE { 4.0 } else { 1.0 }).collect();
    let column = |_| (0..ROWS).map(|i| centres[i] + far[i] * random.normal()).collect();
    (0..FEATURES).map(column).collect()
}
