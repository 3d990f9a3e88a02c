//! Agreement of naive Bayes, neighbours and support vector machines with scikit-learn on stored cases
//! (`reference/classical.py` makes them), and the edges it leaves open.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Schema, Table, Training,
};
use tidemill_learn::{bayes, neighbors};

fn registry() -> Registry {
    Registry::new([
        Entry::of::<bayes::BernoulliNb>(),
        Entry::of::<bayes::CategoricalNb>(),
        Entry::of::<bayes::ComplementNb>(),
        Entry::of::<bayes::GaussianNb>(),
        Entry::of::<bayes::MultinomialNb>(),
        Entry::of::<neighbors::KNeighbors>(),
    ])
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().map(|a| a.iter().map(|x| x.as_f64().unwrap()).collect()).unwrap_or_default()
}

fn matrix(value: &Value) -> Vec<Vec<f64>> {
    value.as_array().unwrap().iter().map(floats).collect()
}

/// Columns `x0`, `x1`, …: numbers, or categories of so many names.
fn features(rows: &[Vec<f64>], categories: Option<&[f64]>) -> (Vec<Column>, Vec<ArrayRef>) {
    let p = rows.first().map_or(0, Vec::len);
    let column = |j: usize| -> (Column, ArrayRef) {
        let values = rows.iter().map(|row| row[j]);
        match categories {
            None => (Column::number(format!("x{j}")), Arc::new(Float64Array::from_iter_values(values))),
            Some(sizes) => {
                let names = Categories::new((0..sizes[j] as u32).map(|i| format!("name {i}")));
                let codes = UInt32Array::from_iter_values(values.map(|x| x as u32));
                let codes = names.column(codes).unwrap();
                (Column::category(format!("x{j}"), names), codes)
            }
        }
    };
    (0..p).map(column).unzip()
}

fn batch(columns: Vec<Column>, arrays: Vec<ArrayRef>, n: usize) -> Batch {
    Batch::with_rows(Arc::new(Schema::new(columns).unwrap()), arrays, n).unwrap()
}

struct Rows<'a> {
    rows: &'a [Vec<f64>],
    target: &'a [f64],
    weights: Option<&'a [f64]>,
    classes: Option<&'a [&'a str]>,
    categories: Option<&'a [f64]>,
}

impl<'a> Rows<'a> {
    fn new(rows: &'a [Vec<f64>], target: &'a [f64], classes: Option<&'a [&'a str]>) -> Self {
        Rows { rows, target, weights: None, classes, categories: None }
    }

    fn table(&self) -> Table {
        let (mut columns, mut arrays) = features(self.rows, self.categories);
        match self.classes {
            Some(classes) => {
                let names = Categories::new(classes);
                let codes = UInt32Array::from_iter_values(self.target.iter().map(|&y| y as u32));
                arrays.push(names.column(codes).unwrap());
                columns.push(Column::category("y", names).with_role(Role::Target));
            }
            None => {
                arrays.push(Arc::new(Float64Array::from(self.target.to_vec())));
                columns.push(Column::number("y").with_role(Role::Target));
            }
        }
        if let Some(weights) = self.weights {
            arrays.push(Arc::new(Float64Array::from(weights.to_vec())));
            columns.push(Column::number("weight").with_role(Role::Weight));
        }
        Table::new(batch(columns, arrays, self.rows.len()))
    }
}

fn fit(kind: &str, params: Value, table: &Table, context: &Context) -> Result<Arc<dyn Fitted>> {
    registry().build(kind, params)?.fit(Training::on(table), context)
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

#[test]
fn answers_agree_with_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/classical.json")).unwrap();
    assert!(cases.len() > 20);
    let mut failures = Vec::new();
    for case in &cases {
        let (rows, asked) = (matrix(&case["rows"]), matrix(&case["asked"]));
        let (target, weights) = (floats(&case["target"]), floats(&case["weights"]));
        let names: Option<Vec<&str>> =
            case["classes"].as_array().map(|names| names.iter().map(|n| n.as_str().unwrap()).collect());
        let categories = case["categories"].is_array().then(|| floats(&case["categories"]));
        let table = Rows {
            rows: &rows,
            target: &target,
            weights: (!weights.is_empty()).then_some(&weights),
            classes: names.as_deref(),
            categories: categories.as_deref(),
        };
        let context = Context::default();
        let (name, kind) = (&case["name"], case["kind"].as_str().unwrap());
        let fitted = fit(kind, case["params"].clone(), &table.table(), &context).unwrap();
        let (columns, arrays) = features(&asked, categories.as_deref());
        let ours = answers(&fitted, &batch(columns, arrays, asked.len()));
        let distance = apart(&ours, &floats(&case["answers"]));
        println!("{name}: {distance:.1e}");
        if distance > 1e-9 || !context.warnings().is_empty() {
            failures.push(format!("{name} {distance:.1e} {:?}", context.warnings()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
