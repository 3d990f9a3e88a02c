//! `tidemill market`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_value::{MarketReport, Plan, market_report};

use super::figures::{brief, percent, spread};
use super::page::{self, Parts};
use super::{folder, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// How large the market is, how it grows, what customers are worth.
pub(in crate::verbs) fn market(args: &PlanArgs) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found = market_report(&plan, &document, folder(&args.plan))?;
    let parts = Parts { market: Some(&found), ..Parts::default() };
    shown(text(&plan, &found), json_of(&found)?, args.report.as_deref(), || page::write(&plan, &parts))
}

/// In words.
pub(super) fn text(plan: &Plan, found: &MarketReport) -> String {
    let currency = &plan.company.currency;
    let mut out = format!(
        "Market a year, {currency}: the median, and the ends that hold 90% of {} draws\n",
        plan.simulation.draws
    );
    let size = &found.size;
    for (name, of) in
        [("total", Some(size.total)), ("reachable", size.reachable), ("obtainable", size.obtainable)]
    {
        if let Some(of) = of {
            let _ = writeln!(out, "  {name:<11}{}", spread(&of));
        }
    }
    if let Some((growth, asked)) =
        found.growth.as_ref().zip(plan.market.as_ref().and_then(|m| m.growth.as_ref()))
    {
        let (model, period) = (growth.model, &asked.period);
        let _ = writeln!(
            out,
            "\nGrowth (Bass): potential {}, innovation p {:.4}, imitation q {:.4}, R² {:.3}; most is sold in {period} {:.1}",
            brief(model.potential),
            model.innovation,
            model.imitation,
            growth.r2,
            growth.peak
        );
        let ahead: Vec<String> = growth.ahead.iter().map(|x| brief(*x)).collect();
        if !ahead.is_empty() {
            let _ = writeln!(out, "  next {}: {}", ahead.len(), ahead.join(", "));
        }
    }
    if let Some(c) = &found.customers {
        let _ = writeln!(
            out,
            "\nCustomers: {}, {} bought again, about {:.0} still buy\n  \
             BG/NBD r {:.4}, α {:.4}, a {:.4}, b {:.4} (log likelihood {:.1}); Gamma-Gamma p {:.4}, q {:.4}, v {:.4}\n  \
             a customer is worth {:.2} {currency} on average, all together {}",
            c.customers,
            c.returning,
            c.alive,
            c.purchases.r,
            c.purchases.alpha,
            c.purchases.a,
            c.purchases.b,
            c.purchases.log_likelihood,
            c.amounts.p,
            c.amounts.q,
            c.amounts.v,
            c.mean_value,
            brief(c.total_value)
        );
        let _ = writeln!(out, "  active after their first month, by cohort:");
        for cohort in c.cohorts.iter().take(12) {
            let shares: Vec<String> = cohort.active.iter().skip(1).take(6).map(|s| percent(*s)).collect();
            let _ = writeln!(out, "    {} {:>6}  {}", cohort.month, cohort.customers, shares.join("  "));
        }
    }
    out
}
