//! `tidemill finance`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_value::{Forecast, Plan};

use super::figures::{brief, money, percent, spread};
use super::lines::{FLOWS, STANDS, by_year, returns, runway, years};
use super::page::{self, Parts};
use super::{played, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// How the money runs: profit and loss, cash, balance, and what the ranges make of them.
pub(in crate::verbs) fn finance(args: &PlanArgs) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found = played(&plan, &document)?;
    let parts = Parts { money: Some(&found), ..Parts::default() };
    shown(text(&plan, &found), json_of(&found)?, args.report.as_deref(), || page::write(&plan, &parts))
}

/// In words.
pub(super) fn text(plan: &Plan, found: &Forecast) -> String {
    let currency = &plan.company.currency;
    let mut out = format!("{:<24}", format!("{currency}, ranges at median"));
    for year in years(plan) {
        let _ = write!(out, "{year:>15}");
    }
    out.push('\n');
    for (lines, stands) in [(&FLOWS[..], false), (&STANDS[..], true)] {
        for line in lines {
            let _ = write!(out, "{:<24}", line.0);
            for amount in by_year(found, *line, stands) {
                let _ = write!(out, "{:>15}", money(amount));
            }
            out.push('\n');
        }
        out.push('\n');
    }
    worth(plan, found, &mut out);
    out
}

fn worth(plan: &Plan, found: &Forecast, out: &mut String) {
    let s = &found.simulated;
    let _ = writeln!(out, "Runway: {}", runway(plan, found));
    if let Some((m, cash)) = found.statement.lowest() {
        let _ = writeln!(out, "Least cash: {} in {}", money(cash), plan.month_name(m));
    }
    let _ = writeln!(out, "NPV of free cash flow, nothing after the plan: {}", brief(found.base.npv));
    let _ = writeln!(out, "IRR a year: {}", returns(found));
    let _ = writeln!(out, "\n{} draws of the ranges (median, and the ends that hold 90%)", s.draws);
    let _ = writeln!(out, "  never out of cash   {}", percent(s.solvent));
    let _ = writeln!(out, "  closing cash        {}", spread(&s.closing_cash));
    let _ = writeln!(out, "  least cash          {}", spread(&s.lowest_cash));
    let _ = writeln!(out, "  NPV                 {}", spread(&s.npv));
    if let Some(runway) = &s.runway {
        let _ = writeln!(
            out,
            "  where cash runs out, after {} ({} to {}) months",
            runway.median, runway.low, runway.high
        );
    }
    if !found.tornado.is_empty() {
        let _ = writeln!(out, "\nWhat moves closing cash most (each range at its ends)");
        for swing in found.tornado.iter().take(8) {
            let _ =
                writeln!(out, "  {:<32}{:>10} … {}", swing.name, brief(swing.at_low), brief(swing.at_high));
        }
    }
}
