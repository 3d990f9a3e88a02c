//! What must be true of training: it goes on where it was cut, recovers from steps that are too large, counts rows by their
//! weights, and does not depend on the number of threads.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Error, Event, Registry, Result, Role, Runtime, Schema, State,
    Table, Training,
};
use tidemill_kernel::Random;
use tidemill_neural::NeuralNet;

fn registry() -> Arc<Registry> {
    Arc::new(Registry::new([Entry::learner::<NeuralNet>()]))
}

fn context() -> Context {
    Context::new(7, 2, registry())
}

/// `n` rows of three numbers and a category, a number to predict, and a weight for each.
fn table(n: usize, weight: impl Fn(usize) -> f64) -> Table {
    let mut random = Random::new(3, 0);
    let x: Vec<Vec<f64>> = (0..3).map(|_| (0..n).map(|_| random.normal()).collect()).collect();
    let names = Categories::new(["a", "b", "c"]);
    let codes: Vec<u32> = (0..n as u32).map(|i| i % 3).collect();
    let y = (0..n).map(|i| x[0][i] * x[1][i] + f64::from(codes[i]) + 0.1 * random.normal());
    let y: Vec<f64> = y.collect();
    let mut columns = vec![Column::category("c", names.clone())];
    let mut arrays: Vec<ArrayRef> = vec![names.column(UInt32Array::from(codes)).unwrap()];
    for (j, x) in x.into_iter().enumerate() {
        columns.push(Column::number(format!("x{j}")));
        arrays.push(Arc::new(Float64Array::from(x)));
    }
    columns.push(Column::number("y").with_role(Role::Target));
    arrays.push(Arc::new(Float64Array::from(y)));
    columns.push(Column::number("w").with_role(Role::Weight));
    arrays.push(Arc::new(Float64Array::from_iter_values((0..n).map(weight))));
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn fit(params: &Value, table: &Table, context: &Context) -> Result<State> {
    let net = registry().build("neural_net", params.clone()).unwrap();
    Ok(net.fit(Training::on(table), context)?.state())
}

/// Settings under which every part of the state matters.
fn settings() -> Vec<Value> {
    vec![
        json!({ "hidden": [16], "epochs": 8, "batch_size": 32 }),
        json!({ "hidden": [16, 16], "epochs": 8, "batch_size": 16, "accumulate": 3, "optimizer": "sgd",
                "weight_decay": 0.0, "schedule": "plateau", "patience": 3, "residual": true }),
        json!({ "hidden": [16], "epochs": 8, "batch_size": 64, "schedule": "one_cycle", "validation_share": 0.0,
                "layer_norm": true, "numbers": "piecewise_linear" }),
        json!({ "hidden": [16], "epochs": 8, "batch_size": 64, "precision": "float16" }),
    ]
}

#[test]
fn a_run_that_was_cut_ends_as_if_it_never_was() {
    let table = table(300, |_| 1.0);
    for params in settings() {
        let whole = fit(&params, &table, &context()).unwrap();
        for cut in [1, 9, 13, 30] {
            let folder = tempfile::tempdir().unwrap();
            let checkpoint = Some(folder.path().to_path_buf());
            let runtime = Runtime { checkpoint, resume: true, ..Runtime::default() };
            let first = context().with_runtime(runtime.clone());
            let (switch, steps) = (first.cancel_switch(), AtomicUsize::new(0));
            let first = first.with_watcher(move |event| {
                if let Event::Step(n) = event
                    && steps.fetch_add(*n as usize, Ordering::Relaxed) + *n as usize >= cut
                {
                    switch.store(true, Ordering::Relaxed);
                }
            });
            assert!(matches!(fit(&params, &table, &first), Err(Error::Cancelled)), "{params} {cut}");
            let resumed = fit(&params, &table, &context().with_runtime(runtime.clone())).unwrap();
            assert!(resumed == whole, "{params}: cut after {cut} batches");
            // Once done, nothing is done again.
            let again = context().with_runtime(runtime);
            assert!(fit(&params, &table, &again).unwrap() == whole);
        }
    }
}

/// A context whose clock is half a minute on whenever it is asked.
fn leaping(runtime: &Runtime) -> Context {
    let (start, asked) = (std::time::Instant::now(), AtomicUsize::new(0));
    let clock = move || {
        let n = asked.fetch_add(1, Ordering::Relaxed) as u32;
        start + std::time::Duration::from_secs(30) * n
    };
    context().with_runtime(runtime.clone()).with_clock(clock)
}

#[test]
fn a_damaged_checkpoint_is_named_and_left_out() {
    let (table, params) = (table(100, |_| 1.0), &settings()[0]);
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = Some(folder.path().to_path_buf());
    let runtime = Runtime { checkpoint, resume: true, ..Runtime::default() };
    let whole = fit(params, &table, &leaping(&runtime)).unwrap();
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let bytes = std::fs::read(&file).unwrap();
    let mut flipped = bytes.clone();
    flipped[bytes.len() - 9] ^= 4;
    for broken in [&bytes[..bytes.len() / 2], &bytes[..4], &[0xff; 64], &[], &flipped[..]] {
        std::fs::write(&file, broken).unwrap();
        let context = context().with_runtime(runtime.clone());
        assert!(fit(params, &table, &context.quiet()).unwrap() == whole);
        let said = context.warnings();
        assert_eq!(said.len(), 1);
        let name = file.file_name().unwrap().to_str().unwrap();
        assert!(said[0].code == "checkpoint_damaged" && said[0].message.contains(name), "{said:?}");
    }
}

#[test]
fn states_are_written_by_the_clock() {
    let (table, params) = (table(100, |_| 1.0), &settings()[0]);
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime { checkpoint: Some(folder.path().to_path_buf()), ..Runtime::default() };
    fit(params, &table, &context().with_runtime(runtime.clone())).unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    fit(params, &table, &leaping(&runtime)).unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[test]
fn threads_do_not_matter() {
    let table = table(300, |i| 1.0 + (i % 2) as f64);
    let params = json!({ "hidden": [16], "epochs": 3, "batch_size": 256 });
    let mut states = Vec::new();
    for threads in [1, 2, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        states.push(pool.install(|| fit(&params, &table, &context())).unwrap());
    }
    assert!(states[0] == states[1] && states[1] == states[2]);
}

/// The target is standardised under weights and the loss is a weighted mean: only proportions count.
#[test]
fn weights_count() {
    let params = json!({ "hidden": [8], "epochs": 3, "batch_size": 32 });
    let of = |table: &Table| fit(&params, table, &context()).unwrap();
    let plain = of(&table(200, |_| 1.0));
    assert!(of(&table(200, |_| 2.0)) == plain);
    // Rows that weigh nothing, at the end, are as if they were not there.
    let some = table(250, |i| f64::from(u8::from(i < 200)));
    assert!(of(&some) == of(&Table::new(some.batch().slice(0, 200))));
}

#[test]
fn steps_that_are_too_large_become_smaller() {
    let table = table(300, |_| 1.0);
    let params = |rate: f64| {
        json!({ "hidden": [16], "epochs": 5, "batch_size": 16, "optimizer": "sgd", "weight_decay": 0.0,
                "clip_norm": 0.0, "learning_rate": rate })
    };
    let context = context();
    fit(&params(30.0), &table, &context).unwrap();
    let warnings = context.warnings();
    assert!(warnings.iter().any(|w| w.code == "net_diverged"), "{warnings:?}");
    let error = fit(&params(1e30), &table, &context).unwrap_err();
    assert_eq!(error.code(), "diverged");
}

/// A column with one huge value is named when the loss leaves the numbers.
#[test]
fn the_column_to_blame_is_named() {
    let mut table = table(400, |_| 1.0);
    let mut values = table.batch().numbers(2).unwrap().values().to_vec();
    values[5] = 1e9;
    let mut columns = table.batch().columns().to_vec();
    columns[2] = Arc::new(Float64Array::from(values));
    table = Table::new(Batch::new(table.batch().schema().clone(), columns).unwrap());
    let params = json!({ "optimizer": "sgd", "weight_decay": 0.0, "clip_norm": 0.0, "learning_rate": 1e30 });
    let error = fit(&params, &table, &context()).unwrap_err();
    assert!(error.to_string().contains("'x1'"), "{error}");
}

#[test]
fn a_net_learns_products_that_a_linear_model_cannot() {
    let table = table(1000, |_| 1.0);
    let net = registry().build("neural_net", json!({ "epochs": 60 })).unwrap();
    let fitted = net.fit(Training::on(&table), &context()).unwrap();
    let batch = table.batch();
    let output = fitted.bind(batch.schema()).unwrap().apply(batch).unwrap();
    let at = output.schema().index("prediction").unwrap();
    let (found, truth) =
        (output.numbers(at).unwrap().values().to_vec(), batch.numbers(4).unwrap().values().to_vec());
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let errors: f64 = found.iter().zip(&truth).map(|(a, y)| (a - y).powi(2)).sum();
    let spread: f64 = truth.iter().map(|y| (y - mean).powi(2)).sum();
    // A linear model explains two fifths at most: the product has a variance of 1, the category of 2/3.
    assert!(errors < 0.1 * spread, "{}", errors / spread);
}

/// A target of pure chance: nothing is gained for long, and the parameters of the best epoch stay, whatever came after it.
#[test]
fn training_stops_when_nothing_is_gained_and_keeps_the_best() {
    let mut table = table(300, |_| 1.0);
    let mut random = Random::new(8, 0);
    let mut columns = table.batch().columns().to_vec();
    columns[4] = Arc::new(Float64Array::from_iter_values((0..300).map(|_| random.normal())));
    table = Table::new(Batch::new(table.batch().schema().clone(), columns).unwrap());
    let fit = |epochs: usize| {
        let params = json!({ "hidden": [32], "epochs": epochs, "patience": 5, "batch_size": 32, "dropout": 0.0,
                    "schedule": "constant" });
        let steps = Arc::new(AtomicUsize::new(0));
        let counter = steps.clone();
        let context = context().with_watcher(move |event| {
            if let Event::Step(n) = event {
                counter.fetch_add(*n as usize, Ordering::Relaxed);
            }
        });
        let tensors = fit(&params, &table, &context).unwrap().tensors;
        // Nine batches of 270 rows.
        (steps.load(Ordering::Relaxed) / 9, tensors)
    };
    let (ran, kept) = fit(500);
    assert!((6..500).contains(&ran), "{ran}");
    let best = ran - 5;
    assert!(fit(best).1 == kept && fit(best - 1).1 != kept);
}
