//! What must be true of a net that continues from an earlier one: it begins as the same function, few rows gain from many, and what does
//! not fit is refused by name.

#![expect(clippy::unwrap_used, reason = "a test stops where a promise breaks")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Schema, Source, Table,
    Training,
};
use tidemill_kernel::Random;
use tidemill_neural::NeuralNet;

fn registry() -> Arc<Registry> {
    Arc::new(Registry::new([Entry::learner::<NeuralNet>()]))
}

fn context(seed: u64, threads: usize) -> Context {
    Context::new(seed, threads, registry())
}

/// What `y` is of two numbers and a town.
fn truth(x: [f64; 2], town: u32) -> f64 {
    (1.5 * x[0]).sin() + x[0] * x[1] + [0.0, 1.0, -2.0, 3.0, 0.5][town as usize]
}

const TOWNS: [&str; 5] = ["ash", "bay", "cove", "dell", "elm"];

/// Rows of two numbers and a town of `towns`; `y` is 10 times the truth where `large`.
fn rows(n: usize, towns: &[u32], seed: u64, noise: f64) -> Vec<([f64; 2], u32, f64)> {
    let mut random = Random::new(seed, 0);
    let row = |i: usize| {
        let (x, town) = ([random.normal(), random.normal()], towns[i % towns.len()]);
        (x, town, truth(x, town) + noise * random.normal())
    };
    (0..n).map(row).collect()
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

/// The columns in this order, towns with these names; a column `new` where it is asked for.
fn table(rows: &[([f64; 2], u32, f64)], order: &[&str], names: &[&str]) -> Table {
    let names = Categories::new(names.iter().copied());
    let code = |town: u32| names.code(TOWNS[town as usize]);
    let column = |name: &str| match name {
        "a" => (Column::number("a"), numbers(rows.iter().map(|r| r.0[0]))),
        "b" => (Column::number("b"), numbers(rows.iter().map(|r| r.0[1]))),
        "new" => (Column::number("new"), numbers(rows.iter().enumerate().map(|(i, _)| (i % 7) as f64))),
        "town" => {
            let codes: Vec<u32> = rows.iter().map(|r| code(r.1)).collect();
            (Column::category("town", names.clone()), names.column(UInt32Array::from(codes)).unwrap())
        }
        _ => (Column::number("y").with_role(Role::Target), numbers(rows.iter().map(|r| r.2))),
    };
    let (columns, arrays): (Vec<_>, Vec<_>) = order.iter().map(|name| column(name)).unzip();
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

fn fit(
    params: &Value,
    table: &Table,
    prior: Option<&dyn Fitted>,
    context: &Context,
) -> Result<Arc<dyn Fitted>> {
    let net = context.build("neural_net", params.clone())?;
    net.fit(Training { prior, ..Training::on(table) }, context)
}

fn predict(net: &Arc<dyn Fitted>, table: &Table) -> Vec<f64> {
    let answered = net.clone().bind(table.schema()).unwrap().apply(table.batch()).unwrap();
    let at = answered.schema().role(Role::Prediction).unwrap();
    answered.numbers(at).unwrap().values().to_vec()
}

fn error(net: &Arc<dyn Fitted>, table: &Table, rows: &[([f64; 2], u32, f64)]) -> f64 {
    let said = predict(net, table);
    let squares = said.iter().zip(rows).map(|(said, row)| (said - truth(row.0, row.1)).powi(2));
    (squares.sum::<f64>() / rows.len() as f64).sqrt()
}

const OLD: [&str; 4] = ["a", "b", "town", "y"];
const NEW: [&str; 5] = ["town", "new", "b", "a", "y"];

/// Columns in another order, one more of them, a town more and in another order, a target of another size: where nothing is learned yet,
/// rows of what the earlier net knows have its answers.
#[test]
fn it_begins_as_the_same_function() {
    let known = rows(400, &[0, 1, 2], 1, 0.1);
    let few = rows(60, &[1, 4], 2, 0.1);
    let few: Vec<_> = few.into_iter().map(|(x, town, y)| (x, town, 5.0 * y - 30.0)).collect();
    let asked = rows(50, &[0, 1, 2], 3, 0.0);
    let names = ["elm", "cove", "bay", "ash"];
    for shape in [
        json!({ "hidden": [16, 8], "epochs": 10 }),
        json!({ "hidden": [], "epochs": 10 }),
        json!({ "hidden": [16, 16], "epochs": 5, "layer_norm": true, "residual": true, "numbers": "piecewise_linear" }),
    ] {
        let old = fit(&shape, &table(&known, &OLD, &TOWNS[..3]), None, &context(1, 2)).unwrap();
        let mut params = shape.clone();
        params["start"] = true.into();
        params["epochs"] = 1.into();
        params["learning_rate"] = 1e-12.into();
        params["weight_decay"] = 0.0.into();
        let new = fit(&params, &table(&few, &NEW, &names), Some(&*old), &context(9, 2)).unwrap();
        let before = predict(&old, &table(&asked, &OLD, &TOWNS[..3]));
        let after = predict(&new, &table(&asked, &NEW, &names));
        for (before, after) in before.iter().zip(&after) {
            assert!((before - after).abs() < 1e-4 * (1.0 + before.abs()), "{shape}: {before} {after}");
        }
    }
}

#[test]
fn few_rows_gain_from_many_and_the_same_bits_come_back() {
    let shape = json!({ "hidden": [32, 16], "epochs": 30 });
    let mut started = shape.clone();
    started["start"] = true.into();
    let old =
        fit(&shape, &table(&rows(2000, &[0, 1, 2, 3], 1, 0.1), &OLD, &TOWNS[..4]), None, &context(1, 2))
            .unwrap();
    let asked = rows(500, &[0, 1, 2, 3, 4], 4, 0.0);
    let asked_table = table(&asked, &OLD, &TOWNS);
    let mut gains = 0;
    for seed in 0..5 {
        let few = table(&rows(50, &[1, 4, 3], 10 + seed, 0.1), &OLD, &TOWNS);
        let context = context(seed, 2);
        let alone = fit(&shape, &few, None, &context).unwrap();
        let new = fit(&started, &few, Some(&*old), &context).unwrap();
        let (without, with) = (error(&alone, &asked_table, &asked), error(&new, &asked_table, &asked));
        assert!(with < 0.7 * without, "seed {seed}: {with} {without}");
        let new_town = rows(200, &[4], 5, 0.0);
        let [before, after] = [(&old, &TOWNS[..4]), (&new, &TOWNS[..])]
            .map(|(net, towns)| error(net, &table(&new_town, &OLD, towns), &new_town));
        gains += usize::from(after < before);
    }
    // The few rows teach the town that the earlier net never saw.
    assert!(gains >= 4, "{gains}");
    let few = table(&rows(50, &[1, 4, 3], 10, 0.1), &OLD, &TOWNS);
    let [one, three] = [1, 3].map(|threads| fit(&started, &few, Some(&*old), &context(5, threads)).unwrap());
    assert_eq!(one.state(), three.state());
    let opened = registry().load(one.state()).unwrap();
    assert_eq!(predict(&opened, &asked_table), predict(&one, &asked_table));
}

#[test]
fn what_does_not_fit_is_said() {
    let few = table(&rows(60, &[0, 1], 1, 0.1), &OLD, &TOWNS);
    let old = fit(&json!({ "hidden": [8], "epochs": 2 }), &few, None, &context(1, 1)).unwrap();
    let other = json!({ "hidden": [9], "epochs": 2, "start": true });
    let refused = fit(&other, &few, Some(&*old), &context(1, 1)).err().unwrap().to_string();
    assert!(refused.contains("hidden") && refused.contains("[9]") && refused.contains("[8]"), "{refused}");
    let context = context(1, 1);
    fit(&other, &few, None, &context).unwrap();
    assert_eq!(context.warnings()[0].code, "no_start");
}
