//! A support vector machine with the Gaussian kernel on 5,000 rows of 20 features, against scikit-learn, one thread each.

use std::any::Any;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{Batch, Categories, Column, Context, Estimator, Role, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_learn::svm::{Calibration, FittedSvm, Svm};

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 5_000;
const FEATURES: usize = 20;
/// Rows whose margins are compared.
const ASKED: usize = 500;

/// A fit without calibration (scikit-learn's default), whose margins are the peer's but for the tolerance of both.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let columns = columns();
    let path = peer::work_folder()?.join("svm-5k-20.bin");
    write(&columns, &path)?;
    let table = table(&columns)?;
    let learner = Svm { probability: Calibration::Margin, ..Svm::default() };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    let (peer_secs, theirs) = peer::timed("svm", &[&path.display().to_string()], 1)?;
    let (ours_secs, fitted) = peer::median_secs(|| {
        let fit = || learner.fit(Training::on(&table), &Context::default());
        pool.install(fit).map_err(|e| e.to_string().into())
    })?;
    let fitted: Arc<dyn Any + Send + Sync> = fitted;
    let fitted = fitted.downcast::<FittedSvm>().map_err(|_| "not a support vector machine")?;
    let theirs: Vec<f64> = theirs.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let row = |i: usize| -> Vec<f64> { columns[..FEATURES].iter().map(|c| c[i]).collect() };
    let ours: Vec<f64> = (0..ASKED).flat_map(|i| fitted.margins(&row(i))).collect();
    let apart = ours.iter().zip(&theirs).fold(0.0, |most: f64, (a, b)| most.max((a - b).abs()));
    if theirs.len() != ASKED || apart > 0.01 {
        return Err(format!("margins {apart} apart from scikit-learn's").into());
    }
    Ok(vec![Row {
        name: "RBF SVM 5k x 20".into(),
        peer: "scikit-learn".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 1.5,
        reach: 4.0,
        same_answer: format!("margins within {apart:.0e}"),
    }])
}

/// The features and last the class, which turns on products of them.
fn columns() -> Vec<Vec<f64>> {
    let mut random = Random::new(23, 0);
    let mut columns: Vec<Vec<f64>> =
        (0..FEATURES).map(|_| (0..ROWS).map(|_| random.normal()).collect()).collect();
    let score = |i: usize| columns[0][i] * columns[1][i] + columns[2][i] + 0.5 * columns[3][i];
    let class = (0..ROWS).map(|i| f64::from(score(i) + 0.5 * random.normal() > 0.0)).collect();
    columns.push(class);
    columns
}

fn write(columns: &[Vec<f64>], path: &Path) -> Outcome<()> {
    let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
    for column in columns {
        let bytes: Vec<u8> = column.iter().flat_map(|x| x.to_le_bytes()).collect();
        out.write_all(&bytes)?;
    }
    Ok(out.flush()?)
}

fn table(columns: &[Vec<f64>]) -> Outcome<Table> {
    let mut schema: Vec<Column> = (0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect();
    let array = |c: &Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(c.clone())) };
    let mut arrays: Vec<ArrayRef> = columns[..FEATURES].iter().map(array).collect();
    let names = Categories::new(["no", "yes"]);
    arrays.push(names.column(UInt32Array::from_iter_values(columns[FEATURES].iter().map(|&c| c as u32)))?);
    schema.push(Column::category("y", names).with_role(Role::Target));
    Ok(Table::new(Batch::new(Arc::new(Schema::new(schema)?), arrays)?))
}
