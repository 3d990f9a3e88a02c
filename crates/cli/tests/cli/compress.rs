//! The same model in a smaller file: its answers change within what was allowed, and it is a model file like any other.

use serde_json::Value;

use crate::desk::{Desk, example};

/// A model of the penguins by this learner.
fn trained(learner: &str, target: &str) -> (Desk, String) {
    let source = example("penguins/penguins.csv");
    let recipe = format!(
        "[data]\nsource = \"{source}\"\ntarget = \"{target}\"\n[[learners]]\n{learner}\n[train]\ncalibrate = \"none\"\n"
    );
    let desk = Desk::new().with("r.toml", recipe);
    desk.run(&["train", "r.toml", "--out", "m"]).done();
    (desk, source)
}

const MODEL: &str = "m/model.tidemill";

fn number(facts: &Value, path: &str) -> f64 {
    facts.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("no {path} in {facts}"))
}

/// The answers of a model, a line per row.
fn answers(desk: &Desk, model: &str, source: &str) -> Vec<String> {
    desk.run(&["predict", model, source, "-o", "answers.csv"]).done();
    desk.read("answers.csv").lines().skip(1).map(String::from).collect()
}

/// The greatest difference of the last numbers of each line.
fn apart(a: &[String], b: &[String]) -> f64 {
    assert_eq!(a.len(), b.len());
    let numbers =
        |line: &String| line.split(',').filter_map(|cell| cell.parse::<f64>().ok()).collect::<Vec<_>>();
    let each = a.iter().zip(b).flat_map(|(a, b)| {
        let (a, b) = (numbers(a), numbers(b));
        a.into_iter().zip(b).map(|(a, b)| (a - b).abs()).collect::<Vec<f64>>()
    });
    each.fold(0.0, f64::max)
}

#[test]
fn trees_and_nets_take_less_room_and_answer_nearly_the_same() {
    for (learner, target, least) in [
        ("kind = \"random_forest\"\nn_trees = 100", "species", 4.0),
        ("kind = \"boosted_trees\"\nn_trees = 60", "body_mass_g", 2.0),
        ("kind = \"neural_net\"\nhidden = [64, 64]\nepochs = 20", "species", 2.0),
    ] {
        let (desk, source) = trained(learner, target);
        let args = ["compress", MODEL, &source, "--prune", "0.5", "--int8", "-o", "small.tidemill", "--json"];
        let facts = desk.run(&args).done().json();
        let (before, after) = (number(&facts, "/cost/bytes/0"), number(&facts, "/cost/bytes/1"));
        assert!(before > least * after, "{learner}: {before} bytes to {after}");
        assert_eq!(after, desk.bytes("small.tidemill").len() as f64);
        // What was said of the change is what a user sees.
        let (old, new) = (answers(&desk, MODEL, &source), answers(&desk, "small.tidemill", &source));
        let (greatest, apart) = (number(&facts, "/change/greatest"), apart(&old, &new));
        assert!((apart - greatest).abs() < 1e-3 * (1.0 + greatest), "{learner}: {apart}, said {greatest}");
        assert!(number(&facts, "/change/mean") <= greatest);
        let [score, smaller] = ["/truth/before", "/truth/after"].map(|path| number(&facts, path));
        assert!(smaller < 1.5 * score + 0.1, "{learner}: {score} to {smaller}");
        // The bytes are those of any run, whatever the threads.
        let again =
            ["compress", MODEL, &source, "--prune", "0.5", "--int8", "-o", "b.tidemill", "--threads", "1"];
        desk.run(&again).done();
        assert_eq!(desk.bytes("small.tidemill"), desk.bytes("b.tidemill"));
        // It explains itself, is judged, and can be made smaller once more.
        desk.run(&["explain", "small.tidemill", &source, "--rows", "2"]).done();
        let shown = desk.run(&["inspect", "small.tidemill", "--json"]).done().json();
        let origin = shown.pointer("/manifest/about/compressed").unwrap();
        assert_eq!(origin["file"], "model.tidemill");
        assert_eq!(origin["sha256"], desk.run(&["inspect", MODEL, "--json"]).done().json()["hash"]);
        desk.run(&["compress", "small.tidemill", &source, "--prune", "0.9", "-o", "c.tidemill"]).done();
        assert!(desk.bytes("c.tidemill").len() < 2 * desk.bytes("small.tidemill").len());
    }
}

#[test]
fn a_bound_is_kept_or_nothing_is_written() {
    let (desk, source) = trained("kind = \"random_forest\"\nn_trees = 60", "species");
    let mut shares = Vec::new();
    for bound in ["0.05", "0.01"] {
        let args =
            ["compress", MODEL, &source, "--int8", "--mean-change", bound, "-o", "s.tidemill", "--json"];
        let facts = desk.run(&args).done().json();
        assert!(number(&facts, "/change/mean") <= bound.parse().unwrap(), "{facts}");
        shares.push(number(&facts, "/prune"));
    }
    assert!(shares[0] >= shares[1] && shares[0] > 0.0, "{shares:?}");
    // Probabilities are probabilities, whatever 8 bits do to them.
    desk.run(&["compress", MODEL, &source, "--int8", "-o", "whole.tidemill"]).done();
    desk.run(&["evaluate", "whole.tidemill", &source]).done();
    let strict = ["compress", MODEL, &source, "--int8", "--max-change", "0.0", "-o", "t.tidemill"];
    desk.run(&strict).refused(&["no pruning keeps", "nothing was written"]);
    assert!(!desk.files().contains(&"t.tidemill".to_string()));
    let story =
        desk.run(&["compress", MODEL, &source, "--prune", "0.3", "--max-change", "0.5", "-o", "u.tidemill"]);
    for words in ["class stays for", "Against the truth", "model file", "before", "u.tidemill"] {
        assert!(story.out.contains(words), "no '{words}' in {story:?}");
    }
}

#[test]
fn what_cannot_be_compressed_is_refused_with_a_way_out() {
    let (desk, source) = trained("kind = \"logistic\"", "species");
    let args = |more: &[&'static str]| {
        let mut all = vec!["compress", MODEL];
        all.extend(more);
        all
    };
    let with_rows = ["compress", MODEL, &source, "--int8", "-o", "s.tidemill"];
    desk.run(&with_rows).refused(&["nothing to prune", "tidemill distill"]);
    desk.run(&args(&["--int8", "-o", "s.tidemill"])).refused(&["no rows", "name rows"]);
    desk.run(&args(&["rows.csv", "-o", "s.tidemill"])).refused(&["how to compress", "--prune"]);
    desk.run(&args(&["rows.csv", "--prune", "1", "-o", "s.tidemill"])).refused(&["--prune is 1"]);
    desk.run(&args(&["rows.csv", "--int8", "-o", MODEL])).refused(&["take the place"]);
    assert!(!desk.files().contains(&"s.tidemill".to_string()));
}
