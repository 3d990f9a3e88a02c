//! `bench scaling`: the time and memory of fitting as rows grow from 10,000 to 5 million (20 columns), each in a process of its own.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use arrow_array::{ArrayRef, Float64Array, UInt32Array};
use serde_json::{Value, json};
use tidemill_core::{Batch, Categories, Column, Context, Role, Schema, Table, Training};
use tidemill_engine::builtin;
use tidemill_kernel::Random;

use crate::{Outcome, peer};

const FEATURES: usize = 20;
const ROWS: [usize; 4] = [10_000, 100_000, 1_000_000, 5_000_000];

/// What is fitted, as a recipe would say it.
fn learners() -> Vec<Value> {
    vec![
        json!({ "kind": "logistic" }),
        json!({ "kind": "boosted_trees", "n_trees": 50, "early_stopping": 0 }),
        json!({ "kind": "random_forest", "n_trees": 10, "max_depth": 12 }),
    ]
}

/// Measures every learner at every size, and writes `bench/SCALING.md`.
pub(crate) fn run() -> Outcome<()> {
    let mut lines = Vec::new();
    for learner in learners() {
        let mut before: Option<(usize, f64)> = None;
        for rows in ROWS {
            let found = measured(&learner, rows)?;
            let number = |key: &str| found[key].as_f64().unwrap_or(f64::NAN);
            let secs = number("secs");
            let growth = before.map_or("".into(), |(n, earlier)| {
                format!("{:.1} for {:.0}", secs / earlier, rows as f64 / n as f64)
            });
            lines.push(format!(
                "| `{learner}` | {rows} | {secs:.3} | {growth} | {:.0} | {:.0} | {:.2} |",
                number("table_mb"),
                number("peak_mb"),
                number("peak_mb") / number("table_mb"),
            ));
            println!("{}", lines.last().map_or("", String::as_str));
            before = Some((rows, secs));
        }
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let text = format!(
        "# Time and memory as rows grow\n\n`cargo xtask bench scaling` writes this file: one fit of {FEATURES} numeric \
         columns and two classes, in a process of its own, on {cores} cores. *Growth* is the time over that of the \
         size before; *table* is the rows in memory, *peak* the most that the process held, table included.\n\n\
         | learner | rows | seconds | growth | table MB | peak MB | peak over table |\n|---|---|---|---|---|---|---|\n{}\n",
        lines.join("\n")
    );
    Ok(std::fs::write(peer::root().join("bench/SCALING.md"), text)?)
}

fn measured(learner: &Value, rows: usize) -> Outcome<Value> {
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["scale", &learner.to_string(), &rows.to_string()]).output()?;
    if !output.status.success() {
        return Err(format!("{learner} on {rows} rows: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// One fit; prints what it took. The process in which [`run`] measures.
pub(crate) fn fit(learner: &str, rows: &str) -> Outcome<()> {
    let (mut learner, rows): (Value, usize) = (serde_json::from_str(learner)?, rows.parse()?);
    let kind = learner["kind"].as_str().unwrap_or_default().to_owned();
    if let Value::Object(params) = &mut learner {
        params.remove("kind");
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let context = Context::new(0, threads, Arc::new(builtin::registry()));
    let estimator = context.build(&kind, learner)?;
    let table = table(rows)?;
    let start = Instant::now();
    let fitted = estimator.fit(Training::on(&table), &context)?;
    let secs = start.elapsed().as_secs_f64();
    drop(fitted);
    let table_mb = (rows * (8 * FEATURES + 4)) as f64 / 1e6;
    println!("{}", json!({ "secs": secs, "table_mb": table_mb, "peak_mb": peak_mb()? }));
    Ok(())
}

/// The most memory that this process has held.
fn peak_mb() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kb: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kb / 1e3)
}

/// Numbers of which a third matter, some together.
fn table(rows: usize) -> Outcome<Table> {
    let column = |j: usize| {
        let mut random = Random::new(5, j as u64);
        Float64Array::from_iter_values((0..rows).map(|_| random.normal()))
    };
    let arrays: Vec<Float64Array> = (0..FEATURES).map(column).collect();
    let mut noise = Random::new(6, 0);
    let score = |i: usize| {
        let x = |j: usize| arrays[j].value(i);
        x(0) - 0.5 * x(1) + x(2) * x(3) + (2.0 * x(4)).sin() + 0.3 * x(5)
    };
    let codes = UInt32Array::from_iter_values((0..rows).map(|i| u32::from(score(i) + noise.normal() > 0.0)));
    let names = Categories::new(["no", "yes"]);
    let target = names.column(codes)?;
    let mut columns: Vec<Column> = (0..FEATURES).map(|j| Column::number(format!("x{j}"))).collect();
    columns.push(Column::category("y", names).with_role(Role::Target));
    let arrays = arrays.into_iter().map(|a| Arc::new(a) as ArrayRef).chain([target]).collect();
    Ok(Table::new(Batch::new(Arc::new(Schema::new(columns)?), arrays)?))
}
