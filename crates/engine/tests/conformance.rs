//! Runs `core`'s conformance suite over every built-in, and says which promise of which built-in broke.
#![expect(clippy::unwrap_used, reason = "a table that cannot be made has failed")]

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use tidemill_core::conform::{CHECKS, Subject};
use tidemill_core::{
    Axis, Batch, Categories, Column, Entry, Family, Kind, Layout, Needs, Point, Role, Schema, Sort, Table,
    Training, dense_vector, point_column, series_column, sparse_vector,
};
use tidemill_engine::builtin;
use tidemill_kernel::Random;

const ROWS: usize = 120;

/// A BMP of one grey pixel.
fn dot(grey: u8) -> Vec<u8> {
    let head = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0";
    [head.as_slice(), &[0; 16], &[grey, grey, grey, 0]].concat()
}

/// A table with everything an estimator with these needs may meet, and a target of classes or a number.
fn table(needs: Needs, classes: bool) -> Table {
    let mut random = Random::new(1, 0);
    let mut columns: Vec<(Column, ArrayRef)> = Vec::new();
    let mut numbers = Vec::new();
    for (name, scale) in [("height", 1.0), ("width", 40.0), ("depth", 0.01)] {
        let values: Vec<f64> = (0..ROWS).map(|_| scale * random.normal()).collect();
        let shown = values.iter().enumerate().map(|(i, &x)| (needs.complete || i % 9 != 4).then_some(x));
        columns.push((Column::number(name), Arc::new(Float64Array::from_iter(shown))));
        numbers.push(values);
    }
    columns.push((Column::number("constant"), Arc::new(Float64Array::from(vec![3.0; ROWS]))));
    let flags = (0..ROWS).map(|i| (needs.complete || i % 11 != 2).then_some(i % 3 == 0));
    columns.push((Column::new("loud", Kind::Flag), Arc::new(BooleanArray::from_iter(flags))));
    if needs.numeric || needs.tabular {
        let values = (0..ROWS * 3).map(|i| ((i * 7) % 5) as f32).collect();
        let parts = ["one", "two", "three"].map(String::from).to_vec();
        columns.push((Column::vector("codes", parts), dense_vector(values, 3).unwrap()));
    }
    if needs.sparse || needs == Needs::default() {
        // Of the 20 places, one or two a row, and none in some.
        let offsets = (0..=ROWS as i32).map(|i| i - i / 7);
        let places = (0..ROWS).filter(|i| i % 7 != 6).map(|i| (i * 3 % 20) as u32).collect::<Vec<_>>();
        let values = places.iter().map(|&j| 0.5 + j as f32 / 7.0).collect();
        let array = sparse_vector(offsets.collect(), places, values, 20, None).unwrap();
        let parts = (0..20).map(|i| format!("word {i}")).collect::<Vec<_>>();
        columns.push((Column::sparse_vector("words", parts), array));
    }
    if !needs.numeric {
        let names = Categories::new(["blue", "green", "red", "never"]);
        // Null, and the code of values unseen at fit, come too.
        let codes = (0..ROWS as u32).map(|i| match i % 13 {
            5 if !needs.complete => None,
            7 => Some(names.unseen()),
            _ => Some(i % 3),
        });
        let array = names.column(UInt32Array::from_iter(codes)).unwrap();
        columns.push((Column::category("colour", names), array));
    }
    if !needs.numeric && !needs.tabular {
        let times = (0..ROWS as i64).map(|i| (needs.complete || i % 10 != 3).then_some(i * 86_413_000_000));
        let times = TimestampMicrosecondArray::from_iter(times).with_timezone("UTC");
        columns.push((Column::new("when", Kind::Time), Arc::new(times)));
        let dots: Vec<Vec<u8>> = (0..ROWS).map(|i| dot((i * 2) as u8)).collect();
        let dots = dots.iter().enumerate().map(|(i, dot)| (needs.complete || i % 8 != 5).then_some(dot));
        columns.push((Column::new("photo", Kind::Image), Arc::new(BinaryArray::from_iter(dots))));
        // Pictures of two by three pixels.
        let picture = Layout::Image { channels: 1, height: 2, width: 3 };
        let kind = Kind::Vector { len: 6, sparse: false };
        let values = (0..ROWS * 6).map(|i| ((i * 11) % 17) as f32 / 16.0).collect();
        columns.push((Column::new("icon", kind).with_layout(picture), dense_vector(values, 6).unwrap()));
        let pasts: Vec<Vec<Point>> = (0..ROWS)
            .map(|i| (0..i % 7).map(|t| (t as i64 * 60_000_000, (i + t) as f64)).collect())
            .collect();
        let pasts =
            pasts.iter().enumerate().map(|(i, past)| (needs.complete || i % 12 != 6).then_some(&**past));
        columns.push((Column::new("past", Kind::Series), series_column(pasts).unwrap()));
        // Places of a town, one of them far away; in the one column as points, in two as numbers.
        let place = |i: usize| {
            [13.0 + (i * 37 % 101) as f64 / 100.0, if i == 5 { -33.0 } else { 52.0 + (i % 17) as f64 / 20.0 }]
        };
        let places = (0..ROWS).map(|i| (needs.complete || i % 14 != 8).then(|| place(i)));
        let degrees = Layout::Point { degrees: true };
        columns.push((Column::new("place", Kind::Point).with_layout(degrees), point_column(places).unwrap()));
        for (name, axis, at) in [("lon", Axis::X, 0), ("lat", Axis::Y, 1)] {
            let layout = Layout::Coordinate { axis, degrees: true };
            let values = Float64Array::from_iter_values((0..ROWS).map(|i| place(i)[at]));
            columns.push((Column::number(name).with_layout(layout), Arc::new(values)));
        }
    }
    let keys = Float64Array::from_iter_values((0..ROWS).map(|i| i as f64));
    columns.push((Column::number("id").with_role(Role::Key), Arc::new(keys)));
    // Whom rows list: themselves and strangers among them, and some nobody.
    let lists = (0..ROWS).map(|i| (i % 9 != 5).then(|| format!("{};{}=0.5;x", (i + 1) % ROWS, i * 7 % ROWS)));
    let lists: StringArray = lists.collect();
    columns.push((Column::new("friends", Kind::Text).with_role(Role::Neighbors), Arc::new(lists)));
    let signal = |i: usize| numbers[0][i] - numbers[1][i] / 40.0;
    columns.push(if classes {
        let names = Categories::new(["high", "low", "middle"]);
        let codes = (0..ROWS).map(|i| {
            if signal(i) > 0.7 {
                0
            } else if signal(i) < -0.7 {
                1
            } else {
                2
            }
        });
        let array = names.column(UInt32Array::from_iter_values(codes)).unwrap();
        (Column::category("y", names).with_role(Role::Target), array)
    } else {
        let values = Float64Array::from_iter_values((0..ROWS).map(|i| 30.0 + 3.0 * signal(i)));
        (Column::number("y").with_role(Role::Target), Arc::new(values))
    });
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// The same table as a log of decisions: what came of each, and with which probability it was taken.
fn with_rewards(table: Table) -> Table {
    let batch = table.batch();
    let mut columns = batch.schema().columns().to_vec();
    let mut arrays = batch.columns().to_vec();
    let rewards = (0..ROWS).map(|i| ((i * 31) % 17) as f64 / 8.0 - 1.0);
    for (name, role, values) in
        [("earned", Role::Reward, rewards.collect::<Vec<f64>>()), ("p", Role::Propensity, vec![0.5; ROWS])]
    {
        columns.push(Column::number(name).with_role(role));
        arrays.push(Arc::new(Float64Array::from(values)));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// The same table with the past of each row and of those around it, as a forecast has them.
fn with_pasts(table: Table) -> Table {
    let batch = table.batch();
    let mut columns = batch.schema().columns().to_vec();
    let mut arrays = batch.columns().to_vec();
    for (name, factor) in [("history", 7), ("neighbors_history", 11)] {
        let kind = Kind::Vector { len: 4, sparse: false };
        columns.push(Column::new(name, kind).with_layout(Layout::Steps { steps: 4, channels: 1 }));
        let values = (0..ROWS * 4).map(|i| ((i * factor) % 13) as f32).collect();
        arrays.push(dense_vector(values, 4).unwrap());
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// Pictures with masks: a class for each pixel.
fn with_masks() -> Table {
    let n = 30;
    let dots = |of: &dyn Fn(usize) -> u8| -> ArrayRef {
        let dots: Vec<Vec<u8>> = (0..n).map(|i| dot(of(i))).collect();
        Arc::new(BinaryArray::from_iter_values(&dots))
    };
    let keys = Float64Array::from_iter_values((0..n).map(|i| i as f64));
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::number("height"), Arc::new(Float64Array::from(vec![1.5; n]))),
        (Column::new("photo", Kind::Image), dots(&|i| (i * 8) as u8)),
        (Column::number("id").with_role(Role::Key), Arc::new(keys)),
        (Column::new("y", Kind::Image).with_role(Role::Target), dots(&|i| if i > 17 { 9 } else { 0 })),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// The same table with the size of each number feature, for learners that read counts.
fn without_signs(table: Table) -> Table {
    let batch = table.batch();
    let columns = batch.schema().columns().iter().enumerate().map(|(i, column)| -> ArrayRef {
        match (column.kind, column.role) {
            (Kind::Number, Role::Feature) => {
                let values = batch.numbers(i).unwrap();
                Arc::new(Float64Array::from_iter(values.iter().map(|x| x.map(f64::abs))))
            }
            _ => batch.column(i).clone(),
        }
    });
    Table::new(Batch::new(batch.schema().clone(), columns.collect()).unwrap())
}

fn on_threads(threads: usize, work: &mut (dyn FnMut() + Send)) {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(work);
}

/// Settings beside the defaults, of steps that do other work with them.
const FURTHER: &[(&str, &str)] = &[
    ("ada_boost", r#"{ "learner": "extra_trees", "params": { "n_trees": 3, "max_depth": 2 }, "rounds": 4 }"#),
    ("bagged", r#"{ "learner": "gaussian_nb", "copies": 3, "max_samples": 0.5, "bootstrap": false }"#),
    (
        "stacked",
        r#"{ "learners": [{ "kind": "k_neighbors" }, { "kind": "random_forest", "n_trees": 5 }], "folds": 3 }"#,
    ),
    ("bin", r#"{ "strategy": "tree", "min_samples_leaf": 8 }"#),
    ("denoise", r#"{ "output": "error", "hidden": [4], "epochs": 3 }"#),
    ("denoise", r#"{ "output": "flag", "hidden": [4], "epochs": 3, "contamination": 0.1 }"#),
    ("drop_missing", r#"{ "max_share": 0.1, "max_share_of_row": 0.3 }"#),
    ("impute_huber", r#"{ "by": ["colour", "loud"], "flag": true }"#),
    ("impute_mean", r#"{ "by": ["colour", "loud"], "flag": true }"#),
    ("impute_model", r#"{ "learner": "random_forest", "params": { "n_trees": 5 }, "flag": true }"#),
    ("impute_time", r#"{ "method": "spline", "by": ["colour"], "flag": true }"#),
    ("impute_time", r#"{ "method": "seasonal", "period": "12h" }"#),
    ("impute_time", r#"{ "method": "linear", "along": "id" }"#),
    ("impute_time", r#"{ "method": "polynomial", "degree": 4, "along": "id" }"#),
    (
        "neural_net",
        r#"{ "epochs": 3, "hidden": [8], "tokens": { "width": 4, "heads": 2, "layers": 1 },
            "noise": { "gaussian": 0.1, "uniform": 0.1, "salt_and_pepper": 0.05, "swap": 0.1, "drop": 0.1 } }"#,
    ),
    ("outliers", r#"{ "detect": "isolation_forest", "n_trees": 20 }"#),
    ("outliers", r#"{ "detect": "isolation_forest", "n_trees": 20, "action": "missing" }"#),
    ("outliers", r#"{ "detect": "local_outlier_factor" }"#),
    ("outliers", r#"{ "detect": "one_class_svm" }"#),
    ("outliers", r#"{ "detect": "seasonal_residual", "period": "7d", "by": ["colour"], "threshold": 1.5 }"#),
    ("outliers", r#"{ "detect": "seasonal_residual", "period": 10, "along": "id", "action": "flag" }"#),
    ("outliers", r#"{ "detect": "mahalanobis", "contamination": 0.1 }"#),
    ("outliers", r#"{ "detect": "mahalanobis", "action": "down_weight" }"#),
    ("pca", r#"{ "n_components": 2, "keep": true }"#),
    ("smooth_image", r#"{ "filter": "median" }"#),
    ("smooth_image", r#"{ "filter": "bilateral", "radius": 2 }"#),
    ("smooth_time", r#"{ "filter": "exponential", "by": ["colour"], "alpha": 0.3 }"#),
    ("smooth_time", r#"{ "filter": "savitzky_golay", "window": 7, "degree": 3, "along": "id" }"#),
    ("smooth_time", r#"{ "filter": "gaussian", "by": ["colour"], "sigma": 0.8 }"#),
    ("smooth_time", r#"{ "filter": "median", "centered": true }"#),
    ("quantile", r#"{ "output": "normal", "n_quantiles": 20 }"#),
    (
        "track_features",
        r#"{ "x": "height", "y": "width", "degrees": false, "height": "depth", "key": "colour", "time": "id",
            "pose": ["constant", "height", "width", "depth"] }"#,
    ),
    (
        "track_features",
        r#"{ "x": "past", "y": "past", "degrees": false, "time": "when", "stop_speed": 0.02 }"#,
    ),
];

/// The broken promises of one built-in.
fn broken(entry: &Entry) -> Vec<String> {
    let further = FURTHER.iter().filter(|(kind, _)| *kind == entry.kind);
    let further = further.map(|(_, params)| serde_json::from_str(params).unwrap());
    // A net of the usual size takes too long here.
    let first = match entry.kind {
        "u_net" => serde_json::json!({ "filters": [4, 6], "epochs": 2 }),
        _ => serde_json::Value::Null,
    };
    std::iter::once(first).chain(further).flat_map(|params| broken_with(entry, params)).collect()
}

fn broken_with(entry: &Entry, params: serde_json::Value) -> Vec<String> {
    let registry = Arc::new(builtin::registry());
    let estimator = match registry.build(entry.kind, params.clone()) {
        Ok(estimator) => estimator,
        Err(e) => return vec![format!("{} {params}: cannot be built: {e}", entry.kind)],
    };
    let mut failures = Vec::new();
    let mut suited = 0;
    for classes in [true, false] {
        let needs = estimator.needs_of(&registry).unwrap();
        let mut table = table(needs, classes);
        if entry.sort == Sort::Learner(Family::Policy) {
            table = with_rewards(table);
        } else if entry.sort == Sort::Learner(Family::Masks) {
            table = with_masks();
        }
        if entry.kind == "stcn" {
            table = with_pasts(table);
        }
        let context = tidemill_core::Context::new(7, 2, registry.clone());
        match estimator.fit(Training::on(&table), &context) {
            // A learner of classes need not learn numbers, and the other way round; but one of them.
            Err(e) if e.code() == "wrong_kind" => continue,
            Err(e) if e.code() == "negative_count" => table = without_signs(table),
            _ => {}
        }
        suited += 1;
        let subject = Subject {
            entry,
            params: params.clone(),
            registry: registry.clone(),
            table,
            on_threads: &on_threads,
        };
        for (name, check) in CHECKS {
            if let Err(e) = check(&subject) {
                failures.push(format!(
                    "{} {params} ({}): {name}: {e}",
                    entry.kind,
                    if classes { "classes" } else { "number" }
                ));
            }
        }
    }
    if suited == 0 {
        failures.push(format!("{}: fits neither classes nor a number", entry.kind));
    }
    failures
}

#[test]
fn every_built_in_keeps_the_promises_of_core() {
    let entries = builtin::STEPS.iter().chain(builtin::LEARNERS);
    let failures: Vec<String> = entries.flat_map(broken).collect();
    assert!(failures.is_empty(), "{} broken promises:\n{}", failures.len(), failures.join("\n"));
}
