//! Trees against LightGBM, scikit-learn and imbalanced-learn by held-out loss: `reference/trees.py` and `reference/balanced.py` make the
//! figures.

use serde_json::{Value, json};
use tidemill_core::{Table, Training};

use super::tables::{ROWS, TRAIN, answers, context, generated, registry, target};

fn loss(name: &str, y: f64, answer: &[f64]) -> f64 {
    let s = answer[0];
    match name {
        "log_loss" => -answer[y as usize].max(1e-15).ln(),
        "brier" => {
            answer.iter().enumerate().map(|(c, p)| (p - f64::from(u8::from(c == y as usize))).powi(2)).sum()
        }
        "squared" => (y - s).powi(2),
        "absolute" => (y - s).abs(),
        "huber" if (y - s).abs() <= 0.5 => 0.5 * (y - s).powi(2),
        "huber" => 0.5 * ((y - s).abs() - 0.25),
        "quantile" => f64::max(0.8 * (y - s), 0.2 * (s - y)),
        "poisson" => s - y * s.ln(),
        "gamma" => s.ln() + y / s,
        _ => s.sqrt() / 0.5 + y / s.sqrt() / 0.5,
    }
}

#[test]
fn held_out_losses_are_those_of_lightgbm_and_scikit_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../reference/trees.json")).unwrap();
    let mut failures = Vec::new();
    for case in &cases {
        let (kind, target_name) = (case["kind"].as_str().unwrap(), case["target"].as_str().unwrap());
        let all = generated(target_name, kind != "boosted_trees");
        let (train, test) = (Table::new(all.batch().slice(0, TRAIN)), all.batch().slice(TRAIN, ROWS - TRAIN));
        let y = &target(target_name)[TRAIN..];
        let one = |seed: u64| {
            let estimator = registry().build(kind, case["params"].clone()).unwrap();
            let answers = answers(&estimator.fit(Training::on(&train), &context(seed)).unwrap(), &test);
            let answers = answers.chunks_exact(answers.len() / y.len());
            let name = case["loss"].as_str().unwrap();
            y.iter().zip(answers).map(|(y, answer)| loss(name, *y, answer)).sum::<f64>() / y.len() as f64
        };
        let ours = (one(0) + one(1)) / 2.0;
        let (mean, spread) = (case["mean"].as_f64().unwrap(), case["spread"].as_f64().unwrap());
        let off = (ours - mean) / spread;
        println!("{}: {ours:.5} against {mean:.5}, {off:+.1} spreads", case["name"]);
        if off.is_nan() || off > 3.0 {
            failures.push(format!("{}: {ours} against {mean}, {off:+.1} spreads", case["name"]));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The Brier score of each class's rows, averaged over the classes.
fn loss_by_class(y: &[f64], answers: &[f64]) -> f64 {
    let k = answers.len() / y.len();
    let (mut sums, mut counts) = (vec![0.0; k], vec![0.0; k]);
    for (y, answer) in y.iter().zip(answers.chunks_exact(k)) {
        sums[*y as usize] += loss("brier", *y, answer);
        counts[*y as usize] += 1.0;
    }
    sums.iter().zip(&counts).map(|(sum, n)| sum / n / k as f64).sum()
}

#[test]
fn balanced_forests_do_as_well_by_rare_classes_as_imbalanced_learn() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("../reference/balanced.json")).unwrap();
    for case in &cases {
        let name = case["target"].as_str().unwrap();
        let all = generated(name, true);
        let (train, test) = (Table::new(all.batch().slice(0, TRAIN)), all.batch().slice(TRAIN, ROWS - TRAIN));
        let y = &target(name)[TRAIN..];
        let of = |kind: &str, seed: u64| {
            let params = json!({ "n_trees": 100, "max_features": 0.4, "min_samples_leaf": 2 });
            let forest = registry().build(kind, params).unwrap();
            let fitted = forest.fit(Training::on(&train), &context(seed)).unwrap();
            loss_by_class(y, &answers(&fitted, &test))
        };
        let ours = (of("balanced_forest", 0) + of("balanced_forest", 1)) / 2.0;
        let (mean, spread) = (case["mean"].as_f64().unwrap(), case["spread"].as_f64().unwrap());
        println!("{name}: {ours:.5} against {mean:.5}, {:+.1} spreads", (ours - mean) / spread);
        assert!(ours <= mean + 3.0 * spread, "{name}: {ours} against {mean} +- {spread}");
        assert!(ours < of("random_forest", 0), "{name}: rare classes gain nothing");
    }
}
