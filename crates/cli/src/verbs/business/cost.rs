//! `tidemill cost`.

use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tidemill_engine::core::{Error, Fitted, Result, Role};
use tidemill_engine::error::EngineError;
use tidemill_engine::model::{self, Model};
use tidemill_report::number::short;
use tidemill_value::cost::{Bill, Prices, Usage, bill};

use super::figures::{brief, percent};
use crate::args::Cli;
use crate::args::business::Cost;
use crate::show::Shown;
use crate::verbs::{context, json_of};

/// Seconds of a month of 730 hours.
const MONTH: u64 = 730 * 3600;
/// How long is measured.
const ENOUGH: Duration = Duration::from_millis(1500);

/// What a model's predictions cost.
pub(in crate::verbs) fn cost(args: &Cost, cli: &Cli) -> Result<Shown> {
    if args.sample_prices {
        return Ok(Shown::new(Prices::sample_text(), json!({ "prices": Prices::sample_text() })));
    }
    let file =
        args.model.as_deref().ok_or_else(|| EngineError::usage("no model is named", "name a model file"))?;
    let prices = match &args.prices {
        Some(file) => Prices::open(file)?,
        None => Prices::sample()?,
    };
    let context = context(cli, 0, Some(1))?;
    let opened = model::open(file, &context)?;
    let stored = std::fs::metadata(file).map_err(|e| Error::io(file, e))?.len();
    let cpu_us = match (args.cpu_us, &args.rows) {
        (Some(us), _) if us > 0.0 && us < 1e9 => us,
        (Some(us), _) => {
            return Err(
                EngineError::usage(format!("--cpu-us {us}: must be above 0"), "give microseconds").into()
            );
        }
        (None, Some(rows)) => measured(&opened.model, rows)?,
        (None, None) => {
            return Err(EngineError::usage(
                "nothing says what CPU time a prediction takes",
                "give --rows or --cpu-us",
            )
            .into());
        }
    };
    let memory = args.memory_mb.map_or_else(|| held(&opened.model), |mb| mb.saturating_mul(1_000_000));
    let used = Usage {
        predictions: args.per_month,
        cpu_us: (cpu_us * args.per_month as f64).round() as u64,
        memory: (memory, MONTH.saturating_mul(args.copies)),
        storage: (stored, MONTH.saturating_mul(args.copies)),
        sent: args.answer_bytes.saturating_mul(args.per_month),
    };
    let bill = bill(&used, &prices);
    let training = args.training_cpu_s.map(|s| {
        let used = Usage { cpu_us: (s * 1e6) as u64, ..Usage::default() };
        tidemill_value::cost::bill(&used, &prices)
    });
    let links: Vec<LinkCost> = opened.model.chain.0.iter().map(|link| LinkCost::of(&**link)).collect();
    let json = json!({
        "model": opened.info.sha256, "links": json_of(&links)?, "as_of": prices.as_of, "cpu_us": cpu_us, "memory_bytes": memory,
        "month": json_of(&bill)?, "training": json_of(&training)?,
    });
    let said = text(file, cpu_us, &prices, &bill, training.as_ref()) + &heaviest(&links);
    Ok(Shown::new(said, json))
}

fn text(file: &Path, cpu_us: f64, prices: &Prices, bill: &Bill, training: Option<&Bill>) -> String {
    let currency = &bill.currency;
    let mut out =
        format!("{}: {cpu_us:.1} µs of CPU a prediction; prices of {}", file.display(), prices.as_of);
    if !prices.source.is_empty() {
        let _ = write!(out, " ({})", prices.source);
    }
    let _ = writeln!(out, "\n\nA month, {currency}");
    for line in &bill.lines {
        let amount = line.nano as f64 / 1e9;
        let _ = writeln!(
            out,
            "  {:<9}{:>12} {:<11} at {:<7} {amount:>12.4}",
            line.name,
            short(line.quantity),
            line.unit,
            line.price
        );
    }
    let _ = writeln!(out, "  {:<41} {:>12}", "total", bill.total);
    if let Some(each) = bill.per_1000 {
        let _ = writeln!(out, "\n1,000 predictions cost {each:.6} {currency}");
    }
    if let Some(training) = training {
        let _ = writeln!(out, "A training costs {} {currency}", training.total);
    }
    out
}

/// What a link of the model holds and does.
#[derive(Serialize)]
struct LinkCost {
    kind: String,
    bytes: u64,
    operations: u64,
}

impl LinkCost {
    fn of(link: &dyn Fitted) -> Self {
        let state = link.state();
        LinkCost { bytes: state.bytes(), operations: link.operations(), kind: state.kind }
    }
}

/// Which part of the model does most of the work for a row.
fn heaviest(links: &[LinkCost]) -> String {
    let all: u64 = links.iter().map(|link| link.operations).sum();
    let Some(most) = links.iter().max_by_key(|link| link.operations).filter(|_| all > 0) else {
        return String::new();
    };
    let share = percent(most.operations as f64 / all as f64);
    format!("Of about {} operations for a row, {share} are those of {}\n", brief(all as f64), most.kind)
}

/// Microseconds of CPU for a row, answered in batches over and over on what may be several threads.
fn measured(model: &Model, rows: &str) -> Result<f64> {
    let source = tidemill_engine::rows::open(rows)?;
    let roles = [Role::Prediction, Role::Probability];
    let n = model.answer(&*source, &roles)?.n_rows();
    let (began, cpu) = (Instant::now(), cpu_seconds());
    let mut answered = 0;
    while began.elapsed() < ENOUGH {
        model.answer(&*source, &roles)?;
        answered += n;
    }
    let spent = match (cpu, cpu_seconds()) {
        (Some(before), Some(after)) if after > before => after - before,
        _ => began.elapsed().as_secs_f64(),
    };
    Ok(spent * 1e6 / answered.max(1) as f64)
}

/// CPU time of this process so far, where the system says so (Linux, in hundredths of a second).
fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit(')').next()?.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / 100.0)
}

/// Bytes that this process holds; where the system does not say, those of the model's numbers.
fn held(model: &Model) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = resident.and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or_else(|| model.chain.0.iter().map(|link| link.state().bytes()).sum(), |kb| kb * 1024)
}
