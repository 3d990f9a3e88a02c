//! The steps against scikit-learn's answers, stored in `reference/sklearn.json` by `reference/make.py` and beside it.

#![expect(clippy::unwrap_used, reason = "a test: what cannot be read fails it")]

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array, TimestampMicrosecondArray, UInt32Array};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidemill_core::{
    Batch, BuiltinStep, Categories, Column, Context, Entry, Fitted, Kind, Registry, Role, Schema, Table,
    Training,
};
use tidemill_prep as prep;

#[derive(Deserialize)]
struct Reference {
    numbers: Numbers,
    encoders: Vec<Encoder>,
}

type Rows = Vec<Vec<Option<f64>>>;

#[derive(Deserialize)]
struct Numbers {
    names: Vec<String>,
    train: Rows,
    later: Rows,
    steps: Vec<NumberStep>,
}

#[derive(Deserialize)]
struct NumberStep {
    kind: String,
    params: Map<String, Value>,
    train: Rows,
    later: Rows,
}

#[derive(Deserialize)]
struct Encoder {
    kind: String,
    params: Map<String, Value>,
    train: Vec<Option<String>>,
    later: Vec<Option<String>>,
    target: Option<Vec<Value>>,
    expected: Rows,
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference/sklearn.json")).unwrap()
}

fn registry() -> Arc<Registry> {
    fn entry<T: BuiltinStep>() -> Entry {
        Entry::step::<T>()
    }
    Arc::new(Registry::new([
        entry::<prep::ScaleStandard>(),
        entry::<prep::ScaleMinMax>(),
        entry::<prep::ScaleRobust>(),
        entry::<prep::ImputeMean>(),
        entry::<prep::ImputeMedian>(),
        entry::<prep::ImputeMode>(),
        entry::<prep::ImputeConstant>(),
        entry::<prep::EncodeOneHot>(),
        entry::<prep::EncodeOrdinal>(),
        entry::<prep::EncodeTarget>(),
        entry::<prep::Bin>(),
        entry::<prep::DropColumns>(),
        entry::<prep::ImputeHuber>(),
        entry::<prep::ImputeIterative>(),
        entry::<prep::ImputeMax>(),
        entry::<prep::ImputeMin>(),
        entry::<prep::ImputeTime>(),
        entry::<prep::ImputeTrimmedMean>(),
        entry::<prep::Pca>(),
        entry::<prep::Quantile>(),
        entry::<prep::SelectCorrelation>(),
        entry::<prep::SelectVariance>(),
        entry::<prep::SmoothTime>(),
        entry::<prep::ImputeKnn>(),
        entry::<prep::Polynomial>(),
        entry::<prep::Power>(),
    ]))
}

fn fit(kind: &str, params: Map<String, Value>, table: &Table) -> Arc<dyn Fitted> {
    let registry = registry();
    let context = Context::new(0, 1, registry.clone());
    registry.build(kind, Value::Object(params)).unwrap().fit(Training::on(table), &context).unwrap()
}

fn apply(fitted: &Arc<dyn Fitted>, batch: &Batch) -> Batch {
    fitted.clone().bind(batch.schema()).unwrap().apply(batch).unwrap()
}

fn numbers(names: &[String], rows: &Rows) -> Table {
    let columns = names.iter().map(Column::number).collect();
    let array = |c: usize| Arc::new(Float64Array::from_iter(rows.iter().map(|r| r[c]))) as ArrayRef;
    let arrays = (0..names.len()).map(array).collect();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// The number columns and the parts of the vector columns, row by row.
fn rows(batch: &Batch, n: usize) -> Rows {
    let mut rows = vec![Vec::new(); n];
    for (c, column) in batch.schema().columns().iter().enumerate().filter(|(_, c)| c.role == Role::Feature) {
        for (i, row) in rows.iter_mut().enumerate() {
            match column.kind {
                Kind::Vector { len, .. } => {
                    let values = &batch.vector(c).unwrap()[i * len..(i + 1) * len];
                    row.extend(values.iter().map(|&x| Some(f64::from(x))));
                }
                _ => {
                    let numbers = batch.numbers(c).unwrap();
                    row.push(numbers.is_valid(i).then(|| numbers.value(i)));
                }
            }
        }
    }
    rows
}

fn assert_close(found: &Rows, wanted: &Rows, tolerance: impl Fn(usize) -> f64, what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (i, (f, w)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(f.len(), w.len(), "{what}: row {i}");
        for (c, pair) in f.iter().zip(w).enumerate() {
            match pair {
                (Some(f), Some(w)) => {
                    let off = (f - w).abs() / w.abs().max(1.0);
                    assert!(off <= tolerance(c), "{what}: row {i}, column {c}: {f} instead of {w}");
                }
                (f, w) => assert_eq!(f, w, "{what}: row {i}, column {c}"),
            }
        }
    }
}

/// A step on complete or holed numbers, and how closely it agrees.
#[derive(Deserialize)]
struct Repair {
    #[serde(flatten)]
    numbers: Numbers,
    tolerance: f64,
}

#[test]
fn repairs_agree_with_scikit_learn() {
    let repairs: Vec<Repair> = serde_json::from_str(include_str!("reference/repairs.json")).unwrap();
    for Repair { numbers: Numbers { names, train, later, steps }, tolerance } in repairs {
        let (train, later) = (numbers(&names, &train), numbers(&names, &later));
        for step in steps {
            let fitted = fit(&step.kind, step.params.clone(), &train);
            let what = format!("{} {:?}", step.kind, step.params);
            assert_close(&rows(&apply(&fitted, train.batch()), 61), &step.train, |_| tolerance, &what);
            assert_close(&rows(&apply(&fitted, later.batch()), 17), &step.later, |_| tolerance, &what);
        }
    }
}

#[test]
fn scalers_and_imputers_agree_with_scikit_learn() {
    let Numbers { names, train, later, steps } = reference().numbers;
    let (train, later) = (numbers(&names, &train), numbers(&names, &later));
    for step in steps {
        let fitted = fit(&step.kind, step.params.clone(), &train);
        let what = format!("{} {:?}", step.kind, step.params);
        // Neighbouring floats around 1e9 are 1e-7 apart: of values scaled from there no more digits are known.
        let tolerance =
            |c: usize| if names[c] == "offset" && step.kind.starts_with("scale") { 1e-6 } else { 1e-12 };
        assert_close(&rows(&apply(&fitted, train.batch()), 61), &step.train, tolerance, &what);
        assert_close(&rows(&apply(&fitted, later.batch()), 17), &step.later, tolerance, &what);
    }
}

/// A category column of these values and, where there are some, a target.
fn encodable(values: &[Option<String>], target: Option<&[Value]>) -> Table {
    let mut names: Vec<&String> = values.iter().flatten().collect();
    names.sort();
    let names = Categories::new(names);
    let codes = values.iter().map(|v| v.as_ref().map(|v| names.code(v)));
    let mut arrays = vec![names.column(UInt32Array::from_iter(codes)).unwrap()];
    let mut columns = vec![Column::category("letter", names)];
    match target {
        Some(y) if y.iter().all(Value::is_number) => {
            arrays.push(Arc::new(Float64Array::from_iter(y.iter().map(Value::as_f64))));
            columns.push(Column::number("y").with_role(Role::Target));
        }
        Some(y) => {
            let texts: Vec<&str> = y.iter().filter_map(Value::as_str).collect();
            let mut sorted = texts.clone();
            sorted.sort();
            let classes = Categories::new(sorted);
            let codes = UInt32Array::from_iter_values(texts.iter().map(|t| classes.code(t)));
            arrays.push(classes.column(codes).unwrap());
            columns.push(Column::category("y", classes).with_role(Role::Target));
        }
        None => {}
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

#[test]
fn encoders_agree_with_scikit_learn() {
    for case in reference().encoders {
        let train = encodable(&case.train, case.target.as_deref());
        // The later rows bring names and an order of codes of their own: they are matched by name.
        let later = encodable(&case.later, None);
        let fitted = fit(&case.kind, case.params.clone(), &train);
        let found = apply(&fitted, later.batch());
        let what = format!("{} {:?}", case.kind, case.params);
        let vector = matches!(found.schema().columns()[0].kind, Kind::Vector { .. });
        // Vectors are of 32-bit floats.
        let tolerance = |_| if vector { 1e-6 } else { 1e-12 };
        assert_close(&rows(&found, 17), &case.expected, tolerance, &what);
    }
}

#[derive(Deserialize)]
struct AlongTime {
    shop: Vec<String>,
    time: Vec<i64>,
    y: Vec<Option<f64>>,
    group_means: Vec<f64>,
    smoothed: BTreeMap<String, Vec<Option<f64>>>,
    #[serde(flatten)]
    methods: Map<String, Value>,
}

/// Rows of shops and times, and what pandas and SciPy (see `reference/along.py`) fill into them, whatever their order.
#[test]
fn lines_along_time_agree_with_pandas_and_scipy() {
    let case: AlongTime = serde_json::from_str(include_str!("reference/along.json")).unwrap();
    let shops = Categories::new(["west", "north", "south"]);
    let codes = UInt32Array::from_iter_values(case.shop.iter().map(|name| shops.code(name)));
    let times = TimestampMicrosecondArray::from(case.time.clone()).with_timezone("UTC");
    let columns = vec![
        Column::category("shop", shops.clone()),
        Column::new("time", Kind::Time).with_role(Role::Time),
        Column::number("y"),
    ];
    let arrays: Vec<ArrayRef> =
        vec![shops.column(codes).unwrap(), Arc::new(times), Arc::new(Float64Array::from(case.y.clone()))];
    let table = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
    assert_eq!((case.methods.len(), case.smoothed.len()), (7, 9));
    for (filter, wanted) in case.smoothed {
        let (filter, centered) = match filter.split_once(' ') {
            Some((filter, _)) => (filter, true),
            None => (filter.as_str(), false),
        };
        let params = json!({ "filter": filter, "centered": centered, "by": ["shop"], "alpha": 0.3 });
        let context = Context::new(0, 1, registry());
        let step = registry().build("smooth_time", params).unwrap();
        let (_, found) = step.fit_apply(Training::on(&table), &context).unwrap();
        assert_eq!(context.warnings().len(), usize::from(centered), "a look ahead is warned of");
        let partly = ["gaussian", "savitzky_golay"].contains(&filter);
        for (i, (found, wanted)) in found.batch().numbers(2).unwrap().iter().zip(wanted).enumerate() {
            // The reference has no answer where the window is not full.
            match (found, wanted) {
                (Some(found), Some(wanted)) => {
                    assert!(
                        (found - wanted).abs() < 1e-9,
                        "{filter} {centered}, row {i}: {found}, not {wanted}"
                    )
                }
                (found, wanted) => {
                    assert!(partly || found == wanted, "{filter} {centered}, row {i}: {found:?}")
                }
            }
        }
    }
    for (method, wanted) in case.methods {
        let mut params = Map::from_iter([
            ("method".to_string(), method.clone().into()),
            ("by".into(), vec!["shop"].into()),
        ]);
        if method == "seasonal" {
            params.insert("period".into(), "7d".into());
        }
        let found = apply(&fit("impute_time", params, &table), table.batch());
        let wanted: Vec<Option<f64>> = serde_json::from_value(wanted).unwrap();
        for (i, (found, wanted)) in found.numbers(2).unwrap().iter().zip(wanted).enumerate() {
            let (found, wanted) = (found.unwrap(), wanted.unwrap_or(case.group_means[i]));
            assert!(
                (found - wanted).abs() < 1e-9 * wanted.abs().max(1.0),
                "{method}, row {i}: {found}, not {wanted}"
            );
        }
    }
    // The mean of a shop's own rows.
    let params = Map::from_iter([("by".to_string(), vec!["shop"].into())]);
    let found = apply(&fit("impute_mean", params, &table), table.batch());
    for (found, wanted) in found.numbers(2).unwrap().iter().zip(&case.group_means) {
        assert!((found.unwrap() - wanted).abs() < 1e-12 * wanted.abs());
    }
}

#[path = "reference/space.rs"]
mod space;
mod tracks;
