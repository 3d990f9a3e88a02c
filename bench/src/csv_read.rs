//! Reading 500 MB of CSV into typed columns, against polars.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Context, Kind};
use tidemill_data::{Ingest, infer, open};
use tidemill_kernel::Random;

use crate::row::Row;
use crate::{Outcome, peer};

const BYTES: u64 = 500_000_000;
const CITIES: [&str; 12] = [
    "Aachen", "Bergen", "Cork", "Dijon", "Essen", "Faro", "Ghent", "Hvar", "Izmir", "Jena", "Krakow", "Lund",
];

/// Kinds found, cells converted, all rows in memory; both sides use every core.
pub(crate) fn run() -> Outcome<Vec<Row>> {
    let path = file()?.display().to_string();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (peer_secs, theirs) = peer::timed("csv_read", &[&path], cores)?;
    let (ours_secs, ours) = peer::median_secs(|| read(&path).and_then(|batch| answer(&batch)))?;
    same(&ours, &theirs)?;
    Ok(vec![Row {
        name: "read CSV 500 MB into typed columns".into(),
        peer: "polars".into(),
        ours_secs,
        peer_secs,
        goal_at_least: 0.7,
        reach: 1.2,
        same_answer: format!("{} rows, equal sums of every column", ours["rows"]),
    }])
}

fn read(path: &str) -> Outcome<Batch> {
    let source = open(path, &Default::default())?;
    let mut recipe = Recipe::default();
    recipe.data.target = Some("price".into());
    // By its name we take it for a category, polars by its digits for a number.
    recipe.columns.entry("code".into()).or_default().kind = Some(Kind::Number);
    let context = Context::default();
    let plan = infer(&*source, &recipe, &context)?;
    let (_, table) = Ingest::fit(&*source, plan, &context)?;
    Ok(table.batch().clone())
}

/// A figure of every column, which the peer works out as well.
fn answer(batch: &Batch) -> Outcome<Value> {
    let mut out = json!({ "rows": batch.n_rows() });
    for (i, column) in batch.schema().columns().iter().enumerate() {
        let (name, figure) = match column.kind {
            Kind::Number => (column.name.as_str(), batch.numbers(i)?.values().iter().sum::<f64>()),
            Kind::Flag => (column.name.as_str(), batch.flags(i)?.values().count_set_bits() as f64),
            Kind::Category => ("cities", column.categories()?.len() as f64),
            Kind::Time => (column.name.as_str(), batch.times(i)?.values().iter().map(|&t| t as f64).sum()),
            _ => (column.name.as_str(), batch.texts(i)?.value_data().len() as f64),
        };
        out[name] = json!(figure);
    }
    Ok(out)
}

fn same(ours: &Value, theirs: &Value) -> Outcome<()> {
    for (name, figure) in theirs.as_object().into_iter().flatten() {
        let (a, b) = (ours[name].as_f64().unwrap_or(f64::NAN), figure.as_f64().unwrap_or(f64::NAN));
        if (a - b).abs() > 1e-9 * b.abs() || a.is_nan() || b.is_nan() {
            return Err(format!("column '{name}': {a} here, {b} there").into());
        }
    }
    Ok(())
}

/// The file of the comparison: four decimals, two whole numbers, a category, a flag, a time and a text; made once.
fn file() -> Outcome<PathBuf> {
    let path = peer::work_folder()?.join("table-500mb.csv");
    if std::fs::metadata(&path).is_ok_and(|there| there.len() >= BYTES) {
        return Ok(path);
    }
    let part = path.with_extension("part");
    generate(&part)?;
    std::fs::rename(&part, &path)?;
    Ok(path)
}

fn generate(path: &Path) -> Outcome<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let mut random = Random::new(1, 0);
    let mut line = String::from("price,ratio,height,weight,count,code,city,active,seen_at,note\n");
    let mut written = 0;
    while written < BYTES {
        out.write_all(line.as_bytes())?;
        written += line.len() as u64;
        line.clear();
        let (price, ratio) = (1000.0 * random.unit(), random.unit());
        let (height, weight) = (170.0 + 10.0 * random.normal(), 70.0 + 12.0 * random.normal());
        write!(line, "{price:.2},{ratio:.6},{height:.1},{weight:.3},")?;
        write!(line, "{},{},", random.below(100_000), 1000 + random.below(9000))?;
        write!(line, "{},{},", CITIES[random.below(CITIES.len())], ["false", "true"][random.below(2)])?;
        let (day, second) = (1 + random.below(28), random.below(86_400));
        let (hour, minute) = (second / 3600, second / 60 % 60);
        write!(line, "2024-{:02}-{day:02}T{hour:02}:{minute:02}:{:02},", 1 + random.below(12), second % 60)?;
        for word in 0..3 {
            let separator = if word == 0 { "" } else { " " };
            write!(line, "{separator}{:x}", random.bits() >> 40)?;
        }
        line.push('\n');
    }
    Ok(out.flush()?)
}
