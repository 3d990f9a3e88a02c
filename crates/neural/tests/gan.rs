//! What must be true of a GAN of tables: it keeps what each column holds and what columns say of each other, and makes the same rows for the
//! same seed.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, UInt32Array};
use tidemill_core::{Batch, Categories, Column, Context, Kind, Schema};
use tidemill_kernel::Random;
use tidemill_neural::Gan;

fn batch(columns: Vec<(Column, ArrayRef)>) -> Batch {
    let (columns, arrays): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

/// Two flags, a name that is `same` where they agree, and a number around -5 or 5 by the name, missing in a fifth of the rows where the
/// first flag is set.
fn table(n: usize) -> Batch {
    let mut random = Random::new(7, 0);
    let a: Vec<bool> = (0..n).map(|_| random.unit() < 0.5).collect();
    let b: Vec<bool> = (0..n).map(|_| random.unit() < 0.5).collect();
    let names = Categories::new(["other", "same"]);
    let codes: Vec<u32> = a.iter().zip(&b).map(|(a, b)| u32::from(a == b)).collect();
    let x = codes.iter().zip(&a).map(|(code, a)| {
        let x = random.normal() + if *code == 1 { 5.0 } else { -5.0 };
        (!*a || random.unit() > 0.2).then(|| (x * 10.0).round() / 10.0)
    });
    let x: Float64Array = x.collect();
    batch(vec![
        (Column::new("a", Kind::Flag), Arc::new(BooleanArray::from(a))),
        (Column::new("b", Kind::Flag), Arc::new(BooleanArray::from(b))),
        (Column::category("c", names.clone()), names.column(UInt32Array::from(codes)).unwrap()),
        (Column::number("x"), Arc::new(x)),
    ])
}

#[test]
fn columns_and_what_they_say_of_each_other_are_learned() {
    let real = table(2000);
    let made = Gan::fit(&real, 3000, &Context::default()).unwrap().sample(2000, 1).unwrap();
    let (a, b, c) = (made.flags(0).unwrap(), made.flags(1).unwrap(), made.codes(2).unwrap());
    let share = |flags: &BooleanArray| flags.true_count() as f64 / 2000.0;
    assert!(
        (0.35..0.65).contains(&share(a)) && (0.35..0.65).contains(&share(b)),
        "{} {}",
        share(a),
        share(b)
    );
    // The number follows the name, has as many decimals, and misses where it does.
    let x = made.numbers(3).unwrap();
    let right = (0..2000).filter(|&i| x.is_valid(i) && (x.value(i) > 0.0) == (c.value(i) == 1)).count();
    assert!(right as f64 > 0.8 * (2000 - x.null_count()) as f64, "{right} of {}", 2000 - x.null_count());
    assert!(x.iter().flatten().all(|x| (10.0 * x - (10.0 * x).round()).abs() < 1e-9));
    let gone = x.null_count() as f64 / 2000.0;
    assert!((0.03..0.2).contains(&gone), "{gone}");
}

#[test]
fn the_same_seed_makes_the_same_rows_on_any_number_of_threads() {
    let real = table(300);
    let made = |threads: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Gan::fit(&real, 20, &Context::default()).unwrap().sample(1300, seed).unwrap())
    };
    let (one, three) = (made(1, 4), made(3, 4));
    assert_eq!(one.columns(), three.columns());
    assert_ne!(one.columns(), made(2, 5).columns());
}

#[test]
fn columns_that_say_little_are_no_obstacle() {
    let n = 120;
    let rare: Vec<String> = (0..400).map(|i| format!("name {i}")).collect();
    let names = Categories::new(&rare);
    let real = batch(vec![
        (Column::number("constant"), Arc::new(Float64Array::from(vec![7.5; n]))),
        (Column::number("nothing"), Arc::new(Float64Array::new_null(n))),
        (Column::number("few"), Arc::new(Float64Array::from_iter_values((0..n).map(|i| (i % 3) as f64)))),
        (
            Column::number("infinite"),
            Arc::new(Float64Array::from_iter_values(
                (0..n).map(|i| if i == 3 { f64::INFINITY } else { i as f64 }),
            )),
        ),
        (
            Column::category("rare", names.clone()),
            names.column(UInt32Array::from_iter_values(0..n as u32)).unwrap(),
        ),
    ]);
    let made = Gan::fit(&real, 30, &Context::default()).unwrap().sample(500, 1).unwrap();
    assert!(made.numbers(0).unwrap().values().iter().all(|x| *x == 7.5));
    assert_eq!(made.column(1).null_count(), 500);
    assert!(made.numbers(2).unwrap().values().iter().all(|x| [0.0, 1.0, 2.0].contains(x)));
    assert!(made.numbers(3).unwrap().iter().flatten().all(|x| (0.0..120.0).contains(&x)));
    assert!(made.codes(4).unwrap().values().iter().all(|code| *code < 120));
}

#[test]
fn what_cannot_be_learned_is_said() {
    let error = Gan::fit(&table(99), 10, &Context::default()).err().unwrap();
    assert!(error.to_string().contains("99 rows are too few") && error.remedy().is_some(), "{error}");
    let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["a"; 200]));
    let error = Gan::fit(&batch(vec![(Column::new("note", Kind::Text), texts)]), 10, &Context::default());
    assert!(error.err().unwrap().to_string().contains("'note'"));
    let empty = batch(vec![(Column::number("x"), Arc::new(Float64Array::new_null(200)) as ArrayRef)]);
    assert!(Gan::fit(&empty, 10, &Context::default()).err().unwrap().to_string().contains("missing"));
}
