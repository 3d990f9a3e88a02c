//! `tidemill market`.

use std::fmt::Write;

use tidemill_engine::core::Result;
use tidemill_report::align::left;
use tidemill_report::words::{Words, fill};
use tidemill_value::customers::CustomerValue;
use tidemill_value::market::{BassFit, MarketSize, Spread};
use tidemill_value::{MarketReport, Plan, market_report};

use super::figures::{brief, percent, spread};
use super::page::{self, Parts};
use super::{folder, shown};
use crate::args::business::PlanArgs;
use crate::show::Shown;
use crate::verbs::json_of;

/// How large the market is, how it grows, what customers are worth.
pub(in crate::verbs) fn market(args: &PlanArgs, words: &'static Words) -> Result<Shown> {
    let (plan, document) = Plan::open(&args.plan)?;
    let found = market_report(&plan, &document, folder(&args.plan))?;
    let parts = Parts { market: Some(&found), ..Parts::default() };
    let page = || page::write(words, &plan, &parts);
    shown(words, text(words, &plan, &found), json_of(&found)?, args.report.as_deref(), page)
}

/// The parts of the market, the largest first, with their names.
pub(super) fn parts(words: &Words, size: &MarketSize) -> Vec<(&'static str, Spread)> {
    let said = &words.business;
    let sizes = [
        (said.total, Some(size.total)),
        (said.reachable, size.reachable),
        (said.obtainable, size.obtainable),
    ];
    sizes.into_iter().filter_map(|(name, of)| Some((name, of?))).collect()
}

/// In words.
pub(super) fn text(words: &Words, plan: &Plan, found: &MarketReport) -> String {
    let (said, currency) = (&words.business, &plan.company.currency);
    let draws = plan.simulation.draws;
    let mut out = fill(said.market_head, &[("currency", currency), ("draws", &draws)]) + "\n";
    for (name, of) in parts(words, &found.size) {
        let _ = writeln!(out, "  {}{}", left(name, 11), spread(words, &of));
    }
    if let Some((growth, asked)) =
        found.growth.as_ref().zip(plan.market.as_ref().and_then(|m| m.growth.as_ref()))
    {
        out += &growing(words, growth, asked.period.as_deref().unwrap_or(words.business.growth_period));
    }
    if let Some(c) = &found.customers {
        out += &buying(words, c, currency);
    }
    out
}

fn growing(words: &Words, growth: &BassFit, period: &str) -> String {
    let said = &words.business;
    let model = growth.model;
    let line = fill(
        said.growth,
        &[
            ("potential", &brief(model.potential)),
            ("p", &format!("{:.4}", model.innovation)),
            ("q", &format!("{:.4}", model.imitation)),
            ("r2", &format!("{:.3}", growth.r2)),
            ("period", &period),
            ("peak", &format!("{:.1}", growth.peak)),
        ],
    );
    let ahead: Vec<String> = growth.ahead.iter().map(|x| brief(*x)).collect();
    let next = match ahead.len() {
        0 => String::new(),
        n => {
            let sales = ahead.join(words.list);
            format!("  {}\n", fill(said.growth_ahead, &[("n", &n), ("sales", &sales)]))
        }
    };
    format!("\n{line}\n{next}")
}

fn buying(words: &Words, c: &CustomerValue, currency: &str) -> String {
    let said = &words.business;
    let four = |x: f64| format!("{x:.4}");
    let counts: [(&str, &dyn std::fmt::Display); 3] =
        [("n", &c.customers), ("again", &c.returning), ("alive", &format!("{:.0}", c.alive))];
    let fit = fill(
        said.customers_fit,
        &[
            ("r", &four(c.purchases.r)),
            ("alpha", &four(c.purchases.alpha)),
            ("a", &four(c.purchases.a)),
            ("b", &four(c.purchases.b)),
            ("fit", &format!("{:.1}", c.purchases.log_likelihood)),
            ("p", &four(c.amounts.p)),
            ("q", &four(c.amounts.q)),
            ("v", &four(c.amounts.v)),
        ],
    );
    let each = format!("{:.2}", c.mean_value);
    let worth = fill(
        said.customers_worth,
        &[("each", &each), ("currency", &currency), ("all", &brief(c.total_value))],
    );
    let mut out = format!("\n{}\n  {fit}\n  {worth}\n  {}\n", fill(said.customers, &counts), said.cohorts);
    for cohort in c.cohorts.iter().take(12) {
        let shares: Vec<String> = cohort.active.iter().skip(1).take(6).map(|s| percent(*s)).collect();
        let _ = writeln!(out, "    {} {:>6}  {}", cohort.month, cohort.customers, shares.join("  "));
    }
    out
}
