//! Language models: tuning on preferences, and what they are. The model is a tiny one with random weights.

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
    let model = model();
    let tune = |more: &[&str]| desk.run(&[&["tune", model.as_str()][..], more].concat());
    tune(&["equal.jsonl", "--method", "dpo"]).refused(&["equal.jsonl, line 1", "same text"]);
    tune(&["--method", "dpo", "--store", "none.db"]).refused(&["there is no store"]);
    tune(&["--store", "none.db"]).refused(&["--store is for --method dpo"]);
}

#[test]
fn a_checkpoint_and_an_adapter_say_what_they_are() {
    let lines = "{\"prompt\": \"Hi\", \"response\": \"ok\"}\n";
    let desk = Desk::new().with("pairs.jsonl", lines);
    let found = desk.run(&["inspect", &model(), "--json"]).done().json();
    assert_eq!(
        (&found["family"], &found["context"], &found["chats"]),
        (&"llama".into(), &64.into(), &true.into())
    );
    // 280 x 20 embedded; two blocks of 20 x (24 + 12 + 12 + 24) for attention, 3 x 20 x 28 and two norms of 20; one norm of 20.
    assert_eq!(found["parameters"], 5600 + 2 * (1440 + 1680 + 40) + 20);
    assert_eq!(found["bytes_per_token"], 2 * 4 * 2 * 12);
    assert!(found["adapter"].is_null() && found["files"]["config.json"].as_str().unwrap().len() == 64);
    // An adapter names its base, which is looked for beside it.
    copied(Path::new(&model()), &desk.path("llama"));
    desk.run(&["tune", "llama", "pairs.jsonl", "-o", "a", "--rank", "3", "--epochs", "1"]).done();
    let told = desk.run(&["inspect", "a"]).done().out;
    assert!(told.contains("an adapter of rank 3") && told.contains("q_proj, k_proj"), "{told}");
    let chinese = desk.run(&["inspect", "a", "--lang", "zh"]).done().out;
    assert!(chinese.contains("适配器的秩为 3"), "{chinese}");
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
