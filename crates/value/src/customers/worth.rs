//! The lifetime value of customers.

use serde::Serialize;
use tidemill_core::Result;

use super::{BetaGeometric, Cohort, Events, GammaGamma, Summary, retention};

/// How customers are valued.
#[derive(Clone, Copy, Debug)]
pub struct Valuation {
    /// How far ahead, in weeks.
    pub weeks: u32,
    /// The share of what they spend that remains after direct cost.
    pub margin: f64,
    /// The discount rate a year.
    pub discount: f64,
}

/// What the customers of a table of events are worth.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerValue {
    /// How many there are.
    pub customers: usize,
    /// How many bought on more than one day.
    pub returning: usize,
    /// How often they buy.
    pub purchases: BetaGeometric,
    /// How much they spend at a time.
    pub amounts: GammaGamma,
    /// How many are expected still to buy.
    pub alive: f64,
    /// The expected value of a customer over the horizon: margin on purchases to come, discounted.
    pub mean_value: f64,
    /// Of all customers.
    pub total_value: f64,
    /// The value of those at the 10%, 50% and 90% of customers.
    pub quantiles: [f64; 3],
    /// How many of those who came in a month were active later.
    pub cohorts: Vec<Cohort>,
}

/// Fits both models and values each customer: the margin on the purchases expected in each period of four weeks, discounted
/// from its middle.
pub fn value(events: &Events, by: Valuation) -> Result<CustomerValue> {
    let summaries: Vec<Summary> = events.summaries().into_iter().map(|(_, s)| s).collect();
    let purchases = BetaGeometric::fit(&summaries)?;
    let amounts = GammaGamma::fit(&summaries)?;
    let mut values: Vec<f64> = summaries.iter().map(|c| of(c, &purchases, &amounts, by)).collect();
    let total: f64 = values.iter().sum();
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
    Ok(CustomerValue {
        customers: summaries.len(),
        returning: summaries.iter().filter(|c| c.repeats > 0).count(),
        purchases,
        amounts,
        alive: summaries.iter().map(|c| purchases.alive(c)).sum(),
        mean_value: total / summaries.len() as f64,
        total_value: total,
        quantiles: [at(0.1), at(0.5), at(0.9)],
        cohorts: retention(events),
    })
}

fn of(c: &Summary, purchases: &BetaGeometric, amounts: &GammaGamma, by: Valuation) -> f64 {
    let (mut sum, mut before, mut start) = (0.0, 0.0, 0.0);
    while start < f64::from(by.weeks) {
        let end = (start + 4.0).min(f64::from(by.weeks));
        let upto = purchases.expected(end, c);
        let years = 0.5 * (start + end) * 7.0 / 365.25;
        sum += (upto - before) / (1.0 + by.discount).powf(years);
        (before, start) = (upto, end);
    }
    sum * amounts.expected(c) * by.margin
}
