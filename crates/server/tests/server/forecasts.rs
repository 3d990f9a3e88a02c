//! A forecast in service: the recent past comes with the request.

use serde_json::{Value, json};
use tidemill_engine::builtin;
use tidemill_engine::recipe;
use tidemill_engine::verbs::predict;
use tidemill_engine::verbs::train;

use crate::{PREDICT, Served, context, send};

const HOUR: i64 = 3_600_000_000;

fn value(hour: i64) -> f64 {
    100.0 + 30.0 * (std::f64::consts::TAU * (hour % 24) as f64 / 24.0).sin() + ((hour * 7919) % 5) as f64
}

fn served() -> Served {
    served_by("kind = \"ridge\"")
}

fn served_by(learner: &str) -> Served {
    let folder = tempfile::tempdir().unwrap();
    let lines = (0..400).map(|hour| format!("{},{}\n", moment(hour * HOUR), value(hour)));
    let table = folder.path().join("sales.csv");
    std::fs::write(&table, format!("at,sold\n{}", lines.collect::<String>())).unwrap();
    let recipe = format!(
        "[data]\ntarget = \"sold\"\n[forecast]\nhorizon = \"6h\"\n[train]\ntrials = 1\n[folds]\nn = 2\n[[learners]]\n{learner}\n"
    );
    let recipe = recipe::parse(&recipe, "test.toml", &builtin::registry()).unwrap();
    let out = folder.path().join("sales-model");
    let source = table.display().to_string();
    let job =
        train::Job { words: &tidemill_engine::report::words::EN, source, recipe, recipe_file: None, out };
    let model = train::train(&job, &context()).unwrap().model;
    crate::serve(model, folder)
}

fn moment(micros: i64) -> String {
    tidemill_data::parse::write_iso(micros)
}

/// The 48 hours before `end`.
fn past(end: i64) -> Vec<Value> {
    (end - 48..end).map(|hour| json!([hour * HOUR, value(hour)])).collect()
}

#[test]
fn the_past_of_a_request_is_forecast_in_any_order_and_format() {
    let served = served();
    let ask = |history: &Value, hour: i64| {
        let answer = served.predict(&json!({ "history": history, "at": moment(hour * HOUR) }).to_string());
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["predictions"][0]["prediction"].as_f64().unwrap()
    };
    let plain = json!(past(1000));
    for ahead in 0..6 {
        assert!((ask(&plain, 1000 + ahead) - value(1000 + ahead)).abs() < 12.0);
    }
    let said = ask(&plain, 1003);
    let mut turned = past(1000);
    turned.reverse();
    // Twice the same timestamp is once its mean; dates say the same as microseconds; what is not known is not there.
    turned.push(json!([1001 * HOUR, null]));
    turned[5] = json!([moment(turned[5][0].as_i64().unwrap()), turned[5][1]]);
    let first = turned[7].clone();
    turned.push(first);
    assert_eq!(ask(&json!(turned), 1003), said);
    // What comes at the moment or after it is not looked at.
    let mut later = past(1000);
    later.extend([json!([1003 * HOUR, 1e9]), json!([1004 * HOUR, -1e9])]);
    assert_eq!(ask(&json!(later), 1003), said);

    let text = plain.to_string();
    let csv = format!("at,history\n{},\"{text}\"\n", moment(1003 * HOUR));
    let headers = [("Content-Type", "text/csv"), ("Accept", "application/json")];
    let answer = send(served.address(), "POST", PREDICT, &headers, csv.as_bytes());
    assert_eq!(answer.json()["predictions"][0]["prediction"].as_f64(), Some(said), "{}", answer.body);
    // The log keeps the series as the list that it is.
    let features: Value = serde_json::from_str(&served.logged()[0].features).unwrap();
    assert!(features.as_array().unwrap().contains(&plain), "{features}");
}

#[test]
fn what_is_no_series_is_refused_and_little_is_answered() {
    let served = served();
    let at = moment(1000 * HOUR);
    for bad in
        [json!("[[0, NaN]]"), json!("soon"), json!(7), json!([1, 2]), json!([["x", 1]]), json!({ "a": 1 })]
    {
        let answer = served.predict(&json!({ "history": bad, "at": at }).to_string());
        assert_eq!((answer.status, answer.code().as_str()), (400, "wrong_type"), "{bad}: {}", answer.body);
        assert!(answer.json()["error"]["remedy"].as_str().unwrap().contains("[timestamp, value]"));
    }
    for little in [json!([]), json!([[999 * HOUR, 5.0]]), Value::Null] {
        let answer = served.predict(&json!({ "history": little, "at": at }).to_string());
        assert_eq!(answer.status, 200, "{little}: {}", answer.body);
        assert!(answer.json()["predictions"][0]["prediction"].is_number(), "{}", answer.body);
    }
    assert_eq!(served.predict(&json!({ "at": at }).to_string()).code(), "missing_column");
}

#[test]
fn feedback_on_forecasts_trains_a_better_model() {
    better_by_feedback("kind = \"ridge\"");
}

#[test]
fn feedback_on_forecasts_trains_a_better_net() {
    better_by_feedback("kind = \"neural_net\"\nhidden = [8]\nepochs = 4\nseries = { width = 4 }\n");
}

/// Of late each hour is as the one a day before it, the other way round: a model of what was cannot know.
fn better_by_feedback(learner: &str) {
    let served = served_by(learner);
    let turned = |hour: i64| if hour / 24 % 2 == 0 { value(hour) } else { 200.0 - value(hour) };
    let row = |hour: i64| {
        let past: Vec<Value> = (hour - 48..hour - 2).map(|h| json!([h * HOUR, turned(h)])).collect();
        json!({ "history": past, "at": moment(hour * HOUR) })
    };
    let hours = 1000..1400;
    let rows: Vec<Value> = hours.clone().map(row).collect();
    let right: Vec<Value> = hours.map(|hour| json!(turned(hour))).collect();
    served.teach(&rows, &right);
    let improved = served.improve("sales-model");
    assert!(improved.promoted, "{}", improved.verdict);
    assert_eq!((improved.rows.labelled, improved.rows.unusable), (400, 0));

    // The file that took over still reads a dated table, and says what comes after it.
    let path = served.folder.path().join("sales-model/model.tidemill");
    let [table, out] =
        ["sales.csv", "said.csv"].map(|name| served.folder.path().join(name).display().to_string());
    predict::predict(&path, &table, &out, &context()).unwrap();
    let said = std::fs::read_to_string(out).unwrap();
    assert_eq!(said.lines().count(), 7, "{said}");
}
