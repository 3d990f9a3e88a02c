//! What a search does within its budget, what it says of learners that fail, and of positives that are rare.

use crate::desk::{Desk, small_table};

/// Numbers of a plain generator: no two runs differ.
fn noise(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// One positive in twenty, more often where `a` is large.
fn rare(n: usize) -> String {
    let mut next = noise(7);
    let row = |_| {
        let (a, b) = (next(), next());
        format!("{a:.4},{b:.4},{}\n", u8::from(next() < 0.15 * a * a))
    };
    format!("a,b,fraud\n{}", (0..n).map(row).collect::<String>())
}

fn measured(n: usize) -> String {
    let mut next = noise(3);
    let row = |_| {
        let (a, b) = (next(), next());
        format!("{a:.4},{b:.4},{:.4}\n", 2.0 * a - b + 0.1 * next())
    };
    format!("a,b,y\n{}", (0..n).map(row).collect::<String>())
}

const DIVERGES: &str =
    "[[learners]]\nkind = \"neural_net\"\nhidden = [16]\nlearning_rate = 1e10\nepochs = 4\n";

fn with_learners(learners: &str) -> Desk {
    let recipe = format!(
        "[data]\nsource = \"t.csv\"\ntarget = \"y\"\n[folds]\nn = 2\n[train]\ntrials = 1\n{learners}"
    );
    Desk::new().with("t.csv", measured(300)).with("r.toml", recipe)
}

#[test]
fn a_failed_fit_is_no_bad_score() {
    let ran = with_learners(DIVERGES).run(&["train", "r.toml", "--out", "m"]);
    ran.refused(&["neural_net failed", "not a number any more"]);
    let both = format!("{DIVERGES}[[learners]]\nkind = \"ridge\"\n");
    let ran = with_learners(&both).run(&["train", "r.toml", "--out", "m"]).done();
    assert!(ran.err.contains("neural_net failed and is left out"), "{}", ran.err);
    assert!(ran.out.contains("failed: "), "{}", ran.out);
}

#[test]
fn the_plan_is_said_before_it_starts() {
    let desk = Desk::new().with("t.csv", small_table(200));
    let ran = desk.run(&["train", "t.csv", "-t", "churned", "--out", "m", "--quality", "fast"]).done();
    assert!(ran.err.contains("Plan: ") && ran.err.contains("boosted_trees"), "{}", ran.err);
    let metrics: serde_json::Value = serde_json::from_str(&desk.read("m/metrics.json")).unwrap();
    let learners: Vec<&str> =
        metrics["leaderboard"].as_array().unwrap().iter().map(|l| l["learner"].as_str().unwrap()).collect();
    assert!(learners.len() <= 4, "{learners:?}");
    assert!(desk.read("m/tidemill.toml").contains("quality = \"fast\""));
}

#[test]
fn a_metric_of_labels_chooses_the_threshold_too() {
    let desk = Desk::new().with("t.csv", rare(3000));
    let args =
        ["train", "t.csv", "-t", "fraud", "--out", "m", "--quality", "fast", "--metric", "f1", "--json"];
    let ran = desk.run(&args).done().json();
    assert!(ran["test"]["metrics"]["f1"].as_f64().unwrap() > 0.1, "{}", ran["test"]["metrics"]);
    assert_eq!(ran["decision"]["by"], "f1");
}

#[test]
fn rare_positives_are_told_with_their_price() {
    let desk = Desk::new().with("t.csv", rare(3000));
    let ran = desk.run(&["train", "t.csv", "-t", "fraud", "--out", "m", "--quality", "fast"]).done();
    for words in ["'1' is rare", "false alarms", "--decide f1", "--decide cost:fn=10"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let args = ["train", "t.csv", "-t", "fraud", "--out", "m", "--quality", "fast", "--decide", "cost:fn=10"];
    let ran = desk.run(&args).done();
    assert!(ran.out.contains("the cost of a row"), "{}", ran.out);
    desk.run(&["train", "t.csv", "-t", "fraud", "--decide", "f7"]).refused(&["f7", "--decide"]);
}

#[test]
fn a_limit_that_reading_exceeds_is_refused() {
    let desk = Desk::new().with("t.csv", small_table(20_000));
    let ran = desk.run(&["train", "t.csv", "-t", "churned", "--out", "m", "--time-limit", "0.001s"]);
    ran.refused(&["time limit", "--time-limit"]);
}
