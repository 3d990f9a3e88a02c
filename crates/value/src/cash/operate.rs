//! Plays one scenario through: customers come and go, and what they pay and cost is posted.

use super::ledger::{Account, Ledger};
use crate::fault::Fault;
use crate::inputs::{CostInputs, Inputs, LoanInputs, ProductInputs};
use crate::money::Money;
use crate::plan::{Billing, CostKind};
use crate::team::{Hire, support};

/// What was played.
pub(crate) struct Played {
    pub ledger: Ledger,
    /// Customers at the end of each month, of all products together.
    pub customers: Vec<f64>,
}

/// Plays the months of the plan. `hires` are paid too.
pub(crate) fn operate(inputs: &Inputs, hires: &[Hire]) -> Result<Played, Fault> {
    let mut books = Books { ledger: Ledger::new(inputs.months), key: String::new() };
    books.key = "company.opening_cash".into();
    books.post(0, Account::Cash, Account::Capital, inputs.opening_cash)?;
    let mut customers = vec![0.0; inputs.months];
    for (i, product) in inputs.products.iter().enumerate() {
        books.key = format!("products[{i}]");
        for (all, own) in customers.iter_mut().zip(books.product(product, inputs.months)?) {
            *all += own;
        }
    }
    for (i, cost) in inputs.costs.iter().enumerate() {
        books.key = format!("costs[{i}].amount");
        books.cost(cost)?;
    }
    for (i, &(amount, month, life)) in inputs.investments.iter().enumerate() {
        books.key = format!("investments[{i}].amount");
        let amount = books.post(month, Account::FixedAssets, Account::Cash, amount)?;
        for (m, part) in amount.split(life).enumerate().take(inputs.months) {
            books.ledger.post(month + m, Account::Depreciation, Account::FixedAssets, part);
        }
    }
    for (i, &(amount, month)) in inputs.funding.iter().enumerate() {
        books.key = format!("funding[{i}].amount");
        books.post(month, Account::Cash, Account::Capital, amount)?;
    }
    for (i, loan) in inputs.loans.iter().enumerate() {
        books.key = format!("loans[{i}].amount");
        books.loan(loan, inputs.months)?;
    }
    books.payroll(inputs, hires, &customers)?;
    books.tax(inputs)?;
    Ok(Played { ledger: books.ledger, customers })
}

struct Books {
    ledger: Ledger,
    /// What is being posted, for errors.
    key: String,
}

impl Books {
    fn money(&self, units: f64) -> Result<Money, Fault> {
        Money::of(units).ok_or_else(|| {
            let problem = format!("leads to an amount of {units:.3e} in a month, beyond a hundred billion");
            Fault::new(self.key.as_str(), problem, "lower the amounts or their growth")
        })
    }

    fn post(&mut self, m: usize, debit: Account, credit: Account, units: f64) -> Result<Money, Fault> {
        let amount = self.money(units)?;
        self.ledger.post(m, debit, credit, amount);
        Ok(amount)
    }

    /// Gives the customers at the end of each month.
    fn product(&mut self, p: &ProductInputs, months: usize) -> Result<Vec<f64>, Fault> {
        let mut active = Vec::with_capacity(months);
        let mut paid = Vec::with_capacity(months);
        let mut there = p.opening;
        for m in 0..months {
            paid.push(renewing(p, m));
            there = match p.billing {
                Billing::Yearly => {
                    // Whoever paid within a year, and whose year had begun before the first day.
                    let not_yet = 11usize.saturating_sub(m) as f64 / 12.0;
                    paid[m.saturating_sub(11)..].iter().sum::<f64>() + p.opening * not_yet
                }
                _ => there * (1.0 - p.churn) + p.new[m],
            };
            active.push(there);
            match p.billing {
                Billing::Monthly => self.invoice(m, p, there * p.price, 1)?,
                Billing::Once => self.invoice(m, p, p.new[m] * p.price, 1)?,
                Billing::Yearly => self.invoice(m, p, paid[m] * p.price, 12)?,
            }
            self.post(m, Account::CostOfSales, Account::Cash, there * p.unit_cost)?;
            self.post(m, Account::Acquisition, Account::Cash, p.new[m] * p.acquisition_cost)?;
        }
        Ok(active)
    }

    /// An invoice for so many months from now on, paid after a while.
    fn invoice(&mut self, m: usize, p: &ProductInputs, units: f64, months: usize) -> Result<(), Fault> {
        let amount = self.post(m, Account::Receivables, Account::DeferredRevenue, units)?;
        self.ledger.post(m + p.paid_after, Account::Cash, Account::Receivables, amount);
        for (i, part) in amount.split(months).enumerate() {
            self.ledger.post(m + i, Account::DeferredRevenue, Account::Revenue, part);
        }
        Ok(())
    }

    fn cost(&mut self, cost: &CostInputs) -> Result<(), Fault> {
        let account = match cost.kind {
            CostKind::CostOfSales => Account::CostOfSales,
            CostKind::Operating => Account::Operating,
        };
        let n = self.ledger.months();
        for m in cost.months.clone().take_while(|m| *m < n) {
            let units = cost.amount * cost.growth.powi((m - cost.months.start()) as i32);
            let amount = self.post(m, account, Account::Payables, units)?;
            self.ledger.post(m + cost.paid_after, Account::Payables, Account::Cash, amount);
        }
        Ok(())
    }

    fn loan(&mut self, loan: &LoanInputs, months: usize) -> Result<(), Fault> {
        let amount = self.post(loan.month, Account::Cash, Account::Loans, loan.amount)?;
        let parts: Vec<Money> = amount.split(loan.months).collect();
        let mut owed = amount;
        for m in loan.month + 1..months {
            let since = m - loan.month;
            self.post(m, Account::Interest, Account::Cash, owed.units() * loan.rate / 12.0)?;
            let part = since.checked_sub(loan.grace + 1).and_then(|i| parts.get(i)).copied();
            if let Some(part) = part {
                self.ledger.post(m, Account::Loans, Account::Cash, part);
                owed = owed - part;
            }
        }
        Ok(())
    }

    fn payroll(&mut self, inputs: &Inputs, hires: &[Hire], customers: &[f64]) -> Result<(), Fault> {
        let monthly = inputs.salary_factor / 12.0;
        for (i, person) in inputs.people.iter().enumerate() {
            self.key = format!("people[{i}].salary");
            for m in person.months.clone().take_while(|m| *m < inputs.months) {
                self.post(m, Account::Payroll, Account::Cash, person.salary * monthly)?;
            }
        }
        self.key = "team.salaries".into();
        for hire in hires {
            for m in hire.month - 1..inputs.months {
                self.post(m, Account::Payroll, Account::Cash, hire.salary * hire.positions * monthly)?;
            }
        }
        self.key = "support.salary".into();
        let Some(agent) = inputs.support.as_ref().map(|s| s.salary) else { return Ok(()) };
        for (m, customers) in customers.iter().enumerate() {
            if let Some(month) = support(inputs, m, *customers) {
                self.post(m, Account::Payroll, Account::Cash, f64::from(month.employed) * agent * monthly)?;
            }
        }
        Ok(())
    }

    /// Tax on what the profit so far exceeds the highest so far: losses are carried forward, nothing is paid back.
    fn tax(&mut self, inputs: &Inputs) -> Result<(), Fault> {
        self.key = "company.tax_rate".into();
        let (mut sum, mut taxed) = (Money::ZERO, Money::ZERO);
        for m in 0..inputs.months {
            let moved = |account| self.ledger.moved(m, account);
            sum += -moved(Account::Revenue) - COSTS.into_iter().map(moved).sum();
            if sum <= taxed {
                continue;
            }
            let owed = (sum - taxed).units() * inputs.tax_rate;
            taxed = sum;
            let owed = self.post(m, Account::Tax, Account::TaxPayable, owed)?;
            self.ledger.post(m + inputs.tax_paid_after, Account::TaxPayable, Account::Cash, owed);
        }
        Ok(())
    }
}

/// What lowers the profit before tax.
pub(super) const COSTS: [Account; 6] = [
    Account::CostOfSales,
    Account::Payroll,
    Account::Acquisition,
    Account::Operating,
    Account::Depreciation,
    Account::Interest,
];

/// The customers who pay a year ahead in month `m`: those who come, and those of the same month of earlier years who stayed. They
/// leave when their year is over.
fn renewing(p: &ProductInputs, m: usize) -> f64 {
    let stays = (1.0 - p.churn).powi(12);
    let of = |back: usize| match m.checked_sub(12 * back) {
        Some(m) => p.new[m] * stays.powi(back as i32),
        None => 0.0,
    };
    let years = m / 12;
    let before = p.opening / 12.0 * stays.powi(years as i32 + 1);
    (0..=years).map(of).sum::<f64>() + before
}
