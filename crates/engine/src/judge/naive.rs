//! Comparison of a forecast with naive forecasts and the constant: a model that loses to the best of them is not shipped.

use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Batch, Context, Error, Result, Role, Table};
use tidemill_data::split::Parts;
use tidemill_eval::Metric;

use super::{Evidence, Judged};
use crate::builtin::BASELINE;
use crate::forecast::{self, Naive};
use crate::recipe::label;
use crate::search::{Design, SearchResult};

/// What the best naive forecast says of the test rows, and whether it is what ships.
pub(crate) struct BestNaive {
    pub about: Naive,
    pub said: Vec<f64>,
}

/// Holds what was chosen against the best of the naive forecasts on the test part, by the mean absolute error (which MASE is in other
/// units). Where it loses, the combination of all methods, then half of it and half of the naive forecast are tried; where these
/// lose too, the naive forecast ships.
pub(crate) fn held_against(
    table: &Arc<Table>,
    parts: &Parts,
    study: &mut SearchResult,
    judged: (Judged, Evidence),
    metric: &Metric,
    recipe: &Recipe,
    context: &Context,
) -> Result<((Judged, Evidence), BestNaive)> {
    let quiet = context.quiet();
    let tried = |design: &Design| error(&Judged::answered(table, parts, design, recipe, &quiet)?);
    let (lost, _) = error(judged.1.answered())?;
    let mut best: Option<(f64, Spec, Vec<f64>)> = None;
    // On a series without memory the mean of all that was is the best of them.
    let constant = Spec::new(BASELINE);
    for spec in forecast::candidates::naive(recipe)?.into_iter().chain([constant]) {
        let (error, said) = tried(&Design::of(spec.clone()))?;
        if best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, spec, said));
        }
    }
    let (least, naive, said) = best.ok_or_else(|| Error::internal("no naive forecast"))?;
    let mut about = Naive { method: method(&naive).into(), shipped: false };
    if lost <= least {
        return Ok((judged, BestNaive { about, said }));
    }
    let series = forecast::origins::n_series(table.batch(), recipe)?;
    let combined = forecast::candidates::combination(recipe, series)?;
    let half = Design { members: vec![(combined.clone(), 0.5), (naive.clone(), 0.5)] };
    let others = [Design::of(combined), half];
    let mut taken = None;
    for design in others.into_iter().filter(|design| *design != study.design) {
        if tried(&design)?.0 <= least {
            taken = Some(design);
            break;
        }
    }
    about.shipped = taken.is_none();
    let design = taken.unwrap_or_else(|| Design::of(naive));
    let (chosen, instead) = (label(&study.design.spec(context)?), label(&design.spec(context)?));
    let message = format!(
        "in the backtest {chosen} has a mean absolute error of {lost:.4}, and the naive forecast '{}' one of {least:.4}: {instead} is \
         shipped instead",
        about.method
    );
    context.warn("naive_is_better", message.clone());
    study.design = design;
    // It was that of a learner that is not shipped.
    study.gap = None;
    study.reasons.passed_over = Some(message);
    let judged = Judged::on_test(table, parts, study, metric, recipe, context)?;
    Ok((judged, BestNaive { about, said }))
}

fn method(spec: &Spec) -> &'static str {
    if spec.kind == BASELINE {
        return "the mean of all that was";
    }
    match spec.params.get("methods").and_then(|m| m.get(0)).and_then(|m| m.as_str()) {
        Some("seasonal_naive") => "the value one season before",
        Some("drift") => "the last value and the mean change",
        _ => "the last value",
    }
}

/// The mean absolute error of answered rows, and the answers.
fn error(answered: &Batch) -> Result<(f64, Vec<f64>)> {
    let of = |role: Role| {
        let at = answered.schema().role(role);
        at.ok_or_else(|| Error::internal(format!("answers of a forecast without a {role:?}")))
    };
    let truth = forecast::numbers(answered, of(Role::Target)?)?;
    let said = forecast::numbers(answered, of(Role::Prediction)?)?;
    let sum: f64 = truth.iter().zip(&said).map(|(a, b)| (a - b).abs()).sum();
    Ok((sum / truth.len() as f64, said))
}
