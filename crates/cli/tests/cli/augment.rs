//! `[augment]`: synthetic rows are kept where the folds say that they help, and left out and said where they do not.

use serde_json::Value;

use crate::desk::{Desk, small_table};

fn recipe(learner: &str, augment: &str) -> String {
    format!(
        "[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n[augment]\n{augment}\n[[learners]]\nkind = \"{learner}\"\n"
    )
}

fn repair(facts: &Value) -> &Value {
    let repairs = facts["repairs"].as_array().unwrap();
    repairs.iter().find(|repair| repair["kind"] == "augment").unwrap_or_else(|| panic!("{facts}"))
}

#[test]
fn rows_that_do_not_help_are_left_out_and_said() {
    // A rule that few rows tell exactly, and a copula blurs.
    let desk = Desk::new().with("t.csv", small_table(240));
    let desk = desk.with("a.toml", recipe("boosted_trees", "kind = \"copula\"\nrows = 3.0"));
    let ran = desk.run(&["train", "a.toml", "--out", "m", "--trials", "1"]).done();
    assert!(ran.out.contains("Tried and not kept") && ran.out.contains("synthetic rows"), "{}", ran.out);
    let facts: Value = serde_json::from_str(&desk.read("m/metrics.json")).unwrap();
    assert_eq!(repair(&facts)["kept"], false);
    let resolved = desk.read("m/tidemill.toml");
    assert!(!resolved.contains("\n[augment]\n") && resolved.contains("kind = \"augment\""), "{resolved}");
    // What was settled is not tried again, and leads to the same bytes on other threads.
    desk.run(&["train", "m/tidemill.toml", "--out", "again", "--trials", "1", "--threads", "1"]).done();
    assert_eq!(desk.bytes("m/model.tidemill"), desk.bytes("again/model.tidemill"));
}

/// Two pairs of numbers, correlated upwards or downwards by class: rows of the distribution teach a forest what few rows do not.
fn correlated(n: usize) -> String {
    let mut state = 5u64;
    let mut unit = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 11) as f64 + 0.5) / (1u64 << 53) as f64
    };
    let mut normal = || (-2.0 * unit().ln()).sqrt() * (std::f64::consts::TAU * unit()).cos();
    let mut text = String::from("a,b,c,d,churned\n");
    for i in 0..n {
        let slope = if i % 2 == 0 { 0.9 } else { -0.9 };
        for _ in 0..2 {
            let (u, v) = (normal(), normal());
            text += &format!("{u:.3},{:.3},", slope * u + (1.0f64 - 0.81).sqrt() * v);
        }
        text += if i % 2 == 0 { "yes\n" } else { "no\n" };
    }
    text
}

#[test]
fn rows_that_help_stay_and_are_said() {
    let desk = Desk::new().with("t.csv", correlated(200));
    let desk = desk.with("a.toml", recipe("random_forest", "kind = \"copula\"\nrows = 10.0"));
    let ran = desk.run(&["train", "a.toml", "--out", "m", "--trials", "1"]).done();
    assert!(ran.out.contains("Repaired: synthetic rows are added"), "{}", ran.out);
    let facts: Value = serde_json::from_str(&desk.read("m/metrics.json")).unwrap();
    let repair = repair(&facts);
    assert_eq!(repair["kept"], true);
    // A repair is kept where it gains more than a corrected standard error.
    assert!(repair["p_value"].as_f64().unwrap() < 0.2 && repair["better_by"].as_f64().unwrap() > 0.0);
    let resolved = desk.read("m/tidemill.toml");
    assert!(resolved.contains("\n[augment]\n") && resolved.contains("rows = 10"), "{resolved}");
    desk.run(&["train", "m/tidemill.toml", "--out", "again", "--trials", "1", "--threads", "1"]).done();
    assert_eq!(desk.bytes("m/model.tidemill"), desk.bytes("again/model.tidemill"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let desk = Desk::new().with("t.csv", small_table(120));
    let refused = |augment: &str, rest: &str, words: &[&str]| {
        std::fs::write(desk.path("r.toml"), recipe("ridge", augment) + rest).unwrap();
        desk.run(&["train", "r.toml", "--out", "m"]).refused(words);
    };
    refused("rows = 0.0", "", &["augment.rows", "above 0"]);
    refused("rows = 0.5\nsteps = 5", "", &["augment.steps", "gan"]);
    refused("kind = \"vae\"", "", &["vae", "copula", "gan"]);
    refused("rows = 0.5", "[split]\nnested = 3\n", &["[augment]", "nested"]);
    let text = "[columns.town]\nkind = \"text\"\n";
    refused("rows = 0.5", text, &["'town'", "text", "ignore"]);
    assert!(!desk.files().contains(&"m".to_string()));
}
