//! `tidemill cost MODEL --store STORE`: what the predictions in a log cost, by version and API key.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::serve::serving::name_of;
use tidemill_report::align::table;
use tidemill_report::words::{Words, fill};
use tidemill_store::{Store, Usage as Logged};
use tidemill_value::cost::{Prices, Share, Usage, Used, bill, shares};

use super::cost::{lines, model_name, source};
use crate::args::business::Cost;
use crate::show::Shown;
use crate::verbs::json_of;
use crate::verbs::service::{check_served, duration, open_existing};

/// What was logged, and how long the model was there to log it.
struct Log {
    used: Vec<Logged>,
    seconds: u64,
    /// The hash of each version, by its number.
    hashes: BTreeMap<i64, String>,
    /// The name of each API key, by its id.
    keys: BTreeMap<String, String>,
}

/// What the logged predictions cost: at `cpu_us` microseconds each, or as long as their requests took.
pub(super) fn served(
    words: &Words,
    (args, store): (&Cost, &str),
    cpu_us: Option<f64>,
    prices: &Prices,
    holding: impl Fn(u64) -> Usage,
) -> Result<Shown> {
    let log = log(args, &open_existing(store)?)?;
    let time = |of: &Logged| cpu_us.map_or(of.busy_us, |us| (us * of.predictions as f64).round() as u64);
    let used: Vec<Used> =
        log.used.iter().map(|of| Used { predictions: of.predictions, cpu_us: time(of) }).collect();
    let predictions: u64 = used.iter().map(|of| of.predictions).sum();
    let all = Usage {
        predictions,
        cpu_us: used.iter().map(|of| of.cpu_us).sum(),
        sent: args.answer_bytes.saturating_mul(predictions),
        ..holding(log.seconds)
    };
    let bill = bill(&all, prices);
    let shares = shares(&bill, &used);
    let each = all.cpu_us as f64 / predictions.max(1) as f64;
    let said = &words.business;
    let (model, us, hours) =
        (model_name(args), format!("{each:.1}"), format!("{:.1}", log.seconds as f64 / 3600.0));
    let values: [(&str, &dyn std::fmt::Display); 6] = [
        ("model", &model),
        ("n", &predictions),
        ("hours", &hours),
        ("us", &us),
        ("date", &prices.as_of),
        ("source", &source(words, prices)),
    ];
    let period = fill(said.cost_period, &[("currency", &bill.currency)]);
    let busy = if cpu_us.is_none() { format!("\n{}", said.cost_busy) } else { String::new() };
    let text = format!(
        "{}{busy}\n\n{period}\n{}\n{}\n{}",
        fill(said.cost_served, &values),
        lines(words, &bill),
        said.cost_shares,
        rows(words, &log, &shares)
    );
    let json = json!({
        "cpu_us": each, "hours": log.seconds as f64 / 3600.0, "period": json_of(&bill)?, "shares": documents(&log, &shares)?,
    });
    Ok(Shown::new(text, json))
}

fn log(args: &Cost, store: &Store) -> Result<Log> {
    let name = match (&args.name, &args.model) {
        (Some(name), _) => name.clone(),
        (None, Some(file)) => name_of(file),
        (None, None) => String::new(),
    };
    check_served(store, Some(&name))?;
    let most = duration("--since", &args.since)?.as_micros().min(i64::MAX as u128) as i64;
    let now = tidemill_store::now();
    let versions = store.versions(&name)?;
    let first = versions.iter().map(|version| version.created_at).min().unwrap_or(now);
    let from = now.saturating_sub(most).max(first);
    let used = store.usage(&name, from)?;
    if used.is_empty() {
        let problem = format!("'{name}' answered nothing in the last {}", args.since);
        return Err(EngineError::usage(problem, "look further back with --since, as in --since 2160h").into());
    }
    Ok(Log {
        used,
        seconds: now.saturating_sub(from).max(0) as u64 / 1_000_000,
        hashes: versions.into_iter().map(|version| (version.id, version.version.hash)).collect(),
        keys: store.keys()?.into_iter().map(|key| (key.id, key.name)).collect(),
    })
}

impl Log {
    /// The hash of a version, and what people call a key; `None` for callers without one.
    fn names<'a>(&'a self, of: &'a Logged) -> (&'a str, Option<&'a str>) {
        let hash = self.hashes.get(&of.version).map_or("", String::as_str);
        let key = of.key_id.as_deref().map(|id| self.keys.get(id).map_or(id, String::as_str));
        (hash, key)
    }
}

fn rows(words: &Words, log: &Log, shares: &[Share]) -> String {
    let said = &words.business;
    let head =
        [said.cost_version, said.cost_key, said.cost_predictions, said.cost_amount, said.cost_per_thousand];
    let mut cells = vec![head.map(String::from)];
    for (of, share) in log.used.iter().zip(shares) {
        let (hash, key) = log.names(of);
        let each = share.per_1000.map_or(String::new(), |each| format!("{each:.6}"));
        cells.push([
            hash.chars().take(8).collect(),
            key.unwrap_or(said.cost_no_key).to_string(),
            of.predictions.to_string(),
            share.amount.to_string(),
            each,
        ]);
    }
    table(&cells, [false, false, true, true, true])
}

fn documents(log: &Log, shares: &[Share]) -> Result<Vec<Value>> {
    let document = |(of, share): (&Logged, &Share)| {
        let (hash, key) = log.names(of);
        let mut document = json_of(share)?;
        for (name, value) in [
            ("version", json!(hash)),
            ("key", json!(key)),
            ("key_id", json!(of.key_id)),
            ("predictions", json!(of.predictions)),
            ("requests", json!(of.requests)),
        ] {
            document[name] = value;
        }
        Ok(document)
    };
    log.used.iter().zip(shares).map(document).collect()
}
