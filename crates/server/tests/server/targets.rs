//! A model of several targets over HTTP: answered, corrected target by target, watched, improved and brought back.

use std::path::PathBuf;

use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::model::versions;
use tidemill_engine::report::words::EN;
use tidemill_engine::verbs::predict::predict;
use tidemill_engine::verbs::train::{Done, Job, train_any};

use crate::{PREDICT, Served, context, customers, send, serve};

/// The customers, with what each will spend beside whether he leaves.
fn spending(n: usize, seed: u64) -> String {
    let with = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let (age, visits): (f64, f64) = (cells[1].parse().unwrap(), cells[3].parse().unwrap());
        let noise = f64::from(line.bytes().map(u32::from).sum::<u32>() % 17) / 4.0;
        format!("{line},{}\n", 3.0 * visits + 0.5 * age + noise)
    };
    let text = customers(n, seed);
    let rows = text.lines().skip(1).map(with);
    String::from("id,age,plan,visits,left,spent\n") + &rows.collect::<String>()
}

fn served() -> (Served, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("customers.csv");
    std::fs::write(&data, spending(300, 1)).unwrap();
    let text = "[data]\ntargets = ['left', 'spent']\nkey = 'id'\n[[learners]]\nkind = 'logistic'\n\
                [[learners]]\nkind = 'ridge'\n[train]\ntrials = 1";
    let recipe: Recipe = tidemill_engine::recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    let out = folder.path().join("customers-model");
    let job = Job { words: &EN, source: data.display().to_string(), recipe, recipe_file: None, out };
    let Done::Several(trained) = train_any(&job, &context()).unwrap() else { panic!("two targets") };
    let model = trained.model;
    (serve(model.clone(), folder), model)
}

const ROW: &str = r#"{"id": "ada", "age": 36, "plan": "basic", "visits": 3}"#;

#[test]
fn every_format_says_all_of_it() {
    let (served, model) = served();
    let answer = served.predict(ROW);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let said = answer.json()["predictions"][0].clone();
    let (left, spent) =
        (said["prediction"]["left"].as_str().unwrap(), said["prediction"]["spent"].as_f64().unwrap());
    let p = said["probabilities"]["left"]["yes"].as_f64().unwrap();
    assert_eq!(left, if p > 0.5 { "yes" } else { "no" });
    assert!(said["probabilities"].get("spent").is_none());

    // What a file of this row is answered.
    let row = served.folder.path().join("row.csv");
    std::fs::write(&row, "id,age,plan,visits\nada,36,basic,3\n").unwrap();
    let out = served.folder.path().join("out.csv");
    predict(&model, &row.display().to_string(), &out.display().to_string(), &context()).unwrap();
    let text = std::fs::read_to_string(out).unwrap();
    let no = 1.0 - p;
    let cells: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
    assert_eq!(
        text.lines().next().unwrap(),
        "id,prediction_left,probability_left_no,probability_left_yes,prediction_spent"
    );
    assert_eq!((cells[1], cells[4]), (left, spent.to_string().as_str()));
    assert!((cells[2].parse::<f64>().unwrap() - no).abs() < 1e-12);

    let csv = send(served.address(), "POST", PREDICT, &[("Accept", "text/csv")], ROW.as_bytes()).body;
    let head =
        "prediction_id,prediction_left,probability_left_no,probability_left_yes,prediction_spent,warnings\n";
    assert!(csv.starts_with(head) && csv.contains(&format!(",{spent},")), "{csv}");
    let xml = send(served.address(), "POST", PREDICT, &[("Accept", "application/xml")], ROW.as_bytes()).body;
    assert!(xml.contains(&format!("<prediction target=\"left\">{left}</prediction>")), "{xml}");
    assert!(xml.contains(&format!("<prediction target=\"spent\">{spent}</prediction>")), "{xml}");
    assert!(xml.contains("<probability target=\"left\" class=\"no\">"), "{xml}");

    let about = served.get("/v1/models/customers").json();
    assert_eq!((&about["target"], &about["task"]), (&json!("left, spent"), &json!("several")));
    assert_eq!(about["targets"][0], json!({ "target": "left", "task": "binary", "classes": ["no", "yes"] }));
    let metrics = served.get("/metrics").body;
    assert!(
        metrics.contains(&format!("class=\"left={left}\"")) && metrics.contains("class=\"spent\""),
        "{metrics}"
    );
    // A row that is odd is told so once.
    let odd = served.predict(r#"{"id": "b", "age": 36, "plan": "golden", "visits": 3}"#).json();
    assert_eq!(odd["predictions"][0]["warnings"].as_array().unwrap().len(), 1);
    let why = served.predict(r#"{"rows": [{"age": 36, "plan": "basic", "visits": 3}], "explain": "shap"}"#);
    assert_eq!((why.status, why.code().as_str()), (400, "not_explainable"), "{}", why.body);
}

#[test]
fn a_truth_of_one_target_counts_for_that_one() {
    let (served, _) = served();
    let said = served.predict(ROW).json()["predictions"][0].clone();
    let give = |value: Value| {
        let body = json!({ "prediction_id": said["prediction_id"], "kind": "label", "value": value });
        served.post("/v1/feedback", &body.to_string())
    };
    let fate = |value: Value| give(value).json()["feedback"][0]["status"].as_str().unwrap().to_string();
    assert_eq!(fate(json!({ "left": "yes" })), "stored");
    assert_eq!(fate(json!({ "spent": 40.5, "left": null })), "stored", "another target is no contradiction");
    assert_eq!(fate(json!({ "left": "no" })), "stored", "the latest word was about the other");
    assert_eq!(fate(json!({ "left": "yes", "spent": 41 })), "contradicts");
    for (value, code, words) in [
        (json!({ "left": "perhaps" }), "unknown_class", "'left'"),
        (json!({ "spent": "much" }), "not_a_number", "'spent'"),
        (json!({ "spend": 3 }), "unknown_target", "spend"),
        (json!("yes"), "wrong_type", "several targets"),
        (json!({}), "wrong_type", "right answer"),
    ] {
        let answer = give(value.clone());
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{value}: {}", answer.body);
        assert!(answer.body.contains(words), "{value}: {}", answer.body);
    }
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!((&found["target"], &found["live"]["rows"]), (&json!("left"), &json!(1)));
    let spent = &found["others"][0];
    let off = (said["prediction"]["spent"].as_f64().unwrap() - 41.0).abs();
    assert!((spent["live"]["metrics"]["mae"].as_f64().unwrap() - off).abs() < 1e-9, "{spent}");
}

#[test]
fn the_target_that_was_taught_improves_and_the_other_stays() {
    let (served, model) = served();
    let before = std::fs::read(&model).unwrap();
    let first = tidemill_engine::package::read(&model).unwrap();
    let text = spending(400, 9);
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|l| l.split(',').collect()).collect();
    let asked: Vec<Value> =
        rows.iter().map(|r| json!({ "id": r[0], "age": r[1], "plan": r[2], "visits": r[3] })).collect();
    // The world has turned: who spent much spends little.
    let right: Vec<Value> =
        rows.iter().map(|r| json!({ "spent": 200.0 - r[5].parse::<f64>().unwrap() })).collect();
    served.teach(&asked, &right);
    let improved = served.improve("customers-model");
    assert!(improved.promoted, "{}", improved.verdict);
    assert_eq!(improved.targets.iter().map(|one| one.promoted).collect::<Vec<_>>(), [false, true]);
    assert!(
        improved.targets[0].verdict.starts_with("not enough to tell: 0 labelled"),
        "{}",
        improved.verdict
    );
    let after = tidemill_engine::package::read(&model).unwrap();
    assert_eq!(after.state.children[0], first.state.children[0]);
    assert!(after.state.children[1] != first.state.children[1]);
    assert_eq!(after.manifest.about["parent"], json!(improved.champion));
    // What it was taught is what the next round is not judged on.
    let again = served.improve("customers-model");
    assert!(!again.promoted && again.targets[1].rows.newer == 0, "{}", again.verdict);
    let back = versions::rollback(&model, &context()).unwrap();
    assert_eq!((Some(back.from), back.to), (improved.successor, improved.champion));
    assert_eq!(std::fs::read(&model).unwrap(), before);
}
