//! Resamplers against imbalanced-learn on stored rows (`reference/resample.py`), and what must be true of any of them.
#![expect(clippy::unwrap_used, reason = "a case that cannot be read has failed")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, UInt32Array};
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Kind, Registry, Role, Schema, Table, Target, dense_vector,
};
use tidemill_prep::resample::*;

#[derive(Deserialize)]
struct Cases {
    x: Vec<Vec<f64>>,
    y: Vec<String>,
    near: Vec<Vec<u32>>,
    in_danger: Vec<u32>,
    adasyn: Adaptive,
    nominal: Mixed,
    counts: BTreeMap<String, Vec<usize>>,
    ratio: BTreeMap<String, Vec<(f64, Vec<usize>)>>,
    kept: Vec<(String, Value, Vec<u32>)>,
    even: Even,
}

#[derive(Deserialize)]
struct Adaptive {
    times: Vec<usize>,
    counts: Vec<usize>,
}

#[derive(Deserialize)]
struct Mixed {
    letters: Vec<String>,
    near: Vec<Option<Vec<u32>>>,
    counts: Vec<usize>,
}

#[derive(Deserialize)]
struct Even {
    rows: Vec<u32>,
    smote_tomek: Vec<Vec<f64>>,
    smote_enn: Vec<Vec<f64>>,
}

fn cases() -> Cases {
    serde_json::from_str(include_str!("reference/resample.json")).unwrap()
}

const ALL: [Entry; 11] = [
    Entry::resampler::<Adasyn>(),
    Entry::resampler::<BorderlineSmote>(),
    Entry::resampler::<EditedNearestNeighbours>(),
    Entry::resampler::<RandomOver>(),
    Entry::resampler::<RandomUnder>(),
    Entry::resampler::<Smote>(),
    Entry::resampler::<SmoteEnn>(),
    Entry::resampler::<SmoteNc>(),
    Entry::resampler::<SmoteTomek>(),
    Entry::resampler::<TomekLinks>(),
    Entry::resampler::<ClassWeights>(),
];

fn context() -> Context {
    Context::new(3, 2, Arc::new(Registry::new(ALL)))
}

fn resampled(kind: &str, params: Value, table: &Table) -> Table {
    let context = context();
    context.registry().resampler(kind, params).unwrap().resample(table, &context).unwrap()
}

/// Rows of numbers and a class.
fn table(x: &[Vec<f64>], y: &[String]) -> Table {
    let mut columns: Vec<(Column, ArrayRef)> = Vec::new();
    for j in 0..x[0].len() {
        let values = Float64Array::from_iter_values(x.iter().map(|row| row[j]));
        columns.push((Column::number(format!("x{j}")), Arc::new(values)));
    }
    columns.push(classes(y));
    whole(columns)
}

fn classes(y: &[String]) -> (Column, ArrayRef) {
    let names = Categories::new(["a", "b", "c"]);
    let codes = names.column(UInt32Array::from_iter_values(y.iter().map(|k| names.code(k)))).unwrap();
    (Column::category("y", names).with_role(Role::Target), codes)
}

fn whole(columns: Vec<(Column, ArrayRef)>) -> Table {
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn codes(table: &Table) -> Vec<u32> {
    match Target::of(table.batch()).unwrap() {
        Target::Class { codes, .. } => codes,
        Target::Number(_) => Vec::new(),
    }
}

fn counts(table: &Table) -> Vec<usize> {
    let codes = codes(table);
    (0..3).map(|class| codes.iter().filter(|c| **c == class).count()).collect()
}

/// The numbers of each row.
fn rows(table: &Table) -> Vec<Vec<f64>> {
    let batch = table.batch();
    let places = batch.schema().places(|c| c.kind == Kind::Number && c.role == Role::Feature);
    (0..batch.n_rows())
        .map(|i| places.iter().map(|&at| batch.numbers(at).unwrap().value(i)).collect())
        .collect()
}

/// Whether `p` lies on the segment from `a` to `b`.
fn between(p: &[f64], a: &[f64], b: &[f64]) -> bool {
    let along: f64 = p.iter().zip(a).zip(b).map(|((p, a), b)| (p - a) * (b - a)).sum();
    let length: f64 = a.iter().zip(b).map(|(a, b)| (b - a) * (b - a)).sum();
    let t = along / length;
    let off: f64 = p.iter().zip(a).zip(b).map(|((p, a), b)| (p - a - t * (b - a)).powi(2)).sum();
    (-1e-9..=1.0 + 1e-9).contains(&t) && off < 1e-18
}

#[test]
fn counts_are_those_of_imbalanced_learn() {
    let cases = cases();
    let all = table(&cases.x, &cases.y);
    for (kind, wanted) in &cases.counts {
        assert_eq!(&counts(&resampled(kind, Value::Null, &all)), wanted, "{kind}");
    }
    let two: Vec<u32> = (0..cases.y.len() as u32).filter(|i| cases.y[*i as usize] != "c").collect();
    let two = Table::new(all.batch().take(&two).unwrap());
    for (kind, ratios) in &cases.ratio {
        for (ratio, wanted) in ratios {
            let found = counts(&resampled(kind, json!({ "ratio": ratio }), &two));
            assert_eq!(&found, wanted, "{kind} {ratio}");
        }
    }
}

#[test]
fn a_new_row_lies_between_a_row_and_a_neighbour_of_its_class() {
    let cases = cases();
    let all = table(&cases.x, &cases.y);
    let n = cases.y.len();
    let everyone: Vec<u32> = (0..n as u32).collect();
    for (kind, seeds) in [("smote", &everyone), ("borderline_smote", &cases.in_danger)] {
        let out = resampled(kind, Value::Null, &all);
        let (points, classes) = (rows(&out), codes(&out));
        assert_eq!(points[..n], cases.x[..], "{kind} keeps all rows");
        for (point, class) in points.iter().zip(&classes).skip(n) {
            let own = seeds.iter().filter(|row| classes[**row as usize] == *class);
            let mut pairs = own.flat_map(|a| cases.near[*a as usize].iter().map(move |b| (*a, *b)));
            let on = pairs.any(|(a, b)| between(point, &cases.x[a as usize], &cases.x[b as usize]));
            assert!(on, "{kind}: {point:?} of class {class} lies between no row and its neighbour");
        }
    }
}

#[test]
fn adasyn_makes_as_many_rows_from_each_as_imbalanced_learn() {
    let cases = cases();
    let out = resampled("adasyn", Value::Null, &table(&cases.x, &cases.y));
    assert_eq!(counts(&out), cases.adasyn.counts);
    let (points, classes) = (rows(&out), codes(&out));
    // New rows come class by class, and within a class in the order of the rows they start from.
    let mut made = points.iter().skip(cases.y.len());
    for class in 1..3 {
        for (row, times) in cases.adasyn.times.iter().enumerate().filter(|(row, _)| classes[*row] == class) {
            for point in made.by_ref().take(*times) {
                let towards = |b: &u32| between(point, &cases.x[row], &cases.x[*b as usize]);
                assert!(cases.near[row].iter().any(towards), "{point:?} does not start from row {row}");
            }
        }
    }
    assert!(made.next().is_none());
}

#[test]
fn cleaning_keeps_the_rows_that_imbalanced_learn_keeps() {
    let cases = cases();
    let all = table(&cases.x, &cases.y);
    for (kind, params, kept) in &cases.kept {
        let wanted: Vec<Vec<f64>> = kept.iter().map(|i| cases.x[*i as usize].clone()).collect();
        assert_eq!(rows(&resampled(kind, params.clone(), &all)), wanted, "{kind} {params}");
    }
    let even = Table::new(all.batch().take(&cases.even.rows).unwrap());
    let sorted = |mut rows: Vec<Vec<f64>>| {
        rows.sort_by(|a, b| a[0].total_cmp(&b[0]));
        rows
    };
    for (kind, wanted) in [("smote_tomek", cases.even.smote_tomek), ("smote_enn", cases.even.smote_enn)] {
        assert_eq!(sorted(rows(&resampled(kind, Value::Null, &even))), sorted(wanted), "{kind}");
    }
}

#[test]
fn categories_are_as_far_apart_as_imbalanced_learn_has_them() {
    let cases = cases();
    let x: Vec<Vec<f64>> = cases.x.iter().map(|row| row[..2].to_vec()).collect();
    let names = Categories::new(["p", "q", "r"]);
    let letters = UInt32Array::from_iter_values(cases.nominal.letters.iter().map(|l| names.code(l)));
    let numbers =
        |j: usize| -> ArrayRef { Arc::new(Float64Array::from_iter_values(x.iter().map(|row| row[j]))) };
    let letters = names.column(letters).unwrap();
    let mixed = whole(vec![
        (Column::number("x0"), numbers(0)),
        (Column::category("letter", names), letters),
        (Column::number("x1"), numbers(1)),
        classes(&cases.y),
    ]);
    let out = resampled("smote_nc", Value::Null, &mixed);
    assert_eq!(counts(&out), cases.nominal.counts);
    let (points, letters, classes) = (rows(&out), out.batch().codes(1).unwrap(), codes(&out));
    let own = |row: usize, near: &[u32], class: u32, i: usize| {
        let letter = |r: u32| letters.value(r as usize);
        let times = |l: u32| near.iter().filter(|r| letter(**r) == l).count();
        let most = (0..3).map(times).max();
        classes[row] == class
            && near.iter().any(|b| between(&points[i], &x[row], &x[*b as usize]))
            && Some(times(letters.value(i))) == most
    };
    for i in x.len()..points.len() {
        let mut pairs = cases.nominal.near.iter().enumerate();
        let found = pairs.any(|(row, near)| near.as_ref().is_some_and(|near| own(row, near, classes[i], i)));
        assert!(found, "row {i}: {:?} {}", points[i], letters.value(i));
    }
}

/// Rows of every kind, with a class of one row.
fn hard() -> Table {
    let n = 30;
    let names = Categories::new(["p", "q"]);
    let letters = UInt32Array::from_iter((0..n as u32).map(|i| (i % 7 != 0).then_some(i % 3)));
    let letters = names.column(letters).unwrap();
    let class = |i: usize| ["a", "b", "c"][if i == 4 { 2 } else { usize::from(i % 5 == 1) }].to_string();
    let vector = dense_vector((0..2 * n).map(|i| (i * i % 11) as f32).collect(), 2).unwrap();
    whole(vec![
        (
            Column::number("x").with_role(Role::Feature),
            Arc::new(Float64Array::from_iter_values((0..n).map(|i| (i * 7 % 13) as f64))),
        ),
        (Column::number("same"), Arc::new(Float64Array::from(vec![2.0; n]))),
        (Column::vector("v", vec!["one".into(), "two".into()]), vector),
        (Column::category("letter", names), letters),
        (
            Column::new("loud", Kind::Flag),
            Arc::new(BooleanArray::from_iter((0..n).map(|i| (i % 9 != 0).then_some(i % 2 == 0)))),
        ),
        (
            Column::number("weight").with_role(Role::Weight),
            Arc::new(Float64Array::from_iter_values((0..n).map(|i| 1.0 + (i % 3) as f64))),
        ),
        (
            Column::number("id").with_role(Role::Key),
            Arc::new(Float64Array::from_iter_values((0..n).map(|i| i as f64))),
        ),
        classes(&(0..n).map(class).collect::<Vec<_>>()),
    ])
}

#[test]
fn a_class_of_one_row_and_every_kind_of_column_are_handled_and_said() {
    let hard = hard();
    for entry in &ALL {
        let context = context();
        let resampler = context.registry().resampler(entry.kind, Value::Null).unwrap();
        let out = resampler.resample(&hard, &context).unwrap();
        assert_eq!(out.batch().schema(), hard.batch().schema(), "{}", entry.kind);
        let again = resampler.resample(&hard, &context).unwrap();
        assert_eq!(out.batch().columns(), again.batch().columns(), "{} differs from run to run", entry.kind);
        let made = entry.kind.contains("smote") || entry.kind == "adasyn";
        let said = context.warnings().iter().any(|w| w.message.contains("class 'c' has 1 training row"));
        assert_eq!(said, made, "{}: {:?}", entry.kind, context.warnings());
        assert!(counts(&out)[2] > 0, "{} loses a class", entry.kind);
    }
}

#[test]
fn threads_do_not_matter() {
    let cases = cases();
    let all = table(&cases.x, &cases.y);
    for entry in &ALL[..9] {
        if entry.kind == "smote_nc" {
            continue;
        }
        let on = |n: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(n).build().unwrap();
            pool.install(|| rows(&resampled(entry.kind, Value::Null, &all)))
        };
        assert_eq!(on(1), on(3), "{}", entry.kind);
    }
}

#[test]
fn a_number_to_predict_and_a_missing_value_are_refused_by_name() {
    let numbers = whole(vec![
        (Column::number("x"), Arc::new(Float64Array::from(vec![1.0, 2.0]))),
        (Column::number("y").with_role(Role::Target), Arc::new(Float64Array::from(vec![1.0, 2.0]))),
    ]);
    let context = context();
    let smote = context.registry().resampler("smote", Value::Null).unwrap();
    let error = smote.resample(&numbers, &context).unwrap_err();
    assert_eq!(error.code(), "prep_nothing_to_balance");
    let x = Float64Array::from(vec![Some(1.0), None, Some(2.0)]);
    let holes = whole(vec![(Column::number("x"), Arc::new(x)), classes(&["a", "a", "b"].map(String::from))]);
    let error = smote.resample(&holes, &context).unwrap_err().to_string();
    assert!(error.contains("'x'") && error.contains("row 1"), "{error}");
    let error = context.registry().resampler("smote", json!({ "ratio": 1.5 })).map(drop).unwrap_err();
    assert!(error.to_string().contains("ratio"), "{error}");
}

/// `sklearn.utils.class_weight.compute_class_weight("balanced", …)`, scikit-learn 1.9.1.
#[test]
fn class_weights_are_those_of_scikit_learn() {
    let y: Vec<String> = "aaaaaabbbc".chars().map(String::from).collect();
    let x: Vec<Vec<f64>> = (0..10).map(|i| vec![f64::from(i)]).collect();
    let all = table(&x, &y);
    let weights = |params: Value| {
        let out = resampled("class_weights", params, &all);
        assert_eq!(rows(&out), x);
        out.batch().weights().unwrap().unwrap()
    };
    let balanced = weights(json!({}));
    for (row, wanted) in
        [(0, 0.555_555_555_555_555_6), (6, 1.111_111_111_111_111_2), (9, 3.333_333_333_333_333_5)]
    {
        assert!((balanced[row] - wanted).abs() < 1e-12, "{balanced:?}");
    }
    // Cui and others 2019: one over (1 - beta^n) / (1 - beta).
    let effective = weights(json!({ "by": "effective_number", "beta": 0.9 }));
    let wanted = (1.0 - 0.9f64.powi(6)) / (1.0 - 0.9f64.powi(3));
    assert!((effective[6] / effective[0] - wanted).abs() < 1e-12);
    let costs = weights(json!({ "by": "cost", "costs": { "c": 4.0 } }));
    assert!((costs[9] / costs[0] - 4.0).abs() < 1e-12 && (costs[6] - costs[0]).abs() < 1e-12);
    for w in [balanced, effective, costs] {
        assert!((w.iter().sum::<f64>() - 10.0).abs() < 1e-12);
    }
    let context = context();
    let unknown =
        context.registry().resampler("class_weights", json!({ "by": "cost", "costs": { "d": 4.0 } }));
    let error = unknown.unwrap().resample(&all, &context).unwrap_err();
    assert!(error.to_string().contains("'d'") && error.remedy().unwrap().contains("a, b, c"), "{error}");
    for wrong in [json!({ "by": "cost" }), json!({ "costs": { "a": 2.0 } }), json!({ "beta": 1.0 })] {
        assert!(context.registry().resampler("class_weights", wrong).is_err());
    }
}

/// Of a number that is cut at its quantiles, the bins are balanced as classes are.
#[test]
fn numbers_are_balanced_by_bins() {
    let n = 400;
    let y: Vec<f64> = (0..n).map(|i| ((i * 37 % n) as f64 / n as f64).powi(3) * 100.0).collect();
    let x: Vec<f64> = y.iter().map(|y| 2.0 * y + 1.0).collect();
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::number("x"), Arc::new(Float64Array::from(x))),
        (Column::number("y").with_role(Role::Target), Arc::new(Float64Array::from(y.clone()))),
    ];
    let all = whole(columns);
    // numpy.quantile(y, [0.05, 0.9]): 20 rows lie at or below the first, 40 above the second.
    let mut sorted = y.clone();
    sorted.sort_unstable_by(f64::total_cmp);
    let (low, high) = (sorted[19], sorted[360]);
    let bins = |table: &Table| {
        let y = table.batch().numbers(1).unwrap().values().to_vec();
        let of = |low: f64, high: f64| y.iter().filter(|y| **y >= low && **y < high).count();
        [of(f64::MIN, low + 1e-9), of(low + 1e-9, high), of(high, f64::MAX)]
    };
    assert_eq!(bins(&all), [20, 340, 40]);
    let quantiles = json!([0.05, 0.9]);
    assert_eq!(bins(&resampled("random_over", json!({ "quantiles": quantiles }), &all)), [340, 340, 340]);
    assert_eq!(bins(&resampled("random_under", json!({ "quantiles": quantiles }), &all)), [20, 20, 20]);
    let made = resampled("smote", json!({ "quantiles": quantiles }), &all);
    assert_eq!(bins(&made), [340, 340, 340]);
    let (x, y) = (made.batch().numbers(0).unwrap(), made.batch().numbers(1).unwrap());
    for row in 0..made.batch().n_rows() {
        assert!((x.value(row) - 2.0 * y.value(row) - 1.0).abs() < 1e-9, "the number moves with the row");
    }
    let weighed = resampled("class_weights", json!({ "quantiles": quantiles }), &all);
    let weights = weighed.batch().weights().unwrap().unwrap();
    let sum = |from: f64, to: f64| {
        let y = all.batch().numbers(1).unwrap().values();
        y.iter().zip(&weights).filter(|(y, _)| **y >= from && **y < to).map(|(_, w)| w).sum::<f64>()
    };
    assert!((sum(f64::MIN, low + 1e-9) - 400.0 / 3.0).abs() < 1e-9);
    assert!((sum(high, f64::MAX) - 400.0 / 3.0).abs() < 1e-9);
    let build = |params: Value| context().registry().resampler("smote", params).err().map(|e| e.to_string());
    assert!(build(json!({ "quantiles": [0.9, 0.1] })).unwrap().contains("quantiles"));
    let classes = table(&cases().x, &cases().y);
    let context = context();
    let smote = context.registry().resampler("smote", json!({ "quantiles": [0.5] })).unwrap();
    assert!(smote.resample(&classes, &context).err().unwrap().to_string().contains("classes"));
}
