//! Values of policies against the Open Bandit Pipeline's and, for episodes, against the published sums, stored in
//! `reference/policy.json` by `reference/policy.py`; and what an interval promises.

use serde::Deserialize;
use tidemill_eval::policy::{Choices, Decisions, PolicyValue, ValueInterval};
use tidemill_kernel::Random;

#[derive(Deserialize)]
struct Case {
    action: Vec<u32>,
    reward: Vec<f64>,
    propensity: Vec<f64>,
    probability: Vec<f64>,
    expected: Vec<f64>,
    episodes: Option<Vec<Vec<u32>>>,
    logged: Expected,
    ips: Expected,
    snips: Expected,
    doubly_robust: Expected,
    gain: Expected,
    effective_episodes: f64,
    mean_weight: f64,
}

#[derive(Deserialize)]
struct Expected {
    value: f64,
    low: f64,
    high: f64,
}

fn near(found: f64, wanted: f64, what: &str) {
    assert!((found - wanted).abs() <= 1e-9 * wanted.abs().max(1.0), "{what}: {found}, not {wanted}");
}

fn alike(found: ValueInterval, wanted: &Expected, what: &str) {
    near(found.value, wanted.value, what);
    near(found.low, wanted.low, what);
    near(found.high, wanted.high, what);
}

#[test]
fn estimates_are_those_of_the_open_bandit_pipeline_and_of_the_published_sums() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("../reference/policy.json")).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let (n, k) = (case.action.len(), case.probability.len() / case.action.len());
        let mut decisions = Decisions::new(&case.action, &case.reward, &case.propensity, k).unwrap();
        if let Some(episodes) = case.episodes {
            decisions = decisions.in_episodes(episodes).unwrap();
        }
        let choices = Choices::new(&case.probability, &case.expected, n, k).unwrap();
        let found = PolicyValue::of(&decisions, &choices, 0.95).unwrap();
        alike(found.logged, &case.logged, "logged");
        alike(found.ips, &case.ips, "ips");
        alike(found.snips, &case.snips, "snips");
        alike(found.doubly_robust, &case.doubly_robust, "doubly robust");
        alike(found.gain, &case.gain, "gain");
        near(found.effective_episodes, case.effective_episodes, "effective episodes");
        near(found.mean_weight.value, case.mean_weight, "mean weight");
    }
}

/// A log of 400 decisions by an uneven coin; the second action earns 0.3 more. Always taking it earns 0.5.
fn coin(seed: u64) -> (Vec<u32>, Vec<f64>, Vec<f64>) {
    let mut random = Random::new(seed, 0);
    let mut log = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..400 {
        let second = random.unit() < 0.3;
        let rate = if second { 0.5 } else { 0.2 };
        log.0.push(u32::from(second));
        log.1.push(f64::from(u8::from(random.unit() < rate)));
        log.2.push(if second { 0.3 } else { 0.7 });
    }
    log
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say_whatever_the_model_expects() {
    let n_logs = 400;
    let mut held = [0; 4];
    for seed in 0..n_logs {
        let (actions, rewards, propensities) = coin(seed);
        let decisions = Decisions::new(&actions, &rewards, &propensities, 2).unwrap();
        let always = [0.0, 1.0].repeat(400);
        // A model that is badly wrong: the estimate stays unbiased.
        let wrong = [0.9, 0.1].repeat(400);
        let value =
            PolicyValue::of(&decisions, &Choices::new(&always, &wrong, 400, 2).unwrap(), 0.95).unwrap();
        let holds = |interval: ValueInterval, truth: f64| interval.low <= truth && truth <= interval.high;
        held[0] += usize::from(holds(value.ips, 0.5));
        held[1] += usize::from(holds(value.snips, 0.5));
        held[2] += usize::from(holds(value.doubly_robust, 0.5));
        held[3] += usize::from(holds(value.gain, 0.5 - 0.29));
    }
    // 95% of 400 are 380; less than 360 or more than 396 would be beyond four standard errors.
    assert!(held.iter().all(|n| (360..=396).contains(n)), "{held:?}");
}

#[test]
fn propensities_that_are_not_those_of_the_log_show_in_the_mean_weight() {
    let (actions, rewards, _) = coin(1);
    let told = vec![0.5; 400];
    let decisions = Decisions::new(&actions, &rewards, &told, 2).unwrap();
    let always = [0.0, 1.0].repeat(400);
    let value = PolicyValue::of(&decisions, &Choices::new(&always, &always, 400, 2).unwrap(), 0.95).unwrap();
    assert!(value.mean_weight.high < 1.0, "{:?}", value.mean_weight);
}

#[test]
fn what_cannot_be_judged_is_named_by_its_row() {
    let say = |actions: &[u32], rewards: &[f64], propensities: &[f64]| {
        Decisions::new(actions, rewards, propensities, 2).unwrap_err().to_string()
    };
    assert!(say(&[0, 1], &[1.0, 1.0], &[0.5, 0.0]).contains("propensity in row 2 is 0"));
    assert!(say(&[0, 1], &[1.0, 1.0], &[1.5, 0.5]).contains("propensity in row 1 is 1.5"));
    assert!(say(&[0, 2], &[1.0, 1.0], &[0.5, 0.5]).contains("action in row 2"));
    assert!(say(&[0, 1], &[1.0, f64::NAN], &[0.5, 0.5]).contains("reward in row 2"));
    assert!(say(&[0], &[1.0, 1.0], &[0.5]).contains("rewards: 2 values where 1"));
    assert!(say(&[], &[], &[]).contains("no decisions"));
    let sums = Choices::new(&[0.5, 0.6], &[0.0, 0.0], 1, 2).unwrap_err().to_string();
    assert!(sums.contains("row 1 is 1.1"), "{sums}");
    let decisions = Decisions::new(&[0, 1], &[1.0, 1.0], &[0.5, 0.5], 2).unwrap();
    let twice = decisions.in_episodes(vec![vec![0], vec![0, 1]]).unwrap_err().to_string();
    assert!(twice.contains("row 1 is in 2 episodes"), "{twice}");
}
