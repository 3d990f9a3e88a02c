//! Logistic regression and elastic net on 200,000 rows of 40 features, against scikit-learn, one thread each.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{
    Batch, Categories, Column, Context, Estimator, Role, Schema, Table, TensorData, Training,
};
use tidemill_kernel::Random;
use tidemill_learn::linear::{ElasticNet, Logistic};

use crate::row::Row;
use crate::{Outcome, peer};

const ROWS: usize = 200_000;
const FEATURES: usize = 40;
/// Of the elastic net; half of it on sizes.
const ALPHA: f64 = 0.05;

/// Both fits, at least as near the least objective as the peer's.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let data = Data::new();
    let path = peer::work_folder()?.join("linear-200k-40.bin");
    data.write(&path)?;
    let path = path.display().to_string();
    let logistic = Work {
        name: "logistic regression 200k x 40",
        peer_name: "logistic",
        learner: &Logistic::default(),
        target: data.classes()?,
        objective: &|w, b| data.log_loss(w, b),
    };
    let net = Work {
        name: "elastic net 200k x 40",
        peer_name: "elastic_net",
        learner: &ElasticNet { alpha: Some(ALPHA), ..ElasticNet::default() },
        target: (Column::number("y"), Arc::new(Float64Array::from(data.quantity.clone()))),
        objective: &|w, b| data.penalised_squares(w, b),
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    [logistic, net].into_iter().map(|work| work.compare(&data, &path, &pool)).collect()
}

/// One fit to compare.
struct Work<'a> {
    name: &'a str,
    peer_name: &'a str,
    learner: &'a dyn Estimator,
    target: (Column, ArrayRef),
    objective: &'a dyn Fn(&[f64], f64) -> f64,
}

impl Work<'_> {
    fn compare(self, data: &Data, path: &str, pool: &rayon::ThreadPool) -> Outcome<Row> {
        let table = data.table(self.target)?;
        let (peer_secs, theirs) = peer::timed("linear", &[self.peer_name, path], 1)?;
        let (ours_secs, (w, b)) = peer::median_secs(|| {
            let fit = || self.learner.fit(Training::on(&table), &Context::default());
            let state = pool.install(fit).map_err(|e| e.to_string())?.state();
            Ok((floats(&state, "coefficients"), floats(&state, "intercepts")))
        })?;
        let their_w: Vec<f64> =
            theirs["coef"].as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let theirs = (self.objective)(&their_w, theirs["intercept"].as_f64().unwrap_or(f64::NAN));
        let ours = (self.objective)(&w, b.first().copied().unwrap_or(f64::NAN));
        let above = (ours - theirs) / theirs;
        if above.is_nan() || above > 1e-6 {
            return Err(format!("{}: objective {ours} here, {theirs} there", self.name).into());
        }
        Ok(Row {
            name: self.name.into(),
            peer: "scikit-learn".into(),
            ours_secs,
            peer_secs,
            goal_at_least: 1.5,
            reach: 4.0,
            same_answer: format!("objective {above:+.1e} of theirs"),
        })
    }
}

fn floats(state: &tidemill_core::State, name: &str) -> Vec<f64> {
    match state.tensors.get(name).map(|t| &t.data) {
        Some(TensorData::F64(values)) => values.clone(),
        _ => Vec::new(),
    }
}

/// Features with some correlation, column after column, and two targets.
struct Data {
    columns: Vec<Vec<f64>>,
    quantity: Vec<f64>,
    class: Vec<f64>,
}

impl Data {
    fn new() -> Self {
        let mut random = Random::new(11, 0);
        let shared: Vec<f64> = (0..ROWS).map(|_| random.normal()).collect();
        let columns: Vec<Vec<f64>> = (0..FEATURES)
            .map(|j| shared.iter().map(|s| 0.1 * (j % 5) as f64 * s + random.normal()).collect())
            .collect();
        let true_w: Vec<f64> =
            (0..FEATURES).map(|j| if j % 3 == 0 { 0.0 } else { random.normal() }).collect();
        let score = |i: usize| columns.iter().zip(&true_w).map(|(c, w)| w * c[i]).sum::<f64>();
        let scores: Vec<f64> = (0..ROWS).map(score).collect();
        let quantity = scores.iter().map(|s| s + 3.0 + 2.0 * random.normal()).collect();
        let class = scores.iter().map(|s| f64::from(0.3 * s - 0.5 + random.normal() > 0.0)).collect();
        Data { columns, quantity, class }
    }

    /// The features, the number and the class, column after column, 64-bit little-endian floats.
    fn write(&self, path: &Path) -> Outcome<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        for column in self.columns.iter().chain([&self.quantity, &self.class]) {
            let bytes: Vec<u8> = column.iter().flat_map(|x| x.to_le_bytes()).collect();
            out.write_all(&bytes)?;
        }
        Ok(out.flush()?)
    }

    fn classes(&self) -> Outcome<(Column, ArrayRef)> {
        let names = Categories::new(["no", "yes"]);
        let codes = names.column(UInt32Array::from_iter_values(self.class.iter().map(|&c| c as u32)))?;
        Ok((Column::category("y", names), codes))
    }

    fn table(&self, target: (Column, ArrayRef)) -> Outcome<Table> {
        let mut columns: Vec<Column> = (0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect();
        let array = |c: &Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(c.clone())) };
        let mut arrays: Vec<ArrayRef> = self.columns.iter().map(array).collect();
        columns.push(target.0.with_role(Role::Target));
        arrays.push(target.1);
        Ok(Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?))
    }

    fn scores(&self, w: &[f64], b: f64) -> Vec<f64> {
        let mut scores = vec![b; ROWS];
        for (column, w) in self.columns.iter().zip(w) {
            scores.iter_mut().zip(column).for_each(|(s, x)| *s += w * x);
        }
        scores
    }

    fn log_loss(&self, w: &[f64], b: f64) -> f64 {
        let scores = self.scores(w, b);
        let one = |(s, y): (&f64, &f64)| s.max(0.0) + (-s.abs()).exp().ln_1p() - y * s;
        scores.iter().zip(&self.class).map(one).sum::<f64>() + 0.5 * w.iter().map(|w| w * w).sum::<f64>()
    }

    fn penalised_squares(&self, w: &[f64], b: f64) -> f64 {
        let squares = |(s, y): (&f64, &f64)| (y - s) * (y - s);
        let loss: f64 = self.scores(w, b).iter().zip(&self.quantity).map(squares).sum();
        let penalty: f64 = w.iter().map(|w| 0.5 * w.abs() + 0.25 * w * w).sum();
        loss / (2.0 * ROWS as f64) + ALPHA * penalty
    }
}
