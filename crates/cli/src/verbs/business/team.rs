//! `tidemill team`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_value::team::TeamReport;
use tidemill_value::{Forecast, Plan};

use super::figures::{percent, whole};
use super::page::{self, Parts};
use super::{played, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// Who does the work, what nobody does, whom to hire.
pub(in crate::verbs) fn team(args: &PlanArgs) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found: Forecast = played(&plan, &document)?;
    let parts = Parts { team: Some(&found.team), ..Parts::default() };
    let json = json_of(&found.team)?;
    shown(text(&plan, &found.team), json, args.report.as_deref(), || page::write(&plan, &parts))
}

/// In words.
pub(super) fn text(plan: &Plan, team: &TeamReport) -> String {
    let mut out = String::from("Work at the end of the plan, in full-time positions, before hiring\n");
    for area in &team.areas {
        let people = if area.people.is_empty() { "nobody".into() } else { area.people.join(", ") };
        let _ = writeln!(
            out,
            "  {:<12}needs {:>5.2}, has {:>5.2}: {people}",
            area.area.name(),
            area.needed,
            area.covered
        );
    }
    if !team.gaps.is_empty() {
        out.push_str("\nGaps, the first first\n");
        for gap in &team.gaps {
            let month = plan.month_name(gap.month - 1);
            let _ = writeln!(
                out,
                "  {month}  {:<12}{:.2} missing, {} of what it takes",
                gap.area.name(),
                gap.missing,
                percent(gap.share)
            );
        }
    }
    if !team.hires.is_empty() {
        let paid =
            if team.hired { "part of the cash plan" } else { "not part of the cash plan: set `hire = true`" };
        let _ = writeln!(out, "\nHires in order ({paid})");
        for hire in &team.hires {
            let month = plan.month_name(hire.month - 1);
            let _ = writeln!(
                out,
                "  {month}  {:<12}{:.2} of a position at {} a year",
                hire.area.name(),
                hire.positions,
                whole(hire.salary)
            );
        }
    }
    if let Some(last) = team.support.last() {
        let _ = writeln!(
            out,
            "\nSupport at the end: {} contacts a month, {} agents at a time, {} employed; {} wait, {} are answered in time",
            whole(last.contacts),
            last.agents,
            last.employed,
            percent(last.waits),
            percent(last.in_time)
        );
    }
    out
}
