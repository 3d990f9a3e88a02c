//! What training rows are worth: agreement with an enumeration of all sets (`reference/knn_shapley.py`).

use serde::Deserialize;
use tidemill_core::Context;
use tidemill_eval::explain::{RowSpace, knn_shapley, taught_by};

#[derive(Deserialize)]
struct Case {
    k: usize,
    right: Vec<f64>,
    worth: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/knn_shapley.json")).unwrap()
}

#[test]
fn worth_agrees_with_an_enumeration_of_all_sets() {
    for Case { k, right, worth } in cases() {
        let found = knn_shapley(&right, k);
        assert_eq!(found.len(), worth.len());
        for (i, (a, b)) in found.iter().zip(&worth).enumerate() {
            assert!((a - b).abs() < 1e-12, "{k} of {right:?}, row {i}: {a}, not {b}");
        }
    }
}

/// Rows on a line; the case gives how right each training row is for the first row, for the second it is always wrong.
#[test]
fn worth_is_a_mean_over_rows_whatever_the_threads() {
    for case in cases() {
        let n = case.right.len();
        let space =
            |numbers: Vec<f64>| RowSpace::Features { n_rows: numbers.len(), numbers, codes: Vec::new() };
        let training = space((0..n).map(|i| i as f64).collect());
        let says = |row: usize, teacher: usize| if row == 0 { case.right[teacher] } else { 0.0 };
        let found = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let rows = space(vec![-1.0, -1.0]);
            pool.install(|| taught_by(&training, &rows, 2, case.k, Some(&says), &Context::default()).unwrap())
        };
        let (one, three) = (found(1), found(3));
        assert_eq!(one, three);
        assert_eq!(one.nearest[1][0], (0, 1.0));
        for (a, b) in one.worth.unwrap().iter().zip(&case.worth) {
            assert!((a - b / 2.0).abs() < 1e-12);
        }
    }
}
