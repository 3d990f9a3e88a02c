//! Counterfactuals of functions whose nearest other answers are known in closed form, and what must hold of any.

use tidemill_core::Context;
use tidemill_eval::explain::{Changeable, CounterfactualSettings, counterfactuals};
use tidemill_eval::{Error, Result};
use tidemill_kernel::Random;

type Changes = Vec<(usize, f64)>;

fn changed(own: &[f64], changes: &[(usize, f64)]) -> Vec<f64> {
    let mut row = own.to_vec();
    changes.iter().for_each(|&(at, to)| row[at] = to);
    row
}

/// A gap of a model of numbers: how far what it says is below 0.
fn below_zero(own: &[f64], model: impl Fn(&[f64]) -> f64) -> impl Fn(&[Changes]) -> Result<Vec<f64>> {
    let own = own.to_vec();
    move |rows| Ok(rows.iter().map(|changes| (-model(&changed(&own, changes))).max(0.0)).collect())
}

/// A number from 0 to 10 in tenths, of which eleven values are tried.
fn number(own: f64, scale: f64) -> Changeable {
    Changeable { own, values: (0..=10).map(f64::from).collect(), scale: Some(scale), digits: 1 }
}

#[test]
fn one_column_of_a_linear_function_moves_just_as_far_as_it_must() {
    let mut random = Random::new(3, 0);
    let mut offered = 0;
    for _ in 0..200 {
        let own: Vec<f64> = (0..4).map(|_| (100.0 * random.unit()).round() / 10.0).collect();
        let weights: Vec<f64> = (0..4).map(|_| 4.0 * random.unit() - 2.0).collect();
        let scales: Vec<f64> = (0..4).map(|_| 0.5 + random.unit()).collect();
        let says = |row: &[f64]| row.iter().zip(&weights).map(|(x, w)| x * w).sum::<f64>();
        let bound = says(&own) + 3.0;
        let gap = below_zero(&own, |row| says(row) - bound);
        let columns: Vec<_> = own.iter().zip(&scales).map(|(x, s)| number(*x, *s)).collect();
        let settings = CounterfactualSettings { n_wanted: 4, max_columns: 1, ..Default::default() };
        let found = counterfactuals(&columns, settings, &Context::default(), gap).unwrap();
        // In closed form: x + 3 / w, on the next tenth, where that lies from 0 to 10.
        let mut wanted: Vec<(usize, f64, f64)> = Vec::new();
        for (at, (x, w)) in own.iter().zip(&weights).enumerate() {
            let exact = x + 3.0 / w;
            let to = if *w > 0.0 { (10.0 * exact).ceil() / 10.0 } else { (10.0 * exact).floor() / 10.0 };
            if (0.0..=10.0).contains(&to) {
                wanted.push((at, to, ((to - x) / scales[at]).abs()));
            }
        }
        wanted.sort_by(|a, b| a.2.total_cmp(&b.2));
        assert_eq!(found.found.len(), wanted.len(), "{own:?} {weights:?}: {found:?}");
        for (found, (at, to, distance)) in found.found.iter().zip(&wanted) {
            assert_eq!(found.changes[0].0, *at);
            assert!((found.changes[0].1 - to).abs() < 1e-9, "{found:?}: {to}");
            assert!((found.distance - distance).abs() < 1e-9);
        }
        offered += wanted.len();
    }
    assert!(offered > 200, "{offered}");
}

#[test]
fn what_no_column_reaches_alone_is_reached_by_the_fewest() {
    // Three of five must be above 7; nothing but all three is enough.
    let own = [5.0; 5];
    let says = |row: &[f64]| row.iter().filter(|x| **x > 7.0).count() as f64 - 3.0;
    let columns: Vec<_> = (0..5).map(|_| number(5.0, 1.0)).collect();
    let found =
        counterfactuals(&columns, Default::default(), &Context::default(), below_zero(&own, says)).unwrap();
    assert_eq!((found.found.len(), found.n_columns), (3, 3));
    for one in &found.found {
        assert!(one.changes.iter().all(|(_, to)| (to - 7.1).abs() < 1e-9), "{one:?}");
        assert!((one.distance - 6.3).abs() < 1e-9 && one.changes.len() == 3);
    }
    let sets =
        |one: &tidemill_eval::explain::Counterfactual| one.changes.iter().map(|c| c.0).collect::<Vec<_>>();
    assert!(sets(&found.found[0]) != sets(&found.found[1]) && sets(&found.found[1]) != sets(&found.found[2]));
}

#[test]
fn every_pair_is_asked_about_where_that_is_cheap() {
    // One cell of a checkerboard of two categories: no gap leads there.
    let own = [0.0, 0.0, 0.0];
    let category =
        |n: i32| Changeable { own: 0.0, values: (0..n).map(f64::from).collect(), scale: None, digits: 0 };
    let says = |row: &[f64]| if row[0] == 7.0 && row[2] == 3.0 { 0.0 } else { -1.0 };
    let columns = [category(9), category(9), category(9)];
    let found =
        counterfactuals(&columns, Default::default(), &Context::default(), below_zero(&own, says)).unwrap();
    assert!(found.complete);
    assert_eq!(found.found[0].changes, [(0, 7.0), (2, 3.0)]);
    assert_eq!((found.found.len(), found.found[0].distance), (1, 2.0));
}

#[test]
fn nothing_found_is_said_with_what_was_tried_and_bounds_hold() {
    let own = vec![5.0; 30];
    let columns: Vec<_> = (0..30).map(|_| number(5.0, 1.0)).collect();
    let settings = CounterfactualSettings { max_evaluations: 2_000, ..Default::default() };
    let found = counterfactuals(&columns, settings, &Context::default(), below_zero(&own, |_| -1.0)).unwrap();
    assert!(found.found.is_empty() && !found.complete && found.n_columns == 4, "{found:?}");
    assert!(found.n_evaluations <= 2_000);
    let none = counterfactuals(&[], settings, &Context::default(), below_zero(&[], |_| -1.0)).unwrap();
    assert_eq!((none.found.len(), none.n_evaluations), (0, 0));
    let short = |_: &[Changes]| Ok::<_, Error>(vec![1.0]);
    assert!(counterfactuals(&columns, settings, &Context::default(), short).is_err());
}
