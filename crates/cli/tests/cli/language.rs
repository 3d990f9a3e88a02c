//! Tuning a language model on preferences. The model is a tiny one with random weights.

use std::path::Path;

use crate::desk::Desk;

fn model() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../language/tests/fixtures/llama").display().to_string()
}

#[test]
fn preferences_of_a_file_become_an_adapter_that_generates() {
    let lines = "{\"prompt\": \"Hi\", \"chosen\": \"ok\", \"rejected\": \"no\"}\n";
    let desk = Desk::new().with("preferences.jsonl", lines);
    let tune =
        ["tune", &model(), "preferences.jsonl", "--method", "dpo", "-o", "a", "--epochs", "5", "--json"];
    let learned = desk.run(&tune).done().json();
    assert_eq!((&learned["preferences"], &learned["losses"].as_array().unwrap().len()), (&1.into(), &5));
    let first = learned["losses"][0].as_f64().unwrap();
    assert!((first - std::f64::consts::LN_2).abs() < 1e-6 && learned["losses"][4].as_f64().unwrap() < first);
    desk.run(&["generate", &model(), "--prompt", "Hi", "--adapter", "a", "--max-tokens", "2"]).done();
}

#[test]
fn what_says_nothing_of_the_better_answer_is_refused() {
    let lines = "{\"prompt\": \"Hi\", \"chosen\": \"ok\", \"rejected\": \"ok\"}\n";
    let desk = Desk::new().with("equal.jsonl", lines);
    let tune = |more: &[&str]| desk.run(&[&["tune", &model()], more].concat());
    tune(&["equal.jsonl", "--method", "dpo"]).refused(&["equal.jsonl, line 1", "same text"]);
    tune(&["--method", "dpo", "--store", "none.db"]).refused(&["there is no store"]);
    tune(&["--store", "none.db"]).refused(&["--store is for --method dpo"]);
}
