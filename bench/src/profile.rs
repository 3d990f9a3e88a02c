//! Profiling a table of a million rows and 50 mixed columns, held in memory, against pandas and scipy.

use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, BooleanArray, Float64Array, PrimitiveArray, StringArray};
use serde_json::Value;
use tidemill_core::{Batch, Column, Context, Kind, Schema, Table};
use tidemill_data::Profile;
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 1_000_000;
const NUMBERS: usize = 36;

/// Both sides: types, missing values, distribution, outliers by three rules, correlation. Ours also does what `check` does besides:
/// faults of texts, repeated rows, near-duplicates, association of categories, drift.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let path = file()?.display().to_string();
    let (peer_secs, theirs) = peer::timed("profile", &[&path], 1)?;
    let table = Table::new(tidemill_data::open(&path, &Default::default())?.collect()?);
    let context = Context::default();
    let look = || Ok(tidemill_data::profile(&table, &Default::default(), &context)?.1);
    let (ours_secs, ours) = peer::median_secs(look)?;
    let medians = same(&ours, &theirs)?;
    Ok(vec![Row {
        name: "profile 1M x 50".into(),
        peer: "pandas + scipy".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 10.0,
        reach: 30.0,
        same_answer: format!(
            "missing values equal, timestamps and correlations to 1e-8, medians within {medians:.4} standard deviations"
        ),
    }])
}

/// Errors where an answer differs; gives how far the medians are apart.
fn same(ours: &Profile, theirs: &Value) -> Outcome<f64> {
    let mut apart = 0.0f64;
    for column in &ours.columns {
        let name = column.name.as_str();
        let missing = theirs["missing"][name].as_u64();
        if missing != Some(column.missing.count) {
            return Err(format!("'{name}' misses {} here, {missing:?} there", column.missing.count).into());
        }
        if let Some(distinct) = theirs["distinct"][name].as_u64().filter(|_| column.distinct.exact)
            && distinct != column.distinct.count
        {
            return Err(format!("'{name}' has {} names here, {distinct} there", column.distinct.count).into());
        }
        let Some(numbers) = &column.numbers else { continue };
        let figure = |key: &str| theirs["columns"][name][key].as_f64().unwrap_or(f64::NAN);
        let std = figure("std");
        let near = |key: &str, x: f64| -> Outcome<()> {
            let agrees = (x - figure(key)).abs() <= 1e-8 * figure(key).abs().max(std).max(1.0);
            if agrees {
                Ok(())
            } else {
                Err(format!("'{name}', {key}: {x} here, {} there", figure(key)).into())
            }
        };
        near("mean", numbers.mean)?;
        near("std", numbers.std.unwrap_or(f64::NAN))?;
        near("skewness", numbers.skewness.unwrap_or(f64::NAN))?;
        near("kurtosis", numbers.kurtosis.unwrap_or(f64::NAN))?;
        apart = apart.max((numbers.quantiles[3][1] - figure("median")).abs() / std);
        // Our fence comes from a sample: the counts agree to a twentieth, or to one row in a thousand.
        let outside = numbers.fences[0].outside.count as f64;
        if (outside - figure("iqr")).abs() > (0.05 * figure("iqr")).max(0.001 * ROWS as f64) {
            return Err(format!("'{name}': {outside} outliers here, {} there", figure("iqr")).into());
        }
    }
    if apart > 0.01 {
        return Err(format!("a median is {apart} standard deviations away").into());
    }
    for i in 0..NUMBERS {
        for j in 0..NUMBERS {
            let wanted = theirs["correlation"][i][j].as_f64().unwrap_or(f64::NAN);
            let found = ours.correlations.matrix[i][j].unwrap_or(f64::NAN);
            if (found - wanted).abs() > 1e-8 || found.is_nan() {
                return Err(format!("correlation {i} {j}: {found} here, {wanted} there").into());
            }
        }
    }
    Ok(apart)
}

/// The table, made once: 36 numbers (some correlated, a third with 5% missing), 8 categories of 4 to 200 names, 4 flags, a time, a key.
fn file() -> Outcome<PathBuf> {
    let path = peer::work_folder()?.join("profile-1m.parquet");
    if path.exists() {
        return Ok(path);
    }
    let mut sink = tidemill_data::create(&path.display().to_string(), &*schema()?)?;
    for (stream, from) in (0..ROWS).step_by(50_000).enumerate() {
        sink.write(&rows(stream as u64, from, 50_000)?)?;
    }
    sink.finish()?;
    Ok(path)
}

fn schema() -> Outcome<Arc<Schema>> {
    let mut columns: Vec<Column> = (0..NUMBERS).map(|j| Column::number(format!("n{j}"))).collect();
    columns.extend((0..8).map(|j| Column::new(format!("c{j}"), Kind::Text)));
    columns.extend((0..4).map(|j| Column::new(format!("f{j}"), Kind::Flag)));
    columns.extend([Column::new("seen_at", Kind::Time), Column::new("id", Kind::Text)]);
    Ok(Arc::new(Schema::new(columns)?))
}

fn rows(stream: u64, from: usize, n: usize) -> Outcome<Batch> {
    let mut random = Random::new(11, stream);
    let bases: Vec<f64> = (0..4 * n).map(|_| random.normal()).collect();
    let mut columns: Vec<ArrayRef> = Vec::new();
    for j in 0..NUMBERS {
        let values = (0..n).map(|row| {
            let x = bases[(j % 4) * n + row] * 0.2 * (j % 5) as f64 + random.normal();
            let x = if j % 6 == 0 { (100.0 * x).round() } else { x };
            (j % 3 != 0 || random.unit() >= 0.05).then_some(x)
        });
        columns.push(Arc::new(values.collect::<Float64Array>()));
    }
    for j in 0..8 {
        let names = [4, 12, 50, 200][j % 4];
        let values = (0..n).map(|_| Some(format!("name {}", random.below(names))));
        columns.push(Arc::new(values.collect::<StringArray>()));
    }
    for _ in 0..4 {
        columns.push(Arc::new((0..n).map(|_| Some(random.unit() < 0.3)).collect::<BooleanArray>()));
    }
    let times = (0..n).map(|_| Some(1_704_067_200_000_000 + random.below(31_536_000) as i64 * 1_000_000));
    columns.push(Arc::new(times.collect::<PrimitiveArray<TimestampMicrosecondType>>().with_timezone("UTC")));
    columns.push(Arc::new((from..from + n).map(|row| Some(format!("c{row:07}x"))).collect::<StringArray>()));
    Ok(Batch::new(schema()?, columns)?)
}
