//! Sparse vectors, streams, and inputs at the edge, for every linear model.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Row, Schema, Table,
    TensorData, Training, dense_vector, sparse_vector,
};
use tidemill_kernel::Random;
use tidemill_learn::linear;

fn registry() -> Registry {
    Registry::new([
        Entry::learner::<linear::ElasticNet>(),
        Entry::learner::<linear::Gamma>(),
        Entry::learner::<linear::Huber>(),
        Entry::learner::<linear::Lasso>(),
        Entry::learner::<linear::Logistic>(),
        Entry::learner::<linear::Poisson>(),
        Entry::learner::<linear::QuantileRegression>(),
        Entry::learner::<linear::Ridge>(),
        Entry::learner::<linear::Sgd>(),
        Entry::learner::<linear::Tweedie>(),
    ])
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

fn apart(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).fold(0.0, |most, (a, b)| f64::max(most, (a - b).abs() / b.abs().max(1.0)))
}

/// What a table's vector column holds.
enum Words {
    Dense,
    Sparse,
}

/// `n` rows of `p` words (about one in `rare` is there), beside a number column; a target above 0, or three classes.
fn words(n: usize, p: usize, rare: usize, kind: &Words, classes: bool) -> Table {
    let mut random = Random::new(9, 0);
    let (mut offsets, mut places, mut values) = (vec![0], Vec::new(), Vec::new());
    let mut dense = vec![0.0f32; n * p];
    let mut scores = vec![0.0; n];
    for (i, score) in scores.iter_mut().enumerate() {
        for j in (0..p).filter(|_| random.below(rare) == 0).collect::<Vec<_>>() {
            let value = 0.5 + random.unit() as f32;
            places.push(j as u32);
            values.push(value);
            dense[i * p + j] = value;
            *score += f64::from(value) * if j % 3 == 0 { 1.0 } else { -0.4 };
        }
        offsets.push(values.len() as i32);
    }
    let numbers: Vec<f64> = (0..n).map(|_| 5.0 + random.normal()).collect();
    let names: Vec<String> = (0..p).map(|j| format!("w{j}")).collect();
    let (column, array) = match kind {
        Words::Dense => (Column::vector("words", names), dense_vector(dense, p).unwrap()),
        Words::Sparse => {
            let array = sparse_vector(offsets, places, values, p, None).unwrap();
            (Column::sparse_vector("words", names), array)
        }
    };
    let noisy: Vec<f64> =
        scores.iter().zip(&numbers).map(|(s, x)| (0.3 * s + 0.2 * x + 0.5 * random.normal()).exp()).collect();
    let (target, answers): (Column, ArrayRef) = if classes {
        let names = Categories::new(["a", "b", "c"]);
        let code = |y: &f64| if *y < 2.0 { 0 } else { 1 + u32::from(*y > 4.0) };
        let codes = names.column(UInt32Array::from_iter_values(noisy.iter().map(code))).unwrap();
        (Column::category("y", names), codes)
    } else {
        (Column::number("y"), Arc::new(Float64Array::from(noisy)))
    };
    let columns = vec![Column::number("x"), column, target.with_role(Role::Target)];
    let arrays = vec![Arc::new(Float64Array::from(numbers)) as ArrayRef, array, answers];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

#[test]
fn sparse_vectors_give_the_model_of_dense_ones() {
    let cases = [
        ("ridge", json!({})),
        ("lasso", json!({"tol": 1e-13})),
        ("elastic_net", json!({"tol": 1e-13})),
        ("huber", json!({"tol": 1e-10})),
        ("quantile_regression", json!({"alpha": 0.01, "tol": 1e-11})),
        ("poisson", json!({"tol": 1e-10})),
        ("gamma", json!({"tol": 1e-10})),
        ("tweedie", json!({"tol": 1e-10})),
        ("sgd", json!({})),
        ("logistic", json!({"tol": 1e-10})),
        ("logistic", json!({"penalty": "l1", "c": 0.3, "tol": 1e-10})),
        ("sgd", json!({"loss": "hinge"})),
        ("sgd", json!({"loss": "log_loss"})),
    ];
    for (i, (kind, params)) in cases.into_iter().enumerate() {
        let table = |kind: Words| words(300, 12, 4, &kind, i >= 9);
        let (dense, sparse) = (table(Words::Dense), table(Words::Sparse));
        let context = Context::default();
        let one = fit(kind, params.clone(), &dense, &context).unwrap();
        let other = fit(kind, params.clone(), &sparse, &context).unwrap();
        for name in ["coefficients", "intercepts"] {
            let distance = apart(&tensor(&*one, name), &tensor(&*other, name));
            assert!(distance < 1e-6, "{kind} {params}: {name} {distance}");
        }
        assert!(context.warnings().is_empty(), "{kind} {params}: {:?}", context.warnings());
        // A model read from disk answers a row alone as it does in a batch.
        let loaded = registry().load(other.state()).unwrap();
        let mut run = loaded.bind(sparse.batch().schema()).unwrap();
        let bulk = run.apply(sparse.batch()).unwrap();
        for i in [0, 17, 299] {
            let mut row = Row::of(sparse.batch(), i).unwrap();
            run.row(&mut row).unwrap();
            assert_eq!(row, Row::of(&bulk, i).unwrap(), "{kind}");
        }
    }
}

#[test]
fn many_sparse_columns_go_by_other_roads_to_the_same_place() {
    let (dense, sparse) =
        (words(1100, 1300, 40, &Words::Dense, false), words(1100, 1300, 40, &Words::Sparse, false));
    for (kind, params) in
        [("ridge", json!({"alpha": 2.0})), ("lasso", json!({"alpha_ratio": 0.1, "tol": 1e-12}))]
    {
        let context = Context::default();
        let one = fit(kind, params.clone(), &dense, &context).unwrap();
        let other = fit(kind, params, &sparse, &context).unwrap();
        let distance = apart(&tensor(&*one, "coefficients"), &tensor(&*other, "coefficients"));
        assert!(distance < 1e-6, "{kind}: {distance}");
        assert!(context.warnings().is_empty(), "{kind}: {:?}", context.warnings());
    }
}

/// Three features, a target, and perhaps weights.
fn plain(n: usize, target: impl Fn(usize, &[f64]) -> f64) -> Table {
    let mut random = Random::new(4, 0);
    let rows: Vec<Vec<f64>> = (0..n).map(|_| (0..3).map(|_| random.normal()).collect()).collect();
    let column =
        |j: usize| -> ArrayRef { Arc::new(Float64Array::from_iter_values(rows.iter().map(|r| r[j]))) };
    let y = Float64Array::from_iter_values(rows.iter().enumerate().map(|(i, row)| target(i, row)));
    let names = ["a", "b", "c"].map(Column::number).into_iter();
    let columns = names.chain([Column::number("y").with_role(Role::Target)]).collect();
    let arrays = vec![column(0), column(1), column(2), Arc::new(y)];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

#[test]
fn targets_that_a_distribution_does_not_know_are_named() {
    let error = |kind: &str, y: f64| {
        let table = plain(20, |i, _| if i == 13 { y } else { 1.0 });
        fit(kind, json!({}), &table, &Context::default()).err()
    };
    for (kind, y) in [("poisson", -1.0), ("tweedie", -0.5), ("gamma", 0.0)] {
        let error = error(kind, y).unwrap();
        let text = error.to_string();
        assert!(
            error.code() == "target_outside" && text.contains("'y'") && text.contains("row 13"),
            "{text}"
        );
    }
    assert!(error("poisson", 0.0).is_none() && error("tweedie", 0.0).is_none());
}

#[test]
fn nothing_but_zeros_is_a_warning_and_zero() {
    let table = plain(30, |_, _| 0.0);
    for kind in ["poisson", "tweedie"] {
        let context = Context::default();
        let fitted = fit(kind, json!({}), &table, &context).unwrap();
        let output = fitted.bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
        let at = output.schema().index("prediction").unwrap();
        assert!(output.numbers(at).unwrap().values().iter().all(|&y| y == 0.0), "{kind}");
        assert_eq!(context.warnings()[0].code, "target_is_zero");
    }
}

#[test]
fn values_too_large_for_their_squares_are_refused() {
    let mut arrays = plain(30, |i, _| 1.0 + i as f64).batch().columns().to_vec();
    let schema = plain(30, |_, _| 1.0).batch().schema().clone();
    arrays[1] =
        Arc::new(Float64Array::from_iter_values((0..30).map(|i| if i % 2 == 0 { 1e200 } else { -1e200 })));
    let table = Table::new(Batch::new(schema, arrays).unwrap());
    for kind in [
        "ridge",
        "lasso",
        "elastic_net",
        "huber",
        "quantile_regression",
        "poisson",
        "gamma",
        "tweedie",
        "sgd",
    ] {
        let error = fit(kind, json!({}), &table, &Context::default()).err();
        let error = error.unwrap_or_else(|| panic!("{kind} took it"));
        assert!(error.code() == "values_too_large" && error.to_string().contains("'b'"), "{kind}: {error}");
    }
}

#[test]
fn a_target_that_does_not_vary_is_the_answer() {
    let table = plain(40, |_, _| 3.5);
    for kind in
        ["ridge", "lasso", "elastic_net", "huber", "quantile_regression", "poisson", "gamma", "tweedie"]
    {
        let context = Context::default();
        let fitted = fit(kind, json!({}), &table, &context).unwrap();
        let output = fitted.bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
        let at = output.schema().index("prediction").unwrap();
        let apart =
            output.numbers(at).unwrap().values().iter().fold(0.0, |most: f64, y| most.max((y - 3.5).abs()));
        assert!(apart < 1e-6, "{kind}: {apart}");
        assert!(context.warnings().is_empty(), "{kind}: {:?}", context.warnings());
    }
}

#[test]
fn quantiles_lie_where_they_should() {
    let mut random = Random::new(8, 0);
    let noise: Vec<f64> = (0..4000).map(|_| random.normal()).collect();
    let table = plain(4000, |i, row| row[0] - 2.0 * row[1] + (1.0 + row[2].abs()) * noise[i]);
    for quantile in [0.1, 0.5, 0.9] {
        let fitted =
            fit("quantile_regression", json!({"quantile": quantile}), &table, &Context::default()).unwrap();
        let output = fitted.bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
        let (at, target) =
            (output.schema().index("prediction").unwrap(), output.schema().index("y").unwrap());
        let pairs = output.numbers(at).unwrap().values().iter().zip(output.numbers(target).unwrap().values());
        let below = pairs.filter(|(p, y)| y < p).count() as f64 / 4000.0;
        // Of n rows, at most as many as there are coefficients lie on the function itself.
        assert!((below - quantile).abs() <= 4.0 / 4000.0, "{quantile}: {below}");
    }
}

#[test]
fn descent_by_rows_comes_near_the_best() {
    let mut random = Random::new(6, 0);
    let noise: Vec<f64> = (0..20_000).map(|_| random.normal()).collect();
    let table = plain(20_000, |i, row| 3.0 + row[0] - 2.0 * row[1] + noise[i]);
    let best = fit("ridge", json!({"alpha": 1e-6}), &table, &Context::default()).unwrap();
    let ours = fit("sgd", json!({}), &table, &Context::default()).unwrap();
    let distance = apart(&tensor(&*ours, "coefficients"), &tensor(&*best, "coefficients"));
    // The best itself is uncertain by 1 / sqrt(20,000) = 0.007.
    assert!(distance < 0.01, "{distance}");
    assert!(apart(&tensor(&*ours, "intercepts"), &tensor(&*best, "intercepts")) < 0.01);

    let classes = with_classes(&table);
    let best = fit("logistic", json!({}), &classes, &Context::default()).unwrap();
    let ours = fit("sgd", json!({}), &classes, &Context::default()).unwrap();
    let (ours, best) = (tensor(&*ours, "coefficients"), tensor(&*best, "coefficients"));
    assert!(apart(&ours, &best) < 0.03, "{ours:?} {best:?}");
}

fn with_classes(table: &Table) -> Table {
    let batch = table.batch();
    let names = Categories::new(["no", "yes"]);
    let codes = batch.numbers(3).unwrap().values().iter().map(|&y| u32::from(y > 3.0));
    let mut arrays = batch.columns().to_vec();
    arrays[3] = names.column(UInt32Array::from_iter_values(codes)).unwrap();
    let mut columns = batch.schema().columns().to_vec();
    columns[3] = Column::category("y", names).with_role(Role::Target);
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

#[test]
fn descent_goes_on_from_an_earlier_model() {
    let mut random = Random::new(6, 0);
    let noise: Vec<f64> = (0..6000).map(|_| random.normal()).collect();
    let table = plain(6000, |i, row| 3.0 + row[0] - 2.0 * row[1] + noise[i]);
    let part = |at: usize| Table::new(table.batch().slice(at, 2000));
    let learner = registry().build("sgd", json!({"epochs": 1})).unwrap();
    let context = Context::default();
    let mut model = learner.fit(Training::on(&part(0)), &context).unwrap();
    for at in [2000, 4000] {
        let rows = part(at);
        let training = Training { prior: Some(&*model), ..Training::on(&rows) };
        model = learner.fit(training, &context).unwrap();
    }
    assert_eq!(tensor(&*model, "steps"), [6000.0]);
    let last = learner.fit(Training::on(&part(4000)), &context).unwrap();
    let truth = [1.0, -2.0, 0.0];
    let (all, one) = (tensor(&*model, "coefficients"), tensor(&*last, "coefficients"));
    assert!(apart(&all, &truth) < apart(&one, &truth), "{all:?} {one:?}");
    // A model of other features is not a beginning.
    let other = fit("sgd", json!({}), &words(50, 4, 2, &Words::Dense, false), &context).unwrap();
    let rows = part(4000);
    let training = Training { prior: Some(&*other), ..Training::on(&rows) };
    assert_eq!(learner.fit(training, &context).unwrap().state(), last.state());
}
