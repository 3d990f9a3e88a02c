//! `tidemill plan`.

use serde_json::json;
use tidemill_engine::core::Result;
use tidemill_engine::error::EngineError;
use tidemill_engine::files::replace;
use tidemill_report::words::{Words, fill};
use tidemill_value::{Plan, market_report, template};

use super::page::{self, Parts};
use super::{finance, folder, market, played, shown, team};
use crate::args::business::WholePlan;
use crate::show::Shown;
use crate::verbs::json_of;

/// The whole plan, or one to begin with.
pub(in crate::verbs) fn plan(args: &WholePlan, words: &'static Words) -> Result<Shown> {
    if let Some(name) = args.template {
        return begin(name.name(), args, words);
    }
    let file =
        args.plan.as_deref().ok_or_else(|| EngineError::usage("no plan is named", "name a plan file"))?;
    let (plan, document) = Plan::open(file)?;
    let market = match plan.market {
        Some(_) => Some(market_report(&plan, &document, folder(file))?),
        None => None,
    };
    let money = played(&plan, &document)?;
    let company = &plan.company;
    let values: [(&str, &dyn std::fmt::Display); 3] =
        [("name", &company.name), ("months", &company.months), ("start", &company.start)];
    let mut text = fill(words.business.plan_head, &values) + "\n\n";
    if let Some(market) = &market {
        text += &market::text(words, &plan, market);
        text.push('\n');
    }
    text += &finance::text(words, &plan, &money);
    text.push('\n');
    text += &team::text(words, &plan, &money.team);
    let json = json!({ "market": json_of(&market)?, "finance": json_of(&money)? });
    let parts = Parts { market: market.as_ref(), money: Some(&money), team: Some(&money.team) };
    shown(words, text, json, args.report.as_deref(), || page::write(words, &plan, &parts))
}

fn begin(name: &str, args: &WholePlan, words: &Words) -> Result<Shown> {
    let text =
        template(name).ok_or_else(|| EngineError::usage("there is no such template", "saas, b2b or b2c"))?;
    let Some(out) = &args.out else {
        return Ok(Shown::new(text, json!({ "plan": text })));
    };
    if out.exists() {
        let problem = format!("{} is there already", out.display());
        return Err(EngineError::usage(problem, "name another file with -o, or remove it first").into());
    }
    replace(out, text.as_bytes())?;
    let said = fill(words.business.plan_begun, &[("file", &out.display())]) + "\n";
    Ok(Shown::new(said, json!({ "written": { "plan": out } })))
}
