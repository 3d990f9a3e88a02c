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
fn synthetic_rows_are_kept_only_where_they_help() {
    let text = small_table(240);
    // Always the same answer but for a few rows: what is generated can teach nothing new.
    let desk = Desk::new().with("t.csv", text);
    let desk = desk.with("a.toml", recipe("boosted_trees", "kind = \"copula\"\nrows = 3.0"));
    let ran = desk.run(&["train", "a.toml", "--out", "m", "--trials", "1"]).done();
    assert!(ran.out.contains("synthetic rows are added"), "{}", ran.out);
    let facts: Value = serde_json::from_str(&desk.read("m/metrics.json")).unwrap();
    let kept = repair(&facts)["kept"].as_bool().unwrap();
    let resolved = desk.read("m/tidemill.toml");
    assert_eq!(resolved.contains("[augment]"), kept, "{resolved}");
    assert!(resolved.contains("[[repairs]]"), "{resolved}");
    // What was settled is not tried again, and leads to the same bytes on other threads.
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
