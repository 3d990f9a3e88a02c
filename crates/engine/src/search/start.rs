//! Compares learners with and without the start from an earlier model, on the same folds.

use serde::Serialize;
use serde_json::{Map, Value};
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Context, Continues, Estimator, Fitted, Table, Training};
use tidemill_eval::compare::corrected_resampled_t;

use super::Candidate;
use super::choice::{beyond_noise, differences};
use super::judge::{Judge, mean};
use super::race::SuccessiveHalving;
use crate::builtin::{self, BASELINE, LEARNERS};
use crate::recipe::named;

/// The learners that are offered where the recipe names none: one continues from predictions, one from weights.
const TREES: &str = "boosted_trees";
const NET: &str = "neural_net";
/// The parameter of learners that can continue from an earlier model.
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

/// The learners that can continue from an earlier model, by name.
pub(crate) fn starters() -> Vec<&'static str> {
    let mut kinds: Vec<_> =
        LEARNERS.iter().filter(|entry| entry.continues.is_some()).map(|entry| entry.kind).collect();
    kinds.sort_unstable();
    kinds
}

/// What this learner takes from an earlier model, if it can continue from one.
pub(crate) fn continues(kind: &str) -> Option<Continues> {
    builtin::entry(kind).and_then(|entry| entry.continues)
}

/// Whether this learner continues from the weights of an earlier model, and so needs a net in it.
pub(crate) fn needs_net(spec: &Spec) -> bool {
    continues(&spec.kind) == Some(Continues::FromWeights)
}

/// The shape of the earlier model's net, as parameters; `None` without one.
#[cfg(feature = "neural")]
pub(crate) fn net_shape(earlier: &dyn Fitted) -> Option<Map<String, Value>> {
    tidemill_neural::shape_of(earlier)
}

/// The same in a build without nets.
#[cfg(not(feature = "neural"))]
pub(crate) fn net_shape(_: &dyn Fitted) -> Option<Map<String, Value>> {
    None
}

/// The rows to fit on, and for what continues from weights the earlier model.
pub(crate) fn training<'a>(rows: &'a Table, learner: &dyn Estimator, context: &'a Context) -> Training<'a> {
    let from_weights = continues(learner.kind()) == Some(Continues::FromWeights);
    Training { prior: context.earlier().filter(|_| from_weights), ..Training::on(rows) }
}

/// Whether a learner of a design goes on from an earlier model.
pub(crate) fn is_started(spec: &Spec) -> bool {
    says(&spec.params)
}

/// Whether it needs the earlier model's predictions to do so; a net continues from weights.
pub(crate) fn asks_earlier(spec: &Spec) -> bool {
    is_started(spec) && !needs_net(spec)
}

fn says(params: &Map<String, Value>) -> bool {
    params.get(KEY).and_then(Value::as_bool) == Some(true)
}

/// Learners with the number of their settings, and before them those that start from the model that the recipe names.
pub(super) fn offered(recipe: &Recipe, named: Vec<(Spec, usize)>, context: &Context) -> Vec<(Spec, usize)> {
    if recipe.train.start.is_none() {
        return named;
    }
    let shape = context.earlier().and_then(net_shape);
    let able = |spec: &Spec| {
        let known = !needs_net(spec) || shape.is_some();
        known && continues(&spec.kind).is_some() && !spec.params.contains_key(KEY)
    };
    let mut first: Vec<_> = named.iter().filter(|(spec, _)| able(spec)).cloned().collect();
    if recipe.learners.is_empty() {
        for (kind, offered) in [(TREES, first.is_empty()), (NET, shape.is_some())] {
            if offered && !first.iter().any(|(spec, _)| spec.kind == kind) {
                first.push((Spec::new(kind), 2));
            }
        }
    }
    let started = |(spec, n): (Spec, usize)| (in_shape(spec.with(KEY, true), shape.as_ref()), n);
    first.into_iter().map(started).chain(named).collect()
}

/// A net in the shape of the earlier one; any other learner as it is.
fn in_shape(mut spec: Spec, shape: Option<&Map<String, Value>>) -> Spec {
    if needs_net(&spec) {
        spec.params.extend(shape.into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
    }
    spec
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
