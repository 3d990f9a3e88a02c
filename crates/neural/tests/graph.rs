//! Graphs as a learner sees them: what only neighbours know is learned, and labels of other rows never help.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, StringArray};
use serde_json::json;
use tidemill_core::{
    Batch, Column, Context, Entry, Kind, Registry, Role, Schema, Source, Table, Training, View,
};
use tidemill_kernel::Random;
use tidemill_neural::GraphNet;

fn context() -> Context {
    Context::new(7, 2, Arc::new(Registry::new([Entry::learner::<GraphNet>()])))
}

/// `n` rows on a ring, each tied to the next two; what is to be predicted is the mean of what the four neighbours say.
fn ring(n: usize) -> Table {
    let mut random = Random::new(5, 0);
    let x: Vec<f64> = (0..n).map(|_| random.normal()).collect();
    let y = (0..n).map(|i| [1, 2, n - 1, n - 2].iter().map(|step| x[(i + step) % n]).sum::<f64>() / 4.0);
    let y: Vec<f64> = y.collect();
    let keys: Vec<String> = (0..n).map(|i| format!("r{i}")).collect();
    let cells: Vec<String> = (0..n).map(|i| format!("r{};r{}", (i + 1) % n, (i + 2) % n)).collect();
    let columns = vec![
        Column::new("id", Kind::Text).with_role(Role::Key),
        Column::new("near", Kind::Text).with_role(Role::Neighbors),
        Column::number("x"),
        Column::number("y").with_role(Role::Target),
    ];
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(keys)),
        Arc::new(StringArray::from(cells)),
        Arc::new(Float64Array::from(x)),
        Arc::new(Float64Array::from(y)),
    ];
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

#[test]
fn what_neighbours_know_is_learned() {
    let table = Arc::new(ring(400));
    let (train, test): (Vec<u32>, Vec<u32>) = (0..400).partition(|row| row % 10 != 3);
    let part = |rows: Vec<u32>| View::new(table.clone(), rows).unwrap();
    // GCN cannot tell a row from its neighbours: of one layer, the best sum of the five leaves a fifth of the variance open.
    let sage = json!({ "layer": "sage", "epochs": 60, "sample": 3 });
    let gcn = json!({ "layer": "gcn", "hidden": [32], "epochs": 60, "sample": 0 });
    for (params, most) in [(sage, 0.1), (gcn, 0.3)] {
        let net = context().build("graph_net", params.clone()).unwrap();
        let fitted = net.fit(Training::on(&part(train.clone())), &context()).unwrap();
        let asked = part(test.clone()).collect().unwrap();
        let answers = fitted.bind(asked.schema()).unwrap().apply(&asked).unwrap();
        let found = answers.numbers(answers.schema().index("prediction").unwrap()).unwrap();
        let truth = asked.numbers(3).unwrap();
        let error = |guess: &dyn Fn(usize) -> f64| {
            (0..truth.len()).map(|i| (guess(i) - truth.value(i)).powi(2)).sum::<f64>()
        };
        // Of itself a row says nothing about its target.
        let share = error(&|i| found.value(i)) / error(&|_| 0.0);
        assert!(share < most, "{params}: {share}");
    }
}

#[test]
fn a_table_without_ties_is_refused() {
    let table = ring(40);
    let places = table.schema().places(|c| c.role != Role::Neighbors);
    let without = Table::new(table.batch().select(&places).unwrap());
    let net = context().build("graph_net", json!({})).unwrap();
    let error = net.fit(Training::on(&without), &context()).err().unwrap();
    assert_eq!(error.code(), "no_graph");
    assert!(error.remedy().unwrap().contains("[graph] edges"));
}
