//! Which range moves the result most: each at its ends, the others at their medians.

use rayon::prelude::*;
use serde::Serialize;

use super::outcome::play;
use crate::fault::Fault;
use crate::inputs::Inputs;
use crate::plan::Plan;
use crate::range::Range;
use crate::scenario::{Draw, Scenario};

/// What one range does to cash at the end of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Swing {
    /// The assumption or the key it stands in; in a list, with the name of its entry: `Subscription: churn`.
    pub name: String,
    /// The range.
    pub range: Range,
    /// Closing cash with the range at its low end.
    pub at_low: f64,
    /// Closing cash with the range at its high end.
    pub at_high: f64,
}

impl Swing {
    /// How far the ends are apart.
    pub fn width(&self) -> f64 {
        (self.at_high - self.at_low).abs()
    }
}

/// Each range of the plan, the most important first. Ranges that matter for the market's size alone are left out.
pub fn tornado(plan: &Plan) -> Result<Vec<Swing>, Fault> {
    let mut scenario = Scenario::new(&plan.assumptions, Draw::Median)?;
    Inputs::of(plan, &mut scenario)?;
    let cash = |i: usize, high: bool| play(plan, Draw::Moved(i, high)).map(|played| played.3.closing_cash);
    let one = |(i, (name, range)): (usize, &(String, Range))| {
        Ok(Swing { name: label(plan, name), range: *range, at_low: cash(i, false)?, at_high: cash(i, true)? })
    };
    let mut swings: Vec<Swing> =
        scenario.met.par_iter().enumerate().map(one).collect::<Result<_, Fault>>()?;
    swings.retain(|swing| swing.width() > 0.0);
    swings.sort_by(|a, b| b.width().total_cmp(&a.width()).then_with(|| a.name.cmp(&b.name)));
    Ok(swings)
}

/// `products[0].churn` with the name of the product instead of its number.
fn label(plan: &Plan, key: &str) -> String {
    let named = || {
        let (list, rest) = key.split_once('[')?;
        let (number, rest) = rest.split_once("].")?;
        let i: usize = number.parse().ok()?;
        let name = match list {
            "products" => &plan.products.get(i)?.name,
            "costs" => &plan.costs.get(i)?.name,
            "investments" => &plan.investments.get(i)?.name,
            "loans" => &plan.loans.get(i)?.name,
            "funding" => &plan.funding.get(i)?.name,
            "people" => &plan.people.get(i)?.name,
            _ => return None,
        };
        Some(format!("{name}: {rest}"))
    };
    named().unwrap_or_else(|| key.to_string())
}
