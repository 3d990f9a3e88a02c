//! Which work is covered by whom, what is left over, and whom to hire first.

use serde::Serialize;

use super::support::{SupportMonth, support};
use crate::inputs::Inputs;
use crate::plan::{Area, Plan};

/// The work of one sort in the last month of the plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AreaCover {
    /// Which work.
    pub area: Area,
    /// Full-time positions it takes.
    pub needed: f64,
    /// Full-time positions that people give it.
    pub covered: f64,
    /// By whom.
    pub people: Vec<String>,
}

/// Work that nobody does.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gap {
    /// Which work.
    pub area: Area,
    /// The first month with a gap, from 1.
    pub month: usize,
    /// Full-time positions that are missing then.
    pub missing: f64,
    /// The share of the need that is missing.
    pub share: f64,
}

/// A position to fill.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hire {
    /// For which work.
    pub area: Area,
    /// From which month on, from 1.
    pub month: usize,
    /// Full-time positions, in quarters.
    pub positions: f64,
    /// The salary a year of a whole position.
    pub salary: f64,
}

/// The team of a plan.
#[derive(Clone, Debug, Serialize)]
pub struct TeamReport {
    /// Each sort of work.
    pub areas: Vec<AreaCover>,
    /// Work that nobody does, by month and by how much of it is missing.
    pub gaps: Vec<Gap>,
    /// Whom to hire, in order.
    pub hires: Vec<Hire>,
    /// Whether the cash plan has them.
    pub hired: bool,
    /// Agents in support by month; empty without support.
    pub support: Vec<SupportMonth>,
}

/// What `area` needs in month `m`, from 0: the latest need that has begun.
fn needed(inputs: &Inputs, area: Area, m: usize) -> f64 {
    let begun = inputs.needs.iter().filter(|need| need.area == area && need.from <= m);
    begun.max_by_key(|need| need.from).map_or(0.0, |need| need.people)
}

fn covered(plan: &Plan, inputs: &Inputs, area: Area, m: usize) -> f64 {
    let there = plan.people.iter().zip(&inputs.people).filter(|(_, of)| of.months.contains(&m));
    there.filter_map(|(person, _)| person.covers.get(&area)).sum()
}

/// Whom to hire, month by month: the largest missing share first, in quarters of a position, until less than a quarter of one is
/// missing everywhere.
pub(crate) fn hires(plan: &Plan, inputs: &Inputs) -> Vec<Hire> {
    let mut found: Vec<Hire> = Vec::new();
    for m in 0..inputs.months {
        let mut wanted: Vec<(f64, Area, f64)> = Vec::new();
        for area in Area::ALL {
            let hired: f64 = found.iter().filter(|h| h.area == area).map(|h| h.positions).sum();
            let need = needed(inputs, area, m);
            let missing = need - covered(plan, inputs, area, m) - hired;
            let quarters = (missing * 4.0 + 1e-9).floor() / 4.0;
            if quarters > 0.0 {
                wanted.push((missing / need, area, quarters));
            }
        }
        wanted.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, area, mut left) in wanted {
            while left > 0.0 {
                let positions = f64::min(left, 1.0);
                found.push(Hire { area, month: m + 1, positions, salary: inputs.salary(area) });
                left -= positions;
            }
        }
    }
    found
}

/// The team in one scenario.
pub(crate) fn report(plan: &Plan, inputs: &Inputs, customers: &[f64]) -> TeamReport {
    let last = inputs.months - 1;
    let cover = |area: Area| AreaCover {
        area,
        needed: needed(inputs, area, last),
        covered: covered(plan, inputs, area, last),
        people: plan.people.iter().filter(|p| p.covers.contains_key(&area)).map(|p| p.name.clone()).collect(),
    };
    let gap = |area: Area| {
        (0..inputs.months).find_map(|m| {
            let need = needed(inputs, area, m);
            let missing = need - covered(plan, inputs, area, m);
            (missing > 1e-9).then(|| Gap { area, month: m + 1, missing, share: missing / need })
        })
    };
    let mut gaps: Vec<Gap> = Area::ALL.into_iter().filter_map(gap).collect();
    gaps.sort_by(|a, b| a.month.cmp(&b.month).then(b.share.total_cmp(&a.share)));
    TeamReport {
        areas: Area::ALL.map(cover).into(),
        gaps,
        hires: hires(plan, inputs),
        hired: plan.team.as_ref().is_some_and(|team| team.hire),
        support: customers.iter().enumerate().filter_map(|(m, n)| support(inputs, m, *n)).collect(),
    }
}
