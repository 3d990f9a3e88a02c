//! Slices: what was planted is found and named, and nothing where there is nothing.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use arrow_array::{
    ArrayRef, BooleanArray, Float64Array, StringArray, TimestampMicrosecondArray, UInt32Array,
};
use tidemill_core::{Batch, Categories, Column, Context, Kind, Registry, Role, Schema};
use tidemill_eval::slices::{Slicing, slices};
use tidemill_eval::{Answers, metric};
use tidemill_kernel::Random;

fn context() -> Context {
    Context::new(1, 2, Arc::new(Registry::new([])))
}

/// Region, age (sometimes missing), a flag, a day, a note; all of them chance.
fn table(n: usize, seed: u64) -> Batch {
    let mut random = Random::new(seed, 0);
    let regions: Vec<u32> = (0..n).map(|_| random.below(4) as u32).collect();
    let ages: Vec<Option<f64>> =
        (0..n).map(|_| (random.below(10) > 0).then(|| 18.0 + random.below(60) as f64)).collect();
    let flags: Vec<bool> = (0..n).map(|_| random.below(2) == 0).collect();
    let days: Vec<i64> = (0..n).map(|_| random.below(700) as i64 * 86_400_000_000).collect();
    let names = Categories::new(["north", "south", "east", "west"]);
    let columns: Vec<(Column, ArrayRef)> = vec![
        (Column::category("region", names.clone()), names.column(UInt32Array::from(regions)).unwrap()),
        (Column::number("age"), Arc::new(Float64Array::from(ages))),
        (Column::new("member", Kind::Flag), Arc::new(BooleanArray::from(flags))),
        (
            Column::new("joined", Kind::Time),
            Arc::new(TimestampMicrosecondArray::from(days).with_timezone("UTC")),
        ),
        (Column::new("note", Kind::Text), Arc::new(StringArray::from(vec!["x"; n]))),
        (Column::number("key").with_role(Role::Key), Arc::new(Float64Array::from(vec![1.0; n]))),
    ];
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

/// Answers that are right with this chance.
fn guessed(rows: &Batch, seed: u64, right: impl Fn(usize) -> f64) -> Answers<'static> {
    let mut random = Random::new(seed, 1);
    let truth: Vec<u32> = (0..rows.n_rows()).map(|_| random.below(2) as u32).collect();
    let guess = |(row, &t): (usize, &u32)| if random.unit() < right(row) { t } else { 1 - t };
    let predicted: Vec<u32> = truth.iter().enumerate().map(guess).collect();
    let sure = |&p: &u32| if p == 1 { [0.2, 0.8] } else { [0.8, 0.2] };
    let probability: Vec<f64> = predicted.iter().flat_map(sure).collect();
    Answers::classes(truth, predicted, ["no", "yes"]).unwrap().with_probability(probability).unwrap()
}

#[test]
fn a_planted_slice_of_two_conditions_is_found_and_named() {
    let rows = table(6000, 1);
    let (regions, ages) = (rows.codes(0).unwrap().clone(), rows.numbers(1).unwrap().clone());
    let planted = |row: usize| regions.value(row) == 2 && ages.value(row) >= 66.0;
    let answers = guessed(&rows, 1, |row| if planted(row) { 0.5 } else { 0.9 });
    let found =
        slices(&rows, &answers, metric("accuracy").unwrap(), &Slicing::default(), &context()).unwrap();
    let worst = &found.slices[0];
    assert_eq!(worst.conditions.len(), 2, "{found:?}");
    assert!(worst.name.starts_with("region is 'east' and age from 6"), "{}", worst.name);
    assert!(worst.value < 0.65 && worst.rest > 0.85 && worst.p_value < 0.001, "{worst:?}");
    assert!((worst.loss - (1.0 - worst.value)).abs() < 1e-12);
    assert!(found.n_tested > 100 && found.loss == "accuracy");
}

#[test]
fn flags_missing_values_and_days_are_named() {
    let rows = table(4000, 2);
    let ages = rows.numbers(1).unwrap().clone();
    let flags = rows.flags(2).unwrap().clone();
    let days = rows.times(3).unwrap().clone();
    let worst = |right: &dyn Fn(usize) -> f64| {
        let answers = guessed(&rows, 3, right);
        let metric = metric("roc_auc").unwrap();
        let found = slices(&rows, &answers, metric, &Slicing::default(), &context()).unwrap();
        assert_eq!(found.loss, "log_loss");
        found.slices[0].name.clone()
    };
    assert_eq!(worst(&|row| if ages.is_valid(row) { 0.9 } else { 0.5 }), "age is missing");
    assert_eq!(worst(&|row| if flags.value(row) { 0.6 } else { 0.9 }), "member is true");
    let late = worst(&|row| if days.value(row) > 560 * 86_400_000_000 { 0.5 } else { 0.9 });
    assert!(late.starts_with("joined from 1971-07-") && late.ends_with("to 1971-12-01"), "{late}");
}

use arrow_array::Array;

/// The chance of any report, where all are served alike, is what was asked for: also with losses that are far from normal.
#[test]
fn where_there_is_nothing_nothing_is_reported() {
    let mut reported = [0; 4];
    for seed in 0..150 {
        let rows = table(600, seed + 10);
        let mut random = Random::new(seed, 5);
        let normal: Vec<f64> = (0..600).map(|_| random.normal()).collect();
        let wild = normal.iter().map(|x| x * x * x).collect::<Vec<f64>>();
        let wild = Answers::numbers(vec![0.0; 600], wild).unwrap();
        let numbers = Answers::numbers(vec![0.0; 600], normal).unwrap();
        let classes = guessed(&rows, seed, |_| 0.85);
        for (i, (answers, name)) in
            [(&wild, "mse"), (&numbers, "rmse"), (&classes, "accuracy"), (&classes, "log_loss")]
                .into_iter()
                .enumerate()
        {
            let found =
                slices(&rows, answers, metric(name).unwrap(), &Slicing::default(), &context()).unwrap();
            reported[i] += usize::from(!found.slices.is_empty());
        }
    }
    assert!(reported.iter().all(|&n| n <= 15), "{reported:?} of 150");
}

#[test]
fn weights_of_none_leave_rows_out_and_threads_change_nothing() {
    let rows = table(3000, 4);
    let regions = rows.codes(0).unwrap().clone();
    let right = |row: usize| if regions.value(row) == 0 { 0.5 } else { 0.9 };
    let answers = guessed(&rows, 1, right);
    let look = |answers: &Answers<'_>| {
        slices(&rows, answers, metric("log_loss").unwrap(), &Slicing::default(), &context()).unwrap()
    };
    let runs = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| serde_json::to_string(&look(&answers)).unwrap())
    });
    assert_eq!(runs[0], runs[1]);
    assert_eq!(look(&answers).slices[0].name, "region is 'north'");
    let weights: Vec<f64> = (0..3000).map(|row| f64::from(regions.value(row) != 0)).collect();
    let without = look(&answers.clone().with_weights(weights).unwrap());
    assert!(without.slices.is_empty(), "{without:?}");
}

#[test]
fn numbers_that_are_too_few_or_do_not_fit_are_said() {
    let rows = table(40, 1);
    let answers = guessed(&rows, 1, |_| 0.9);
    let metric = metric("accuracy").unwrap();
    let found = slices(&rows, &answers, metric, &Slicing::default(), &context()).unwrap();
    assert!(found.slices.is_empty() && found.n_tested == 0);
    let other = guessed(&table(41, 1), 1, |_| 0.9);
    assert!(slices(&rows, &other, metric, &Slicing::default(), &context()).is_err());
    let none = rows.slice(0, 0);
    let nothing = answers.take(&[]).unwrap();
    assert!(slices(&none, &nothing, metric, &Slicing::default(), &context()).unwrap().slices.is_empty());
    let cancelled = context();
    cancelled.cancel_switch().store(true, Ordering::Relaxed);
    assert!(
        slices(&table(500, 1), &guessed(&table(500, 1), 1, |_| 0.9), metric, &Slicing::default(), &cancelled)
            .is_err()
    );
}
