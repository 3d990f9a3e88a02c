//! The size of the market, with its uncertainty.

use serde::Serialize;
use tidemill_kernel::Random;

use crate::fault::Fault;
use crate::plan::Plan;
use crate::quantity::Quantity;
use crate::scenario::{Draw, Scenario};

/// The 5%, 50% and 95% quantiles of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Spread {
    /// One in twenty is below.
    pub low: f64,
    /// Half are below.
    pub median: f64,
    /// One in twenty is above.
    pub high: f64,
}

/// How much could be sold a year, in money.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct MarketSize {
    /// Of everybody (TAM).
    pub total: Spread,
    /// Of those who can be reached (SAM).
    pub reachable: Option<Spread>,
    /// Of those who can be won within the plan (SOM).
    pub obtainable: Option<Spread>,
}

/// The three sizes in one scenario.
pub(crate) fn of<'a>(plan: &'a Plan, scenario: &mut Scenario<'a>) -> Result<[Option<f64>; 3], Fault> {
    let Some(market) = &plan.market else { return Ok([None; 3]) };
    let total = scenario.positive("market.total", &market.total)?;
    scenario.define("total", total);
    let mut part = |key: &str, quantity: &'a Option<Quantity>, most: f64, name| {
        let Some(quantity) = quantity else { return Ok(None) };
        let value = scenario.positive(key, quantity)?;
        if value > most * (1.0 + 1e-9) && scenario.is_checked() {
            let problem = format!("comes to {value}, more than the {most} it is part of");
            return Err(Fault::new(key, problem, "write it as a share of the larger one: `total * 30%`"));
        }
        scenario.define(name, value);
        Ok(Some(value.min(most)))
    };
    let reachable = part("market.reachable", &market.reachable, total, "reachable")?;
    let obtainable = part("market.obtainable", &market.obtainable, reachable.unwrap_or(total), "obtainable")?;
    Ok([Some(total), reachable, obtainable])
}

impl MarketSize {
    /// By random draws of the plan's ranges; `None` where the plan has no market.
    pub fn of(plan: &Plan) -> Result<Option<MarketSize>, Fault> {
        if plan.market.is_none() {
            return Ok(None);
        }
        let mut draws: [Vec<f64>; 3] = Default::default();
        for i in 0..plan.simulation.draws as u64 {
            let random = Random::new(plan.simulation.seed, i);
            let mut scenario = Scenario::new(&plan.assumptions, Draw::Random(Box::new(random)))?;
            for (values, value) in draws.iter_mut().zip(of(plan, &mut scenario)?) {
                values.extend(value);
            }
        }
        let [total, reachable, obtainable] = draws.map(percentiles);
        Ok(total.map(|total| MarketSize { total, reachable, obtainable }))
    }
}

/// The quantiles of the values (of the nearest rank); `None` without any.
pub(crate) fn percentiles(mut values: Vec<f64>) -> Option<Spread> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| values[(last as f64 * share).round() as usize];
    Some(Spread { low: at(0.05), median: at(0.5), high: at(0.95) })
}
