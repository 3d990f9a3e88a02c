//! The statistics behind `check` against what numpy, pandas and scipy say of the same columns, and what must hold of any.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use serde_json::Value;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Column, Context, Kind, Schema, Table};
use tidemill_data::Profile;

fn profiled(columns: Vec<(Column, ArrayRef)>, recipe: &Recipe) -> Profile {
    let (schema, arrays) = columns.into_iter().unzip();
    let table = Table::new(Batch::new(Arc::new(Schema::new(schema).unwrap()), arrays).unwrap());
    tidemill_data::profile(&table, recipe, &Context::default()).unwrap().1
}

/// The columns of `reference/profile.py`.
fn reference_columns() -> Vec<(Column, ArrayRef)> {
    let n = 600u64;
    let a: Vec<Option<f64>> = (0..n).map(|i| Some(((i * i * 31) % 1009) as f64 / 8.0)).collect();
    let b = (0..n).map(|i| (i % 7 != 3).then(|| ((i * 17) % 251) as f64 - 40.0)).collect();
    let c = a.iter().zip(0..n).map(|(x, i)| x.map(|x| x * 2.0 + (i % 13) as f64)).collect();
    let d = (0..n).map(|i| (i % 5 != 0).then(|| 1e6 + ((i * i) % 97) as f64)).collect();
    let column = |name: &str, values: Vec<Option<f64>>| {
        (Column::number(name), Arc::new(Float64Array::from(values)) as ArrayRef)
    };
    vec![column("a", a), column("b", b), column("c", c), column("d", d)]
}

#[track_caller]
fn near(found: f64, wanted: &Value, what: &str) {
    let wanted = wanted.as_f64().unwrap();
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{what}: {found}, not {wanted}");
}

#[test]
fn numbers_agree_with_numpy_pandas_and_scipy() {
    let stored: Value = serde_json::from_str(include_str!("reference/profile.json")).unwrap();
    let profile = profiled(reference_columns(), &Recipe::default());
    for column in &profile.columns {
        let (name, wanted) = (&column.name, &stored["columns"][&column.name]);
        let numbers = column.numbers.as_ref().unwrap();
        near(numbers.mean, &wanted["mean"], name);
        near(numbers.std.unwrap(), &wanted["std"], name);
        near(numbers.min, &wanted["min"], name);
        near(numbers.max, &wanted["max"], name);
        near(numbers.skewness.unwrap(), &wanted["skewness"], name);
        near(numbers.kurtosis.unwrap(), &wanted["kurtosis"], name);
        near(numbers.mad, &wanted["mad"], name);
        assert_eq!(Some(column.distinct.count), wanted["distinct"].as_u64());
        for (i, [share, value]) in numbers.quantiles.iter().enumerate() {
            near(*value, &wanted["quantiles"][i], &format!("{name} at {share}"));
        }
        for fence in &numbers.fences {
            let fences = &wanted["fences"][fence.rule];
            near(fence.low, &fences[0], fence.rule);
            near(fence.high, &fences[1], fence.rule);
            assert_eq!(Some(fence.outside.count), fences[2].as_u64(), "{name} by {}", fence.rule);
        }
        assert_eq!(numbers.histogram.counts.iter().sum::<u64>(), column.values, "{name}");
    }
    for (i, row) in profile.correlations.matrix.iter().enumerate() {
        for (j, found) in row.iter().enumerate() {
            near(found.unwrap(), &stored["correlation"][i][j], &format!("correlation {i} {j}"));
        }
    }
    assert_eq!((profile.columns[1].missing.count, &profile.columns[1].missing.rows[..2]), (86, &[4, 11][..]));
}

#[test]
fn what_is_missing_together_is_counted_by_pattern() {
    let gone = |every: usize| (0..90).map(|i| (i % every != 0).then_some(i as f64 * 1.5)).collect::<Vec<_>>();
    let column =
        |name: &str, every| (Column::number(name), Arc::new(Float64Array::from(gone(every))) as ArrayRef);
    let profile =
        profiled(vec![column("x", 9), column("y", 9), column("z", 5), column("w", 91)], &Recipe::default());
    let missing = &profile.missing;
    let told: Vec<(Vec<&str>, u64)> =
        missing.patterns.iter().map(|p| (p.columns.iter().map(String::as_str).collect(), p.count)).collect();
    // Multiples of 5 but not of 9; of 9 but not of 5; of 45; and row 0, which is a multiple of 91 too.
    assert_eq!(
        told,
        [(vec!["z"], 16), (vec!["x", "y"], 8), (vec!["x", "y", "z"], 1), (vec!["x", "y", "z", "w"], 1)]
    );
    assert_eq!(missing.complete_rows, 90 - 26);
    assert_eq!(
        (missing.pairs.len(), &missing.pairs[0].columns, missing.pairs[0].both),
        (1, &["x".into(), "y".into()], 10)
    );
}

/// Several units, and more values than any sketch holds exactly.
fn long_table() -> Table {
    let n = 150_000u64;
    let x = (0..n).map(|i| (i % 11 != 3).then(|| ((i * 48_271) % 65_537) as f64 / 3.0));
    let y = (0..n).map(|i| Some(((i * i) % 9973) as f64));
    let name = (0..n).map(|i| Some(format!("name {}", (i * 7919) % 6000)));
    let time = (0..n).map(|i| Some(format!("2024-{:02}-{:02}", 1 + i / 12_501, 1 + i % 28)));
    let class = (0..n).map(|i| Some(if (i * 31) % 7 < 3 { "yes" } else { "no" }));
    let schema = Schema::new(vec![
        Column::number("x"),
        Column::number("y"),
        Column::new("name", Kind::Text),
        Column::new("time", Kind::Text),
        Column::new("class", Kind::Text),
    ]);
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from_iter(x)),
        Arc::new(Float64Array::from_iter(y)),
        Arc::new(StringArray::from_iter(name)),
        Arc::new(StringArray::from_iter(time)),
        Arc::new(StringArray::from_iter(class)),
    ];
    Table::new(Batch::new(Arc::new(schema.unwrap()), arrays).unwrap())
}

#[test]
fn the_profile_is_the_same_for_any_number_of_threads() {
    let table = long_table();
    let mut recipe = Recipe::default();
    recipe.data.target = Some("class".into());
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let (_, profile) =
            pool.install(|| tidemill_data::profile(&table, &recipe, &Context::default())).unwrap();
        serde_json::to_string(&profile).unwrap()
    };
    let one = with(1);
    assert!(one == with(2) && one == with(3), "another number of threads, another profile");
}

#[test]
fn sketches_are_near_the_truth() {
    let profile = profiled(
        {
            let table = long_table();
            let batch = table.batch().clone();
            batch.schema().columns().iter().cloned().zip(batch.columns().iter().cloned()).collect()
        },
        &Recipe::default(),
    );
    let column = |name: &str| profile.columns.iter().find(|c| c.name == name).unwrap();
    // x runs evenly over 65,537 thirds: a quantile is its share of the range.
    let x = column("x").numbers.as_ref().unwrap();
    for [share, value] in &x.quantiles {
        assert!((value / (65_537.0 / 3.0) - share).abs() < 0.004, "{share}: {value}");
    }
    let names = column("name");
    assert!((names.distinct.count as f64 / 6000.0 - 1.0).abs() < 0.025 && !names.distinct.exact);
    assert!(!x.exact && profile.sampled_rows <= 32_768);
    assert_eq!(profile.rows, 150_000);
}

/// Vectors are compared by what they hold: embeddings that differ are neither copies nor one row with two labels.
#[test]
fn rows_of_vectors_repeat_where_their_numbers_do() {
    let n = 40usize;
    let values = |i: usize, k: usize| ((i * 7 + k * 3) % 101) as f32 / 8.0;
    let rows = |n_different: usize| {
        let flat: Vec<f32> = (0..n).flat_map(|i| (0..4).map(move |k| values(i % n_different, k))).collect();
        let labels = (0..n).map(|i| if i % 2 == 0 { "yes" } else { "no" });
        let mut recipe = Recipe::default();
        recipe.data.target = Some("y".into());
        let columns = vec![
            (
                Column::new("e", Kind::Vector { len: 4, sparse: false }),
                tidemill_core::dense_vector(flat, 4).unwrap(),
            ),
            (Column::new("y", Kind::Text), Arc::new(labels.map(Some).collect::<StringArray>()) as ArrayRef),
        ];
        profiled(columns, &recipe)
    };
    let different = rows(n);
    assert_eq!((different.repeats.rows, different.repeats.conflicts.as_ref().unwrap().rows), (0, 0));
    assert_eq!(different.columns[0].distinct.count, 40);
    // Twenty vectors twice, each time with the same label; of five, each comes with both.
    assert_eq!((rows(20).repeats.rows, rows(20).repeats.conflicts.as_ref().unwrap().rows), (20, 0));
    assert_eq!(rows(5).repeats.conflicts.as_ref().unwrap().errors_at_least, 20);
}
