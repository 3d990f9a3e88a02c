//! Reading a plan, and what must hold before anything is computed from it.

use std::path::Path;

use tidemill_core::{Error, Result};

use crate::document::Document;
use crate::fault::Fault;
use crate::inputs::Inputs;
use crate::market;
use crate::plan::{Plan, start};
use crate::scenario::{Draw, Scenario};

/// The most months and draws of a plan.
const MOST_MONTHS: usize = 600;
const MOST_DRAWS: usize = 100_000;
/// The most entries of all lists together.
const MOST_ENTRIES: usize = 500;

impl Plan {
    /// Reads and checks the plan at `path`. Errors name the file and line and show it.
    pub fn open(path: &Path) -> Result<(Plan, Document)> {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io(path, e))?;
        Plan::parse(&text, &path.display().to_string())
    }

    /// As [`Plan::open`], from text; `file` is what errors call it.
    pub fn parse(text: &str, file: &str) -> Result<(Plan, Document)> {
        let (plan, document) = Document::read::<Plan>(text, file)?;
        plan.sound().map_err(|fault| document.error(&fault))?;
        Ok((plan, document))
    }

    fn sound(&self) -> Result<(), Fault> {
        let company = &self.company;
        if start(&company.start).is_none() {
            let problem = format!("is '{}', which is no month", company.start);
            return Err(Fault::new("company.start", problem, "write the first month as 2027-01"));
        }
        if !(1..=MOST_MONTHS).contains(&company.months) {
            let problem = format!("is {}, but must be 1 to {MOST_MONTHS}", company.months);
            return Err(Fault::new("company.months", problem, "36 or 60 are usual"));
        }
        if !(1..=MOST_DRAWS).contains(&self.simulation.draws) {
            let problem = format!("is {}, but must be 1 to {MOST_DRAWS}", self.simulation.draws);
            return Err(Fault::new("simulation.draws", problem, "2000 are usual"));
        }
        let entries = self.products.len() + self.costs.len() + self.people.len() + self.loans.len();
        if entries + self.investments.len() + self.funding.len() > MOST_ENTRIES {
            let problem = format!("has more than {MOST_ENTRIES} entries together with the other lists");
            return Err(Fault::new("products", problem, "sum up what belongs together"));
        }
        self.check_months()?;
        self.check_people()?;
        // Whatever a range may come to must be possible.
        for draw in [Draw::Median, Draw::Ends(false), Draw::Ends(true)] {
            let mut scenario = Scenario::new(&self.assumptions, draw)?;
            Inputs::of(self, &mut scenario)?;
            market::size(self, &mut scenario)?;
        }
        Ok(())
    }

    fn check_months(&self) -> Result<(), Fault> {
        let late = |list: &str, i: usize, key: &str, month: usize| match month {
            0 => Err(Fault::new(
                format!("{list}[{i}].{key}"),
                "is 0, but months count from 1",
                "write 1 or more",
            )),
            _ => Ok(()),
        };
        for (i, p) in self.products.iter().enumerate() {
            late("products", i, "from", p.from)?;
            let at = format!("products[{i}]");
            match (&p.new_customers, &p.adoption) {
                (Some(_), Some(_)) => {
                    let remedy = "leave one of them out";
                    return Err(Fault::new(at, "has both 'new_customers' and 'adoption'", remedy));
                }
                (None, None) => {
                    let remedy = "add `new_customers = …`, the number in its first month";
                    return Err(Fault::new(at, "says nothing of new customers", remedy));
                }
                _ => {}
            }
        }
        for (i, c) in self.costs.iter().enumerate() {
            late("costs", i, "from", c.from)?;
            ends(&format!("costs[{i}].until"), c.from, c.until)?;
        }
        for (i, p) in self.people.iter().enumerate() {
            late("people", i, "from", p.from)?;
            ends(&format!("people[{i}].until"), p.from, p.until)?;
        }
        for (i, x) in self.investments.iter().enumerate() {
            late("investments", i, "month", x.month)?;
            late("investments", i, "life", x.life)?;
        }
        for (i, x) in self.loans.iter().enumerate() {
            late("loans", i, "month", x.month)?;
            late("loans", i, "months", x.months)?;
        }
        for (i, need) in self.team.iter().flat_map(|team| &team.needs).enumerate() {
            late("team.needs", i, "from", need.from)?;
        }
        for (i, x) in self.funding.iter().enumerate() {
            late("funding", i, "month", x.month)?;
        }
        Ok(())
    }

    fn check_people(&self) -> Result<(), Fault> {
        for (i, person) in self.people.iter().enumerate() {
            let bad = |share: &f64| !(0.0..=1.5).contains(share);
            if let Some((area, share)) = person.covers.iter().find(|(_, share)| bad(share)) {
                let key = format!("people[{i}].covers.{}", area.name());
                return Err(Fault::new(
                    key,
                    format!("is {share}"),
                    "give the share of a full-time position, from 0 to 1",
                ));
            }
            let sum: f64 = person.covers.values().sum();
            if sum > 1.5 {
                let problem = format!("adds up to {sum} positions for one person");
                return Err(Fault::new(
                    format!("people[{i}].covers"),
                    problem,
                    "one person has about 1 to give",
                ));
            }
        }
        Ok(())
    }
}

fn ends(key: &str, from: usize, until: Option<usize>) -> Result<(), Fault> {
    match until {
        Some(until) if until < from => {
            let problem = format!("is month {until}, before it begins in month {from}");
            Err(Fault::new(key, problem, "give a later month, or leave it out"))
        }
        _ => Ok(()),
    }
}
