//! The lines of the statement, and what is said of it in a few words.

use tidemill_value::cash::Month;
use tidemill_value::{Forecast, Money, Plan};

use super::figures::percent;

/// A line of the statement by year.
pub(super) type Line = (&'static str, fn(&Month) -> Money);

/// What is summed over a year.
pub(super) const FLOWS: [Line; 13] = [
    ("revenue", |m| m.revenue),
    ("cost of sales", |m| m.cost_of_sales),
    ("gross profit", |m| m.gross_profit),
    ("payroll", |m| m.payroll),
    ("acquisition", |m| m.acquisition),
    ("other costs", |m| m.operating),
    ("depreciation", |m| m.depreciation),
    ("interest", |m| m.interest),
    ("tax", |m| m.tax),
    ("net profit", |m| m.net_profit),
    ("operating cash flow", |m| m.operating_cash_flow),
    ("investing cash flow", |m| m.investing_cash_flow),
    ("financing cash flow", |m| m.financing_cash_flow),
];

/// What stands at the end of a year.
pub(super) const STANDS: [Line; 11] = [
    ("cash", |m| m.cash),
    ("receivables", |m| m.receivables),
    ("fixed assets", |m| m.fixed_assets),
    ("assets", |m| m.assets),
    ("payables", |m| m.payables),
    ("deferred revenue", |m| m.deferred_revenue),
    ("tax payable", |m| m.tax_payable),
    ("loans", |m| m.loans),
    ("capital", |m| m.capital),
    ("retained earnings", |m| m.retained_earnings),
    ("liabilities and equity", |m| m.liabilities_and_equity),
];

/// The figures of a line by year: sums of flows, the last month of what stands.
pub(super) fn by_year(found: &Forecast, (_, figure): Line, stands: bool) -> Vec<Money> {
    match stands {
        false => found.statement.years(figure),
        true => found.statement.months.chunks(12).filter_map(|year| year.last().map(figure)).collect(),
    }
}

/// The heads of the years: `2027-01 – 2027-12`.
pub(super) fn years(plan: &Plan) -> Vec<String> {
    (0..plan.company.months.div_ceil(12)).map(|y| format!("from {}", plan.month_name(12 * y))).collect()
}

/// When cash runs out at the medians, in words.
pub(super) fn runway(plan: &Plan, found: &Forecast) -> String {
    match found.statement.runway() {
        Some(m) => format!("cash runs out in {}", plan.month_name(m)),
        None => "cash never runs out within the plan".into(),
    }
}

/// The rates of return in words.
pub(super) fn returns(found: &Forecast) -> String {
    match found.irr.as_slice() {
        [] => "none within the plan".into(),
        rates => rates.iter().map(|rate| rate_of(*rate)).collect::<Vec<_>>().join(" and "),
    }
}

fn rate_of(rate: f64) -> String {
    if rate < -0.999 { "below −99.9%".into() } else { percent(rate) }
}
