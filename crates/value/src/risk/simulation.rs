//! Monte Carlo: the plan played through with every range drawn.

use rayon::prelude::*;
use serde::Serialize;
use tidemill_kernel::Random;

use super::outcome::{Outcome, play};
use crate::fault::Fault;
use crate::market::{Spread, percentiles};
use crate::plan::Plan;
use crate::scenario::Draw;

/// What many draws come to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Simulated {
    /// How many.
    pub draws: usize,
    /// The share of draws in which cash is never below zero at the end of a month.
    pub solvent: f64,
    /// Cash at the end of the plan.
    pub closing_cash: Spread,
    /// The least cash.
    pub lowest_cash: Spread,
    /// Net present value.
    pub npv: Spread,
    /// The months that end before cash is below zero, of the draws where that happens.
    pub runway: Option<Spread>,
    /// Cash at the end of each month.
    pub cash: Vec<Spread>,
}

/// One draw: its outcome, when cash runs out, and cash by month.
type Drawn = (Outcome, Option<usize>, Vec<f64>);

/// Plays the plan as often as it says. Each draw has a random stream of its own, so the threads do not matter.
pub fn simulate(plan: &Plan) -> Result<Simulated, Fault> {
    let one = |i: usize| -> Result<Drawn, Fault> {
        let random = Random::new(plan.simulation.seed, i as u64);
        let (_, _, statement, outcome) = play(plan, Draw::Random(Box::new(random)))?;
        let cash = statement.months.iter().map(|m| m.cash.units()).collect();
        Ok((outcome, statement.runway(), cash))
    };
    let n = plan.simulation.draws;
    let drawn: Vec<Drawn> = (0..n).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let spread = |of: &dyn Fn(&Drawn) -> f64| {
        let none = Spread { low: 0.0, median: 0.0, high: 0.0 };
        percentiles(drawn.iter().map(of).collect()).unwrap_or(none)
    };
    let out: Vec<f64> = drawn.iter().filter_map(|(_, runway, _)| runway.map(|m| m as f64)).collect();
    Ok(Simulated {
        draws: n,
        solvent: (n - out.len()) as f64 / n as f64,
        closing_cash: spread(&|d| d.0.closing_cash),
        lowest_cash: spread(&|d| d.0.lowest_cash),
        npv: spread(&|d| d.0.npv),
        runway: percentiles(out),
        cash: (0..plan.company.months).map(|m| spread(&|d| d.2[m])).collect(),
    })
}
