//! Everything a plan comes to.

use std::path::Path;

use serde::Serialize;
use tidemill_core::{Error, Result};

use crate::cash::Statement;
use crate::customers::{CustomerValue, Events, Valuation, value};
use crate::document::Document;
use crate::fault::Fault;
use crate::market::{BassFit, MarketSize, fit_bass};
use crate::plan::Plan;
use crate::risk::{Outcome, Simulated, Swing, play, simulate, tornado};
use crate::scenario::{Draw, Scenario};
use crate::team::{TeamReport, report};
use crate::worth::irr;

/// What a plan comes to in money and people.
#[derive(Clone, Debug, Serialize)]
pub struct Forecast {
    /// Each month, with every range at its median.
    pub statement: Statement,
    /// What that comes to.
    pub base: Outcome,
    /// The rates of return a year of free cash flow; several where it changes its sign more than once, none where it never pays
    /// back within the plan.
    pub irr: Vec<f64>,
    /// With every range drawn.
    pub simulated: Simulated,
    /// Which range moves closing cash most.
    pub tornado: Vec<Swing>,
    /// Who does the work.
    pub team: TeamReport,
}

/// Plays the plan through.
pub fn forecast(plan: &Plan) -> std::result::Result<Forecast, Fault> {
    let (inputs, played, statement, base) = play(plan, Draw::Median)?;
    let yearly = |monthly: f64| (12.0 * monthly.ln_1p()).exp_m1();
    Ok(Forecast {
        irr: irr(&statement.free_cash_flow()).into_iter().map(yearly).collect(),
        team: report(plan, &inputs, &played.customers),
        base,
        statement,
        simulated: simulate(plan)?,
        tornado: tornado(plan)?,
    })
}

/// What is known of the market.
#[derive(Clone, Debug, Serialize)]
pub struct MarketReport {
    /// How large it is.
    pub size: MarketSize,
    /// How it grows, where the plan gives past sales.
    pub growth: Option<BassFit>,
    /// What customers are worth, where the plan names their purchases.
    pub customers: Option<CustomerValue>,
}

/// Sizes the market, fits its growth and values its customers. `folder` is that of the plan, from which its files are seen.
pub fn market_report(plan: &Plan, document: &Document, folder: &Path) -> Result<MarketReport> {
    let wrong = |fault: Fault| document.error(&fault);
    let missing = || {
        Error::data("the plan has no [market]", "add [market] with `total = …`, what could be sold a year")
    };
    let market = plan.market.as_ref().ok_or_else(missing)?;
    let size = MarketSize::of(plan).map_err(wrong)?.ok_or_else(missing)?;
    let growth = match &market.growth {
        None => None,
        Some(growth) => Some(fit_bass(&growth.sales, growth.ahead).ok_or_else(|| {
            let problem =
                "fit no Bass model: at least 4 periods with sales that have begun to level off are needed";
            wrong(Fault::new(
                "market.growth.sales",
                problem,
                "give more periods, or leave [market.growth] out",
            ))
        })?),
    };
    let customers = match &market.customers {
        None => None,
        Some(c) => {
            let mut scenario = Scenario::new(&plan.assumptions, Draw::Median).map_err(wrong)?;
            let margin = scenario.within("market.customers.margin", &c.margin, [0.0, 1.0]).map_err(wrong)?;
            let rate = &plan.company.discount_rate;
            let discount =
                scenario.within("company.discount_rate", rate, [0.0, f64::INFINITY]).map_err(wrong)?;
            let events = Events::read(&folder.join(&c.events), [&c.customer, &c.date, &c.amount])?;
            Some(value(&events, Valuation { weeks: c.weeks, margin, discount })?)
        }
    };
    Ok(MarketReport { size, growth, customers })
}
