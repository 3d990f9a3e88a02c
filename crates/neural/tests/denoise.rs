//! The denoising autoencoder against scikit-learn's PCA and net on stored rows (`reference/denoise.py`).

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use serde::Deserialize;
use serde_json::json;
use tidemill_core::{Batch, Column, Context, Entry, Fitted, Registry, Schema, Table, Training};
use tidemill_neural::Denoise;

#[derive(Deserialize)]
struct Case {
    train: Vec<[f64; 6]>,
    later: Vec<[f64; 6]>,
    strange: Vec<[f64; 6]>,
    pca: Scores,
    nets: Vec<Scores>,
}

#[derive(Deserialize)]
struct Scores {
    error: f64,
    area: f64,
}

fn case() -> Case {
    serde_json::from_str(include_str!("reference/denoise.json")).unwrap()
}

fn table(rows: &[[f64; 6]], missing: impl Fn(usize, usize) -> bool) -> Table {
    let columns = (0..6).map(|j| Column::number(format!("x{j}"))).collect();
    let array = |j: usize| -> ArrayRef {
        let numbers = rows.iter().enumerate().map(|(i, row)| (!missing(i, j)).then_some(row[j]));
        Arc::new(Float64Array::from_iter(numbers))
    };
    let arrays = (0..6).map(array).collect();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn complete(rows: &[[f64; 6]]) -> Table {
    table(rows, |_, _| false)
}

fn fit(params: serde_json::Value, table: &Table, seed: u64) -> Arc<dyn Fitted> {
    let registry = Arc::new(Registry::new([Entry::step::<Denoise>()]));
    let context = Context::new(seed, 2, registry.clone());
    registry.build("denoise", params).unwrap().fit(Training::on(table), &context).unwrap()
}

fn apply(fitted: &Arc<dyn Fitted>, table: &Table) -> Batch {
    fitted.clone().bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap()
}

fn errors(fitted: &Arc<dyn Fitted>, rows: &[[f64; 6]]) -> Vec<f64> {
    let output = apply(fitted, &complete(rows));
    output.numbers(output.schema().index("reconstruction_error").unwrap()).unwrap().values().to_vec()
}

/// The share of pairs of which the strange row has the greater error.
fn area(usual: &[f64], strange: &[f64]) -> f64 {
    let pairs = strange.iter().flat_map(|s| usual.iter().map(move |u| f64::from(u8::from(s > u))));
    pairs.sum::<f64>() / (usual.len() * strange.len()) as f64
}

#[test]
fn its_error_tells_strange_rows_as_well_as_a_net_of_scikit_learn_does() {
    let case = case();
    let mean = |of: fn(&Scores) -> f64| case.nets.iter().map(of).sum::<f64>() / case.nets.len() as f64;
    let worst = case.nets.iter().map(|net| net.error).fold(0.0, f64::max);
    let least = case.nets.iter().map(|net| net.area).fold(1.0, f64::min);
    println!("nets: error {:.4}, area {:.4}", mean(|net| net.error), mean(|net| net.area));
    for seed in 0..2 {
        let fitted = fit(json!({ "output": "error" }), &complete(&case.train), seed);
        let (usual, strange) = (errors(&fitted, &case.later), errors(&fitted, &case.strange));
        let (error, area) = (usual.iter().sum::<f64>() / usual.len() as f64, area(&usual, &strange));
        println!("ours: error {error:.4}, area {area:.4}");
        assert!(error < 1.5 * worst && error < case.pca.error, "seed {seed}: {error}");
        // Ours learns to live without a tenth of the numbers, too.
        assert!(area > least - 0.001 && area > case.pca.area, "seed {seed}: {area}");
    }
}

#[test]
fn what_is_missing_or_wrong_comes_back_near_what_it_was() {
    let case = case();
    let fitted = fit(json!({}), &table(&case.train, |i, j| (i + j) % 13 == 0), 0);
    // The difference of the first two columns tells the second.
    let gaps = table(&case.later, |_, j| j == 1);
    let output = apply(&fitted, &gaps);
    let filled = output.numbers(1).unwrap();
    assert_eq!(filled.null_count(), 0);
    let truth: Vec<f64> = case.later.iter().map(|row| row[1]).collect();
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let spread: f64 = truth.iter().map(|y| (y - mean) * (y - mean)).sum();
    let off: f64 = truth.iter().zip(filled.values()).map(|(y, found)| (y - found) * (y - found)).sum();
    println!("share of the variance left: {:.4}", off / spread);
    assert!(off < 0.15 * spread, "{off} of {spread}");
}

#[test]
fn so_many_rows_are_marked_as_were_asked_for() {
    let case = case();
    let params = json!({ "output": "flag", "contamination": 0.05, "epochs": 20 });
    let train = complete(&case.train);
    let fitted = fit(params, &train, 0);
    let marked = |table: &Table| {
        let output = apply(&fitted, table);
        output.flags(output.schema().index("outlier").unwrap()).unwrap().true_count()
    };
    assert_eq!(marked(&train), 40, "a twentieth of 800");
    let (usual, strange) = (marked(&complete(&case.later)), marked(&complete(&case.strange)));
    assert!(usual < 45 && strange > 200, "{usual}, {strange}");
}
