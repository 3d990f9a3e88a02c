//! Synthetic rows for a class of 5% of 200,000 rows of 40 numbers, against imbalanced-learn. Both sides use every core they know to use.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use tidemill_core::{Batch, Categories, Column, Context, Resampler, Role, Schema, Table};
use tidemill_kernel::Random;
use tidemill_prep::resample::Smote;

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 200_000;
const FEATURES: usize = 40;
/// Every so many rows are of the rare class.
const RARE: usize = 20;
/// New rows whose place is checked.
const CHECKED: usize = 200;

/// Random numbers differ, so the answers are the same in number and in geometry.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let columns = columns();
    let path = peer::write_columns("smote-200k-40.bin", &columns)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (peer_secs, theirs) = peer::timed("smote", &[&path], cores)?;
    let table = table(&columns)?;
    let step = Smote::default();
    let (ours_secs, ours) = peer::median_secs(|| Ok(step.resample(&table, &Context::default())?))?;
    let codes = ours.batch().codes(FEATURES)?;
    let rare = codes.values().iter().filter(|code| **code == 1).count() as f64;
    let counts = peer::numbers(&theirs["counts"]);
    if counts != [codes.len() as f64 - rare, rare] {
        return Err(format!("{rare} of {} rows here, {counts:?} there", codes.len()).into());
    }
    check_places(ours.batch(), &columns, &peer::numbers(&theirs["neighbors"]))?;
    Ok(vec![Row {
        name: "SMOTE 200k x 40, 5% minority".into(),
        peer: "imbalanced-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 5.0,
        reach: 10.0,
        same_answer: format!(
            "equal counts; {CHECKED} new rows lie between a row and one of the peer's 5 neighbours of it"
        ),
    }])
}

/// Errors where a new row lies on no segment between a rare row and one of its neighbours, of which the peer names five for each.
fn check_places(ours: &Batch, columns: &[Vec<f64>], neighbors: &[f64]) -> Outcome<()> {
    let rare: Vec<Vec<f64>> =
        (0..ROWS).step_by(RARE).map(|row| columns[..FEATURES].iter().map(|c| c[row]).collect()).collect();
    let made: Vec<&[f64]> =
        (0..FEATURES).map(|j| ours.numbers(j).map(|x| &x.values()[..])).collect::<Result<_, _>>()?;
    let step = (ours.n_rows() - ROWS) / CHECKED;
    for row in (ROWS..ours.n_rows()).step_by(step).take(CHECKED) {
        let row: Vec<f64> = made.iter().map(|column| column[row]).collect();
        let pairs = neighbors.chunks(5).enumerate().flat_map(|(a, near)| near.iter().map(move |b| (a, b)));
        let apart = pairs.map(|(a, b)| from_segment(&row, &rare[a], &rare[*b as usize]));
        if apart.fold(f64::INFINITY, f64::min) > 1e-9 {
            return Err("a new row lies between no two neighbours".into());
        }
    }
    Ok(())
}

/// How far a point is from the segment between two others, at most along an axis.
fn from_segment(x: &[f64], a: &[f64], b: &[f64]) -> f64 {
    // Where along the segment it would be, by the first number.
    let t = (x[0] - a[0]) / (b[0] - a[0]);
    if !(0.0..=1.0).contains(&t) {
        return f64::INFINITY;
    }
    let off = |((x, a), b): ((&f64, &f64), &f64)| (x - (a + t * (b - a))).abs();
    x.iter().zip(a).zip(b).map(off).fold(0.0, f64::max)
}

/// Features, and last the class.
fn columns() -> Vec<Vec<f64>> {
    let mut random = Random::new(37, 0);
    let class = |i: usize| f64::from(u8::from(i.is_multiple_of(RARE)));
    let mut columns: Vec<Vec<f64>> = (0..FEATURES)
        .map(|j| (0..ROWS).map(|i| random.normal() + 0.1 * (j % 5) as f64 * class(i)).collect())
        .collect();
    columns.push((0..ROWS).map(class).collect());
    columns
}

fn table(columns: &[Vec<f64>]) -> Outcome<Table> {
    let names = Categories::new(["common", "rare"]);
    let mut schema: Vec<Column> = (0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect();
    schema.push(Column::category("class", names.clone()).with_role(Role::Target));
    let mut arrays: Vec<ArrayRef> =
        columns[..FEATURES].iter().map(|c| Arc::new(Float64Array::from(c.clone())) as ArrayRef).collect();
    let codes = columns[FEATURES].iter().map(|class| *class as u32);
    arrays.push(names.column(UInt32Array::from_iter_values(codes))?);
    Ok(Table::new(Batch::new(Arc::new(Schema::new(schema)?), arrays)?))
}
