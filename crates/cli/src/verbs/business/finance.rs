//! `tidemill finance`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_report::align::{left, right, width};
use tidemill_report::words::{Words, fill};
use tidemill_value::risk::Simulated;
use tidemill_value::{Forecast, Plan};

use super::figures::{brief, money, percent, spread};
use super::lines::{FLOWS, STANDS, by_year, returns, runway, years};
use super::page::{self, Parts};
use super::{played, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// How the money runs: profit and loss, cash, balance, and what the ranges make of them.
pub(in crate::verbs) fn finance(args: &PlanArgs, words: &'static Words) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found = played(&plan, &document)?;
    let parts = Parts { money: Some(&found), ..Parts::default() };
    let page = || page::write(words, &plan, &parts);
    shown(words, text(words, &plan, &found), json_of(&found)?, args.report.as_deref(), page)
}

/// In words.
pub(super) fn text(words: &Words, plan: &Plan, found: &Forecast) -> String {
    let head = fill(words.business.at_median, &[("currency", &plan.company.currency)]);
    let mut out = left(&head, 24);
    for year in years(words, plan) {
        out += &right(&year, 15);
    }
    out.push('\n');
    for (lines, stands) in [(&FLOWS[..], false), (&STANDS[..], true)] {
        for line in lines {
            out += &left(line.0(&words.business), 24);
            for amount in by_year(found, *line, stands) {
                let _ = write!(out, "{:>15}", money(amount));
            }
            out.push('\n');
        }
        out.push('\n');
    }
    out += &worth(words, plan, found);
    out += &drawn(words, &found.simulated);
    out += &moves(words, found);
    out
}

fn worth(words: &Words, plan: &Plan, found: &Forecast) -> String {
    let said = &words.business;
    let mut out = fill(said.runway, &[("runway", &runway(words, plan, found))]) + "\n";
    if let Some((m, cash)) = found.statement.lowest() {
        let values: [(&str, &dyn std::fmt::Display); 2] =
            [("cash", &money(cash)), ("month", &plan.month_name(m))];
        out += &(fill(said.least_cash_in, &values) + "\n");
    }
    out += &(fill(said.npv_is, &[("npv", &brief(found.base.npv))]) + "\n");
    out + &fill(said.irr_is, &[("irr", &returns(words, found))]) + "\n"
}

fn drawn(words: &Words, s: &Simulated) -> String {
    let said = &words.business;
    let lines = [
        (said.never_out, percent(s.solvent)),
        (said.closing_cash, spread(words, &s.closing_cash)),
        (said.least_cash, spread(words, &s.lowest_cash)),
        (said.npv, spread(words, &s.npv)),
    ];
    let wide = lines.iter().map(|(name, _)| width(name)).max().unwrap_or(0);
    let mut out = format!("\n{}\n", fill(said.draws, &[("n", &s.draws)]));
    for (name, value) in lines {
        let _ = writeln!(out, "  {}  {value}", left(name, wide));
    }
    if let Some(months) = &s.runway {
        let values: [(&str, &dyn std::fmt::Display); 3] =
            [("median", &brief(months.median)), ("low", &brief(months.low)), ("high", &brief(months.high))];
        let _ = writeln!(out, "  {}", fill(said.cash_gone, &values));
    }
    out
}

fn moves(words: &Words, found: &Forecast) -> String {
    let shown = &found.tornado[..found.tornado.len().min(8)];
    if shown.is_empty() {
        return String::new();
    }
    let wide = shown.iter().map(|swing| width(&swing.name)).max().unwrap_or(0).max(32);
    let mut out = format!("\n{}\n", words.business.moves);
    for swing in shown {
        let ends = format!("{:>10} … {}", brief(swing.at_low), brief(swing.at_high));
        let _ = writeln!(out, "  {}{ends}", left(&swing.name, wide));
    }
    out
}
