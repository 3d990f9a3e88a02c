//! Verbs about the business side: the market, the money, the team, what predictions cost.

mod cost;
mod figures;
mod finance;
mod lines;
mod market;
mod page;
mod plan;
mod served;
mod team;

use std::path::Path;

pub(super) use cost::cost;
pub(super) use finance::finance;
pub(super) use market::market;
pub(super) use plan::plan;
pub(super) use team::team;
use tidemill_engine::core::Result;
use tidemill_engine::files::replace;
use tidemill_report::words::{Words, fill};
use tidemill_value::{Document, Forecast, Plan};

use crate::show::Shown;

/// The folder that a plan's files are seen from.
fn folder(plan: &Path) -> &Path {
    plan.parent().unwrap_or(Path::new(""))
}

fn played(plan: &Plan, document: &Document) -> Result<Forecast> {
    tidemill_value::forecast(plan).map_err(|fault| document.error(&fault))
}

/// The result, and its page where one is asked for.
fn shown(
    words: &Words,
    text: String,
    json: serde_json::Value,
    report: Option<&Path>,
    page: impl FnOnce() -> String,
) -> Result<Shown> {
    let (mut text, mut json) = (text, json);
    if let Some(file) = report {
        replace(file, page().as_bytes())?;
        text += &format!("\n{}\n", fill(words.story.report_file, &[("file", &file.display())]));
        json["written"] = serde_json::json!({ "report": file });
    }
    Ok(Shown::new(text, json))
}
