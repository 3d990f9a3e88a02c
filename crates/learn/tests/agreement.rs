//! Agreement with scikit-learn on stored cases (`reference/linear.py` makes them), and the edges it leaves open.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Schema, Table, TensorData,
    Training,
};
use tidemill_learn::{Baseline, linear};

fn registry() -> Registry {
    Registry::new([
        Entry::learner::<Baseline>(),
        Entry::learner::<linear::Ridge>(),
        Entry::learner::<linear::Lasso>(),
        Entry::learner::<linear::ElasticNet>(),
        Entry::learner::<linear::Logistic>(),
        Entry::learner::<linear::Gamma>(),
        Entry::learner::<linear::Huber>(),
        Entry::learner::<linear::Poisson>(),
        Entry::learner::<linear::QuantileRegression>(),
        Entry::learner::<linear::Tweedie>(),
    ])
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().map(|a| a.iter().map(|x| x.as_f64().unwrap()).collect()).unwrap_or_default()
}

/// A table with columns `x0`, `x1`, …, a target and perhaps weights.
fn table(rows: &[Vec<f64>], target: &[f64], weights: Option<&[f64]>, classes: Option<&[&str]>) -> Table {
    let p = rows.first().map_or(0, Vec::len);
    let mut columns = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for j in 0..p {
        columns.push(Column::number(format!("x{j}")));
        arrays.push(Arc::new(Float64Array::from_iter_values(rows.iter().map(|row| row[j]))));
    }
    match classes {
        Some(classes) => {
            let names = Categories::new(classes);
            let codes = UInt32Array::from_iter_values(target.iter().map(|&y| y as u32));
            arrays.push(names.column(codes).unwrap());
            columns.push(Column::category("y", names).with_role(Role::Target));
        }
        None => {
            arrays.push(Arc::new(Float64Array::from(target.to_vec())));
            columns.push(Column::number("y").with_role(Role::Target));
        }
    }
    if let Some(weights) = weights {
        arrays.push(Arc::new(Float64Array::from(weights.to_vec())));
        columns.push(Column::number("weight").with_role(Role::Weight));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn fit(kind: &str, params: Value, table: &Table, context: &Context) -> Result<Arc<dyn Fitted>> {
    registry().build(kind, params)?.fit(Training::on(table), context)
}

fn tensor(fitted: &dyn Fitted, name: &str) -> Vec<f64> {
    match &fitted.state().tensors[name].data {
        TensorData::F64(values) => values.clone(),
        other => panic!("{other:?}"),
    }
}

fn answers(fitted: Arc<dyn Fitted>, batch: &Batch) -> Vec<f64> {
    let output = fitted.bind(batch.schema()).unwrap().apply(batch).unwrap();
    match output.schema().position("probability") {
        Some(at) => output.probabilities(at).unwrap().to_vec(),
        None => output.numbers(output.schema().index("prediction").unwrap()).unwrap().values().to_vec(),
    }
}

fn apart(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs() / b.abs().max(1.0)))
}

/// Intercepts of a softmax moved to sum to 0: with an l1 penalty scikit-learn leaves their common height open.
fn settled(mut intercepts: Vec<f64>) -> Vec<f64> {
    if intercepts.len() > 1 {
        let mean = intercepts.iter().sum::<f64>() / intercepts.len() as f64;
        intercepts.iter_mut().for_each(|b| *b -= mean);
    }
    intercepts
}

#[test]
fn linear_models_agree_with_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/linear.json")).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let rows: Vec<Vec<f64>> = case["rows"].as_array().unwrap().iter().map(floats).collect();
        let weights = case["weights"].is_array().then(|| floats(&case["weights"]));
        let names: Option<Vec<&str>> =
            case["classes"].as_array().map(|names| names.iter().map(|n| n.as_str().unwrap()).collect());
        let table = table(&rows, &floats(&case["target"]), weights.as_deref(), names.as_deref());
        let context = Context::default();
        let fitted = fit(case["kind"].as_str().unwrap(), case["params"].clone(), &table, &context).unwrap();
        let distance = apart(&tensor(&*fitted, "coefficients"), &floats(&case["coefficients"]));
        let constant = apart(&tensor(&*fitted, "intercepts"), &settled(floats(&case["intercepts"])));
        let said = apart(&answers(fitted, &table.batch().slice(0, 5)), &floats(&case["answers"]));
        let name = &case["name"];
        println!("{name}: coefficients {distance:.1e}, intercepts {constant:.1e}, answers {said:.1e}");
        let agrees = distance < 1e-6 && constant < 1e-6 && said < 1e-6;
        if !agrees || !context.warnings().is_empty() {
            failures
                .push(format!("{name} {distance:.1e} {constant:.1e} {said:.1e} {:?}", context.warnings()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

fn line(n: usize) -> Vec<Vec<f64>> {
    (0..n).map(|i| vec![(i as f64 * 0.7).sin(), i as f64 / n as f64]).collect()
}

#[test]
fn a_class_without_rows_gets_no_probability() {
    let rows = line(30);
    let target: Vec<f64> = (0..30).map(|i| if i % 3 == 0 { 2.0 } else { 0.0 }).collect();
    let table = table(&rows, &target, None, Some(&["a", "never", "c"]));
    let fitted = fit("logistic", json!({}), &table, &Context::default()).unwrap();
    for row in answers(fitted, table.batch()).chunks(3) {
        assert_eq!(row[1], 0.0);
        assert!((row.iter().sum::<f64>() - 1.0).abs() < 1e-15);
    }
}

#[test]
fn one_class_is_a_warning_and_a_constant() {
    let table = table(&line(10), &[1.0; 10], None, Some(&["no", "yes"]));
    let context = Context::default();
    let fitted = fit("logistic", json!({}), &table, &context).unwrap();
    assert_eq!(answers(fitted, table.batch()), [0.0, 1.0].repeat(10));
    assert_eq!(context.warnings()[0].code, "one_class");
}

#[test]
fn missing_and_infinite_features_have_stated_answers() {
    let target: Vec<f64> = (0..40).map(|i| f64::from(i >= 10)).collect();
    let train = table(&line(40), &target, None, Some(&["no", "yes"]));
    let fitted = fit("logistic", json!({}), &train, &Context::default()).unwrap();
    let hard = table(
        &[vec![f64::NAN, 0.0], vec![0.0, f64::INFINITY], vec![0.0, f64::NEG_INFINITY]],
        &[0.0; 3],
        None,
        Some(&["no", "yes"]),
    );
    assert_eq!(answers(fitted, hard.batch()), [0.25, 0.75, 0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn wrong_targets_and_features_are_named() {
    let numbers = table(&line(10), &[0.5; 10], None, None);
    let classes = table(&line(10), &[1.0; 10], None, Some(&["no", "yes"]));
    let context = Context::default();
    assert_eq!(fit("logistic", json!({}), &numbers, &context).err().unwrap().code(), "wrong_kind");
    assert_eq!(fit("ridge", json!({}), &classes, &context).err().unwrap().code(), "wrong_kind");
    let endless = table(&[vec![1.0], vec![f64::INFINITY]], &[0.0, 1.0], None, None);
    let error = fit("lasso", json!({}), &endless, &context).err().unwrap().to_string();
    assert!(error.contains("'x0'") && error.contains("row 1"), "{error}");
    let huge = table(&[vec![1e200], vec![-1e200]], &[0.0, 1.0], None, None);
    let error = fit("ridge", json!({}), &huge, &context).err().unwrap();
    assert!(error.code() == "values_too_large" && error.to_string().contains("'x0'"), "{error}");
}

#[test]
fn weights_of_zero_count_for_nothing() {
    let (rows, target): (Vec<_>, Vec<_>) = (line(20), (0..20).map(f64::from).collect());
    let weights: Vec<f64> = (0..20).map(|i| f64::from(i < 12)).collect();
    let weighted = table(&rows, &target, Some(&weights), None);
    let few = table(&rows[..12], &target[..12], None, None);
    for kind in ["baseline", "ridge", "elastic_net", "poisson", "tweedie", "huber", "quantile_regression"] {
        let with = fit(kind, json!({}), &weighted, &Context::default()).unwrap();
        let without = fit(kind, json!({}), &few, &Context::default()).unwrap();
        assert!(apart(&answers(with, few.batch()), &answers(without, few.batch())) < 1e-9, "{kind}");
    }
    let none = table(&rows, &target, Some(&[0.0; 20]), None);
    assert_eq!(fit("ridge", json!({}), &none, &Context::default()).err().unwrap().code(), "no_weight");
}

#[test]
fn the_greatest_penalty_leaves_the_mean() {
    let target: Vec<f64> = (0..20).map(f64::from).collect();
    let table = table(&line(20), &target, None, None);
    let fitted = fit("lasso", json!({"alpha_ratio": 1.0}), &table, &Context::default()).unwrap();
    assert_eq!(tensor(&*fitted, "coefficients"), [0.0, 0.0]);
    let fitted = fit("lasso", json!({"alpha_ratio": 0.9}), &table, &Context::default()).unwrap();
    assert!(tensor(&*fitted, "coefficients").iter().any(|&w| w != 0.0));
}

/// Many rows go by the thinned sample, many columns by working sets: both must end where the whole problem does.
#[test]
fn short_cuts_end_at_the_same_place() {
    let mut random = tidemill_kernel::Random::new(3, 0);
    let (n, p) = (20_000, 3);
    let rows: Vec<Vec<f64>> = (0..n).map(|_| (0..p).map(|_| random.normal()).collect()).collect();
    let target: Vec<f64> =
        rows.iter().map(|r| f64::from(r[0] - 2.0 * r[1] + 0.5 + random.normal() > 0.0)).collect();
    let table = table(&rows, &target, None, Some(&["no", "yes"]));
    // With hardly any penalty, l1 and l2 mean the same.
    let l2 = fit("logistic", json!({"c": 1e9, "tol": 1e-11}), &table, &Context::default()).unwrap();
    let l1 = fit("logistic", json!({"c": 1e9, "tol": 1e-11, "penalty": "l1"}), &table, &Context::default());
    let distance = apart(&tensor(&*l2, "coefficients"), &tensor(&*l1.unwrap(), "coefficients"));
    assert!(distance < 1e-6, "{distance}");
}
