//! A lighter model that learned from a heavier one: near it, smaller, and a model file like any other.

use crate::desk::{Desk, example};

const FOREST: &str = "\
[data]
target = \"species\"
[[learners]]
kind = \"random_forest\"
n_trees = 200
[train]
calibrate = \"none\"
";

/// A forest of the penguins, and the penguins without their species.
fn taught() -> (Desk, String) {
    let source = example("penguins/penguins.csv");
    let rows = std::fs::read_to_string(&source).unwrap();
    let bare: String = rows.lines().map(|line| line.split_once(',').unwrap().1.to_string() + "\n").collect();
    let desk = Desk::new().with("bare.csv", bare);
    let desk = desk.with("r.toml", FOREST.replace("[data]", &format!("[data]\nsource = \"{source}\"")));
    desk.run(&["train", "r.toml", "--out", "m"]).done();
    (desk, source)
}

#[test]
fn a_student_is_near_its_teacher_smaller_and_serves_as_any_model() {
    let (desk, source) = taught();
    let teacher = "m/model.tidemill";
    for (to, least) in [("logistic", 0.95), ("boosted_trees", 0.95), ("small_net", 0.9)] {
        let out = format!("{to}.tidemill");
        // Labels are not needed.
        let args = ["distill", teacher, "bare.csv", "--to", to, "-o", &out, "--json"];
        let facts = desk.run(&args).done().json();
        let agreement = facts["change"]["agreement"].as_f64().unwrap();
        assert!(agreement >= least, "{to}: {}", facts["change"]);
        assert!(facts["change"]["divergence"].as_f64().unwrap() < 0.2, "{to}: {}", facts["change"]);
        assert!(facts["truth"].is_null());
        let bytes = |at: usize| facts["cost"]["bytes"][at].as_u64().unwrap();
        assert!(bytes(1) < bytes(0), "{to}: {}", facts["cost"]);
        desk.run(&["predict", &out, "bare.csv", "-o", "answers.csv"]).done();
        assert_eq!(desk.read("answers.csv").lines().count(), 345);
        let judged = desk.run(&["evaluate", &out, &source, "--json"]).done().json();
        assert!(judged["metrics"]["accuracy"].as_f64().unwrap() > 0.93, "{judged}");
        let shown = desk.run(&["inspect", &out, "--json"]).done().out;
        assert!(shown.contains("distilled"), "{shown}");
    }
    // The same rows and seed make the same file, on any number of threads.
    let again =
        ["distill", teacher, "bare.csv", "--to", "logistic", "-o", "again.tidemill", "--threads", "3"];
    desk.run(&again).done();
    assert_eq!(desk.bytes("logistic.tidemill"), desk.bytes("again.tidemill"));
}

#[test]
fn labels_are_compared_where_there_are_some_and_bad_input_is_named() {
    let (desk, source) = taught();
    let args = ["distill", "m/model.tidemill", &source, "--to", "logistic", "-o", "s.tidemill"];
    let ran = desk.run(&args).done();
    for words in ["Same class for", "Against the truth", "model file", "s.tidemill"] {
        assert!(ran.out.contains(words), "no '{words}' in {}", ran.out);
    }
    let same = ["distill", "m/model.tidemill", &source, "--to", "logistic", "-o", "m/model.tidemill"];
    desk.run(&same).refused(&["take the place of its teacher"]);
    let desk = desk.with("few.csv", "species,island,bill_length_mm\nAdelie,Dream,40\n");
    desk.run(&["distill", "m/model.tidemill", "few.csv", "--to", "logistic", "-o", "t.tidemill"])
        .refused(&["missing"]);
    assert!(!desk.files().contains(&"t.tidemill".to_string()));
}

#[test]
fn a_number_is_learned_as_a_number() {
    let source = example("penguins/penguins.csv");
    let desk = Desk::new();
    desk.run(&["train", &source, "--target", "body_mass_g", "--quality", "fast", "--out", "m"]).done();
    let args = ["distill", "m/model.tidemill", &source, "--to", "logistic", "-o", "s.tidemill", "--json"];
    let facts = desk.run(&args).done().json();
    assert_eq!(facts["learner"]["kind"], "ridge");
    assert!(facts["change"]["r2"].as_f64().unwrap() > 0.8, "{}", facts["change"]);
    assert!(facts["truth"]["student"].as_f64().unwrap() < 450.0, "{}", facts["truth"]);
}

#[test]
fn a_policy_has_no_student() {
    let recipe = std::fs::read_to_string(example("signals/signals.toml")).unwrap();
    let recipe = recipe.replace("signals.csv", &example("signals/signals.csv"));
    let desk = Desk::new().with("s.toml", format!("{recipe}\n[[learners]]\nkind = \"policy_linucb\"\n"));
    // Whether it may act is another question.
    assert!(desk.run(&["train", "s.toml", "--out", "m"]).code < 2);
    let rows = example("signals/signals.csv");
    let args = ["m/model.tidemill", &rows, "-o", "s.tidemill"];
    desk.run(&[&["distill"][..], &args, &["--to", "logistic"]].concat())
        .refused(&["chooses actions", "a number or a class"]);
    desk.run(&[&["compress"][..], &args, &["--int8"]].concat()).refused(&["does not answer plain rows"]);
    assert!(!desk.path("s.tidemill").exists());
}
