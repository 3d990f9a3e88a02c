//! Purchases from a CSV file, and what each customer's come to.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::Date;
use serde::Serialize;
use tidemill_core::{Error, Result};

/// A purchase.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Who.
    pub customer: String,
    /// On which day.
    pub date: Date,
    /// For how much.
    pub amount: f64,
}

/// Purchases, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct Events(pub Vec<Event>);

/// What a customer did, as the models of purchases see it. Purchases of a day count as one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Days with purchases after the first.
    pub repeats: u32,
    /// From the first day to the last, in weeks.
    pub recency: f64,
    /// From the first day to the end of the observation, in weeks.
    pub age: f64,
    /// The mean amount of the days after the first; 0 without any.
    pub average: f64,
}

const WANTED: &str = "dates are written 2026-11-30, amounts 19.90";

impl Events {
    /// Reads a CSV file by the names of three of its columns. Errors name the line.
    pub fn read(path: &Path, [customer, date, amount]: [&str; 3]) -> Result<Self> {
        let place = path.display().to_string();
        let broken = |e: csv::Error| Error::data(format!("{place}: {e}"), "correct the file");
        let file = std::fs::File::open(path).map_err(|e| Error::io(path, e))?;
        let mut reader = csv::Reader::from_reader(std::io::BufReader::new(file));
        let head = reader.headers().map_err(broken)?.clone();
        let column = |name: &str| {
            head.iter().position(|h| h == name).ok_or_else(|| Error::missing_column(name, &place, &head))
        };
        let (who, when, much) = (column(customer)?, column(date)?, column(amount)?);
        let mut events = Vec::new();
        for record in reader.records() {
            let record = record.map_err(broken)?;
            let line = record.position().map_or(0, csv::Position::line);
            let cell = |i: usize| record.get(i).unwrap_or_default().trim();
            let wrong = |name: &str, text: &str, what: &str| {
                Error::data(format!("{place}, line {line}, column '{name}': '{text}' is not {what}"), WANTED)
            };
            let day = cell(when).get(..10).unwrap_or(cell(when));
            let day: Date = day.parse().map_err(|_| wrong(date, cell(when), "a date"))?;
            let paid: f64 = cell(much).parse().map_err(|_| wrong(amount, cell(much), "an amount"))?;
            if !paid.is_finite() {
                return Err(wrong(amount, cell(much), "an amount"));
            }
            events.push(Event { customer: cell(who).to_string(), date: day, amount: paid });
        }
        if events.is_empty() {
            return Err(Error::data(
                format!("{place} has no rows"),
                "give at least a few customers who bought again",
            ));
        }
        Ok(Events(events))
    }

    /// What each customer did, by customer in the order of their names, up to the day of the last event.
    pub fn summaries(&self) -> Vec<(String, Summary)> {
        let end = self.0.iter().map(|e| e.date).max().unwrap_or_default();
        let mut days: BTreeMap<&str, BTreeMap<Date, f64>> = BTreeMap::new();
        for event in &self.0 {
            *days.entry(&event.customer).or_default().entry(event.date).or_default() += event.amount;
        }
        let one = |(customer, days): (&str, BTreeMap<Date, f64>)| {
            let first = days.keys().next().copied().unwrap_or(end);
            let last = days.keys().next_back().copied().unwrap_or(end);
            let repeats = days.len() - 1;
            let spent: f64 = days.values().skip(1).sum();
            let summary = Summary {
                repeats: repeats as u32,
                recency: weeks(first, last),
                age: weeks(first, end),
                average: if repeats == 0 { 0.0 } else { spent / repeats as f64 },
            };
            (customer.to_string(), summary)
        };
        days.into_iter().map(one).collect()
    }
}

fn weeks(from: Date, to: Date) -> f64 {
    from.until(to).map_or(0.0, |span| f64::from(span.get_days())) / 7.0
}
