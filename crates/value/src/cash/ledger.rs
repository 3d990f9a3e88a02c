//! Books by double entry: whatever is posted moves from one account to another, so the balance sheet balances by construction.

use crate::money::Money;

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Account {
    /// Money in the bank.
    Cash,
    /// What customers owe.
    Receivables,
    /// What was bought for years, less what is written off.
    FixedAssets,
    /// What is owed to suppliers.
    Payables,
    /// What customers paid or owe for months to come.
    DeferredRevenue,
    /// What is owed to the tax office.
    TaxPayable,
    /// What is owed to lenders.
    Loans,
    /// What owners paid in.
    Capital,
    /// What was earned.
    Revenue,
    /// What delivering took.
    CostOfSales,
    /// Salaries with what comes on top.
    Payroll,
    /// What winning customers took.
    Acquisition,
    /// Other costs.
    Operating,
    /// What was written off.
    Depreciation,
    /// What lenders got.
    Interest,
    /// Tax on profit.
    Tax,
}

/// How many accounts there are.
const N: usize = 16;

/// What moved cash.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct CashFlow {
    pub operating: Money,
    pub investing: Money,
    pub financing: Money,
}

/// The movements of each account by month; debits are positive.
#[derive(Clone, Debug)]
pub struct Ledger {
    months: Vec<[Money; N]>,
    flows: Vec<CashFlow>,
}

impl Ledger {
    /// Empty books.
    pub fn new(months: usize) -> Self {
        Ledger { months: vec![[Money::ZERO; N]; months], flows: vec![CashFlow::default(); months] }
    }

    /// Moves an amount in month `m`, from 0: `debit` gets it, `credit` gives it. What lies beyond the last month is dropped.
    pub fn post(&mut self, m: usize, debit: Account, credit: Account, amount: Money) {
        let Some(month) = self.months.get_mut(m) else { return };
        month[debit as usize] += amount;
        month[credit as usize] += -amount;
        for (account, other, amount) in [(debit, credit, amount), (credit, debit, -amount)] {
            if account != Account::Cash {
                continue;
            }
            let flow = &mut self.flows[m];
            match other {
                Account::FixedAssets => flow.investing += amount,
                Account::Loans | Account::Capital => flow.financing += amount,
                _ => flow.operating += amount,
            }
        }
    }

    /// What an account moved in a month: debits less credits.
    pub fn moved(&self, m: usize, account: Account) -> Money {
        self.months[m][account as usize]
    }

    /// What moved cash in a month.
    pub(crate) fn flow(&self, m: usize) -> CashFlow {
        self.flows[m]
    }

    /// How many months there are.
    pub fn months(&self) -> usize {
        self.months.len()
    }
}
