//! What one scenario comes to.

use serde::Serialize;

use crate::cash::{Played, Statement, operate};
use crate::fault::Fault;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::scenario::{Draw, Scenario};
use crate::team::hires;
use crate::worth::npv;

/// What a scenario comes to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// Cash at the end of the plan.
    pub closing_cash: f64,
    /// The least cash at the end of a month.
    pub lowest_cash: f64,
    /// The net present value of free cash flow over the months of the plan, without a value beyond its end.
    pub npv: f64,
}

/// Plays a scenario: its inputs, books, and outcome.
pub(crate) fn play(plan: &Plan, draw: Draw) -> Result<(Inputs, Played, Statement, Outcome), Fault> {
    let mut scenario = Scenario::new(&plan.assumptions, draw)?;
    let inputs = Inputs::of(plan, &mut scenario)?;
    let hires = match plan.team.as_ref().is_some_and(|team| team.hire) {
        true => hires(plan, &inputs),
        false => Vec::new(),
    };
    let played = operate(&inputs, &hires)?;
    let statement = Statement::of(&played.ledger, &played.customers);
    let monthly = (1.0 + inputs.discount_rate).powf(1.0 / 12.0) - 1.0;
    let outcome = Outcome {
        closing_cash: statement.months.last().map_or(0.0, |m| m.cash.units()),
        lowest_cash: statement.lowest().map_or(0.0, |(_, cash)| cash.units()),
        npv: npv(monthly, &statement.free_cash_flow()),
    };
    Ok((inputs, played, statement, outcome))
}
