//! Label propagation agrees with scikit-learn's on stored cases (`reference/labels.py` makes them).

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Kind, Registry, Role, Row, Schema, Source, Table, Training,
    View,
};
use tidemill_kernel::graph::list;
use tidemill_learn::neighbors::LabelPropagation;

fn reference() -> Value {
    serde_json::from_str(include_str!("reference/labels.json")).unwrap()
}

fn registry() -> Registry {
    Registry::new([Entry::learner::<LabelPropagation>()])
}

/// The rows with their keys and what each lists; the target as a class or as its number.
fn table(all: &Value, as_number: bool) -> Arc<Table> {
    let n = all["n"].as_u64().unwrap() as usize;
    let labels: Vec<u32> =
        all["labels"].as_array().unwrap().iter().map(|y| y.as_u64().unwrap() as u32).collect();
    let ties = all["ties"].as_array().unwrap();
    let cell = |row: usize| {
        let ends = ties.iter().filter_map(|tie| {
            let (a, b) = (tie[0].as_u64().unwrap() as usize, tie[1].as_u64().unwrap() as usize);
            (a == row || b == row).then(|| ((a + b - row).to_string(), tie[2].as_f64().unwrap() as f32))
        });
        let ends: Vec<(String, f32)> = ends.collect();
        list(ends.iter().map(|(key, weight)| (key.as_str(), *weight)))
    };
    let keys: Vec<String> = (0..n).map(|i| i.to_string()).collect();
    let names = Categories::new(["a", "b", "c"]);
    let (target, truth): (Column, ArrayRef) = if as_number {
        (Column::number("y"), Arc::new(Float64Array::from_iter_values(labels.iter().map(|&y| f64::from(y)))))
    } else {
        let codes = names.column(UInt32Array::from(labels)).unwrap();
        (Column::category("y", names), codes)
    };
    let columns = vec![
        Column::new("id", Kind::Text).with_role(Role::Key),
        Column::new("ties", Kind::Text).with_role(Role::Neighbors),
        target.with_role(Role::Target),
    ];
    let cells: Vec<String> = (0..n).map(cell).collect();
    let arrays: Vec<ArrayRef> =
        vec![Arc::new(StringArray::from(keys)), Arc::new(StringArray::from(cells)), truth];
    Arc::new(Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap()))
}

#[test]
fn open_labels_are_those_of_scikit_learn() {
    let all = reference();
    let answers = all["answers"].as_object().unwrap();
    let held: Vec<u32> = answers.keys().map(|row| row.parse().unwrap()).collect();
    for as_number in [false, true] {
        let table = table(&all, as_number);
        let known: Vec<u32> = (0..30).filter(|row| !held.contains(row)).collect();
        let known = View::new(table.clone(), known).unwrap();
        let learner = registry().build("label_propagation", json!({ "prior": 0.0 })).unwrap();
        let fitted = learner.fit(Training::on(&known), &Context::default()).unwrap();
        let asked = table.take(&held).unwrap();
        let output = fitted.bind(asked.schema()).unwrap().apply(&asked).unwrap();
        for (i, wanted) in answers.values().enumerate() {
            let wanted: Vec<f64> = wanted.as_array().unwrap().iter().map(|p| p.as_f64().unwrap()).collect();
            if as_number {
                let mean: f64 = wanted.iter().enumerate().map(|(class, p)| class as f64 * p).sum();
                let found = output.numbers(output.schema().index("prediction").unwrap()).unwrap().value(i);
                assert!((found - mean).abs() < 1e-9, "row {}: {found} and {mean}", held[i]);
                continue;
            }
            let at = output.schema().index("probability").unwrap();
            let found = &output.probabilities(at).unwrap()[3 * i..3 * i + 3];
            for (f, w) in found.iter().zip(&wanted) {
                assert!((f - w).abs() < 1e-9, "row {}: {found:?} and {wanted:?}", held[i]);
            }
        }
    }
}

/// By hand: a new row with its ties, one without any, and the prior as one more neighbour.
#[test]
fn a_new_row_brings_its_ties() {
    let table = table(&reference(), true);
    let mean = table.batch().numbers(2).unwrap().iter().flatten().sum::<f64>() / 30.0;
    let label = |row: usize| table.batch().numbers(2).unwrap().value(row);
    for prior in [0.0, 2.0] {
        let learner = registry().build("label_propagation", json!({ "prior": prior })).unwrap();
        let fitted = learner.fit(Training::on(&*table), &Context::default()).unwrap();
        let mut run = fitted.bind(table.schema()).unwrap();
        let mut ask = |cell: &str| {
            use tidemill_core::Cell;
            let said = [Cell::Text("new".into()), Cell::Text(cell.into()), Cell::Missing];
            let mut row = Row { cells: said.to_vec() };
            run.row(&mut row).unwrap();
            row.cells.last().unwrap().number().unwrap()
        };
        assert_eq!(ask(""), ask("nobody"));
        assert!((ask("") - mean).abs() < 1e-12);
        let wanted = (label(3) + 0.5 * label(8) + prior * mean) / (1.5 + prior);
        assert!((ask("3;8=0.5") - wanted).abs() < 1e-12);
    }
}
