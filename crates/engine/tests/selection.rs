//! Columns chosen by learners, against scikit-learn and Boruta on stored rows (`crates/prep/tests/reference/selection.py`).
#![expect(clippy::unwrap_used, reason = "a case that cannot be read has failed")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde::Deserialize;
use serde_json::{Value, json};
use tidemill_core::{Batch, Categories, Column, Context, Role, Schema, Table, Training};
use tidemill_engine::builtin;

#[derive(Deserialize)]
struct Case {
    /// Column after column.
    x: Vec<Vec<f64>>,
    y: Vec<f64>,
    classes: Vec<u32>,
    lasso: Vec<(f64, Vec<usize>)>,
    logistic: Vec<(f64, Vec<usize>)>,
    shadow_numbers: Shadows,
    shadow_classes: Shadows,
}

/// What Boruta confirms in all of ten runs, and what it confirms or leaves undecided in any of them.
#[derive(Deserialize)]
struct Shadows {
    confirmed: Vec<usize>,
    possible: Vec<usize>,
}

fn case() -> Case {
    serde_json::from_str(include_str!("../../prep/tests/reference/selection.json")).unwrap()
}

fn table(case: &Case, classes: bool) -> Table {
    let mut columns: Vec<Column> = (0..case.x.len()).map(|j| Column::number(j.to_string())).collect();
    let mut arrays: Vec<ArrayRef> =
        case.x.iter().map(|x| Arc::new(Float64Array::from(x.clone())) as ArrayRef).collect();
    if classes {
        let names = Categories::new(["few", "some", "many"]);
        arrays.push(names.column(UInt32Array::from(case.classes.clone())).unwrap());
        columns.push(Column::category("y", names).with_role(Role::Target));
    } else {
        arrays.push(Arc::new(Float64Array::from(case.y.clone())));
        columns.push(Column::number("y").with_role(Role::Target));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

/// The places of the columns that stay.
fn kept(kind: &str, params: Value, table: &Table, seed: u64) -> Vec<usize> {
    let registry = Arc::new(builtin::registry());
    let context = Context::new(seed, 2, registry.clone());
    let fitted = registry.build(kind, params).unwrap().fit(Training::on(table), &context).unwrap();
    let output = fitted.output(table.batch().schema()).unwrap();
    output.names().filter_map(|name| name.parse().ok()).collect()
}

#[test]
fn an_l1_penalty_keeps_the_columns_that_it_keeps_in_scikit_learn() {
    let case = case();
    for (classes, cases) in [(false, &case.lasso), (true, &case.logistic)] {
        let table = table(&case, classes);
        for (strength, wanted) in cases {
            let found = kept("select_l1", json!({ "strength": strength }), &table, 0);
            assert_eq!(&found, wanted, "classes {classes}, strength {strength}");
        }
        // Never more than asked for.
        assert_eq!(kept("select_l1", json!({ "n_features": 2 }), &table, 0).len(), 2);
    }
}

#[test]
fn shadows_leave_the_columns_that_boruta_confirms() {
    let case = case();
    for (classes, wanted) in [(false, &case.shadow_numbers), (true, &case.shadow_classes)] {
        let table = table(&case, classes);
        for seed in 0..2 {
            let found = kept("select_shadow", json!({ "rounds": 40 }), &table, seed);
            assert!(wanted.confirmed.iter().all(|at| found.contains(at)), "seed {seed}: {found:?}");
            assert!(found.iter().all(|at| wanted.possible.contains(at)), "seed {seed}: {found:?}");
        }
    }
}
