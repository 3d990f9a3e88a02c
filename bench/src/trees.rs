//! Boosted trees against LightGBM, a random forest and extremely randomised trees against scikit-learn; two threads on both sides.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{Batch, Categories, Column, Context, Estimator, Fitted, Role, Schema, Table, Training};
use tidemill_kernel::Random;
use tidemill_learn::trees::{BoostedTrees, ExtraTrees, RandomForest};

use crate::row::Row;
use crate::{Outcome, peer};

const THREADS: usize = 2;

/// The fits, judged on rows that neither learned from.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let boosted = BoostedTrees { n_trees: 200, early_stopping: 0, ..BoostedTrees::default() };
    let boosted =
        BoostedTrees { learning_rate: 0.1, max_leaves: 31, min_samples_leaf: 20, l2: 1.0, ..boosted };
    let boosted = Work {
        name: "boosted trees 200k x 40, 200 trees",
        peer: "LightGBM",
        kind: "boosted",
        learner: &boosted,
        n_features: 40,
        n_train: 200_000,
        goals: (1.0, 1.3),
        may_lose: 0.001,
        score: ("AUC", auc),
    };
    let forest = Work {
        name: "random forest 50k x 20, 100 trees",
        peer: "scikit-learn",
        kind: "forest",
        learner: &RandomForest::default(),
        n_features: 20,
        n_train: 50_000,
        goals: (3.0, 8.0),
        may_lose: 0.005,
        score: ("accuracy", accuracy),
    };
    let extra = Work {
        name: "extra trees 50k x 20, 100 trees",
        kind: "extra",
        learner: &ExtraTrees::default(),
        goals: (2.0, 5.0),
        ..forest
    };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build()?;
    [boosted, forest, extra].into_iter().map(|work| work.compare(&pool)).collect()
}

/// A score of the probabilities of class 1, the classes given.
type Score = fn(&[f64], &[f64]) -> f64;

#[derive(Clone, Copy)]
struct Work<'a> {
    name: &'a str,
    peer: &'a str,
    kind: &'a str,
    learner: &'a dyn Estimator,
    n_features: usize,
    n_train: usize,
    goals: (f64, f64),
    /// How much lower our score may be.
    may_lose: f64,
    score: (&'a str, Score),
}

impl Work<'_> {
    fn compare(self, pool: &rayon::ThreadPool) -> Outcome<Row> {
        let data = Data::new(self.n_train + 50_000, self.n_features);
        let path = peer::work_folder()?.join(format!("trees-{}.bin", self.kind));
        data.write(&path)?;
        let counts = [self.n_features, self.n_train, THREADS].map(|n| n.to_string());
        let path = path.display().to_string();
        let arguments = [self.kind, &path, &counts[0], &counts[1], &counts[2]];
        let (peer_secs, theirs) = peer::timed("trees", &arguments, THREADS)?;
        let all = data.table()?;
        let train = Table::new(all.slice(0, self.n_train));
        let (ours_secs, fitted) = peer::median_secs(|| {
            let fit = || self.learner.fit(Training::on(&train), &Context::default());
            Ok(pool.install(fit).map_err(|e| e.to_string())?)
        })?;
        let n_test = all.n_rows() - self.n_train;
        let ours = probabilities(fitted, &all.slice(self.n_train, n_test))?;
        let theirs: Vec<f64> = theirs.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
        let (score, of) = self.score;
        let classes = &data.class[self.n_train..];
        let (ours, theirs) = (of(&ours, classes), of(&theirs, classes));
        if (ours - theirs + self.may_lose).is_nan() || ours < theirs - self.may_lose {
            return Err(format!("{}: {score} {ours} here, {theirs} there", self.name).into());
        }
        Ok(Row {
            name: self.name.into(),
            peer: self.peer.into(),
            ours_secs,
            peer_secs,
            goal_at_least: self.goals.0,
            reach: self.goals.1,
            same_answer: format!("{score} {ours:.4} against {theirs:.4}"),
        })
    }
}

fn probabilities(fitted: Arc<dyn Fitted>, batch: &Batch) -> Outcome<Vec<f64>> {
    let output = fitted.bind(batch.schema())?.apply(batch)?;
    let at = output.schema().index("probability")?;
    Ok(output.probabilities(at)?.chunks_exact(2).map(|p| p[1]).collect())
}

fn accuracy(p: &[f64], classes: &[f64]) -> f64 {
    p.iter().zip(classes).filter(|(p, c)| (**p > 0.5) == (**c > 0.5)).count() as f64 / classes.len() as f64
}

/// By ranks (Mann and Whitney 1947); ties hardly occur.
fn auc(p: &[f64], classes: &[f64]) -> f64 {
    let mut pairs: Vec<(f64, f64)> = p.iter().copied().zip(classes.iter().copied()).collect();
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks: f64 =
        pairs.iter().enumerate().filter(|(_, pair)| pair.1 > 0.5).map(|(i, _)| i as f64 + 1.0).sum();
    let yes = classes.iter().sum::<f64>();
    (ranks - yes * (yes + 1.0) / 2.0) / (yes * (classes.len() as f64 - yes))
}

/// Features, column after column, and a class that depends on them by steps, curves and products.
struct Data {
    columns: Vec<Vec<f64>>,
    class: Vec<f64>,
}

impl Data {
    fn new(n: usize, p: usize) -> Self {
        let mut random = Random::new(12, 0);
        let shared: Vec<f64> = (0..n).map(|_| random.normal()).collect();
        let columns: Vec<Vec<f64>> = (0..p)
            .map(|j| shared.iter().map(|s| 0.1 * (j % 5) as f64 * s + random.normal()).collect())
            .collect();
        let signal = |i: usize| {
            let x = |j: usize| columns[j][i];
            let line: f64 = (7..15).map(|j| x(j) * (j as f64 - 11.0) / 6.0).sum();
            let step = if x(3) > 0.3 { x(4) } else { 0.0 };
            x(0) * x(1) + 1.5 * (2.0 * x(2)).sin() + step + 0.5 * x(5).abs() - 0.3 * x(6) * x(6) + line
        };
        let class = (0..n).map(|i| f64::from(signal(i) + random.normal() > 0.1)).collect();
        Data { columns, class }
    }

    fn write(&self, path: &Path) -> Outcome<()> {
        let mut out = std::io::BufWriter::new(std::fs::File::create(path)?);
        for column in self.columns.iter().chain([&self.class]) {
            let bytes: Vec<u8> = column.iter().flat_map(|x| x.to_le_bytes()).collect();
            out.write_all(&bytes)?;
        }
        Ok(out.flush()?)
    }

    fn table(&self) -> Outcome<Batch> {
        let mut columns: Vec<Column> =
            (0..self.columns.len()).map(|j| Column::number(format!("x{j}"))).collect();
        let array = |c: &Vec<f64>| -> ArrayRef { Arc::new(Float64Array::from(c.clone())) };
        let mut arrays: Vec<ArrayRef> = self.columns.iter().map(array).collect();
        let names = Categories::new(["no", "yes"]);
        arrays.push(names.column(UInt32Array::from_iter_values(self.class.iter().map(|&c| c as u32)))?);
        columns.push(Column::category("y", names).with_role(Role::Target));
        Ok(Batch::new(Arc::new(Schema::new(columns)?), arrays)?)
    }
}
