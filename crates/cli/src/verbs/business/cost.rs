//! `tidemill cost`.

use std::fmt::Write;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::json;
use tidemill_engine::core::{Error, Fitted, Result, Role};
use tidemill_engine::error::EngineError;
use tidemill_engine::model::{self, Model};
use tidemill_report::align::{left, right};
use tidemill_report::number::short;
use tidemill_report::words::{Words, fill};
use tidemill_value::cost::{Bill, Prices, Usage, bill};

use super::figures::{brief, percent};
use super::served::served;
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
    let cpu_us = cpu_time(args, &opened.model)?;
    let memory = args.memory_mb.map_or_else(|| held(&opened.model), |mb| mb.saturating_mul(1_000_000));
    let holding = |seconds: u64| {
        let seconds = seconds.saturating_mul(args.copies);
        Usage { memory: (memory, seconds), storage: (stored, seconds), ..Usage::default() }
    };
    let words = cli.words();
    let links: Vec<LinkCost> = opened.model.chain.0.iter().map(|link| LinkCost::of(&**link)).collect();
    let mut shown = match (&args.store, cpu_us) {
        (Some(store), cpu_us) => served(words, (args, store), cpu_us, &prices, holding)?,
        (None, Some(cpu_us)) => estimated(words, args, cpu_us, &prices, holding(MONTH))?,
        (None, None) => {
            return Err(EngineError::usage(
                "nothing says what CPU time a prediction takes",
                "give --rows, --cpu-us or --store",
            )
            .into());
        }
    };
    if let Some(seconds) = args.training_cpu_s {
        let used = Usage { cpu_us: (seconds * 1e6) as u64, ..Usage::default() };
        let training = bill(&used, &prices);
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("total", &training.total), ("currency", &training.currency)];
        let _ = writeln!(shown.text, "{}", fill(words.business.cost_training, &values));
        shown.json["training"] = json_of(&training)?;
    }
    shown.text += &heaviest(words, &links);
    let said = [
        ("model", json!(opened.info.sha256)),
        ("links", json_of(&links)?),
        ("as_of", json!(prices.as_of)),
        ("memory_bytes", json!(memory)),
    ];
    said.into_iter().for_each(|(key, value)| shown.json[key] = value);
    Ok(shown)
}

/// Microseconds of CPU for a prediction, where the arguments say or measure it.
fn cpu_time(args: &Cost, model: &Model) -> Result<Option<f64>> {
    match (args.cpu_us, &args.rows) {
        (Some(us), _) if us > 0.0 && us < 1e9 => Ok(Some(us)),
        (Some(us), _) => {
            let problem = format!("--cpu-us is {us}, but must be above 0 and below a billion");
            Err(EngineError::usage(problem, "give microseconds").into())
        }
        (None, Some(rows)) => measured(model, rows).map(Some),
        (None, None) => Ok(None),
    }
}

/// What a number of predictions a month would cost.
fn estimated(words: &Words, args: &Cost, cpu_us: f64, prices: &Prices, holding: Usage) -> Result<Shown> {
    let said = &words.business;
    let n = args.per_month;
    let used = Usage {
        predictions: n,
        cpu_us: (cpu_us * n as f64).round() as u64,
        sent: args.answer_bytes.saturating_mul(n),
        ..holding
    };
    let bill = bill(&used, prices);
    let (model, us) = (model_name(args), format!("{cpu_us:.1}"));
    let values: [(&str, &dyn std::fmt::Display); 4] =
        [("model", &model), ("us", &us), ("date", &prices.as_of), ("source", &source(words, prices))];
    let month = fill(said.cost_month, &[("currency", &bill.currency)]);
    let text = format!("{}\n\n{month}\n{}", fill(said.cost_head, &values), lines(words, &bill));
    Ok(Shown::new(text, json!({ "cpu_us": cpu_us, "month": json_of(&bill)? })))
}

/// The model file, as the user named it.
pub(super) fn model_name(args: &Cost) -> String {
    args.model.as_ref().map_or(String::new(), |file| file.display().to_string())
}

/// Where prices are from, in brackets.
pub(super) fn source(words: &Words, prices: &Prices) -> String {
    match prices.source.as_str() {
        "" => String::new(),
        source => fill(words.business.cost_source, &[("source", &source)]),
    }
}

/// The lines of a bill, its total, and what 1,000 predictions come to.
pub(super) fn lines(words: &Words, bill: &Bill) -> String {
    let (said, currency) = (&words.business, &bill.currency);
    let mut out = String::new();
    for line in &bill.lines {
        let (name, unit) = (part(words, line.name), part(words, line.unit));
        let at = fill(said.cost_at, &[("price", &line.price)]);
        let [name, quantity, unit, at] =
            [left(name, 9), right(&short(line.quantity), 12), left(unit, 11), left(&at, 10)];
        let _ = writeln!(out, "  {name}{quantity} {unit} {at} {:>12.4}", line.nano as f64 / 1e9);
    }
    let _ = writeln!(out, "  {} {:>12}", left(said.cost_total, 44), bill.total);
    if let Some(each) = bill.per_1000 {
        let each = format!("{each:.6}");
        let _ = writeln!(out, "\n{}", fill(said.cost_each, &[("each", &each), ("currency", currency)]));
    }
    out
}

/// The name of a line of a bill, or of its unit.
fn part(words: &Words, english: &'static str) -> &'static str {
    let said = &words.business;
    match english {
        "CPU" => said.cost_cpu,
        "Memory" => said.cost_memory,
        "Storage" => said.cost_storage,
        "Sent" => said.cost_sent,
        "core hours" => said.cost_core_hours,
        "GB hours" => said.cost_gb_hours,
        "GB months" => said.cost_gb_months,
        other => other,
    }
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
fn heaviest(words: &Words, links: &[LinkCost]) -> String {
    let all: u64 = links.iter().map(|link| link.operations).sum();
    let Some(most) = links.iter().max_by_key(|link| link.operations).filter(|_| all > 0) else {
        return String::new();
    };
    let share = percent(most.operations as f64 / all as f64);
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("n", &brief(all as f64)), ("share", &share), ("kind", &most.kind)];
    fill(words.business.cost_heaviest, &values) + "\n"
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
