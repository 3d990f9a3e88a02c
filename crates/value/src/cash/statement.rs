//! What the books say of each month: profit and loss, cash, balance.

use serde::Serialize;

use super::ledger::{Account, Ledger};
use super::operate::COSTS;
use crate::money::Money;

/// A month in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Month {
    /// Which one, from 1.
    pub month: usize,
    /// Customers at its end.
    pub customers: f64,
    /// Earned.
    pub revenue: Money,
    /// What delivering took.
    pub cost_of_sales: Money,
    /// Revenue less cost of sales.
    pub gross_profit: Money,
    /// Salaries with what comes on top.
    pub payroll: Money,
    /// What winning customers took.
    pub acquisition: Money,
    /// Other costs.
    pub operating: Money,
    /// Written off.
    pub depreciation: Money,
    /// To lenders.
    pub interest: Money,
    /// Tax on profit.
    pub tax: Money,
    /// What is left.
    pub net_profit: Money,
    /// Cash from business.
    pub operating_cash_flow: Money,
    /// Cash for investments.
    pub investing_cash_flow: Money,
    /// Cash from owners and lenders.
    pub financing_cash_flow: Money,
    /// Cash at its end.
    pub cash: Money,
    /// What customers owe.
    pub receivables: Money,
    /// What was bought for years, less what is written off.
    pub fixed_assets: Money,
    /// All of these: cash, receivables and fixed assets.
    pub assets: Money,
    /// What is owed to suppliers.
    pub payables: Money,
    /// What customers paid for months to come.
    pub deferred_revenue: Money,
    /// What is owed to the tax office.
    pub tax_payable: Money,
    /// What is owed to lenders.
    pub loans: Money,
    /// Paid in by owners.
    pub capital: Money,
    /// Profits so far.
    pub retained_earnings: Money,
    /// All of these, from payables on: equal to the assets, to the cent.
    pub liabilities_and_equity: Money,
}

/// The months of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Statement {
    /// From the first.
    pub months: Vec<Month>,
}

impl Statement {
    /// Reads the books; the opening cash is paid in during the first month.
    pub(crate) fn of(ledger: &Ledger, customers: &[f64]) -> Self {
        let mut months: Vec<Month> = Vec::with_capacity(ledger.months());
        for (m, customers) in customers.iter().enumerate() {
            let before = months.last().copied().unwrap_or_default();
            months.push(month(ledger, m, *customers, &before));
        }
        Statement { months }
    }

    /// The sum of a figure over the months of each year of the plan.
    pub fn years(&self, figure: impl Fn(&Month) -> Money) -> Vec<Money> {
        self.months.chunks(12).map(|year| year.iter().map(&figure).sum()).collect()
    }

    /// The month with the least cash at its end, from 0, and that cash.
    pub fn lowest(&self) -> Option<(usize, Money)> {
        self.months.iter().map(|m| m.cash).enumerate().min_by_key(|(m, cash)| (*cash, *m))
    }

    /// How many months end before cash is below zero; `None` where it never is.
    pub fn runway(&self) -> Option<usize> {
        self.months.iter().position(|m| m.cash < Money::ZERO)
    }

    /// Free cash flow by month: from business, less investments.
    pub fn free_cash_flow(&self) -> Vec<f64> {
        self.months.iter().map(|m| (m.operating_cash_flow + m.investing_cash_flow).units()).collect()
    }
}

fn month(ledger: &Ledger, m: usize, customers: f64, before: &Month) -> Month {
    let moved = |account| ledger.moved(m, account);
    let owed = |account| -ledger.moved(m, account);
    let flow = ledger.flow(m);
    let revenue = owed(Account::Revenue);
    let net = revenue - COSTS.into_iter().map(moved).sum() - moved(Account::Tax);
    let mut month = Month {
        month: m + 1,
        customers,
        revenue,
        cost_of_sales: moved(Account::CostOfSales),
        gross_profit: revenue - moved(Account::CostOfSales),
        payroll: moved(Account::Payroll),
        acquisition: moved(Account::Acquisition),
        operating: moved(Account::Operating),
        depreciation: moved(Account::Depreciation),
        interest: moved(Account::Interest),
        tax: moved(Account::Tax),
        net_profit: net,
        operating_cash_flow: flow.operating,
        investing_cash_flow: flow.investing,
        financing_cash_flow: flow.financing,
        cash: before.cash + moved(Account::Cash),
        receivables: before.receivables + moved(Account::Receivables),
        fixed_assets: before.fixed_assets + moved(Account::FixedAssets),
        payables: before.payables + owed(Account::Payables),
        deferred_revenue: before.deferred_revenue + owed(Account::DeferredRevenue),
        tax_payable: before.tax_payable + owed(Account::TaxPayable),
        loans: before.loans + owed(Account::Loans),
        capital: before.capital + owed(Account::Capital),
        retained_earnings: before.retained_earnings + net,
        ..Month::default()
    };
    month.assets = month.cash + month.receivables + month.fixed_assets;
    month.liabilities_and_equity = month.payables
        + month.deferred_revenue
        + month.tax_payable
        + month.loans
        + month.capital
        + month.retained_earnings;
    month
}
