//! Learners made of others: AdaBoost and stacking against scikit-learn on stored cases, bagging against the spread of its held-out
//! losses (`reference/ensemble.py` makes them), and what must be true of them.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Schema, Table, Training,
};
use tidemill_learn::ensemble::{AdaBoost, Bagged, FittedAdaBoost, FittedBagged, Stacked};
use tidemill_learn::{bayes, linear, neighbors, series, trees};

fn registry() -> Registry {
    Registry::new([
        Entry::learner::<AdaBoost>(),
        Entry::learner::<Bagged>(),
        Entry::learner::<Stacked>(),
        Entry::learner::<bayes::GaussianNb>(),
        Entry::learner::<linear::Logistic>(),
        Entry::learner::<linear::Ridge>(),
        Entry::learner::<neighbors::KNeighbors>(),
        Entry::learner::<series::LocalForecast>(),
        Entry::learner::<trees::RandomForest>(),
    ])
}

fn context() -> Context {
    Context::new(1, 2, Arc::new(registry()))
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().map(|a| a.iter().map(|x| x.as_f64().unwrap()).collect()).unwrap_or_default()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

fn numbers(name: &str, values: Vec<f64>) -> (Column, ArrayRef) {
    (Column::number(name), Arc::new(Float64Array::from(values)))
}

fn table(columns: Vec<(Column, ArrayRef)>) -> Table {
    let (columns, arrays) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// Columns `x0`, `x1`, … from rows.
fn features(rows: &[Vec<f64>]) -> Vec<(Column, ArrayRef)> {
    (0..rows[0].len()).map(|j| numbers(&format!("x{j}"), rows.iter().map(|row| row[j]).collect())).collect()
}

fn target(values: &[f64], classes: Option<&[&str]>) -> (Column, ArrayRef) {
    match classes {
        None => (Column::number("y").with_role(Role::Target), Arc::new(Float64Array::from(values.to_vec()))),
        Some(names) => {
            let names = Categories::new(names);
            let codes = UInt32Array::from_iter_values(values.iter().map(|&y| y as u32));
            let array = names.column(codes).unwrap();
            (Column::category("y", names).with_role(Role::Target), array)
        }
    }
}

fn fit(kind: &str, params: Value, table: &Table) -> Result<Arc<dyn Fitted>> {
    registry().build(kind, params)?.fit(Training::on(table), &context())
}

fn answers(fitted: &Arc<dyn Fitted>, batch: &Batch) -> Vec<f64> {
    let output = fitted.clone().bind(batch.schema()).unwrap().apply(batch).unwrap();
    match output.schema().position("probability") {
        Some(at) => output.probabilities(at).unwrap().to_vec(),
        None => output.numbers(output.schema().index("prediction").unwrap()).unwrap().values().to_vec(),
    }
}

fn apart(ours: &[f64], theirs: &[f64]) -> f64 {
    assert_eq!(ours.len(), theirs.len());
    ours.iter().zip(theirs).fold(0.0, |most, (a, b)| {
        // `max` would pass over a NaN.
        let off = (a - b).abs() / b.abs().max(1.0);
        if off.is_nan() { f64::INFINITY } else { f64::max(most, off) }
    })
}

fn stored() -> Value {
    serde_json::from_str(include_str!("reference/ensemble.json")).unwrap()
}

#[test]
fn boosting_and_stacking_agree_with_scikit_learn() {
    let stored = stored();
    let mut failures = Vec::new();
    for case in stored["cases"].as_array().unwrap() {
        let names: Option<Vec<&str>> =
            case["classes"].as_array().map(|names| names.iter().map(|n| n.as_str().unwrap()).collect());
        let mut columns = features(&matrix(&case["rows"]));
        columns.push(target(&floats(&case["target"]), names.as_deref()));
        for (key, role) in [("weights", Role::Weight), ("folds", Role::Block)] {
            if case[key].is_array() {
                let (column, values) = numbers(key, floats(&case[key]));
                columns.push((column.with_role(role), values));
            }
        }
        let fitted = fit(case["kind"].as_str().unwrap(), case["params"].clone(), &table(columns)).unwrap();
        let asked = table(features(&matrix(&case["asked"])));
        let theirs: Vec<f64> = matrix(&case["answers"]).concat();
        let mut off = apart(&answers(&fitted, asked.batch()), &theirs);
        let any: Arc<dyn std::any::Any + Send + Sync> = fitted.clone();
        if let Some(boosted) = any.downcast_ref::<FittedAdaBoost>() {
            let theirs = floats(&case["votes"]);
            let same = boosted.votes().len() == theirs.len();
            off = off.max(if same { apart(boosted.votes(), &theirs) } else { f64::INFINITY });
        }
        if off > 1e-6 {
            failures.push(format!("{}: {off:e}", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// As in `ensemble.py`.
fn unit(column: u64, i: usize) -> f64 {
    let mut z = (i as u64 + (column << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}

/// Rows of the table of `ensemble.py`, with the number to predict, or whether it is great.
fn made(rows: std::ops::Range<usize>, classes: bool) -> (Table, Vec<f64>) {
    let x: Vec<Vec<f64>> = rows.clone().map(|i| (0..4).map(|j| unit(j, i)).collect()).collect();
    let number = |(i, x): (usize, &Vec<f64>)| {
        3.0 * x[0] * x[1] + f64::from(u8::from(x[2] > 0.6)) + unit(4, i) + unit(5, i) - 1.0
    };
    let z = rows.zip(&x).map(number);
    let y: Vec<f64> = z.map(|z| if classes { f64::from(u8::from(z > 1.3)) } else { z }).collect();
    let mut columns = features(&x);
    columns.push(target(&y, classes.then_some(&["low", "high"])));
    (table(columns), y)
}

/// The error of a model on held-out rows: squared, or the share of wrong classes.
fn loss(fitted: &Arc<dyn Fitted>, classes: bool) -> f64 {
    let (held, truth) = made(600..2600, classes);
    let said = answers(fitted, held.batch());
    let one = |i: usize| match classes {
        true => f64::from(u8::from((said[2 * i + 1] > said[2 * i]) != (truth[i] > 0.5))),
        false => (said[i] - truth[i]).powi(2),
    };
    (0..truth.len()).map(one).sum::<f64>() / truth.len() as f64
}

#[test]
fn bagging_errs_as_scikit_learns_does_and_less_than_one_tree() {
    for (name, classes) in [("mse", false), ("error", true)] {
        let theirs = &stored()["bagging"][name];
        let figure = |key: &str| theirs[key].as_f64().unwrap();
        let fitted = fit("bagged", json!({}), &made(0..600, classes).0).unwrap();
        let ours = loss(&fitted, classes);
        assert!((ours - figure("mean")).abs() < 4.0 * figure("deviation"), "{name}: {ours}, {theirs}");
        assert!(ours < figure("one_tree"), "{name}: {ours}, {theirs}");
        // Rows that a copy did not draw are as new to it; a third of so many copies are as good as all.
        let fitted = fit("bagged", json!({ "copies": 100 }), &made(0..600, classes).0).unwrap();
        let ours = loss(&fitted, classes);
        let any: Arc<dyn std::any::Any + Send + Sync> = fitted.clone();
        let notes = any.downcast_ref::<FittedBagged>().unwrap().notes().clone();
        let held = made(600..2600, classes).1;
        let mean = held.iter().sum::<f64>() / held.len() as f64;
        let spread = held.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / held.len() as f64;
        let score = if classes { 1.0 - ours } else { 1.0 - ours / spread };
        let out_of_bag = notes["out_of_bag"].as_f64().unwrap();
        assert!((out_of_bag - score).abs() < 0.06, "{name}: {out_of_bag} against {score}");
        assert!(notes["rows"].as_u64().unwrap() > 570, "{notes}");
    }
}

#[test]
fn copies_without_chance_answer_as_the_learner_alone() {
    let (rows, _) = made(0..200, true);
    let params = json!({ "learner": "logistic", "bootstrap": false, "copies": 2 });
    let bagged = fit("bagged", params, &rows).unwrap();
    let alone = fit("logistic", json!({}), &rows).unwrap();
    assert!(apart(&answers(&bagged, rows.batch()), &answers(&alone, rows.batch())) < 1e-12);
}

#[test]
fn rows_that_belong_together_are_out_of_bag_together() {
    let (rows, _) = made(0..100, false);
    let mut columns: Vec<(Column, ArrayRef)> =
        rows.batch().schema().columns().iter().cloned().zip(rows.batch().columns().iter().cloned()).collect();
    let (column, values) = numbers("block", (0..100).map(|i| f64::from(i / 50)).collect());
    columns.push((column.with_role(Role::Block), values));
    // Of two blocks of fifty rows each, a copy draws from both.
    let fitted: Arc<dyn std::any::Any + Send + Sync> = fit("bagged", json!({}), &table(columns)).unwrap();
    assert_eq!(fitted.downcast_ref::<FittedBagged>().unwrap().notes(), &json!({}));
}

#[test]
fn a_round_no_better_than_chance_ends_boosting() {
    // The target says nothing that a feature knows.
    let rows: Vec<Vec<f64>> = (0..40).map(|_| vec![1.0]).collect();
    let y: Vec<f64> = (0..40).map(|i| f64::from(i % 2)).collect();
    let mut columns = features(&rows);
    columns.push(target(&y, Some(&["no", "yes"])));
    let context = context();
    let learner = registry().build("ada_boost", json!({})).unwrap();
    let fitted: Arc<dyn std::any::Any + Send + Sync> =
        learner.fit(Training::on(&table(columns)), &context).unwrap();
    assert_eq!(fitted.downcast_ref::<FittedAdaBoost>().unwrap().votes(), [1.0]);
    assert_eq!(context.warnings()[0].code, "ada_boost_chance");
}

#[test]
fn wrappers_need_what_their_learners_need() {
    let needs = |kind: &str, params: Value| registry().build(kind, params).unwrap().needs();
    let (trees, linear) = (needs("random_forest", json!({})), needs("logistic", json!({})));
    assert_eq!(needs("bagged", json!({})), trees);
    assert_eq!(needs("bagged", json!({ "learner": "logistic" })), linear);
    assert_eq!(needs("ada_boost", json!({ "learner": "bagged" })), trees);
    let both = json!({ "learners": [{ "kind": "random_forest" }, { "kind": "logistic" }] });
    assert_eq!(needs("stacked", both), trees.and(linear));
}

#[test]
fn what_is_wrong_within_is_named_by_its_key() {
    let refused = |kind: &str, params: Value| registry().build(kind, params).err().unwrap().to_string();
    let text = refused("bagged", json!({ "learner": "logistik" }));
    assert!(text.starts_with("'learner'") && text.contains("did you mean 'logistic'?"), "{text}");
    let text = refused("ada_boost", json!({ "learner": "ridge", "params": { "alpha": -1.0 } }));
    assert!(text.starts_with("'params.alpha'"), "{text}");
    let learners = json!([{ "kind": "ridge" }, { "kind": "k_neighbors", "n_neighbors": 0 }]);
    let text = refused("stacked", json!({ "learners": learners }));
    assert!(text.starts_with("'learners[1].n_neighbors'"), "{text}");
    let text = refused("stacked", json!({ "learners": [{ "kind": "local_forecast" }] }));
    assert!(text.starts_with("'learners[0].kind'") && text.contains("no learner of rows"), "{text}");
    let text = refused("stacked", json!({ "final_params": { "folds": 3 } }));
    assert!(text.starts_with("'final_params'"), "{text}");
    let text = refused("bagged", json!({ "params": { "n_trees": 3 } }));
    assert!(text.starts_with("'params'"), "{text}");
    let few = made(0..1, false).0;
    let text = fit("stacked", json!({ "learners": [{ "kind": "ridge" }] }), &few).err().unwrap().to_string();
    assert!(text.contains("too few for 'stacked'"), "{text}");
}
