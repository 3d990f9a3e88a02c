//! Agreement of naive Bayes, neighbours and support vector machines with scikit-learn on stored cases
//! (`reference/classical.py` makes them), and the edges it leaves open.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Linear, Registry, Result, Role, Schema, Table,
    Training,
};
use tidemill_learn::{bayes, neighbors, svm};

fn registry() -> Registry {
    Registry::new([
        Entry::learner::<bayes::BernoulliNb>(),
        Entry::learner::<bayes::CategoricalNb>(),
        Entry::learner::<bayes::ComplementNb>(),
        Entry::learner::<bayes::GaussianNb>(),
        Entry::learner::<bayes::MultinomialNb>(),
        Entry::learner::<neighbors::KNeighbors>(),
        Entry::learner::<svm::LinearSvm>(),
        Entry::learner::<svm::Svm>(),
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
    assert!(cases.len() > 50);
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
        let any: Arc<dyn std::any::Any + Send + Sync> = fitted.clone();
        let ours = if let Some(svm) = any.downcast_ref::<svm::FittedSvm>() {
            asked.iter().flat_map(|row| svm.margins(row)).collect()
        } else if let Some(svm) = any.downcast_ref::<svm::FittedLinearSvm>() {
            let (by_feature, intercepts) = (svm.predictor().coefficients(), svm.predictor().intercepts());
            let of_machine = |(o, b): (usize, &f64)| by_feature.iter().map(move |w| w.values[o]).chain([*b]);
            intercepts.iter().enumerate().flat_map(of_machine).collect()
        } else {
            let (columns, arrays) = features(&asked, categories.as_deref());
            answers(&fitted, &batch(columns, arrays, asked.len()))
        };
        let distance = apart(&ours, &floats(&case["answers"]));
        println!("{name}: {distance:.1e}");
        let bound = if kind.ends_with("svm") { 1e-6 } else { 1e-9 };
        if distance > bound || !context.warnings().is_empty() {
            failures.push(format!("{name} {distance:.1e} {:?}", context.warnings()));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// What the columns say, summed, stands for the probabilities of scikit-learn: log odds of two classes, and of more the
/// logarithms up to a number that all classes share.
#[test]
fn what_columns_say_to_naive_bayes_sums_to_the_probabilities_of_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("reference/classical.json")).unwrap();
    let mut judged = 0;
    for case in cases.iter().filter(|case| case["kind"].as_str().unwrap().ends_with("_nb")) {
        let (rows, asked, target) = (matrix(&case["rows"]), matrix(&case["asked"]), floats(&case["target"]));
        let names: Vec<&str> =
            case["classes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let weights = floats(&case["weights"]);
        let categories = case["categories"].is_array().then(|| floats(&case["categories"]));
        let of = Rows {
            weights: (!weights.is_empty()).then_some(&weights),
            categories: categories.as_deref(),
            ..Rows::new(&rows, &target, Some(&names))
        };
        let params = case["params"].clone();
        let fitted = fit(case["kind"].as_str().unwrap(), params, &of.table(), &Context::default()).unwrap();
        let Some(odds) = bayes::LogOdds::of(&*fitted) else { continue };
        let (columns, arrays) = features(&asked, categories.as_deref());
        let parts = odds.parts(&batch(columns, arrays, asked.len())).unwrap();
        let (p, starts) = (odds.columns().len(), odds.intercepts());
        let wanted = floats(&case["answers"]);
        for (row, wanted) in wanted.chunks(names.len()).enumerate() {
            let sums: Vec<f64> = (0..starts.len())
                .map(|o| starts[o] + parts[(row * starts.len() + o) * p..][..p].iter().sum::<f64>())
                .collect();
            let chances: Vec<f64> = match sums.as_slice() {
                [odds] => vec![1.0 / (1.0 + odds.exp()), 1.0 / (1.0 + (-odds).exp())],
                logs => {
                    assert!(
                        logs.iter().sum::<f64>().abs() < 1e-6 * logs.iter().fold(1.0, |m, x| x.abs().max(m))
                    );
                    let most = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let total: f64 = logs.iter().map(|log| (log - most).exp()).sum();
                    logs.iter().map(|log| (log - most).exp() / total).collect()
                }
            };
            let off = apart(&chances, wanted);
            assert!(off < 1e-9, "{}: {chances:?} and {wanted:?}", case["name"]);
            judged += 1;
        }
    }
    assert!(judged > 50, "{judged}");
}

#[test]
fn a_hard_table_is_answered_or_explained() {
    let wave = |i: usize, j: usize| ((i * 7 + j * 13) as f64 * 0.61).sin();
    let rows: Vec<Vec<f64>> = (0..12).map(|i| (0..20).map(|j| wave(i, j)).collect()).collect();
    let constant = vec![vec![3.0; 4]; 12];
    let halves: Vec<f64> = (0..12).map(|i| f64::from(i % 2)).collect();
    let zeros = vec![0.0; 12];
    let names: &[&str] = &["no", "yes"];
    for kind in ["gaussian_nb", "bernoulli_nb", "k_neighbors", "svm", "linear_svm"] {
        // More columns than rows, and constant columns: probabilities all the same.
        for rows in [&rows, &constant] {
            let table = Rows::new(rows, &halves, Some(names)).table();
            let fitted = fit(kind, Value::Null, &table, &Context::default()).unwrap();
            let said = answers(&fitted, table.batch());
            assert!(said.chunks(2).all(|p| (p[0] + p[1] - 1.0).abs() < 1e-12), "{kind}: {said:?}");
        }
        // One class: it is certain, and said so.
        let context = Context::default();
        let table = Rows::new(&rows, &zeros, Some(names)).table();
        let fitted = fit(kind, Value::Null, &table, &context).unwrap();
        assert!(answers(&fitted, table.batch()).chunks(2).all(|p| p == [1.0, 0.0]), "{kind}");
        assert_eq!(context.warnings()[0].code, "one_class", "{kind}");
        // Weights of zero alone, huge values.
        let weightless = Rows { weights: Some(&zeros), ..Rows::new(&rows, &halves, Some(names)) }.table();
        assert_eq!(fit(kind, Value::Null, &weightless, &context).err().unwrap().code(), "no_weight");
        if kind != "bernoulli_nb" {
            let huge: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(|x| x * 1e200).collect()).collect();
            let table = Rows::new(&huge, &halves, Some(names)).table();
            let error = fit(kind, Value::Null, &table, &context).err().unwrap();
            assert_eq!(error.code(), "values_too_large", "{kind}");
        }
    }
}

#[test]
fn a_row_of_weight_zero_teaches_nothing() {
    let rows: Vec<Vec<f64>> = (0..20).map(|i| vec![f64::from(i % 7), f64::from(i * i % 11)]).collect();
    let target: Vec<f64> = (0..20).map(|i| f64::from(i % 7 > 2)).collect();
    let mut more = rows.clone();
    more.extend([vec![0.0, 1.0], vec![6.0, 3.0]]);
    let with: Vec<f64> = target.iter().copied().chain([1.0, 0.0]).collect();
    let weights: Vec<f64> = (0..22).map(|i| f64::from(u8::from(i < 20))).collect();
    let ones = vec![1.0; 20];
    for kind in
        ["gaussian_nb", "multinomial_nb", "complement_nb", "bernoulli_nb", "k_neighbors", "svm", "linear_svm"]
    {
        let names: &[&str] = &["no", "yes"];
        let few = Rows { weights: Some(&ones), ..Rows::new(&rows, &target, Some(names)) }.table();
        let all = Rows { weights: Some(&weights), ..Rows::new(&more, &with, Some(names)) }.table();
        let context = Context::default();
        let [few, all] = [few, all].map(|table| fit(kind, Value::Null, &table, &context).unwrap().state());
        assert_eq!(few, all, "{kind}");
    }
}

#[test]
fn counts_below_zero_are_refused_by_name_and_row() {
    let rows = vec![vec![1.0, 2.0], vec![0.0, -3.0]];
    let table = Rows::new(&rows, &[0.0, 1.0], Some(&["no", "yes"])).table();
    for kind in ["multinomial_nb", "complement_nb"] {
        let error = fit(kind, Value::Null, &table, &Context::default()).err().unwrap();
        let said = error.to_string();
        assert!(said.contains("'x1'") && said.contains("-3") && said.contains("row 1"), "{said}");
    }
}

#[test]
fn machines_stop_when_told_and_say_when_they_are_not_done() {
    let rows: Vec<Vec<f64>> = (0..60).map(|i| vec![f64::from(i % 7), f64::from(i * i % 11)]).collect();
    let target: Vec<f64> = (0..60).map(|i| f64::from(i * 5 % 3 > 1)).collect();
    let table = Rows::new(&rows, &target, Some(&["no", "yes"])).table();
    for kind in ["svm", "linear_svm"] {
        let context = Context::default();
        let params = serde_json::json!({"max_iter": 2, "probability": "margin"});
        fit(kind, params, &table, &context).unwrap();
        assert_eq!(context.warnings()[0].code, "not_converged", "{kind}");
    }
}

#[test]
fn a_small_cache_changes_nothing_but_time() {
    let mut random = tidemill_kernel::Random::new(2, 0);
    let rows: Vec<Vec<f64>> = (0..900).map(|_| (0..3).map(|_| random.normal()).collect()).collect();
    let target: Vec<f64> =
        rows.iter().map(|r| f64::from(r[0] * r[1] + 0.3 * random.normal() > 0.0)).collect();
    let table = Rows::new(&rows, &target, Some(&["no", "yes"])).table();
    let margins = |cache_mb: usize| {
        let params =
            serde_json::json!({"cache_mb": cache_mb, "probability": "margin", "tol": 1e-9, "c": 10.0});
        let fitted: Arc<dyn std::any::Any + Send + Sync> =
            fit("svm", params, &table, &Context::default()).unwrap();
        let svm = fitted.downcast::<svm::FittedSvm>().unwrap();
        rows.iter().flat_map(|row| svm.margins(row)).collect::<Vec<f64>>()
    };
    // 0 MB keeps two rows of the matrix.
    assert!(apart(&margins(0), &margins(100)) < 1e-7);
}

#[test]
fn sparse_counts_teach_what_dense_ones_do() {
    let value =
        |i: usize, j: usize| if (i * 5 + j * 3).is_multiple_of(4) { ((i + j) % 3 + 1) as f32 } else { 0.0 };
    let parts: Vec<String> = (0..6).map(|j| format!("word {j}")).collect();
    let names = Categories::new(["no", "yes"]);
    let codes = names.column(UInt32Array::from_iter_values((0..30).map(|i| u32::from(i % 3 == 0)))).unwrap();
    let target = Column::category("y", names).with_role(Role::Target);
    let dense: Vec<f32> = (0..30 * 6).map(|at| value(at / 6, at % 6)).collect();
    let (mut offsets, mut indices, mut values) = (vec![0], Vec::new(), Vec::new());
    for row in dense.chunks(6) {
        let kept = row.iter().enumerate().filter(|(_, x)| **x != 0.0);
        kept.for_each(|(j, &x)| (indices.push(j as u32), values.push(x)).0);
        offsets.push(values.len() as i32);
    }
    let column = tidemill_core::sparse_vector(offsets, indices, values, 6, None).unwrap();
    let sparse = batch(
        vec![Column::sparse_vector("words", parts.clone()), target.clone()],
        vec![column, codes.clone()],
        30,
    );
    let column = tidemill_core::dense_vector(dense, 6).unwrap();
    let dense = batch(vec![Column::vector("words", parts), target], vec![column, codes], 30);
    for kind in ["multinomial_nb", "complement_nb", "bernoulli_nb"] {
        let [one, other] = [&sparse, &dense].map(|batch| {
            let fitted = fit(kind, Value::Null, &Table::new(batch.clone()), &Context::default()).unwrap();
            let all = answers(&fitted, batch);
            let mut run = fitted.bind(batch.schema()).unwrap();
            for i in 0..batch.n_rows() {
                let mut row = tidemill_core::Row::of(batch, i).unwrap();
                run.row(&mut row).unwrap();
                let alone = tidemill_core::Cell::Probability(all[2 * i..2 * i + 2].to_vec());
                assert_eq!(row.cells.last(), Some(&alone), "{kind} row {i}");
            }
            all
        });
        assert_eq!(one, other, "{kind}");
    }
}
