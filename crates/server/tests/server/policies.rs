//! A policy over HTTP: actions drawn and logged with their probabilities, rewards as feedback.

use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_engine::builtin;
use tidemill_engine::report::words::EN;
use tidemill_engine::verbs::train::{Done, Job, train_any};

use crate::{PREDICT, Served, context, send, serve};

fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("offers.csv");
    let mut text = String::from("age,offer,p,earned\n");
    for i in 0..400 {
        let age = 20.0 + f64::from(i * 37 % 60);
        let call = i * 7919 % 1009 % 2 == 0;
        let noise = f64::from(i * 31 % 17) / 8.0 - 1.0;
        let earned = if call { (age - 40.0) / 8.0 } else { 2.0 } + noise;
        text += &format!("{age},{},0.5,{earned}\n", if call { "call" } else { "mail" });
    }
    std::fs::write(&data, text).unwrap();
    let text = "[policy]\naction = 'offer'\nreward = 'earned'\npropensity = 'p'\n[[learners]]\n\
                kind = 'policy_linucb'\nepsilon = 0.4\n";
    let recipe: Recipe = tidemill_engine::recipe::parse(text, "test.toml", &builtin::registry()).unwrap();
    let out = folder.path().join("offers-model");
    let job = Job { words: &EN, source: data.display().to_string(), recipe, recipe_file: None, out };
    let Done::Policy(trained) = train_any(&job, &context()).unwrap() else { panic!("a policy") };
    serve(trained.model.clone(), folder)
}

fn ask(served: &Served, accept: &str, body: &str) -> String {
    let answer = send(served.address(), "POST", PREDICT, &[("Accept", accept)], body.as_bytes());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

#[test]
fn actions_are_drawn_and_said_with_their_probabilities_in_every_format() {
    let served = served();
    let rows: Vec<Value> = (0..400).map(|_| json!({ "age": 79 })).collect();
    let said: Value =
        serde_json::from_str(&ask(&served, "application/json", &json!(rows).to_string())).unwrap();
    let mut called = 0;
    for answer in said["predictions"].as_array().unwrap() {
        let action = answer["prediction"].as_str().unwrap();
        assert_eq!(answer["propensity"], answer["probabilities"][action]);
        assert!(answer["expected_rewards"]["call"].as_f64() > answer["expected_rewards"]["mail"].as_f64());
        called += usize::from(action == "call");
    }
    // 80% of 400, within four standard errors.
    assert!((288..=352).contains(&called), "{called}");
    let csv = ask(&served, "text/csv", r#"{"age": 79}"#);
    let head = "prediction_id,prediction,propensity,probability_call,probability_mail,expected_reward_call,expected_reward_mail,warnings\n";
    assert!(csv.starts_with(head), "{csv}");
    assert_eq!(csv.lines().nth(1).unwrap().split(',').count(), 8, "{csv}");
    let xml = ask(&served, "application/xml", r#"{"age": 79}"#);
    assert!(xml.contains("<expected_reward class=\"call\">"), "{xml}");
}

#[test]
fn the_reward_comes_back_and_is_watched() {
    let served = served();
    let rows: Vec<Value> = (0..3).map(|i| json!({ "age": 30 + i })).collect();
    let said: Value =
        serde_json::from_str(&ask(&served, "application/json", &json!(rows).to_string())).unwrap();
    let give = |at: usize, kind: &str, value: Value| {
        let id = &said["predictions"][at]["prediction_id"];
        served.post("/v1/feedback", &json!({ "prediction_id": id, "kind": kind, "value": value }).to_string())
    };
    let stored = |answer: crate::Answer| answer.json()["feedback"][0]["status"].as_str().unwrap().to_string();
    assert_eq!(stored(give(0, "label", json!(2.5))), "stored");
    assert_eq!(stored(give(1, "outcome", json!(0.5))), "stored");
    assert_eq!(stored(give(2, "label", json!(true))), "stored");
    let refused = give(2, "outcome", json!(1e200));
    assert_eq!((refused.status, refused.code().as_str()), (400, "not_a_number"), "it would never count");
    let refused = give(2, "label", json!("call"));
    assert_eq!((refused.status, refused.code().as_str()), (400, "not_a_number"), "{}", refused.body);
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!((&found["metric"], &found["live"]["rows"]), (&json!("mean_reward"), &json!(3)), "{found}");
    let mean = found["live"]["value"].as_f64().or(found["live"]["figure"]["value"].as_f64()).unwrap();
    assert!((mean - 4.0 / 3.0).abs() < 1e-9, "{found}");
}
