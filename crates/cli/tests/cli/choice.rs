//! How a model is chosen, as a user sees it: blends, decisions, splits, what a time limit leaves, hard tables.

use serde_json::Value;

use crate::desk::{Desk, Ran, small_table};

fn with_recipe(table: String, recipe: &str) -> Desk {
    let recipe = format!("[data]\nsource = \"t.csv\"\ntarget = \"churned\"\n{recipe}");
    Desk::new().with("t.csv", table).with("r.toml", recipe)
}

/// Two quick learners of different needs.
const QUICK: &str = "[[learners]]\nkind = \"logistic\"\n[[learners]]\nkind = \"extra_trees\"\nn_trees = 20\n";

fn trained(desk: &Desk) -> Ran {
    desk.run(&["train", "r.toml", "--out", "m", "--trials", "2", "--json"]).done()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is not a number"))
}

#[test]
fn the_story_compares_costs_and_the_file_has_no_time_in_it() {
    let desk = with_recipe(small_table(400), QUICK);
    let ran = desk.run(&["train", "r.toml", "--out", "m", "--trials", "2"]).done();
    for word in ["per row", "size", "held-out rows", "logistic", "extra_trees", "folds can tell"] {
        let said = ran.out.contains(word) || (word == "folds can tell" && ran.out.contains("is better than"));
        assert!(said, "no '{word}' in {}", ran.out);
    }
    let metrics = desk.read("m/metrics.json");
    assert!(!metrics.contains("secs") && !metrics.contains("_us"), "a time in {metrics}");
    let json = trained(&desk).json();
    assert_eq!(json["times"].as_array().unwrap().len(), json["leaderboard"].as_array().unwrap().len());
    assert!(number(&json["times"][0]["fit_secs"]) > 0.0);
    let curve = json["learning_curve"].as_array().unwrap();
    assert_eq!(curve.len(), 5);
    assert!(curve.windows(2).all(|w| number(&w[0]["rows"]) < number(&w[1]["rows"])));
    assert!(json["gap"]["sentence"].as_str().unwrap().contains("log_loss"));
}

#[test]
fn mistakes_that_cost_more_move_the_threshold() {
    let at = |cost: &str| {
        let decision = format!("{QUICK}[decision]\ncost = {cost}\n");
        let desk = with_recipe(small_table(600), &decision);
        let decision = trained(&desk).json()["decision"].clone();
        assert!(number(&decision["score"]) <= number(&decision["at_half"]), "{decision}");
        let threshold = number(&decision["threshold"]);
        // The file says yes exactly from there on.
        let answers = desk.run(&["predict", "m/model.tidemill", "t.csv"]).done().out;
        for line in answers.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let yes: f64 = cells[3].parse().unwrap();
            assert_eq!(cells[1] == "yes", yes >= threshold, "{line} against {threshold}");
        }
        threshold
    };
    let (careful, eager) = (
        at("{ false_positive = 20, false_negative = 1 }"),
        at("{ false_positive = 1, false_negative = 20 }"),
    );
    assert!(careful > 0.5 && eager < 0.5, "{careful} and {eager}");
}

#[test]
fn a_decision_that_makes_no_sense_is_refused() {
    let refused = |decision: &str, words: &[&str]| {
        with_recipe(small_table(100), decision).run(&["train", "r.toml"]).refused(words);
    };
    refused("[decision]\nmetric = \"log_loss\"\n", &["line 5", "log_loss", "f1"]);
    refused("[decision]\nthreshold = 2.0\n", &["line 5", "from 0 to 1"]);
    refused("[decision]\ncost = { false_positive = -1, false_negative = 1 }\n", &["line 5", "from 0 up"]);
    refused("[decision]\nmetric = \"f1\"\nthreshold = 0.3\n", &["more than one"]);
    let table = small_table(100).replace(",yes\n", ",3.5\n").replace(",no\n", ",1.25\n");
    let number = "task = \"regression\"\n";
    with_recipe(table.clone(), &format!("{number}[decision]\nmetric = \"f1\"\n"))
        .run(&["train", "r.toml"])
        .refused(&["two classes"]);
    with_recipe(table, &format!("{number}[train]\ncalibrate = \"platt\"\n"))
        .run(&["train", "r.toml"])
        .refused(&["calibrate"]);
}

#[test]
fn every_calibration_gives_probabilities_and_survives_the_file() {
    for method in ["temperature", "platt", "isotonic"] {
        let desk = with_recipe(small_table(300), &format!("{QUICK}[train]\ncalibrate = \"{method}\"\n"));
        let json = trained(&desk).json();
        assert_eq!(json["calibration"]["method"], method);
        let answers = desk.run(&["predict", "m/model.tidemill", "t.csv"]).done().out;
        for line in answers.lines().skip(1) {
            let p: Vec<f64> = line.split(',').skip(2).map(|x| x.parse().unwrap()).collect();
            assert!((p[0] + p[1] - 1.0).abs() < 1e-9 && p.iter().all(|p| (0.0..=1.0).contains(p)), "{line}");
        }
    }
}

#[test]
fn the_quickest_and_the_smallest_are_single_learners() {
    let desk = with_recipe(small_table(300), QUICK);
    for what in ["latency", "size"] {
        let args = ["train", "r.toml", "--out", "m", "--trials", "2", "--json", "--optimize-for", what];
        let json = desk.run(&args).done().json();
        assert_ne!(json["chosen"]["kind"], "blend", "{}", json["chosen"]);
        let recipe = desk.read("m/tidemill.toml");
        assert!(recipe.contains(&format!("optimize_for = \"{what}\"")), "{recipe}");
    }
}

#[test]
fn nested_repeated_and_gapped_splits_train() {
    let nested =
        with_recipe(small_table(200), &format!("{QUICK}[split]\nnested = 3\n[folds]\nn = 3\nrepeats = 2\n"));
    let json = trained(&nested).json();
    assert_eq!((&json["split"]["nested"], &json["split"]["test_rows"]), (&3.into(), &200.into()));
    assert_eq!(json["split"]["folds"], 6);
    assert_eq!(json["test"]["n_rows"], 200);
    let mut dated = String::from("day,house,x,churned\n");
    for i in 0..200 {
        dated += &format!(
            "2024-{:02}-{:02},h{},{},{}\n",
            1 + i / 28,
            1 + i % 28,
            i % 23,
            (i * 31) % 47,
            ["no", "yes"][(i * 31) % 47 / 24]
        );
    }
    let gapped = with_recipe(dated.clone(), &format!("time = \"day\"\n{QUICK}[split]\ngap = \"7d\"\n"));
    let json = trained(&gapped).json();
    let why = json["split"]["why"].as_str().unwrap();
    assert!(why.contains("in the gap between are left out"), "{why}");
    let (train, test) = (number(&json["split"]["train_rows"]), number(&json["split"]["test_rows"]));
    assert!(train + test < 200.0 && train + test >= 190.0, "{train} and {test}");
    let grouped =
        with_recipe(dated, &format!("group = \"house\"\n{QUICK}[split]\nkind = \"stratified_group\"\n"));
    assert!(trained(&grouped).json()["split"]["why"].as_str().unwrap().contains("together"));
}

#[test]
fn few_rows_and_many_columns() {
    let mut table = (0..60).map(|j| format!("c{j},")).collect::<String>() + "churned\n";
    for i in 0..40 {
        table += &(0..60).map(|j| format!("{},", (i * 37 + j * 101 + i * j * 7) % 89)).collect::<String>();
        table += ["no\n", "yes\n"][(i * 37) % 89 / 45];
    }
    let desk = Desk::new().with("t.csv", table);
    let json =
        desk.run(&["train", "t.csv", "-t", "churned", "--trials", "2", "--out", "m", "--json"]).done().json();
    assert_eq!(json["test"]["n_rows"], 8);
}

#[test]
fn a_class_of_fewer_rows_than_folds_is_learned_with_a_warning() {
    let mut table = small_table(120);
    for i in 0..4 {
        table += &format!("m{i:04}x,{},{}.5,Ulm,maybe\n", 80 + i, 9000 + i);
    }
    let desk = with_recipe(table, QUICK);
    let ran = trained(&desk);
    assert!(ran.err.contains("fewer rows of 'maybe' than the 10 folds"), "{}", ran.err);
    assert_eq!(ran.json()["target"]["classes"].as_array().unwrap().len(), 3);
}

#[test]
fn weights_of_zero() {
    let weighted = |weight: fn(usize) -> usize| {
        let mut lines: Vec<String> = small_table(200).lines().map(String::from).collect();
        lines.iter_mut().enumerate().for_each(|(i, line)| {
            *line = if i == 0 { format!("w,{line}") } else { format!("{},{line}", weight(i)) };
        });
        with_recipe(lines.join("\n") + "\n", &format!("weight = \"w\"\n{QUICK}"))
    };
    trained(&weighted(|i| i % 3));
    weighted(|_| 0).run(&["train", "r.toml", "--out", "m"]).refused(&["'w'", "0"]);
}

#[test]
fn a_second_is_enough_for_a_model() {
    let desk = Desk::new().with("t.csv", small_table(20_000));
    let ran =
        desk.run(&["train", "t.csv", "-t", "churned", "--out", "m", "--time-limit", "1s", "--json"]).done();
    assert!(ran.err.contains("time limit"), "{}", ran.err);
    assert_ne!(ran.json()["chosen"]["kind"], "baseline");
}
