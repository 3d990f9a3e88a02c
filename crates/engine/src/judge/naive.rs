//! The naive forecasts beside a model: one that loses to the best of them is not shipped.

use std::sync::Arc;

use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Batch, Context, Error, Result, Role, Table};
use tidemill_data::split::Parts;
use tidemill_eval::Metric;

use super::{Evidence, Judged};
use crate::forecast::{self, Naive};
use crate::search::{Design, SearchResult};

/// What the best naive forecast says of the test rows, and whether it is what ships.
pub(crate) struct BestNaive {
    pub about: Naive,
    pub said: Vec<f64>,
}

/// Holds what was chosen against the best of the naive forecasts on the test part, by the mean absolute error (which MASE is in other
/// units); where it loses, the naive one takes its place.
pub(crate) fn held_against(
    table: &Arc<Table>,
    parts: &Parts,
    study: &mut SearchResult,
    judged: (Judged, Evidence),
    metric: &Metric,
    recipe: &Recipe,
    context: &Context,
) -> Result<((Judged, Evidence), BestNaive)> {
    let (error, _) = error(judged.1.answered())?;
    let mut best: Option<(f64, Spec, Vec<f64>)> = None;
    for spec in forecast::candidates::naive(recipe)? {
        let answered = Judged::answered(table, parts, &Design::of(spec.clone()), recipe, &context.quiet())?;
        let (error, said) = self::error(&answered)?;
        if best.as_ref().is_none_or(|(least, ..)| error < *least) {
            best = Some((error, spec, said));
        }
    }
    let (least, spec, said) = best.ok_or_else(|| Error::internal("no naive forecast"))?;
    let method = match spec.params.get("methods").and_then(|m| m.get(0)).and_then(|m| m.as_str()) {
        Some("seasonal_naive") => "the value one season before",
        Some("drift") => "the last value and the mean change",
        _ => "the last value",
    };
    let shipped = least < error || error.is_nan();
    let about = Naive { method: method.into(), shipped };
    if !shipped {
        return Ok((judged, BestNaive { about, said }));
    }
    let message = format!(
        "what was chosen has a mean absolute error of {error:.4} in the backtest, and the naive forecast '{method}' of {least:.4}: the naive \
         forecast is shipped"
    );
    context.warn("naive_is_best", message.clone());
    study.design = Design::of(spec);
    study.reasons.passed_over = Some(message);
    let judged = Judged::on_test(table, parts, study, metric, recipe, context)?;
    Ok((judged, BestNaive { about, said }))
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
