//! Tables that `reference/trees.py` and `reference/balanced.py` make too, and how trees are fitted to them.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::Value;
use tidemill_core::{
    Batch, Categories, Column, Context, Entry, Fitted, Registry, Result, Role, Schema, Table, Training,
};
use tidemill_learn::trees::{BalancedForest, BoostedTrees, ExtraTrees, RandomForest};

pub(crate) fn registry() -> Registry {
    Registry::new([
        Entry::learner::<BalancedForest>(),
        Entry::learner::<BoostedTrees>(),
        Entry::learner::<ExtraTrees>(),
        Entry::learner::<RandomForest>(),
    ])
}

pub(crate) fn context(seed: u64) -> Context {
    Context::new(seed, 2, Arc::new(registry()))
}

/// As in `trees.py`.
pub(crate) fn unit(column: u64, i: usize) -> f64 {
    let mut z = (i as u64 + (column << 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^= z >> 31;
    (z >> 11) as f64 / (1u64 << 53) as f64
}

pub(crate) enum Y<'a> {
    Number(Vec<f64>),
    Class(Vec<u32>, &'a [&'a str]),
}

/// Numbers `x0`, `x1`, … (`NaN` for missing), perhaps a category `c` of so many names, a target, perhaps weights.
pub(crate) fn table(
    x: &[Vec<f64>],
    c: Option<(Vec<u32>, usize)>,
    y: Y<'_>,
    weights: Option<Vec<f64>>,
) -> Table {
    let mut columns = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (j, x) in x.iter().enumerate() {
        columns.push(Column::number(format!("x{j}")));
        arrays.push(Arc::new(Float64Array::from_iter(x.iter().map(|x| (!x.is_nan()).then_some(*x)))));
    }
    if let Some((codes, n)) = c {
        let names = Categories::new((0..n).map(|i| format!("c{i}")));
        arrays.push(names.column(UInt32Array::from(codes)).unwrap());
        columns.push(Column::category("c", names));
    }
    match y {
        Y::Number(y) => {
            columns.push(Column::number("y").with_role(Role::Target));
            arrays.push(Arc::new(Float64Array::from(y)));
        }
        Y::Class(codes, names) => {
            let names = Categories::new(names);
            arrays.push(names.column(UInt32Array::from(codes)).unwrap());
            columns.push(Column::category("y", names).with_role(Role::Target));
        }
    }
    if let Some(weights) = weights {
        columns.push(Column::number("w").with_role(Role::Weight));
        arrays.push(Arc::new(Float64Array::from(weights)));
    }
    Table::new(Batch::new(Arc::new(Schema::new(columns).unwrap()), arrays).unwrap())
}

pub(crate) fn fit(kind: &str, params: Value, table: &Table) -> Result<Arc<dyn Fitted>> {
    registry().build(kind, params)?.fit(Training::on(table), &context(1))
}

pub(crate) fn answers(fitted: &Arc<dyn Fitted>, batch: &Batch) -> Vec<f64> {
    let output = fitted.clone().bind(batch.schema()).unwrap().apply(batch).unwrap();
    match output.schema().position("probability") {
        Some(at) => output.probabilities(at).unwrap().to_vec(),
        None => output.numbers(output.schema().index("prediction").unwrap()).unwrap().values().to_vec(),
    }
}

pub(crate) fn notes(fitted: &Arc<dyn Fitted>) -> Value {
    fitted.state().params["notes"].clone()
}

pub(crate) const TRAIN: usize = 2000;
pub(crate) const ROWS: usize = 4000;

/// The targets of `trees.py` by name.
pub(crate) fn target(name: &str) -> Vec<f64> {
    let z = |i: usize| {
        let effect = ((12.0 * unit(5, i)).floor() * 7.0 % 12.0) / 12.0;
        let noise = unit(6, i) + unit(7, i) + unit(8, i) - 1.5;
        let step = f64::from(u8::from(unit(2, i) > 0.6));
        let signal = 3.0 * unit(0, i) * unit(1, i) + step + 2.0 * (unit(3, i) - 0.5).abs() + 1.5 * effect;
        (signal + noise, noise)
    };
    let is = |yes: bool| f64::from(u8::from(yes));
    let of = |(z, noise): (f64, f64)| match name {
        "binary" => is(z > 2.6),
        "multiclass" => is(z > 2.0) + is(z > 3.0),
        "rare" => is(z > 4.0),
        "rarer" => is(z > 2.0) + is(z > 4.2),
        "number" => z,
        "count" => (z + 2.0 * noise).max(0.0).floor(),
        _ => (z + 2.0 * noise).max(0.0) + 0.1,
    };
    (0..ROWS).map(|i| of(z(i))).collect()
}

/// The table of `trees.py`: with gaps and a category for boosting, complete numbers for forests.
pub(crate) fn generated(name: &str, complete: bool) -> Table {
    let x = |j: u64| {
        let gap = |i: usize| j == 0 && !complete && unit(9, i) < 0.1;
        (0..ROWS).map(|i| if gap(i) { f64::NAN } else { unit(j, i) }).collect()
    };
    let x: Vec<Vec<f64>> = (0..5).map(x).collect();
    let codes = (0..ROWS).map(|i| (12.0 * unit(5, i)) as u32).collect();
    let y = target(name);
    let classes = |names| Y::Class(y.iter().map(|y| *y as u32).collect(), names);
    let y = match name {
        "binary" | "rare" => classes(&["no", "yes"]),
        "multiclass" | "rarer" => classes(&["few", "some", "many"]),
        _ => Y::Number(y),
    };
    table(&x, (!complete).then_some((codes, 12)), y, None)
}
