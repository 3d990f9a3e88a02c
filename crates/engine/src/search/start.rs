//! Whether it helps to start from an earlier model: with and without it, on the same folds.

use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_core::Context;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_eval::compare::corrected_resampled_t;

use super::Candidate;
use super::choice::{beyond_noise, differences};
use super::judge::{Judge, mean};
use super::race::SuccessiveHalving;
use crate::builtin::BASELINE;
use crate::recipe::named;

/// The learners that can start from an earlier model.
pub(crate) const STARTERS: [&str; 2] = ["boosted_trees", "ridge"];
/// Their parameter that says so.
const KEY: &str = "start";

/// Starting from an earlier model against starting from nothing.
#[derive(Clone, Debug, Serialize)]
pub struct StartVerdict {
    /// The earlier model's file, as the recipe names it.
    pub file: String,
    /// Whether it was better by more than a corrected standard error, so that learners that start from it stayed in the race.
    pub helped: bool,
    /// The best learner that starts from it.
    pub with: String,
    /// The best that does not.
    pub without: String,
    /// By how much the first is better, in the units of the metric, on average over the folds.
    pub better_by: f64,
    /// How likely so great a difference is by chance.
    pub p_value: Option<f64>,
}

/// Whether a learner of a design goes on from an earlier model.
pub(crate) fn is_started(spec: &Spec) -> bool {
    says(&spec.params)
}

fn says(params: &Map<String, Value>) -> bool {
    params.get(KEY).and_then(Value::as_bool) == Some(true)
}

/// Learners with the number of their settings, and before them those that start from the model that the recipe names.
pub(super) fn offered(recipe: &Recipe, named: Vec<(Spec, usize)>) -> Vec<(Spec, usize)> {
    if recipe.train.start.is_none() {
        return named;
    }
    let able = |spec: &Spec| STARTERS.contains(&spec.kind.as_str()) && !spec.params.contains_key(KEY);
    let mut first: Vec<_> = named.iter().filter(|(spec, _)| able(spec)).cloned().collect();
    if first.is_empty() && recipe.learners.is_empty() {
        first.push((Spec::new(STARTERS[0]), 2));
    }
    first.into_iter().map(|(spec, n)| (spec.with(KEY, true), n)).chain(named).collect()
}

/// The race without the learners that start from an earlier model, where that does not help by more than chance; and what was found.
pub(super) fn judged(
    mut race: SuccessiveHalving,
    candidates: &[Candidate],
    judge: &Judge<'_>,
    recipe: &Recipe,
    context: &Context,
) -> (SuccessiveHalving, Option<StartVerdict>) {
    let Some(file) = recipe.train.start.clone() else { return (race, None) };
    let spec = |place: usize| &candidates[place].spec;
    let best = |with: bool| {
        let found = race.finishers.iter().find(|f| is_started(spec(f.candidate)) == with);
        found.map(|f| (named(spec(f.candidate)), f.scores.as_slice()))
    };
    // Where no other learner ran on every fold, what always says the same is what is left.
    let baseline = || {
        let found = race.standings.iter().find(|s| s.learner == BASELINE);
        found.map(|s| (s.learner.clone(), s.folds.as_slice()))
    };
    let (Some((with, scores)), Some((without, others))) = (best(true), best(false).or_else(baseline)) else {
        let message =
            format!("no learner that starts from {file} ran on every fold: nothing of it is in the model");
        context.warn("start_not_compared", message);
        return (race, None);
    };
    let gains = differences(scores, others, judge);
    let better_by = mean(&gains);
    let helped = better_by > 0.0 && beyond_noise(&gains, race.test_share);
    let p_value = corrected_resampled_t(&gains, race.test_share, 0.95).ok().map(|found| found.p_value);
    if !helped {
        race.finishers.retain(|f| !is_started(&candidates[f.candidate].spec));
        let mut order: Vec<usize> = (0..race.standings.len()).collect();
        order.sort_by_key(|&at| says(&race.standings[at].params));
        race.standings = order.iter().map(|&at| race.standings[at].clone()).collect();
        race.times = order.iter().filter_map(|&at| race.times.get(at).copied()).collect();
    }
    (race, Some(StartVerdict { file, helped, with, without, better_by, p_value }))
}
