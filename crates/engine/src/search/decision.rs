//! From which probability on the positive class is predicted, chosen on rows that no learner was fitted on.

use serde::Serialize;
use tidemill_core::recipe::{Cost, Decision};
use tidemill_core::{Error, Result};
use tidemill_eval::Answers;

use super::judge::{Judge, Truth};

/// Thresholds that are tried at most.
const THRESHOLDS: usize = 256;
/// Of which so many are kept for a chart at most.
const KEPT: usize = 64;

/// What the threshold does.
#[derive(Clone, Debug, Serialize)]
pub struct Decided {
    /// From this probability of the positive class on it is predicted.
    pub threshold: f64,
    /// What it was chosen by: a metric, `cost` (per row), or `given`.
    pub by: String,
    /// What mistakes cost, where it was chosen by cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// What the metric or cost is on held-out rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub score: Option<f64>,
    /// And what it would be from one half on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_half: Option<f64>,
    /// Some of the thresholds that were tried, rising, each with what it comes to on these rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<[f64; 2]>,
}

/// The threshold that is asked for.
pub(super) fn decide(
    decision: &Decision,
    answers: &[f64],
    truth: &Truth,
    judge: &Judge<'_>,
) -> Result<Decided> {
    let by = match (&decision.metric, decision.cost) {
        (Some(name), _) => name.clone(),
        (None, Some(_)) => "cost".into(),
        (None, None) => "given".into(),
    };
    let mut decided = Decided {
        threshold: decision.threshold.unwrap_or(0.5),
        by,
        cost: decision.cost,
        score: None,
        at_half: None,
        tried: Vec::new(),
    };
    if decision.threshold.is_some() {
        return Ok(decided);
    }
    let greater = match &decision.metric {
        Some(name) => tidemill_eval::metric(name)?.greater_is_better,
        None => false,
    };
    let yes: Vec<f64> = answers.iter().skip(1).step_by(2).copied().collect();
    let value = |threshold: f64| -> Result<f64> {
        match (&decision.metric, decision.cost) {
            (Some(name), _) => by_metric(name, threshold, &yes, truth, judge),
            (None, Some(cost)) => Ok(by_cost(cost, threshold, &yes, truth)),
            (None, None) => Err(Error::internal("a decision by nothing")),
        }
    };
    let mut tried = Vec::new();
    for threshold in thresholds(&yes) {
        tried.push([threshold, value(threshold)?]);
    }
    tried.retain(|[_, score]| !score.is_nan());
    decided.at_half = tried.iter().find(|[at, _]| *at == 0.5).map(|[_, score]| *score);
    let Some([threshold, score]) = best(&tried, greater) else { return Ok(decided) };
    (decided.threshold, decided.score) = (threshold, Some(score));
    decided.tried = for_a_chart(tried, threshold);
    Ok(decided)
}

/// The best, of equals the one nearest to one half.
fn best(tried: &[[f64; 2]], greater_is_better: bool) -> Option<[f64; 2]> {
    let gain = |score: f64| if greater_is_better { score } else { -score };
    let nearer = |a: f64, b: f64| (a - 0.5).abs() < (b - 0.5).abs();
    tried.iter().copied().reduce(|best, now| {
        let better = gain(now[1]) > gain(best[1]) || (now[1] == best[1] && nearer(now[0], best[0]));
        if better { now } else { best }
    })
}

/// Rising, and few enough to be kept; one half and the chosen one are among them.
fn for_a_chart(mut tried: Vec<[f64; 2]>, chosen: f64) -> Vec<[f64; 2]> {
    tried.sort_by(|a, b| a[0].total_cmp(&b[0]));
    tried.dedup();
    let (every, last) = (tried.len().div_ceil(KEPT).max(1), tried.len() - 1);
    let kept = tried
        .iter()
        .enumerate()
        .filter(|(i, [at, _])| i % every == 0 || *i == last || *at == 0.5 || *at == chosen);
    kept.map(|(_, pair)| *pair).collect()
}

/// One half, and places between neighbouring probabilities, evenly over the rows.
fn thresholds(yes: &[f64]) -> Vec<f64> {
    let mut sorted = yes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let between: Vec<f64> = sorted.windows(2).map(|w| w[0] + (w[1] - w[0]) / 2.0).collect();
    let every = between.len().div_ceil(THRESHOLDS).max(1);
    std::iter::once(0.5).chain(between.into_iter().skip(every / 2).step_by(every)).collect()
}

fn by_metric(name: &str, threshold: f64, yes: &[f64], truth: &Truth, judge: &Judge<'_>) -> Result<f64> {
    let metric = tidemill_eval::metric(name)?;
    let predicted: Vec<u32> = yes.iter().map(|p| u32::from(*p >= threshold)).collect();
    let classes = judge.classes.as_ref().ok_or_else(|| Error::internal("a decision without classes"))?;
    let mut answers = Answers::classes(truth.codes(), predicted, classes.iter())?;
    if let Some(weights) = &truth.weights {
        answers = answers.with_weights(&weights[..])?;
    }
    Ok(metric.score(&answers)?.value)
}

/// The cost of a row on average.
fn by_cost(cost: Cost, threshold: f64, yes: &[f64], truth: &Truth) -> f64 {
    let (mut sum, mut total) = (0.0, 0.0);
    for (i, (&p, &truth_code)) in yes.iter().zip(truth.codes()).enumerate() {
        let weight = truth.weights.as_ref().map_or(1.0, |w| w[i]);
        total += weight;
        sum += match (p >= threshold, truth_code) {
            (true, 0) => weight * cost.false_positive,
            (false, 1) => weight * cost.false_negative,
            _ => 0.0,
        };
    }
    sum / total
}
