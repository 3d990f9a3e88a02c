//! The figures agree with scikit-learn's and scipy's, stored beside the programs that made them.

use std::collections::BTreeMap;

use serde::Deserialize;
use tidemill_eval::compare::{corrected_resampled_t, student_t_quantile, student_t_two_sided};
use tidemill_eval::{Answers, METRICS, metric};

#[derive(Deserialize)]
struct Case {
    name: String,
    classes: usize,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    probability: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    confusion: Option<Vec<Vec<f64>>>,
    expected: BTreeMap<String, Option<f64>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../reference/metrics.json")).unwrap()
}

fn answers(case: &Case) -> Answers<'_> {
    let codes = |values: &[f64]| values.iter().map(|&x| x as u32).collect::<Vec<u32>>();
    let answers = match case.classes {
        0 => Answers::numbers(&case.truth[..], &case.predicted[..]),
        k => Answers::classes(codes(&case.truth), codes(&case.predicted), (0..k).map(|c| c.to_string())),
    };
    let answers = match &case.probability {
        Some(probability) => answers.unwrap().with_probability(&probability[..]),
        None => answers,
    };
    match &case.weights {
        Some(weights) => answers.unwrap().with_weights(&weights[..]).unwrap(),
        None => answers.unwrap(),
    }
}

fn close(a: f64, b: f64, most: f64) -> bool {
    (a.is_nan() && b.is_nan()) || (a - b).abs() <= most * b.abs().max(1.0)
}

#[test]
fn metrics_agree_with_scikit_learn() {
    let mut compared = BTreeMap::new();
    for case in cases() {
        let answers = answers(&case);
        for (name, wanted) in &case.expected {
            let score = metric(name).unwrap().score(&answers).unwrap();
            let wanted = wanted.unwrap_or(f64::NAN);
            assert!(close(score.value, wanted, 1e-12), "{}: {name} {} != {wanted}", case.name, score.value);
            assert!(!wanted.is_nan() || !score.warnings.is_empty(), "{}: {name} is silent", case.name);
            *compared.entry(name.clone()).or_insert(0) += 1;
        }
        if let (Answers::Classes(a), Some(wanted)) = (&answers, &case.confusion) {
            let found = a.counts().confusion(a.names()).unwrap().counts;
            for (found, wanted) in found.iter().flatten().zip(wanted.iter().flatten()) {
                assert!(close(*found, *wanted, 1e-12), "{}: {found} != {wanted}", case.name);
            }
        }
    }
    assert!(METRICS.iter().all(|m| compared.contains_key(m.name)), "{compared:?}");
}

#[derive(Deserialize)]
struct Student {
    quantiles: Vec<[f64; 3]>,
    two_sided: Vec<[f64; 3]>,
    intervals: Vec<Differences>,
}

#[derive(Deserialize)]
struct Differences {
    differences: Vec<f64>,
    test_share: f64,
    confidence: f64,
    mean: f64,
    low: f64,
    high: f64,
    p_value: f64,
}

#[test]
fn student_agrees_with_scipy() {
    let stored: Student = serde_json::from_str(include_str!("../reference/student.json")).unwrap();
    for [p, df, wanted] in stored.quantiles {
        let found = student_t_quantile(p, df);
        assert!((found - wanted).abs() <= 1e-9 * wanted.abs(), "quantile {p} {df}: {found} != {wanted}");
    }
    for [t, df, wanted] in stored.two_sided {
        let found = student_t_two_sided(t, df);
        assert!((found - wanted).abs() <= 1e-9 * wanted, "p-value {t} {df}: {found} != {wanted}");
    }
    for case in stored.intervals {
        let found = corrected_resampled_t(&case.differences, case.test_share, case.confidence).unwrap();
        let pairs = [
            (found.mean, case.mean),
            (found.low, case.low),
            (found.high, case.high),
            (found.p_value, case.p_value),
        ];
        for (found, wanted) in pairs {
            assert!(close(found, wanted, 1e-9), "{found} != {wanted}");
        }
    }
}
