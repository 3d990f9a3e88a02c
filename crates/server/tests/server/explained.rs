//! Why an answer is what it is, beside the answer.

use serde_json::Value;

use super::{ADA, PREDICT, customers, send, serve, served, trained};

const TREES: &str = "[[learners]]\nkind = 'boosted_trees'\n[train]\ncalibrate = 'none'\n";

fn sum(explanation: &Value) -> f64 {
    let values = explanation["values"].as_object().unwrap();
    explanation["base"].as_f64().unwrap() + values.values().map(|v| v.as_f64().unwrap()).sum::<f64>()
}

#[test]
fn values_of_trees_sum_to_the_score_behind_the_probability() {
    let folder = tempfile::tempdir().unwrap();
    let served = serve(trained(&customers(400, 1), TREES, folder.path()), folder);
    let answer = served.predict(&format!("{{\"explain\": \"shap\", \"rows\": [{ADA}]}}")).json();
    let said = &answer["predictions"][0];
    let explanation = &said["explanation"];
    assert_eq!((&explanation["method"], &explanation["units"]), (&"tree_shap".into(), &"margin".into()));
    let mut columns: Vec<&String> = explanation["values"].as_object().unwrap().keys().collect();
    columns.sort();
    assert_eq!(columns, ["age", "plan", "visits"], "values are the user's columns");
    let p = said["probabilities"]["yes"].as_f64().unwrap();
    assert!((sum(explanation) - (p / (1.0 - p)).ln()).abs() < 1e-6, "{answer}");
    // The order of keys does not matter.
    let other = served.predict(&format!("{{\"rows\": [{ADA}], \"explain\": \"shap\"}}")).json();
    assert_eq!(other["predictions"][0]["explanation"], *explanation);
}

#[test]
fn any_model_is_explained_by_what_is_usual_in_its_columns() {
    let served = served();
    let answer = served.post(&format!("{PREDICT}?explain=shap"), ADA).json();
    let said = &answer["predictions"][0];
    let explanation = &said["explanation"];
    assert_eq!(explanation["values"].as_object().unwrap().len(), 3, "{answer}");
    if explanation["units"] == "probability" {
        let p = said["probabilities"][explanation["of"].as_str().unwrap()].as_f64().unwrap();
        assert!((sum(explanation) - p).abs() < 1e-6, "{answer}");
    }
    let again = served.post(&format!("{PREDICT}?explain=shap"), ADA).json();
    assert_eq!(again["predictions"][0]["explanation"], *explanation, "the same row, the same reasons");
}

#[test]
fn other_formats_say_it_too_and_who_does_not_ask_is_not_told() {
    let served = served();
    assert!(served.predict(ADA).json()["predictions"][0].get("explanation").is_none());
    let row = "id,age,plan,visits\nada,36,basic,3\n";
    let path = format!("{PREDICT}?explain=shap");
    let csv = send(served.address(), "POST", &path, &[("Content-Type", "text/csv")], row.as_bytes());
    let head = csv.body.lines().next().unwrap();
    assert!(
        ["shap_base", "shap_age", "shap_plan", "shap_visits"].iter().all(|name| head.contains(name)),
        "{head}"
    );
    let headers = [("Content-Type", "text/csv"), ("Accept", "application/xml")];
    let xml = send(served.address(), "POST", &path, &headers, row.as_bytes());
    assert!(
        xml.body.contains("<explanation method=") && xml.body.contains("<value column=\"age\">"),
        "{}",
        xml.body
    );
}

#[test]
fn an_explanation_that_does_not_exist_is_refused_by_name() {
    let served = served();
    let body = format!("{{\"explain\": \"tarot\", \"rows\": [{ADA}]}}");
    for answer in [served.predict(&body), served.post(&format!("{PREDICT}?explain=tarot"), ADA)] {
        assert_eq!((answer.status, answer.code().as_str()), (400, "unknown_explanation"), "{}", answer.body);
    }
}

#[test]
fn gradients_are_said_of_nets_alone() {
    let folder = tempfile::tempdir().unwrap();
    let net = "[[learners]]\nkind = 'neural_net'\nepochs = 3\n[train]\ncalibrate = 'none'\n";
    let served = serve(trained(&customers(300, 1), net, folder.path()), folder);
    let answer = served.predict(&format!("{{\"explain\": \"gradients\", \"rows\": [{ADA}]}}")).json();
    let said = &answer["predictions"][0];
    let explanation = &said["explanation"];
    let told = (&explanation["method"], &explanation["units"]);
    assert_eq!(told, (&"gradients".into(), &"probability".into()));
    let p = said["probabilities"]["yes"].as_f64().unwrap();
    assert!((sum(explanation) - p).abs() < 1e-3, "{answer}");
    let row = "id,age,plan,visits\nada,36,basic,3\n";
    let path = format!("{PREDICT}?explain=gradients");
    let csv = send(served.address(), "POST", &path, &[("Content-Type", "text/csv")], row.as_bytes());
    let head = csv.body.lines().next().unwrap();
    assert!(head.contains("gradient_base") && head.contains("gradient_plan"), "{head}");
    let folder = tempfile::tempdir().unwrap();
    let served = serve(trained(&customers(400, 1), TREES, folder.path()), folder);
    let refused = served.post(&path, ADA);
    assert_eq!((refused.status, refused.code().as_str()), (400, "not_explainable"), "{}", refused.body);
}
