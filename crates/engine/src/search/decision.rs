//! The decision threshold of the positive class, chosen on out-of-fold predictions.

use serde::Serialize;
use tidemill_core::recipe::{Cost, Decision};
use tidemill_core::{Error, Result};
use tidemill_eval::Answers;
use tidemill_kernel::Random;

use super::judge::{Judge, Truth};
use super::threshold::{Counts, LabelMetric};

/// Thresholds that are tried at most, evenly over the rows, and about as many more that lie the closer the nearer they are to the first and
/// the last row: those of rare classes lie among few.
const THRESHOLDS: usize = 256;
/// By how much the distance to the first or last row grows from threshold to threshold.
const GROWS: f64 = 1.1;
/// Samples of the rows, drawn with replacement, each of which has a best threshold.
const SAMPLES: u64 = 50;
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
    let Some([mut threshold, mut score]) = best(&tried, greater) else { return Ok(decided) };
    // On all rows, too, it must be no worse than one half.
    let gain = |score: f64| if greater { score } else { -score };
    let sound = |score: f64| decided.at_half.is_none_or(|half| gain(score) >= gain(half));
    if let Some(steady) = steady(&tried, decision, &yes, truth, judge)?
        && let Some(known) = tried.iter().find(|[at, score]| *at == steady && sound(*score))
    {
        [threshold, score] = *known;
    }
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

/// One half, and places between neighbouring probabilities: evenly over the rows, and closer to each other at both ends.
fn thresholds(yes: &[f64]) -> Vec<f64> {
    let mut sorted = yes.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    let between: Vec<f64> = sorted.windows(2).map(|w| w[0] + (w[1] - w[0]) / 2.0).collect();
    let every = between.len().div_ceil(THRESHOLDS).max(1);
    let mut places: Vec<usize> = (every / 2..between.len()).step_by(every).collect();
    let mut far = 0.0_f64;
    while (far as usize) < between.len() {
        places.extend([far as usize, between.len() - 1 - far as usize]);
        far = (far * GROWS).max(far + 1.0);
    }
    places.sort_unstable();
    places.dedup();
    std::iter::once(0.5).chain(places.into_iter().map(|at| between[at])).collect()
}

/// The middle of the best thresholds of samples of the rows (Breiman 1996, bagging): where positives are few, the best threshold of all rows
/// follows chance. `None` for metrics that counts do not say.
fn steady(
    tried: &[[f64; 2]],
    decision: &Decision,
    yes: &[f64],
    truth: &Truth,
    judge: &Judge<'_>,
) -> Result<Option<f64>> {
    let metric = decision.metric.as_deref().map(tidemill_eval::metric).transpose()?;
    let metric = metric.map(|metric| LabelMetric::of(metric, judge.classes.as_ref().map_or(0, |c| c.len())));
    let gain = |counts: &Counts| match (metric, decision.cost) {
        (Some(Some(metric)), _) => Some(metric.value(counts)),
        (None, Some(cost)) => Some(
            -cost.false_positive * counts.false_alarms
                - cost.false_negative * (counts.positives - counts.found),
        ),
        _ => None,
    };
    let mut places: Vec<f64> = tried.iter().map(|[at, _]| *at).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    // Of each row, how many thresholds it reaches.
    let reached: Vec<usize> = yes.iter().map(|p| places.partition_point(|at| at <= p)).collect();
    let mut found = Vec::new();
    for sample in 0..SAMPLES {
        let counts = drawn(&reached, places.len(), truth, sample);
        let known = counts.iter().map(&gain).collect::<Option<Vec<f64>>>();
        let Some(known) = known else { return Ok(None) };
        if counts.first().is_none_or(|all| all.positives <= 0.0 || all.negatives <= 0.0) {
            continue;
        }
        let best = (0..known.len()).reduce(|best, at| if known[at] > known[best] { at } else { best });
        found.extend(best.map(|at| places[at]));
    }
    found.sort_by(f64::total_cmp);
    Ok(found.get(found.len() / 2).copied())
}

/// What each of so many thresholds comes to on a sample of the rows; `reached` says how many of them a row reaches.
fn drawn(reached: &[usize], n_thresholds: usize, truth: &Truth, sample: u64) -> Vec<Counts> {
    let mut random = Random::new(0x5eed, sample);
    let (mut rows, codes) = ([vec![0.0; n_thresholds + 1], vec![0.0; n_thresholds + 1]], truth.codes());
    for _ in 0..reached.len() {
        let row = random.below(reached.len());
        let weight = truth.weights.as_ref().map_or(1.0, |w| w[row]);
        rows[usize::from(codes[row] == 1)][reached[row]] += weight;
    }
    let [negatives, positives] = rows.each_ref().map(|rows| rows.iter().sum::<f64>());
    let (mut found, mut false_alarms) = (positives, negatives);
    (0..n_thresholds)
        .map(|at| {
            found -= rows[1][at];
            false_alarms -= rows[0][at];
            Counts { found, false_alarms, positives, negatives }
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_close_where_rows_are_few() {
        let yes: Vec<f64> = (0..100_000).map(|i| f64::from(i) / 100_000.0).collect();
        let mut found = thresholds(&yes);
        found.sort_by(f64::total_cmp);
        assert!(found.len() < 2 * THRESHOLDS + 300, "{}", found.len());
        let among = |least: f64| found.iter().filter(|at| **at > least).count();
        // Of the last hundred and the last thousand rows.
        assert!(among(0.999) > 30 && among(0.99) > 50, "{} {}", among(0.999), among(0.99));
        assert_eq!(thresholds(&[0.2, 0.2]), [0.5]);
    }

    #[test]
    fn samples_count_as_many_rows_as_there_are() {
        let codes: Vec<u32> = (0..400).map(|i| u32::from(i % 10 == 0)).collect();
        let truth = Truth { target: tidemill_core::Target::Class { codes, n_classes: 2 }, weights: None };
        let reached: Vec<usize> = (0..400).map(|i| i % 4).collect();
        for counts in drawn(&reached, 3, &truth, 7) {
            assert_eq!(counts.positives + counts.negatives, 400.0);
            assert!(counts.found <= counts.positives && counts.false_alarms <= counts.negatives);
        }
        // From the first threshold on three rows in four are said to be positive, from the last on one.
        let counts = drawn(&reached, 3, &truth, 7);
        let said: Vec<f64> = counts.iter().map(|c| (c.found + c.false_alarms) / 400.0).collect();
        assert!(said.iter().zip([0.75, 0.5, 0.25]).all(|(a, b)| (a - b).abs() < 0.1), "{said:?}");
    }
}
