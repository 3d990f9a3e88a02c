//! `tidemill team`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_report::align::left;
use tidemill_report::words::{Words, fill};
use tidemill_value::plan::Area;
use tidemill_value::team::{SupportMonth, TeamReport};
use tidemill_value::{Forecast, Plan};

use super::figures::{percent, whole};
use super::page::{self, Parts};
use super::{played, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// Who does the work, what nobody does, whom to hire.
pub(in crate::verbs) fn team(args: &PlanArgs, words: &'static Words) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found: Forecast = played(&plan, &document)?;
    let parts = Parts { team: Some(&found.team), ..Parts::default() };
    let page = || page::write(words, &plan, &parts);
    let json = json_of(&found.team)?;
    shown(words, text(words, &plan, &found.team), json, args.report.as_deref(), page)
}

/// The name of a sort of work.
pub(super) fn area(words: &Words, area: Area) -> &'static str {
    let said = &words.business;
    match area {
        Area::Technical => said.area_technical,
        Area::Business => said.area_business,
        Area::Operations => said.area_operations,
        Area::Finance => said.area_finance,
        Area::Legal => said.area_legal,
    }
}

/// What support takes, in a sentence.
pub(super) fn support(words: &Words, month: &SupportMonth) -> String {
    let values: [(&str, &dyn std::fmt::Display); 5] = [
        ("contacts", &whole(month.contacts)),
        ("agents", &month.agents),
        ("employed", &month.employed),
        ("waits", &percent(month.waits)),
        ("in_time", &percent(month.in_time)),
    ];
    fill(words.business.support, &values)
}

/// In words.
pub(super) fn text(words: &Words, plan: &Plan, team: &TeamReport) -> String {
    let said = &words.business;
    let mut out = format!("{}\n", said.work_head);
    for found in &team.areas {
        let people = if found.people.is_empty() { said.nobody.into() } else { found.people.join(words.list) };
        let (needed, covered) = (format!("{:>5.2}", found.needed), format!("{:>5.2}", found.covered));
        let line = fill(said.work, &[("needed", &needed), ("covered", &covered), ("people", &people)]);
        let _ = writeln!(out, "  {}{line}", left(area(words, found.area), 12));
    }
    if !team.gaps.is_empty() {
        let _ = writeln!(out, "\n{}", said.gaps_head);
    }
    for gap in &team.gaps {
        let missing = format!("{:.2}", gap.missing);
        let line = fill(said.gap, &[("missing", &missing), ("share", &percent(gap.share))]);
        out += &dated(words, plan, gap.month, gap.area, &line);
    }
    if !team.hires.is_empty() {
        let paid = if team.hired { said.hires_paid } else { said.hires_unpaid };
        let _ = writeln!(out, "\n{}", fill(said.hires_head, &[("paid", &paid)]));
    }
    for hire in &team.hires {
        let positions = format!("{:.2}", hire.positions);
        let line = fill(said.hire, &[("positions", &positions), ("salary", &whole(hire.salary))]);
        out += &dated(words, plan, hire.month, hire.area, &line);
    }
    if let Some(last) = team.support.last() {
        let _ = writeln!(out, "\n{}", support(words, last));
    }
    out
}

/// A line about a sort of work in a month, from 1.
fn dated(words: &Words, plan: &Plan, month: usize, of: Area, line: &str) -> String {
    format!("  {}  {}{line}\n", plan.month_name(month - 1), left(area(words, of), 12))
}
