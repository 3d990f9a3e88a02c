//! Feedback by prediction id, and what becomes of it.

use serde_json::{Value, json};

use crate::{ADA, Served, served};

fn id(served: &Served) -> String {
    served.predict(ADA).json()["predictions"][0]["prediction_id"].as_str().unwrap().to_string()
}

fn fates(served: &Served, body: &Value) -> Vec<String> {
    let answer = served.post("/v1/feedback", &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let fates = answer.json()["feedback"].as_array().cloned().unwrap_or_default();
    fates.iter().map(|f| f["fate"].as_str().unwrap().to_string()).collect()
}

#[test]
fn late_repeated_contradictory_and_orphaned_feedback_have_their_fates() {
    let served = served();
    let id = id(&served);
    let label = json!({ "prediction_id": id, "kind": "label", "value": "yes", "at": "2020-01-01T00:00:00Z" });
    assert_eq!(fates(&served, &label), ["stored"], "late is not a fault");
    assert_eq!(fates(&served, &json!([label, label])), ["repeated", "repeated"]);
    let other = json!({ "prediction_id": id, "kind": "label", "value": "no" });
    assert_eq!(fates(&served, &json!({ "feedback": [other] })), ["contradicts"]);
    let orphan = json!({ "prediction_id": "0198c0de-0000-7000-8000-000000000001", "kind": "accept" });
    assert_eq!(fates(&served, &orphan), ["orphaned"]);
    let metrics = served.get("/metrics").body;
    assert!(metrics.contains("tidemill_feedback_total{fate=\"repeated\",kind=\"label\"} 2"), "{metrics}");
    // One bad piece, and none is stored.
    let batch = json!([{ "prediction_id": id, "kind": "comment", "value": "fine" }, { "prediction_id": id }]);
    assert_eq!(served.post("/v1/feedback", &batch.to_string()).status, 400);
    assert_eq!(served.logged()[0].feedback.len(), 2);
}

#[test]
fn the_last_word_of_a_voice_counts_however_often_it_changes_its_mind() {
    let served = served();
    let id = id(&served);
    let says = |word: &str| json!({ "prediction_id": id, "kind": "label", "value": word });
    assert_eq!(fates(&served, &says("yes")), ["stored"]);
    assert_eq!(fates(&served, &says("no")), ["contradicts"]);
    assert_eq!(fates(&served, &says("yes")), ["contradicts"], "said again after it was taken back");
    assert_eq!(fates(&served, &says("yes")), ["repeated"]);
    assert_eq!(fates(&served, &says("no")), ["contradicts"]);
    let said = &served.logged()[0].feedback;
    assert_eq!(said.len(), 4);
}

#[test]
fn seconds_milliseconds_and_microseconds_are_told_apart() {
    let served = served();
    let id = id(&served);
    let at = |at: i64, value: &str| json!({ "prediction_id": id, "kind": "label", "value": value, "at": at });
    for (unit, value) in [(1, "yes"), (1_000, "no"), (1_000_000, "yes")] {
        fates(&served, &at((1_700_000_000 + i64::from(unit == 1_000)) * unit, value));
    }
    let said: Vec<i64> = served.logged()[0].feedback.iter().map(|given| given.at / 1_000_000).collect();
    // The same word at the same second, in another unit, is said once.
    assert_eq!(said, [1_700_000_000, 1_700_000_001]);
}

#[test]
fn ratings_and_live_scores_stand_beside_the_test_score() {
    let served = served();
    let mut all = Vec::new();
    for i in 0..60 {
        let row = format!(r#"{{"age": {}, "plan": "basic", "visits": {}}}"#, 18 + i, i % 40);
        let said = served.predict(&row).json()["predictions"][0].clone();
        let id = &said["prediction_id"];
        // The model is right in five rows of six.
        let truth = match i % 6 {
            0 => json!(if said["prediction"] == "yes" { "no" } else { "yes" }),
            _ => said["prediction"].clone(),
        };
        all.push(json!({ "prediction_id": id, "kind": "label", "value": truth }));
        all.push(json!({ "prediction_id": id, "kind": "rating", "value": if i % 3 == 0 { 2 } else { 5 }, "user": "u" }));
    }
    fates(&served, &json!(all));
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!(found["live"]["rows"], 60);
    assert!((found["live"]["metrics"]["accuracy"].as_f64().unwrap() - 50.0 / 60.0).abs() < 1e-12, "{found}");
    assert!(found["live"]["metrics"]["f1"].as_f64().is_some());
    assert_eq!(found["days"].as_array().unwrap().len(), 1);
    assert!(found["test"]["value"].as_f64().is_some());
    // 40 of 60, Wilson: 0.5405 to 0.7721 (statsmodels 0.14, proportion_confint(40, 60, method="wilson")).
    let ratings = &found["ratings"];
    assert!((ratings["satisfied"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!((ratings["low"].as_f64().unwrap() - 0.5406).abs() < 2e-4, "{ratings}");
    assert!((ratings["high"].as_f64().unwrap() - 0.7727).abs() < 1e-3, "{ratings}");
    assert_eq!(ratings["sentence"], "satisfied: 67%, 95% CI 54% to 77%");
    assert_eq!(found["recent"].as_array().unwrap().len(), 20);
}

#[test]
fn acceptance_and_rejection_say_the_right_answer() {
    let served = served();
    let accepted = id(&served);
    let rejected = id(&served);
    fates(
        &served,
        &json!([
            { "prediction_id": accepted, "kind": "accept" },
            { "prediction_id": rejected, "kind": "reject" },
        ]),
    );
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!(
        (found["live"]["rows"].clone(), found["live"]["metrics"]["accuracy"].clone()),
        (json!(2), json!(0.5))
    );
}

#[test]
fn who_rates_again_counts_once_and_the_monitor_says_so() {
    let served = served();
    let id = id(&served);
    let rate = |user: &str, value: u8, at: &str| json!({ "prediction_id": id, "kind": "rating", "value": value, "user": user, "at": at });
    assert_eq!(fates(&served, &rate("ann", 5, "2026-01-02")), ["stored"]);
    assert_eq!(
        fates(&served, &rate("bob", 1, "2026-01-03")),
        ["stored"],
        "another user's is another opinion"
    );
    assert_eq!(fates(&served, &rate("ann", 2, "2026-01-04")), ["contradicts"]);
    assert_eq!(fates(&served, &rate("ann", 4, "2026-01-01")), ["superseded"], "a later one counts already");
    let found = served.get("/v1/models/customers/monitor").json();
    assert_eq!(found["ratings"]["n"], 2, "{found}");
    assert_eq!(found["ratings"]["satisfied"], 0.0, "the latest of each counts: {found}");
    assert_eq!(found["feedback"]["rating"], 4, "{found}");
    assert_eq!(found["not_counted"]["superseded_rating"], 2, "{found}");
}
