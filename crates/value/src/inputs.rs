//! The plan in one scenario: plain numbers.

use crate::fault::Fault;
use crate::market::Bass;
use crate::plan::{Area, Billing, CostKind, Need, Plan};
use crate::scenario::Scenario;

/// A product in one scenario.
pub(crate) struct ProductInputs {
    pub price: f64,
    pub billing: Billing,
    /// New customers by month.
    pub new: Vec<f64>,
    pub opening: f64,
    pub churn: f64,
    pub unit_cost: f64,
    pub acquisition_cost: f64,
    pub paid_after: usize,
}

/// A monthly cost in one scenario.
pub(crate) struct CostInputs {
    pub amount: f64,
    pub kind: CostKind,
    /// Months from 0, the last one included.
    pub months: std::ops::RangeInclusive<usize>,
    /// Growth from one year to the next, a month.
    pub growth: f64,
    pub paid_after: usize,
}

pub(crate) struct LoanInputs {
    pub amount: f64,
    pub month: usize,
    pub rate: f64,
    pub months: usize,
    pub grace: usize,
}

pub(crate) struct PersonInputs {
    pub salary: f64,
    pub months: std::ops::RangeInclusive<usize>,
}

pub(crate) struct NeedInputs {
    pub area: Area,
    pub people: f64,
    pub from: usize,
}

pub(crate) struct SupportInputs {
    pub contacts: f64,
    pub handling_hours: f64,
    pub open_hours: f64,
    pub within_hours: f64,
    pub share: f64,
    pub shrinkage: f64,
    pub salary: f64,
    pub from: usize,
}

/// The whole plan in one scenario.
pub(crate) struct Inputs {
    pub months: usize,
    pub opening_cash: f64,
    pub discount_rate: f64,
    pub tax_rate: f64,
    pub tax_paid_after: usize,
    /// 1 and what comes on top of salaries.
    pub salary_factor: f64,
    pub products: Vec<ProductInputs>,
    pub costs: Vec<CostInputs>,
    /// Amount, month, life.
    pub investments: Vec<(f64, usize, usize)>,
    pub loans: Vec<LoanInputs>,
    /// Amount, month.
    pub funding: Vec<(f64, usize)>,
    pub people: Vec<PersonInputs>,
    pub needs: Vec<NeedInputs>,
    /// The salary of a new position, by sort of work.
    pub salaries: Vec<(Area, f64)>,
    pub support: Option<SupportInputs>,
}

const ANY: [f64; 2] = [0.0, f64::INFINITY];
const SHARE: [f64; 2] = [0.0, 1.0];

impl Inputs {
    /// Evaluates every quantity of the plan, always in the same order.
    pub(crate) fn of<'a>(plan: &'a Plan, s: &mut Scenario<'a>) -> Result<Inputs, Fault> {
        let company = &plan.company;
        let last = company.months - 1;
        Ok(Inputs {
            months: company.months,
            opening_cash: s.within("company.opening_cash", &company.opening_cash, ANY)?,
            discount_rate: s.within("company.discount_rate", &company.discount_rate, ANY)?,
            tax_rate: s.within("company.tax_rate", &company.tax_rate, SHARE)?,
            tax_paid_after: company.tax_paid_after,
            salary_factor: 1.0 + s.within("company.salary_on_costs", &company.salary_on_costs, ANY)?,
            products: products(plan, s)?,
            costs: each(&plan.costs, |i, c| {
                let growth = s.within(&format!("costs[{i}].growth"), &c.growth, [-1.0, f64::INFINITY])?;
                Ok(CostInputs {
                    amount: s.within(&format!("costs[{i}].amount"), &c.amount, ANY)?,
                    kind: c.kind,
                    months: c.from - 1..=c.until.map_or(last, |until| until - 1),
                    growth: (1.0 + growth).powf(1.0 / 12.0),
                    paid_after: c.paid_after,
                })
            })?,
            investments: each(&plan.investments, |i, x| {
                let amount = s.within(&format!("investments[{i}].amount"), &x.amount, ANY)?;
                Ok((amount, x.month - 1, x.life))
            })?,
            loans: each(&plan.loans, |i, x| {
                Ok(LoanInputs {
                    amount: s.within(&format!("loans[{i}].amount"), &x.amount, ANY)?,
                    month: x.month - 1,
                    rate: s.within(&format!("loans[{i}].rate"), &x.rate, ANY)?,
                    months: x.months,
                    grace: x.grace,
                })
            })?,
            funding: each(&plan.funding, |i, x| {
                Ok((s.within(&format!("funding[{i}].amount"), &x.amount, ANY)?, x.month - 1))
            })?,
            people: each(&plan.people, |i, p| {
                Ok(PersonInputs {
                    salary: s.within(&format!("people[{i}].salary"), &p.salary, ANY)?,
                    months: p.from - 1..=p.until.map_or(last, |until| until - 1),
                })
            })?,
            needs: needs(plan, s)?,
            salaries: salaries(plan, s)?,
            support: support(plan, s)?,
        })
    }

    /// The salary of a new position for this sort of work.
    pub(crate) fn salary(&self, area: Area) -> f64 {
        self.salaries.iter().find(|(of, _)| *of == area).map_or(0.0, |(_, salary)| *salary)
    }
}

fn each<'a, T, U>(
    list: &'a [T],
    mut one: impl FnMut(usize, &'a T) -> Result<U, Fault>,
) -> Result<Vec<U>, Fault> {
    list.iter().enumerate().map(|(i, x)| one(i, x)).collect()
}

fn products<'a>(plan: &'a Plan, s: &mut Scenario<'a>) -> Result<Vec<ProductInputs>, Fault> {
    let mut found = Vec::with_capacity(plan.products.len());
    for (i, p) in plan.products.iter().enumerate() {
        let key = |name: &str| format!("products[{i}].{name}");
        let growth = s.within(&key("growth"), &p.growth, [-1.0, f64::INFINITY])?;
        let adoption = match &p.adoption {
            Some(a) => Some(Bass {
                potential: s.within(&key("adoption.potential"), &a.potential, ANY)?,
                innovation: s.positive(&key("adoption.innovation"), &a.innovation)?,
                imitation: s.within(&key("adoption.imitation"), &a.imitation, ANY)?,
            }),
            None => None,
        };
        let first = match &p.new_customers {
            Some(quantity) => s.within(&key("new_customers"), quantity, ANY)?,
            None => 0.0,
        };
        let new = |m: usize| match (m + 1).checked_sub(p.from) {
            None => 0.0,
            Some(since) => match adoption {
                Some(bass) => bass.sales(since as f64 / 12.0, (since + 1) as f64 / 12.0),
                None => first * (1.0 + growth).powi(since as i32),
            },
        };
        found.push(ProductInputs {
            price: s.positive(&key("price"), &p.price)?,
            billing: p.billing,
            new: (0..plan.company.months).map(new).collect(),
            opening: s.within(&key("customers"), &p.customers, ANY)?,
            churn: s.within(&key("churn"), &p.churn, SHARE)?,
            unit_cost: s.within(&key("unit_cost"), &p.unit_cost, ANY)?,
            acquisition_cost: s.within(&key("acquisition_cost"), &p.acquisition_cost, ANY)?,
            paid_after: p.paid_after,
        });
    }
    Ok(found)
}

fn needs<'a>(plan: &'a Plan, s: &mut Scenario<'a>) -> Result<Vec<NeedInputs>, Fault> {
    let Some(team) = &plan.team else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (i, need) in team.needs.iter().enumerate() {
        let people = s.within(&format!("team.needs[{i}].people"), &need.people, [0.0, 1000.0])?;
        found.push(NeedInputs { area: need.area, people, from: need.from.saturating_sub(1) });
    }
    Ok(found)
}

fn salaries<'a>(plan: &'a Plan, s: &mut Scenario<'a>) -> Result<Vec<(Area, f64)>, Fault> {
    let Some(team) = &plan.team else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for (area, salary) in &team.salaries {
        found.push((*area, s.within(&format!("team.salaries.{}", area.name()), salary, ANY)?));
    }
    let unpaid = |need: &&Need| !team.salaries.contains_key(&need.area);
    if let Some(need) = team.needs.iter().find(unpaid).filter(|_| team.hire) {
        let problem = format!("lacks '{}', which [[team.needs]] asks for", need.area.name());
        return Err(Fault::new("team.salaries", problem, format!("add `{} = 60000`", need.area.name())));
    }
    Ok(found)
}

fn support<'a>(plan: &'a Plan, s: &mut Scenario<'a>) -> Result<Option<SupportInputs>, Fault> {
    let Some(x) = &plan.support else { return Ok(None) };
    Ok(Some(SupportInputs {
        contacts: s.within("support.contacts_per_customer", &x.contacts_per_customer, ANY)?,
        handling_hours: s.positive("support.handling_minutes", &x.handling_minutes)? / 60.0,
        open_hours: s.within("support.open_hours", &x.open_hours, [1.0, 744.0])?,
        within_hours: s.within("support.within_seconds", &x.within_seconds, ANY)? / 3600.0,
        share: s.within("support.share", &x.share, [0.0, 0.9999])?,
        shrinkage: s.within("support.shrinkage", &x.shrinkage, [0.0, 0.9])?,
        salary: s.within("support.salary", &x.salary, ANY)?,
        from: x.from.saturating_sub(1),
    }))
}
