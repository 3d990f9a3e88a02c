//! The lines of the statement, and what is said of it in a few words.

use tidemill_report::words::{Business, Words, fill};
use tidemill_value::cash::Month;
use tidemill_value::{Forecast, Money, Plan};

use super::figures::percent;

/// A line of the statement by year: its name, and its figure in a month.
pub(super) type Line = (fn(&Business) -> &'static str, fn(&Month) -> Money);

/// What is summed over a year.
pub(super) const FLOWS: [Line; 13] = [
    (|b| b.revenue, |m| m.revenue),
    (|b| b.cost_of_sales, |m| m.cost_of_sales),
    (|b| b.gross_profit, |m| m.gross_profit),
    (|b| b.payroll, |m| m.payroll),
    (|b| b.acquisition, |m| m.acquisition),
    (|b| b.other_costs, |m| m.operating),
    (|b| b.depreciation, |m| m.depreciation),
    (|b| b.interest, |m| m.interest),
    (|b| b.tax, |m| m.tax),
    (|b| b.net_profit, |m| m.net_profit),
    (|b| b.operating_cash_flow, |m| m.operating_cash_flow),
    (|b| b.investing_cash_flow, |m| m.investing_cash_flow),
    (|b| b.financing_cash_flow, |m| m.financing_cash_flow),
];

/// What stands at the end of a year.
pub(super) const STANDS: [Line; 11] = [
    (|b| b.cash, |m| m.cash),
    (|b| b.receivables, |m| m.receivables),
    (|b| b.fixed_assets, |m| m.fixed_assets),
    (|b| b.assets, |m| m.assets),
    (|b| b.payables, |m| m.payables),
    (|b| b.deferred_revenue, |m| m.deferred_revenue),
    (|b| b.tax_payable, |m| m.tax_payable),
    (|b| b.loans, |m| m.loans),
    (|b| b.capital, |m| m.capital),
    (|b| b.retained_earnings, |m| m.retained_earnings),
    (|b| b.liabilities_and_equity, |m| m.liabilities_and_equity),
];

/// The figures of a line by year: sums of flows, the last month of what stands.
pub(super) fn by_year(found: &Forecast, (_, figure): Line, stands: bool) -> Vec<Money> {
    match stands {
        false => found.statement.years(figure),
        true => found.statement.months.chunks(12).filter_map(|year| year.last().map(figure)).collect(),
    }
}

/// The heads of the years: `from 2027-01`.
pub(super) fn years(words: &Words, plan: &Plan) -> Vec<String> {
    let head = |y: usize| fill(words.business.year_from, &[("month", &plan.month_name(12 * y))]);
    (0..plan.company.months.div_ceil(12)).map(head).collect()
}

/// When cash runs out at the medians, in words.
pub(super) fn runway(words: &Words, plan: &Plan, found: &Forecast) -> String {
    match found.statement.runway() {
        Some(m) => fill(words.business.runs_out, &[("month", &plan.month_name(m))]),
        None => words.business.never_runs_out.into(),
    }
}

/// The rates of return in words.
pub(super) fn returns(words: &Words, found: &Forecast) -> String {
    match found.irr.as_slice() {
        [] => words.business.irr_none.into(),
        rates => {
            rates.iter().map(|rate| rate_of(words, *rate)).collect::<Vec<_>>().join(words.business.irr_and)
        }
    }
}

fn rate_of(words: &Words, rate: f64) -> String {
    if rate < -0.999 { fill(words.business.irr_below, &[("rate", &"−99.9%")]) } else { percent(rate) }
}
