//! The Gaussian copula: correlations behind columns against SciPy (`reference/copula.py`), and what must be true of the rows it makes.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array, TimestampMicrosecondArray, UInt32Array};
use serde_json::Value;
use tidemill_core::{Batch, Categories, Column, Context, Kind, Row, Schema};
use tidemill_kernel::Random;
use tidemill_prep::Copula;

fn batch(columns: Vec<(Column, ArrayRef)>) -> Batch {
    let (columns, arrays) = columns.into_iter().unzip();
    Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn numbers(name: &str, values: Vec<f64>) -> (Column, ArrayRef) {
    (Column::number(name), Arc::new(Float64Array::from(values)))
}

fn flags(name: &str, values: &[f64]) -> (Column, ArrayRef) {
    (Column::new(name, Kind::Flag), Arc::new(BooleanArray::from_iter(values.iter().map(|x| Some(*x > 0.5)))))
}

fn names(name: &str, of: &[&str], codes: Vec<Option<u32>>) -> (Column, ArrayRef) {
    let names = Categories::new(of);
    let array = names.column(UInt32Array::from(codes)).unwrap();
    (Column::category(name, names), array)
}

/// The rows of `copula.py`.
fn known() -> (Batch, Value) {
    let stored: Value = serde_json::from_str(include_str!("reference/copula.json")).unwrap();
    // The codes of the grades are not in their order.
    let grade = floats(&stored["grade"]).iter().map(|x| Some([2, 0, 3, 1][*x as usize])).collect();
    let table = batch(vec![
        numbers("wait", floats(&stored["wait"])),
        numbers("income", floats(&stored["income"])),
        flags("loud", &floats(&stored["loud"])),
        names("grade", &["fair", "good", "poor", "very good"], grade),
        flags("late", &floats(&stored["late"])),
    ]);
    (table, stored)
}

#[test]
fn correlations_behind_the_columns_agree_with_scipy() {
    let (table, stored) = known();
    let copula = Copula::fit(&table, &Context::default()).unwrap();
    let found =
        |pair: &Value| copula.correlation(pair[0].as_str().unwrap(), pair[1].as_str().unwrap()).unwrap();
    for pair in stored["correlations"].as_array().unwrap() {
        let off = (found(pair) - pair[2].as_f64().unwrap()).abs();
        assert!(off < pair[3].as_f64().unwrap(), "{pair}: {}", found(pair));
    }
    // Of 1200 rows, three standard errors of a correlation with a flag are about 0.1.
    for pair in stored["truth"].as_array().unwrap() {
        assert!((found(pair) - pair[2].as_f64().unwrap()).abs() < 0.1, "{pair}: {}", found(pair));
    }
    assert_eq!(copula.correlation("wait", "nothing"), None);
}

/// The greatest difference of the two distribution functions.
fn apart(a: &[f64], b: &[f64]) -> f64 {
    let below = |of: &[f64], x: f64| of.iter().filter(|y| **y <= x).count() as f64 / of.len() as f64;
    a.iter().chain(b).map(|&x| (below(a, x) - below(b, x)).abs()).fold(0.0, f64::max)
}

#[test]
fn marginals_and_dependence_are_kept() {
    let (table, _) = known();
    let context = Context::default();
    let copula = Copula::fit(&table, &context).unwrap();
    let made = copula.sample(4000, 3).unwrap();
    for at in [0, 1] {
        let (real, new) = (table.numbers(at).unwrap().values(), made.numbers(at).unwrap().values());
        assert!(apart(real, new) < 0.03, "column {at}: {}", apart(real, new));
        let ends = |x: &[f64]| x.iter().fold([f64::MAX, f64::MIN], |[a, b], x| [a.min(*x), b.max(*x)]);
        assert!(ends(new)[0] >= ends(real)[0] && ends(new)[1] <= ends(real)[1]);
    }
    // Whole numbers stay whole, and hundredths hundredths.
    assert!(made.numbers(1).unwrap().values().iter().all(|x| x.fract() == 0.0));
    assert!(made.numbers(0).unwrap().values().iter().all(|x| (x * 100.0 - (x * 100.0).round()).abs() < 1e-9));
    for code in 0..4 {
        let share = |of: &Batch| {
            let codes = of.codes(3).unwrap();
            codes.values().iter().filter(|c| **c == code).count() as f64 / codes.len() as f64
        };
        assert!((share(&table) - share(&made)).abs() < 0.03, "{code}");
    }
    // A copula of the new rows finds the same dependence.
    let again = Copula::fit(&made, &context).unwrap();
    let columns: Vec<&str> = table.schema().names().collect();
    for a in &columns {
        for b in &columns {
            let (first, second) = (copula.correlation(a, b).unwrap(), again.correlation(a, b).unwrap());
            assert!((first - second).abs() < 0.08, "{a} {b}: {first} {second}");
        }
    }
}

#[test]
fn no_row_is_copied() {
    let mut random = Random::new(1, 0);
    let normal = |random: &mut Random| (0..300).map(|_| random.normal()).collect::<Vec<_>>();
    let table = batch(vec![
        numbers("a", normal(&mut random)),
        numbers("b", normal(&mut random)),
        names("c", &["x", "y"], (0..300).map(|i| Some(i % 2)).collect()),
    ]);
    let made = Copula::fit(&table, &Context::default()).unwrap().sample(2000, 1).unwrap();
    let row = |of: &Batch, i: usize| format!("{:?}", Row::of(of, i).unwrap());
    let real: BTreeSet<String> = (0..300).map(|i| row(&table, i)).collect();
    assert!((0..2000).all(|i| !real.contains(&row(&made, i))));
}

#[test]
fn what_is_missing_together_stays_missing_together() {
    let mut random = Random::new(2, 0);
    let gone: Vec<bool> = (0..1000).map(|_| random.unit() < 0.2).collect();
    let some = |random: &mut Random, gone: &[bool]| -> ArrayRef {
        Arc::new(gone.iter().map(|gone| (!gone).then(|| random.normal())).collect::<Float64Array>())
    };
    let never = vec![false; 1000];
    let table = batch(vec![
        (Column::number("a"), some(&mut random, &gone)),
        (Column::number("b"), some(&mut random, &gone)),
        (Column::number("c"), some(&mut random, &never)),
    ]);
    let made = Copula::fit(&table, &Context::default()).unwrap().sample(3000, 1).unwrap();
    let share = |at: usize| made.column(at).null_count() as f64 / 3000.0;
    assert!((share(0) - table.column(0).null_count() as f64 / 1000.0).abs() < 0.03);
    assert_eq!(share(2), 0.0);
    let alike = (0..3000).filter(|&i| made.column(0).is_null(i) == made.column(1).is_null(i)).count();
    assert!(alike > 2950, "{alike}");
}

#[test]
fn columns_that_say_one_thing_or_nothing_stay_so() {
    let days = TimestampMicrosecondArray::from_iter_values((0..40).map(|i| i * 86_400_000_000));
    let table = batch(vec![
        numbers("x", (0..40).map(f64::from).collect()),
        // Twice the same: the correlation behind is at its end.
        numbers("twice", (0..40).map(|i| 2.0 * f64::from(i)).collect()),
        numbers("constant", vec![7.5; 40]),
        (Column::number("nothing"), Arc::new(Float64Array::new_null(40))),
        flags("always", &[1.0; 40]),
        names("one", &["never", "only"], vec![Some(1); 40]),
        names("unknown", &["never"], vec![None; 40]),
        (Column::new("day", Kind::Time), Arc::new(days.with_timezone("UTC"))),
        numbers("infinite", (0..40).map(|i| if i == 3 { f64::INFINITY } else { f64::from(i) }).collect()),
    ]);
    let made = Copula::fit(&table, &Context::default()).unwrap().sample(500, 1).unwrap();
    assert!(made.numbers(2).unwrap().values().iter().all(|x| *x == 7.5));
    assert_eq!((made.column(3).null_count(), made.column(6).null_count()), (500, 500));
    assert!((0..500).all(|i| made.flags(4).unwrap().value(i) && made.codes(5).unwrap().value(i) == 1));
    assert!(made.times(7).unwrap().values().iter().all(|t| t % 86_400_000_000 == 0));
    assert!(made.numbers(8).unwrap().iter().flatten().all(f64::is_finite));
    let (x, twice) = (made.numbers(0).unwrap().values(), made.numbers(1).unwrap().values());
    assert!(x.iter().zip(twice).all(|(x, twice)| (2.0 * x - twice).abs() <= 5.0));
}

#[test]
fn the_same_seed_makes_the_same_rows_on_any_number_of_threads() {
    let (table, _) = known();
    let made = |threads: usize, n: usize, seed: u64| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| Copula::fit(&table, &Context::default()).unwrap().sample(n, seed).unwrap())
    };
    let (one, three) = (made(1, 2500, 4), made(3, 2500, 4));
    assert_eq!(one.columns(), three.columns());
    assert_ne!(one.columns(), made(1, 2500, 5).columns());
    assert_eq!(one.slice(0, 1500).columns(), made(2, 1500, 4).columns());
    assert_eq!(made(1, 0, 4).n_rows(), 0);
}

#[test]
fn what_cannot_be_learned_is_said() {
    let few = batch(vec![numbers("x", vec![1.0, 2.0])]);
    let error = Copula::fit(&few, &Context::default()).unwrap_err();
    assert!(error.to_string().contains("2 rows are too few") && error.remedy().is_some(), "{error}");
    let texts: ArrayRef = Arc::new(arrow_array::StringArray::from(vec!["a"; 20]));
    let error = Copula::fit(&batch(vec![(Column::new("note", Kind::Text), texts)]), &Context::default());
    assert!(error.unwrap_err().to_string().contains("'note'"));
}
