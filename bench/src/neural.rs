//! Nets of four sorts against PyTorch: the time of a step of training (forward, backward, Adam) at equal sizes, on one
//! thread, on two and on a GPU; and from equal weights, the loss after some steps.

use std::io::Write as _;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use arrow_array::{ArrayRef, FixedSizeListArray, Float32Array, UInt32Array};
use arrow_schema::{DataType, Field};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Estimator, Fitted, Layout, Role, Runtime, Schema, Table, TensorData,
    Training,
};
use tidemill_kernel::Random;
use tidemill_neural::{
    Activation, Augment, Images, NeuralNet, Optimizer, Precision, Schedule, Series, Tokens,
};

use crate::row::Row;
use crate::{Outcome, peer};

/// Classes to tell apart.
const CLASSES: usize = 10;
/// Steps on all rows at once after which losses are compared, and the rows.
const STEPS: usize = 5;
const COMPARED: usize = 128;
const RATE: f64 = 1e-3;

/// One sort of net, and what it learns from.
struct Work {
    /// The name of the peer's side.
    name: &'static str,
    title: &'static str,
    layout: Option<Layout>,
    /// Numbers of a row.
    len: usize,
    rows: usize,
    batch: usize,
    epochs: usize,
    hidden: &'static [usize],
}

const IMAGE: Layout = Layout::Image { channels: 1, height: 28, width: 28 };
const SERIES: Layout = Layout::Steps { steps: 50, channels: 16 };
const TEXT: Layout = Layout::Tokens { vocabulary: 1000 };

const WORKS: &[Work] = &[
    Work {
        name: "mlp",
        title: "MLP 64-256-256-10, 256 rows",
        layout: None,
        len: 64,
        rows: 4096,
        batch: 256,
        epochs: 8,
        hidden: &[256, 256],
    },
    Work {
        name: "cnn",
        title: "CNN 28 x 28, 32 and 64 filters, 64 rows",
        layout: Some(IMAGE),
        len: 784,
        rows: 512,
        batch: 64,
        epochs: 2,
        hidden: &[],
    },
    Work {
        name: "lstm",
        title: "LSTM 50 steps x 16, 64 units, 64 rows",
        layout: Some(SERIES),
        len: 800,
        rows: 512,
        batch: 64,
        epochs: 4,
        hidden: &[],
    },
    Work {
        name: "transformer",
        title: "transformer 64 tokens, 2 layers of 64, 32 rows",
        layout: Some(TEXT),
        len: 64,
        rows: 256,
        batch: 32,
        epochs: 3,
        hidden: &[],
    },
];

/// Each net on one thread and on two.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let python = peer::environment("torch")?;
    let place =
        |threads| Place { device: "cpu", threads, precision: Precision::Float32, name: "", near: 1e-4 };
    let mut rows = Vec::new();
    for work in WORKS {
        let apart = work.compare(&python, place(1))?;
        for threads in [1, 2] {
            rows.push(work.race(&python, place(threads), apart)?);
        }
    }
    Ok(rows)
}

/// Each net on the first GPU, in every precision, against the PyTorch of the Python that `TIDEMILL_BENCH_TORCH` names (that of
/// `bench/.venv-torch` knows the processor alone); no rows where this build or machine has none.
pub(crate) fn on_gpu() -> Outcome<Vec<Row>> {
    let runtime = Runtime { device: Some(GPU.into()), ..Runtime::default() };
    if let Err(e) = tidemill_neural::check_device(&runtime) {
        eprintln!("left out: {e}");
        return Ok(Vec::new());
    }
    let python = match std::env::var_os("TIDEMILL_BENCH_TORCH") {
        Some(python) => PathBuf::from(python),
        None => peer::environment("torch")?,
    };
    let place = |precision, name, near| Place { device: GPU, threads: 1, precision, name, near };
    let mut rows = Vec::new();
    for work in WORKS {
        for place in [
            place(Precision::Float32, "float32", 1e-3),
            place(Precision::Bfloat16, "bfloat16", 2e-2),
            place(Precision::Float16, "float16", 5e-3),
        ] {
            let race = || work.compare(&python, place).and_then(|apart| work.race(&python, place, apart));
            // What a GPU's compiler refuses ends in a panic of its library.
            match std::panic::catch_unwind(AssertUnwindSafe(race)) {
                Ok(Ok(row)) => rows.push(row),
                Ok(Err(e)) => eprintln!("left out: {e}"),
                Err(_) => eprintln!("left out: {}, {}", work.title, place.words()),
            }
        }
    }
    Ok(rows)
}

/// Where a net is trained.
#[derive(Clone, Copy)]
struct Place {
    device: &'static str,
    threads: usize,
    precision: Precision,
    /// The precision as PyTorch names it.
    name: &'static str,
    /// How far apart losses may be, as a share.
    near: f64,
}

const GPU: &str = "cuda:0";

impl Place {
    fn words(&self) -> String {
        match (self.device, self.threads) {
            ("cpu", 1) => "1 thread".into(),
            ("cpu", threads) => format!("{threads} threads"),
            _ => format!("GPU, {}", self.name),
        }
    }

    fn fit(&self, learner: &NeuralNet, table: &Table) -> Outcome<Arc<dyn Fitted>> {
        let learner = NeuralNet { precision: self.precision, ..learner.clone() };
        let runtime = Runtime { device: Some(self.device.into()), ..Runtime::default() };
        Ok(learner.fit(Training::on(table), &Context::default().with_runtime(runtime))?)
    }
}

impl Work {
    fn learner(&self, batch: usize, epochs: usize, rate: f64) -> NeuralNet {
        NeuralNet {
            hidden: self.hidden.to_vec(),
            activation: Activation::Relu,
            images: Images { filters: vec![32, 64], augment: Augment { shift: 0.0, ..Augment::default() } },
            series: Series::default(),
            tokens: Tokens::default(),
            optimizer: Optimizer::Adam,
            weight_decay: 0.0,
            dropout: 0.0,
            clip_norm: 0.0,
            learning_rate: rate,
            batch_size: Some(batch),
            epochs,
            schedule: Schedule::Constant,
            validation_share: 0.0,
            ..NeuralNet::default()
        }
    }

    /// Losses after some steps from equal weights; how far apart they are, as a share.
    fn compare(&self, python: &Path, place: Place) -> Outcome<f64> {
        let data = Data::new(self, COMPARED);
        let table = data.table(self)?;
        // A step this small leaves the weights as they start.
        let start = place.fit(&self.learner(COMPARED, 1, 1e-30), &table)?;
        let job = self.job(COMPARED, COMPARED, STEPS, place);
        let said = self.ask(python, &data, &start.state(), job)?;
        let theirs = said["loss"].as_f64().ok_or("the peer printed no 'loss'")?;
        let ours = data.loss(place.fit(&self.learner(COMPARED, STEPS, RATE), &table)?, &table)?;
        let apart = (ours - theirs).abs() / theirs;
        if apart.is_nan() || apart > place.near {
            return Err(format!("{}, {}: loss {ours} here, {theirs} there", self.title, place.words()).into());
        }
        Ok(apart)
    }

    fn race(&self, python: &Path, place: Place, apart: f64) -> Outcome<Row> {
        let data = Data::new(self, self.rows);
        let table = data.table(self)?;
        let learner = self.learner(self.batch, self.epochs, RATE);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(place.threads).build()?;
        let start = place.fit(&self.learner(self.rows, 1, 1e-30), &table)?;
        let job = self.job(self.rows, self.batch, self.epochs, place);
        let said = self.ask(python, &data, &start.state(), job)?;
        let peer_secs = said["secs"].as_f64().ok_or("the peer printed no 'secs'")?;
        let work =
            || pool.install(|| place.fit(&learner, &table).map_err(|e| e.to_string())).map_err(Into::into);
        let (ours_secs, _) = peer::median_secs(work)?;
        let steps = (self.rows / self.batch * self.epochs) as f64;
        let row = Row {
            name: format!("a training step: {}, {}", self.title, place.words()),
            peer: said["peer"].as_str().unwrap_or("PyTorch").into(),
            ours_secs: ours_secs / steps,
            peer_secs: peer_secs / steps,
            goal_at_least: 0.83,
            reach: 1.0,
            same_answer: format!("loss after {STEPS} steps from equal weights within {apart:.0e}"),
        };
        eprintln!("{}: {:.2} of their time", row.name, row.ours_secs / row.peer_secs);
        Ok(row)
    }

    fn job(&self, rows: usize, batch: usize, epochs: usize, place: Place) -> Value {
        json!({
            "net": self.name, "rows": rows, "len": self.len, "batch": batch, "epochs": epochs,
            "threads": place.threads, "device": place.device, "precision": place.name, "rate": RATE, "hidden": self.hidden, "classes": CLASSES,
        })
    }

    /// The peer's side of a job, from the weights of `start`.
    fn ask(
        &self,
        python: &Path,
        data: &Data,
        start: &tidemill_core::State,
        mut job: Value,
    ) -> Outcome<Value> {
        let mut numbers: Vec<u8> = data.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        numbers.extend(data.classes.iter().flat_map(|c| c.to_le_bytes()));
        let mut weights = Vec::new();
        for (name, tensor) in &start.tensors {
            if let TensorData::F32(values) = &tensor.data {
                // What tells encoders apart stands before the name of the array within.
                let own = name.split_once(".x.").map_or(name.as_str(), |(_, own)| own);
                weights.push(json!({ "name": own, "shape": tensor.shape }));
                numbers.extend(values.iter().flat_map(|x| x.to_le_bytes()));
            }
        }
        job["weights"] = weights.into();
        let path = peer::work_folder()?.join("neural.bin");
        std::fs::File::create(&path)?.write_all(&numbers)?;
        let mut command = std::process::Command::new(python);
        command.arg(peer::root().join("bench/peers/neural.py")).arg(path).arg(job.to_string());
        let output = command.stderr(Stdio::inherit()).output()?;
        if !output.status.success() {
            return Err(format!("bench/peers/neural.py: {}", output.status).into());
        }
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// Rows of numbers or tokens, and a class that follows from them.
struct Data {
    values: Vec<f32>,
    classes: Vec<u32>,
}

impl Data {
    fn new(work: &Work, rows: usize) -> Self {
        let mut random = Random::new(31, work.len as u64);
        let n = rows * work.len;
        let values: Vec<f32> = match work.layout {
            Some(Layout::Tokens { vocabulary }) => {
                (0..n).map(|_| 1.0 + random.below(vocabulary - 1) as f32).collect()
            }
            _ => (0..n).map(|_| random.normal() as f32).collect(),
        };
        let class = |row: &[f32]| (row.iter().take(8).sum::<f32>().abs() * 7.0) as u32 % CLASSES as u32;
        let classes = values.chunks_exact(work.len).map(class).collect();
        Data { values, classes }
    }

    fn table(&self, work: &Work) -> Outcome<Table> {
        let parts: Vec<String> = (0..work.len).map(|i| i.to_string()).collect();
        let column = Column::vector("x", parts);
        let column = match work.layout {
            Some(layout) => column.with_layout(layout),
            None => column,
        };
        let item = Arc::new(Field::new("item", DataType::Float32, false));
        let values: ArrayRef = Arc::new(Float32Array::from(self.values.clone()));
        let vectors: ArrayRef = Arc::new(FixedSizeListArray::try_new(item, work.len as i32, values, None)?);
        let names = Categories::new((0..CLASSES).map(|c| c.to_string()));
        let codes = names.column(UInt32Array::from(self.classes.clone()))?;
        let schema = Schema::new(vec![column, Column::category("y", names).with_role(Role::Target)])?;
        Ok(Table::new(Batch::new(Arc::new(schema), vec![vectors, codes])?))
    }

    /// The mean log loss of a net's answers.
    fn loss(&self, fitted: Arc<dyn Fitted>, table: &Table) -> Outcome<f64> {
        let answers = fitted.bind(table.batch().schema())?.apply(table.batch())?;
        let at = answers.schema().role(Role::Probability).ok_or("no probabilities")?;
        let rows = answers.probabilities(at)?.chunks_exact(CLASSES);
        let losses = rows.zip(&self.classes).map(|(row, &class)| -row[class as usize].ln());
        Ok(losses.sum::<f64>() / self.classes.len() as f64)
    }
}
