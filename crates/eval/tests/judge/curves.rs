//! Curves agree with scikit-learn's, and thinning keeps their shape.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidemill_core::Coded;
use tidemill_eval::curves::{
    Bins, Costs, Goal, best_threshold, calibration, gains, precision_recall, residuals, roc, thresholds,
};
use tidemill_eval::{Answers, metric};
use tidemill_kernel::Random;

#[derive(Deserialize)]
struct Case {
    truth: Vec<u32>,
    probability: Vec<f64>,
    weights: Vec<f64>,
    fpr: Vec<f64>,
    tpr: Vec<f64>,
    roc_threshold: Vec<f64>,
    precision: Vec<f64>,
    recall: Vec<f64>,
    pr_threshold: Vec<f64>,
    f1: Vec<f64>,
    cost: Vec<f64>,
    uniform: Option<Shares>,
    quantile: Option<Shares>,
    expected_calibration_error: f64,
    best: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct Shares {
    observed: Vec<f64>,
    predicted: Vec<f64>,
}

fn cases() -> Vec<(Case, Answers<'static>)> {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../reference/curves.json")).unwrap();
    let answers = |case: &Case| {
        let answers = of_scores(case.truth.clone(), &case.probability);
        answers.with_weights(case.weights.clone()).unwrap()
    };
    cases.into_iter().map(|case| (answers(&case), case)).map(|(a, c)| (c, a)).collect()
}

fn of_scores(truth: Vec<u32>, yes: &[f64]) -> Answers<'static> {
    let predicted: Vec<u32> = yes.iter().map(|&p| u32::from(p >= 0.5)).collect();
    let probability: Vec<f64> = yes.iter().flat_map(|&p| [1.0 - p, p]).collect();
    Answers::classes(truth, predicted, ["no", "yes"]).unwrap().with_probability(probability).unwrap()
}

fn same(found: &[f64], wanted: &[f64]) {
    assert_eq!(found.len(), wanted.len());
    for (i, (a, b)) in found.iter().zip(wanted).enumerate() {
        assert!((a - b).abs() < 1e-12, "{i}: {a} != {b}");
    }
}

const COSTS: Costs =
    Costs { true_positive: 0.0, false_positive: 1.0, true_negative: 0.0, false_negative: 5.0 };

#[test]
fn curves_agree_with_scikit_learn() {
    for (case, answers) in cases() {
        let all = case.truth.len() + 1;
        let found = &roc(&answers, all).unwrap()[0];
        same(&found.false_positive_rate, &case.fpr);
        same(&found.true_positive_rate, &case.tpr);
        same(&found.threshold[1..], &case.roc_threshold);
        let found = &precision_recall(&answers, all).unwrap()[0];
        // scikit-learn stops at the first threshold that finds every row of the class.
        let until = case.recall.len();
        same(&found.recall[..until], &case.recall);
        same(&found.precision[..until], &case.precision);
        same(&found.threshold[1..until], &case.pr_threshold);
        let sweep = &thresholds(&answers, Some(&COSTS), all).unwrap()[0];
        same(&sweep.f1[..until - 1], &case.f1);
        same(&sweep.cost[..until - 1], &case.cost);
    }
}

#[test]
fn calibration_agrees_with_scikit_learn() {
    for (case, answers) in cases() {
        let uniform = &calibration(&answers, Bins::Uniform, 10).unwrap()[0];
        assert!((uniform.expected_error - case.expected_calibration_error).abs() < 1e-12);
        assert!(uniform.maximum_error >= uniform.expected_error);
        if let Some(wanted) = case.uniform {
            same(&uniform.observed, &wanted.observed);
            same(&uniform.predicted, &wanted.predicted);
        }
        let found = &calibration(&answers, Bins::Quantile, 10).unwrap()[0];
        if let (Some(wanted), 10) = (case.quantile, found.weight.len()) {
            same(&found.observed, &wanted.observed);
            same(&found.predicted, &wanted.predicted);
        }
        assert!(found.weight.iter().sum::<f64>() - answers.total_weight() < 1e-9);
        assert!(found.low.iter().zip(&found.observed).all(|(low, share)| low <= share));
    }
}

#[test]
fn the_best_threshold_is_the_best_of_all() {
    for (case, answers) in cases() {
        for (name, wanted) in &case.best {
            let best = best_threshold(&answers, &Goal::metric(name).unwrap()).unwrap();
            assert!((best.value - wanted).abs() < 1e-12, "{name}: {} != {wanted}", best.value);
            assert!(best.value >= best.value_at_half);
        }
        let least = case.cost.iter().fold(f64::INFINITY, |a, &b| a.min(b));
        let best = best_threshold(&answers, &Goal::Cost(COSTS)).unwrap();
        assert!((best.value - least).abs() < 1e-12);
        let yes = |&i: &usize| case.probability[i] >= best.threshold;
        let weight = |i: usize| case.weights[i];
        let share = (0..case.truth.len()).filter(yes).map(weight).sum::<f64>() / answers.total_weight();
        assert!((share - best.predicted).abs() < 1e-12);
    }
}

#[test]
fn costs_may_ask_for_none_and_for_all() {
    let answers = of_scores(vec![0, 1, 0, 1], &[0.2, 0.4, 0.6, 1.0]);
    let never = Costs { false_positive: 1.0, true_positive: 1.0, ..Costs::default() };
    let best = best_threshold(&answers, &Goal::Cost(never)).unwrap();
    assert!(best.threshold > 1.0 && best.value == 0.0 && best.predicted == 0.0);
    let always = Costs { false_negative: 1.0, true_negative: 1.0, ..Costs::default() };
    let best = best_threshold(&answers, &Goal::Cost(always)).unwrap();
    assert_eq!((best.threshold, best.value, best.predicted), (0.0, 0.0, 1.0));
}

fn many(n: usize) -> Answers<'static> {
    let mut random = Random::new(5, 0);
    let truth: Vec<u32> = (0..n).map(|_| u32::from(random.below(10) == 0)).collect();
    let yes: Vec<f64> = truth
        .iter()
        .map(|&t| 1.0 / (1.0 + (2.0 - 1.5 * random.normal() - 2.0 * f64::from(t)).exp()))
        .collect();
    of_scores(truth, &yes)
}

/// The value of a drawn curve at `x`, by straight lines.
fn at(xs: &[f64], ys: &[f64], x: f64) -> f64 {
    let right = xs.partition_point(|&v| v < x).clamp(1, xs.len() - 1);
    let (a, b) = (xs[right - 1], xs[right]);
    if a == b { ys[right] } else { ys[right - 1] + (ys[right] - ys[right - 1]) * (x - a) / (b - a) }
}

#[test]
fn thinned_curves_keep_shape_ends_and_areas() {
    let answers = many(200_000);
    let (whole, thin) = (&roc(&answers, usize::MAX).unwrap()[0], &roc(&answers, 100).unwrap()[0]);
    assert!(thin.threshold.len() <= 100);
    let value = metric("roc_auc").unwrap().score(&answers).unwrap().value;
    assert!((thin.auc - value).abs() < 1e-12 && (whole.auc - value).abs() < 1e-12);
    for i in (0..whole.threshold.len()).step_by(997) {
        // Where the curve is steep, a small step aside is a large one upwards: what is seen is the nearer of both.
        let (x, y) = (whole.false_positive_rate[i], whole.true_positive_rate[i]);
        let up = (at(&thin.false_positive_rate, &thin.true_positive_rate, x) - y).abs();
        let aside = (at(&thin.true_positive_rate, &thin.false_positive_rate, y) - x).abs();
        assert!(up.min(aside) < 0.003, "{x} {y}: {up} {aside}");
    }
    let value = metric("average_precision").unwrap().score(&answers).unwrap().value;
    let pr = &precision_recall(&answers, 200).unwrap()[0];
    assert!((pr.average_precision - value).abs() < 1e-12 && pr.threshold.len() <= 200);
    let gain = &gains(&answers, 50).unwrap()[0];
    assert!(gain.share.len() <= 50 && gain.gain[gain.gain.len() - 1] == 1.0);
    assert!(gain.lift[0] >= 1.0 && (gain.lift[gain.lift.len() - 1] - 1.0).abs() < 1e-12);
    let sweep = &thresholds(&answers, None, 120).unwrap()[0];
    assert!(sweep.threshold.len() <= 120 && sweep.cost.is_empty());
}

#[test]
fn any_number_of_threads_gives_the_same_curves() {
    let drawn = [1, 4].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let answers = many(150_000);
            [
                json(&roc(&answers, 300).unwrap()),
                json(&calibration(&answers, Bins::Quantile, 15).unwrap()),
                json(&calibration(&answers, Bins::Uniform, 15).unwrap()),
                json(&thresholds(&answers, Some(&COSTS), 300).unwrap()),
            ]
        })
    });
    assert_eq!(drawn[0], drawn[1]);
}

fn json<T: Serialize>(curve: &T) -> String {
    serde_json::to_string(curve).unwrap()
}

#[test]
fn several_classes_have_a_curve_each_and_absent_ones_none() {
    let probability = vec![0.7, 0.2, 0.1, 0.1, 0.8, 0.1, 0.3, 0.4, 0.3];
    let answers = Answers::classes(vec![0, 1, 1], vec![0, 1, 1], ["a", "b", "c"]).unwrap();
    let answers = answers.with_probability(probability).unwrap();
    let names: Vec<String> = roc(&answers, 9).unwrap().into_iter().map(|c| c.class).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(gains(&answers, 9).unwrap().len(), 2);
    assert_eq!(calibration(&answers, Bins::Quantile, 5).unwrap().len(), 2);
    assert_eq!(best_threshold(&answers, &Goal::metric("f1").unwrap()).unwrap_err().code(), "not_binary");
}

#[test]
fn what_cannot_be_drawn_is_said() {
    let nothing: [u32; 0] = [];
    let empty = Answers::classes(&nothing[..], &nothing[..], ["a", "b"]).unwrap();
    assert!(roc(&empty, 10).unwrap().is_empty() && gains(&empty, 10).unwrap().is_empty());
    let labels = Answers::classes(vec![0, 1], vec![0, 1], ["a", "b"]).unwrap();
    assert_eq!(calibration(&labels, Bins::Uniform, 5).unwrap_err().code(), "metric_needs_probability");
    assert_eq!(roc(&labels, 10).unwrap()[0].auc, 1.0);
    let numbers = Answers::numbers(vec![1.0], vec![2.0]).unwrap();
    assert_eq!(roc(&numbers, 10).unwrap_err().remedy().unwrap(), "use 'residuals'");
    assert_eq!(residuals(&labels, 5, 5).unwrap_err().code(), "metric_not_for_task");
    let error = Goal::metric("precision").unwrap_err();
    assert!(error.remedy().unwrap().contains("f1, f0_5"), "{error}");
    let one = of_scores(vec![1, 1], &[0.2, 0.4]);
    assert!(best_threshold(&one, &Goal::metric("f1").unwrap()).is_err());
    let nothing: [f64; 0] = [];
    let none = residuals(&Answers::numbers(&nothing[..], &nothing[..]).unwrap(), 5, 5).unwrap();
    assert!(none.bias.is_nan() && none.predicted.is_empty());
}

#[test]
fn residual_bins_hold_all_rows_and_ties_together() {
    let mut random = Random::new(9, 0);
    let predicted: Vec<f64> = (0..5000).map(|_| (random.normal() * 20.0).round()).collect();
    let truth: Vec<f64> = predicted.iter().map(|p| p + p.abs() * random.normal() + 1.0).collect();
    let found = residuals(&Answers::numbers(truth, predicted).unwrap(), 10, 300).unwrap();
    assert!(found.predicted.len() <= 10 && found.predicted.is_sorted());
    assert_eq!(found.weight.iter().sum::<f64>(), 5000.0);
    assert!(found.sample_predicted.len() <= 300 && found.sample_residual.len() > 250);
    let width = |i: usize| found.high[i] - found.low[i];
    assert!(width(0) > 3.0 * width(5), "errors grow away from zero");
    let constant = residuals(&Answers::numbers(vec![1.0, 2.0, 3.0], vec![2.0; 3]).unwrap(), 10, 9).unwrap();
    assert_eq!((constant.weight, constant.median), (vec![3.0], vec![0.0]));
}
