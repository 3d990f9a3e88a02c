//! Nets against scikit-learn's on the examples, by held-out loss (`reference/nets.py` makes the figures).

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Registry, Role, Schema, Source, Table, Training,
};
use tidemill_neural::NeuralNet;

/// The columns of an example that the case names, rows with gaps left out, as `nets.py` reads it.
fn example(case: &Value) -> Table {
    let name = case["name"].as_str().unwrap();
    let path = format!("{}/../../examples/{name}/{name}.csv", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let place = |name: &str| header.iter().position(|h| *h == name).unwrap();
    let columns: Vec<&str> =
        case["columns"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let target = place(case["target"].as_str().unwrap());
    let places: Vec<usize> = columns.iter().map(|name| place(name)).collect();
    let rows = lines.map(|line| line.split(',').collect::<Vec<&str>>());
    let complete = |row: &Vec<&str>| places.iter().chain([&target]).all(|&at| !row[at].is_empty());
    let rows: Vec<Vec<&str>> =
        rows.filter(complete).take(case["rows"].as_u64().unwrap_or(u64::MAX) as usize).collect();
    let numbers = |at: usize| rows.iter().map(|row| row[at].parse().unwrap()).collect::<Vec<f64>>();
    let mut arrays: Vec<ArrayRef> =
        places.iter().map(|&at| Arc::new(Float64Array::from(numbers(at))) as ArrayRef).collect();
    let mut described: Vec<Column> = columns.iter().map(|name| Column::number(*name)).collect();
    if case["kind"] == "classes" {
        let mut names: Vec<&str> = rows.iter().map(|row| row[target]).collect();
        names.sort_unstable();
        names.dedup();
        let names = Categories::new(names);
        let codes = rows.iter().map(|row| names.code(row[target])).collect::<Vec<u32>>();
        arrays.push(names.column(UInt32Array::from(codes)).unwrap());
        described.push(Column::category("target", names).with_role(Role::Target));
    } else {
        arrays.push(Arc::new(Float64Array::from(numbers(target))));
        described.push(Column::number("target").with_role(Role::Target));
    }
    Table::new(Batch::new(Arc::new(Schema::new(described).unwrap()), arrays).unwrap())
}

/// The log loss of every fourth row, or the root mean squared error over the spread of the training rows' target.
fn held_out_loss(params: &Value, table: &Table, seed: u64) -> f64 {
    let n = table.batch().n_rows() as u32;
    let (train, test): (Vec<u32>, Vec<u32>) = (0..n).partition(|i| i % 4 != 3);
    let (train, test) = (Table::new(table.take(&train).unwrap()), table.take(&test).unwrap());
    let registry = Registry::new([Entry::learner::<NeuralNet>()]);
    let net = registry.build("neural_net", params.clone()).unwrap();
    let context = Context::new(seed, 2, Arc::new(registry));
    let fitted = net.fit(Training::on(&train), &context).unwrap();
    let answers = fitted.bind(test.schema()).unwrap().apply(&test).unwrap();
    let target = test.schema().index("target").unwrap();
    if let Some(at) = answers.schema().position("probability") {
        let (p, codes) = (answers.probabilities(at).unwrap(), test.codes(target).unwrap());
        let k = p.len() / codes.values().len();
        let losses = codes.values().iter().enumerate().map(|(i, &c)| -p[i * k + c as usize].max(1e-15).ln());
        return losses.sum::<f64>() / codes.values().len() as f64;
    }
    let numbers =
        |batch: &Batch| batch.numbers(batch.schema().index("target").unwrap()).unwrap().values().to_vec();
    let (taught, truth) = (numbers(train.batch()), numbers(&test));
    let mean = taught.iter().sum::<f64>() / taught.len() as f64;
    let spread = (taught.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / taught.len() as f64).sqrt();
    let at = answers.schema().index("prediction").unwrap();
    let errors =
        answers.numbers(at).unwrap().values().iter().zip(&truth).map(|(a, y)| ((a - y) / spread).powi(2));
    (errors.sum::<f64>() / truth.len() as f64).sqrt()
}

/// With scikit-learn's settings, the mean of three seeds is not above its mean of ten by more than two of its spreads.
#[test]
fn held_out_losses_are_those_of_scikit_learn() {
    let reference: Value = serde_json::from_str(include_str!("reference/nets.json")).unwrap();
    for case in reference["held_out"].as_array().unwrap() {
        let losses: Vec<f64> =
            case["losses"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap()).collect();
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let spread = (losses.iter().map(|l| (l - mean) * (l - mean)).sum::<f64>() / (n - 1.0)).sqrt();
        let params = json!({
            "hidden": [64, 32], "dropout": 0.0, "weight_decay": 0.0, "clip_norm": 0.0, "batch_size": 64,
            "epochs": case["epochs"], "schedule": "constant", "validation_share": 0.0
        });
        let table = example(case);
        let ours = (0..3).map(|seed| held_out_loss(&params, &table, seed)).sum::<f64>() / 3.0;
        println!("{}: ours {ours:.4}, scikit-learn's {mean:.4} +- {spread:.4}", case["name"]);
        assert!(ours <= mean + 2.0 * spread, "{}: {ours} against {mean} +- {spread}", case["name"]);
    }
}
