//! `prices.toml`: what computing costs, with the day it was looked up.

use std::path::Path;

use serde::Deserialize;
use tidemill_core::{Error, Result};

use crate::document::Document;
use crate::fault::Fault;

/// Prices of computing. Each is read exactly, to a billionth of the currency's unit.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The day they were looked up: `2026-11-30`.
    pub as_of: String,
    /// Where.
    #[serde(default)]
    pub source: String,
    /// The currency.
    pub currency: String,
    /// A CPU core for an hour.
    pub cpu_hour: f64,
    /// A gigabyte (10⁹ bytes) of memory for an hour.
    pub memory_gb_hour: f64,
    /// A gigabyte of storage for a month of 730 hours.
    pub storage_gb_month: f64,
    /// A gigabyte sent to callers.
    #[serde(default)]
    pub egress_gb: f64,
}

/// The sample that is used without a file.
const SAMPLE: &str = include_str!("prices.toml");

impl Prices {
    /// The sample: round figures of large clouds, with their date. Give your own.
    pub fn sample() -> Result<Prices> {
        Prices::parse(SAMPLE, "the sample prices")
    }

    /// The sample's text, to write and edit.
    pub fn sample_text() -> &'static str {
        SAMPLE
    }

    /// Reads and checks a file.
    pub fn open(path: &Path) -> Result<Prices> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        Prices::parse(&text, &path.display().to_string())
    }

    /// As [`Prices::open`], from text; `file` is what errors call it.
    pub fn parse(text: &str, file: &str) -> Result<Prices> {
        let (prices, document) = Document::read::<Prices>(text, file)?;
        prices.check().map_err(|fault| document.error(&fault))?;
        Ok(prices)
    }

    fn check(&self) -> std::result::Result<(), Fault> {
        if self.as_of.parse::<jiff::civil::Date>().is_err() {
            let problem = format!("is '{}', which is no date", self.as_of);
            return Err(Fault::new(
                "as_of",
                problem,
                "write the day the prices were looked up as 2026-11-30",
            ));
        }
        let paid = [
            ("cpu_hour", self.cpu_hour),
            ("memory_gb_hour", self.memory_gb_hour),
            ("storage_gb_month", self.storage_gb_month),
        ];
        for (key, price) in paid {
            if !(1e-9..=1e6).contains(&price) {
                let problem = format!(
                    "is {price}, but a price is above 0 (at least a billionth) and at most a million"
                );
                return Err(Fault::new(key, problem, "look it up in your provider's list"));
            }
        }
        if !(0.0..=1e6).contains(&self.egress_gb) {
            let problem = format!("is {}, but must be 0 to a million", self.egress_gb);
            return Err(Fault::new("egress_gb", problem, "0 where sending is free"));
        }
        Ok(())
    }
}
