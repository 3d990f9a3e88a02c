//! Against scikit-learn's answers, stored in `tests/reference/outliers.json` by `outliers.py` beside it; and what becomes of rows.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use serde::Deserialize;
use tidemill_core::{Batch, Builtin, Column, Context, Estimator, Role, Schema, Table, Training};

use super::whole_rows::WholeRows;
use super::{Action, Detect, Outliers};

#[derive(Deserialize)]
struct Reference {
    train: Vec<[f64; 4]>,
    later: Vec<[f64; 4]>,
    isolation_forest: [Vec<f64>; 2],
    local_outlier_factor: [Vec<f64>; 2],
    mahalanobis: [Vec<f64>; 2],
    one_class_svm: [Vec<f64>; 2],
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("../../tests/reference/outliers.json")).unwrap()
}

fn columns(rows: &[[f64; 4]]) -> Vec<Float64Array> {
    (0..4).map(|j| Float64Array::from_iter_values(rows.iter().map(|row| row[j]))).collect()
}

fn table(rows: &[[f64; 4]]) -> Table {
    let schema = Schema::new(["a", "b", "c", "d"].map(Column::number).to_vec()).unwrap();
    let arrays = columns(rows).into_iter().map(|c| Arc::new(c) as ArrayRef).collect();
    Table::new(Batch::new(Arc::new(schema), arrays).unwrap())
}

/// The scores of training rows, and of later ones.
fn scores(step: &Outliers, reference: &Reference) -> [Vec<f64>; 2] {
    let columns = columns(&reference.train);
    let x = reference.train.concat();
    let columns: Vec<&Float64Array> = columns.iter().collect();
    let (whole, scores) = WholeRows::scored(step, &columns, x, &Context::default()).unwrap();
    [scores, whole.scores(&reference.later.concat())]
}

fn step(detect: Detect) -> Outliers {
    Outliers { detect, ..Outliers::default() }
}

#[test]
fn factors_and_distances_agree_with_scikit_learn() {
    let reference = reference();
    let factor = Outliers { n_neighbors: Some(15), ..step(Detect::LocalOutlierFactor) };
    let region = Outliers { contamination: Some(0.1), ..step(Detect::OneClassSvm) };
    for (step, wanted, tolerance) in [
        (factor, &reference.local_outlier_factor, 1e-9),
        (step(Detect::Mahalanobis), &reference.mahalanobis, 1e-9),
        (region, &reference.one_class_svm, 1e-6),
    ] {
        let found = scores(&step, &reference);
        for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
            assert!(
                (found - wanted).abs() < tolerance * wanted.max(1.0),
                "{:?}: {found}, not {wanted}",
                step.detect
            );
        }
    }
}

fn ranks(values: &[f64]) -> Vec<f64> {
    values.iter().map(|x| values.iter().filter(|y| *y < x).count() as f64).collect()
}

#[test]
fn isolation_scores_agree_with_scikit_learn_as_far_as_chance_lets_them() {
    let reference = reference();
    let forest = Outliers { n_trees: Some(2000), ..step(Detect::IsolationForest) };
    let found = scores(&forest, &reference);
    for (found, wanted) in found.iter().zip(&reference.isolation_forest) {
        let off = found.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 0.012, "a score is {off} away");
        let n = found.len() as f64;
        let squares: f64 = ranks(found).iter().zip(ranks(wanted)).map(|(a, b)| (a - b) * (a - b)).sum();
        let spearman = 1.0 - 6.0 * squares / (n * (n * n - 1.0));
        assert!(spearman > 0.99, "rank correlation {spearman}");
    }
}

#[test]
fn as_many_rows_are_outliers_as_were_said() {
    let table = table(&reference().train);
    let detectors =
        [Detect::IsolationForest, Detect::LocalOutlierFactor, Detect::Mahalanobis, Detect::OneClassSvm];
    for detect in detectors {
        let step = Outliers { contamination: Some(0.1), ..step(detect) };
        let (fitted, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let marks = out.batch().flags(4).unwrap();
        assert_eq!(marks.true_count(), 15, "{detect:?}");
        assert_eq!(out.batch().schema().columns()[4].name, "outlier");
        assert_eq!(**out.batch().schema(), fitted.output(table.batch().schema()).unwrap());
        // And they leave, where they are to.
        let drop = Outliers { action: Some(Action::Drop), ..step };
        let (fitted, out) = drop.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let kept: Vec<u32> = (0..150).filter(|i| !marks.value(*i as usize)).collect();
        assert_eq!(out.batch().columns(), table.batch().take(&kept).unwrap().columns(), "{detect:?}");
        // Later rows stay, and need none of the columns.
        let later = fitted.clone().bind(table.batch().schema()).unwrap().apply(table.batch()).unwrap();
        assert_eq!(later.n_rows(), 150);
        assert_eq!(fitted.state().bytes(), 0);
    }
}

#[test]
fn weights_fall_where_outliers_are() {
    let x = Float64Array::from(vec![1.0, 2.0, 3.0, 2.0, 1.0, 900.0]);
    let w = Float64Array::from(vec![1.0, 2.0, 1.0, 1.0, 1.0, 4.0]);
    let step = Outliers { action: Some(Action::DownWeight), weight: Some(0.25), ..Outliers::default() };
    for weighted in [true, false] {
        let weight = Column::number("w").with_role(Role::Weight);
        let columns = [Column::number("x"), weight].into_iter().take(1 + usize::from(weighted)).collect();
        let arrays: Vec<ArrayRef> = [Arc::new(x.clone()) as ArrayRef, Arc::new(w.clone())]
            .into_iter()
            .take(1 + usize::from(weighted))
            .collect();
        let table = Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap());
        let (_, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let wanted =
            if weighted { vec![1.0, 2.0, 1.0, 1.0, 1.0, 1.0] } else { vec![1.0, 1.0, 1.0, 1.0, 1.0, 0.25] };
        assert_eq!(out.batch().weights().unwrap(), Some(wanted));
        assert_eq!(out.batch().column(0).len(), 6);
    }
}

#[test]
fn rows_with_holes_are_judged_by_what_they_have() {
    let mut rows = reference().train;
    rows[0] = [f64::NAN; 4];
    rows[1][2] = f64::INFINITY;
    let table = table(&rows);
    for detect in [Detect::IsolationForest, Detect::LocalOutlierFactor, Detect::Mahalanobis] {
        let step = Outliers { action: Some(Action::Missing), ..step(detect) };
        let (_, out) = step.fit_apply(Training::on(&table), &Context::default()).unwrap();
        let numbers = out.batch().numbers(2).unwrap();
        assert!(numbers.is_null(0) || numbers.value(0).is_nan());
        assert!(numbers.is_null(1) && out.batch().column(0).is_null(1), "an infinite number is an outlier");
        assert!(numbers.null_count() < 30, "{detect:?} takes {} rows", numbers.null_count());
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let forest = step(Detect::IsolationForest);
    let wrong = [
        ("action", Outliers { action: Some(Action::Clip), ..forest.clone() }),
        ("threshold", Outliers { threshold: Some(1.5), ..forest.clone() }),
        ("contamination", Outliers { contamination: Some(0.7), ..forest.clone() }),
        ("contamination", Outliers { contamination: Some(0.1), threshold: Some(0.5), ..forest.clone() }),
        ("contamination", Outliers { contamination: Some(0.1), ..step(Detect::Iqr) }),
        ("n_neighbors", Outliers { n_neighbors: Some(5), ..forest.clone() }),
        ("n_trees", Outliers { n_trees: Some(0), ..forest.clone() }),
        ("weight", Outliers { weight: Some(0.5), ..forest.clone() }),
    ];
    for (key, step) in wrong {
        assert_eq!(step.check().map_err(|e| e.path), Err(key.to_string()), "{step:?}");
    }
    assert!(forest.check().is_ok());
}

#[test]
fn none_left_is_an_error() {
    let table = table(&reference().train[..2]);
    let step = Outliers {
        detect: Detect::Percentile,
        action: Some(Action::Drop),
        threshold: Some(49.0),
        ..Outliers::default()
    };
    let error = step.fit_apply(Training::on(&table), &Context::default()).err().unwrap();
    assert!(error.to_string().contains("none would be left"), "{error}");
}
