//! Permutation importance: what a model goes by, and nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use tidemill_core::{Batch, Categories, Coded, Column, Context, Kind, Registry, Role, Schema, dense_vector};
use tidemill_eval::explain::{Importance, permutation};
use tidemill_eval::{Answers, Result, metric};
use tidemill_kernel::Random;

const ROWS: usize = 4000;

fn context(seed: u64) -> Context {
    Context::new(seed, 2, Arc::new(Registry::new([])))
}

/// Two numbers, a category and a vector, of which all but `idle` make the target.
fn table() -> Batch {
    let mut random = Random::new(3, 0);
    let mut normal = || -> Vec<f64> { (0..ROWS).map(|_| random.normal()).collect() };
    let (strong, idle) = (normal(), normal());
    let codes: Vec<u32> = normal().iter().map(|&x| u32::from(x > 0.0)).collect();
    let vector: Vec<f32> = normal().iter().flat_map(|&x| [x as f32, 1.0]).collect();
    let names = Categories::new(["a", "b"]);
    let texts: Vec<String> = (0..ROWS).map(|i| i.to_string()).collect();
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::number("idle"), Arc::new(Float64Array::from(idle))),
        (Column::number("strong"), Arc::new(Float64Array::from(strong))),
        (Column::category("group", names.clone()), names.column(UInt32Array::from(codes)).unwrap()),
        (Column::vector("vector", ["u", "v"].map(String::from).to_vec()), dense_vector(vector, 2).unwrap()),
        (Column::new("key", Kind::Text).with_role(Role::Key), Arc::new(StringArray::from(texts))),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

fn formula(rows: &Batch) -> Vec<f64> {
    let (x, g, v) = (rows.numbers(1).unwrap(), rows.codes(2).unwrap(), rows.vector(3).unwrap());
    (0..rows.n_rows()).map(|i| 2.0 * x.value(i) + f64::from(g.value(i)) + 0.1 * f64::from(v[2 * i])).collect()
}

fn found(n_repeats: usize, seed: u64) -> Vec<Importance> {
    let rows = table();
    let truth = formula(&rows);
    let predict =
        |rows: &Batch| -> Result<Answers<'static>> { Answers::numbers(truth.clone(), formula(rows)) };
    permutation(&rows, metric("mse").unwrap(), n_repeats, &context(seed), predict).unwrap()
}

/// Of a model that is right, an independent column with coefficient b costs `2 b^2 variance` of mean squared error.
#[test]
fn a_column_is_worth_what_the_model_makes_of_it() {
    let found = found(4, 1);
    let names: Vec<&str> = found.iter().map(|i| i.column.as_str()).collect();
    assert_eq!(names, ["strong", "group", "vector", "idle"]);
    for (importance, wanted) in found.iter().zip([8.0, 0.5, 0.02]) {
        assert!((importance.mean / wanted - 1.0).abs() < 0.1, "{importance:?} {wanted}");
        assert!(importance.spread > 0.0 && importance.spread < 0.1 * wanted);
    }
    assert_eq!((found[3].mean, found[3].spread), (0.0, 0.0));
}

#[test]
fn it_is_the_same_for_any_threads_and_another_for_another_seed() {
    let runs = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| found(2, 1))
    });
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], found(2, 2));
}

#[test]
fn a_metric_that_is_greater_where_better_loses_too() {
    let rows = table();
    let truth = formula(&rows);
    let predict =
        |rows: &Batch| -> Result<Answers<'static>> { Answers::numbers(truth.clone(), formula(rows)) };
    let found = permutation(&rows, metric("r2").unwrap(), 1, &context(1), predict).unwrap();
    assert!(found[0].column == "strong" && found[0].mean > 1.0 && found[0].spread == 0.0);
}

#[test]
fn cancellation_and_undefined_metrics_are_errors() {
    let rows = table();
    let truth = formula(&rows);
    let predict =
        |rows: &Batch| -> Result<Answers<'static>> { Answers::numbers(truth.clone(), formula(rows)) };
    let cancelled = context(1);
    cancelled.cancel_switch().store(true, Ordering::Relaxed);
    let error = permutation(&rows, metric("mse").unwrap(), 1, &cancelled, predict).unwrap_err();
    assert_eq!(error.code(), tidemill_core::Error::Cancelled.code());
    let error = permutation(&rows, metric("mape").unwrap(), 1, &context(1), |_: &Batch| {
        Answers::numbers(vec![0.0], vec![1.0])
    });
    assert!(error.unwrap_err().to_string().contains("mape is undefined"));
}
