//! Language models: feedback on answers, what of them is private, and adapters that come and go.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tidemill_engine::improve;
use tidemill_engine::language::Sft;
use tidemill_engine::model::versions::rollback;
use tidemill_server::{Options, start};

use crate::language::{CHAT, TEXT, chat, copied, fixture, logged, served, served_with};
use crate::{Served, context};

#[test]
fn feedback_on_answers_is_judged_when_it_arrives() {
    let served = served();
    let two = served.post(CHAT, &chat(json!({ "n": 2, "temperature": 1, "seed": 3 }))).json();
    let other = served.post(TEXT, &json!({ "model": "llama", "prompt": "ab" }).to_string()).json();
    let id = |answer: &Value, i: usize| answer["choices"][i]["prediction_id"].clone();
    let give = |id: &Value, kind: &str, value: Value| {
        served.post("/v1/feedback", &json!({ "prediction_id": id, "kind": kind, "value": value }).to_string())
    };
    let (first, second) = (id(&two, 0), id(&two, 1));
    // Without a temperature both answers are the likeliest one.
    let same = served.post(CHAT, &chat(json!({ "n": 2 }))).json();
    for (kind, value) in [
        ("correction", json!("Hello!")),
        ("rating", json!(4)),
        ("accept", Value::Null),
        ("reject", Value::Null),
        ("preference", second.clone()),
    ] {
        let answer = give(&first, kind, value);
        assert_eq!(answer.status, 200, "{kind}: {}", answer.body);
    }
    let unknown = json!("chatcmpl-0198c0de-0000-7000-8000-000000000001");
    for (id, kind, value, code) in [
        (&unknown, "correction", json!("Hello!"), "no_such_prediction"),
        (&first, "correction", json!(4), "wrong_type"),
        (&first, "correction", json!(" "), "wrong_type"),
        (&first, "rating", json!(9), "wrong_type"),
        (&first, "preference", first.clone(), "wrong_type"),
        (&first, "preference", unknown.clone(), "no_such_answer"),
        (&first, "preference", id(&other, 0), "no_such_answer"),
        (&id(&same, 0), "preference", id(&same, 1), "equal_answers"),
    ] {
        let answer = give(id, kind, value.clone());
        assert_eq!((answer.status, answer.code().as_str()), (400, code), "{kind} {value}");
    }
}

#[test]
fn what_the_recipe_beside_a_model_makes_private_is_not_in_the_log() {
    let served = served_with(|folder| {
        let recipe = "[columns.messages]\nprivate = \"drop\"\n[columns.answer]\nprivate = \"drop\"\n";
        std::fs::write(folder.join("llama.toml"), recipe).unwrap();
    });
    assert_eq!(served.post(CHAT, &chat(json!({}))).status, 200);
    let log = logged(&served);
    let kept: Value = serde_json::from_str(&log[0].features).unwrap();
    assert_eq!((&kept[0], log[0].prediction.as_str()), (&Value::Null, "null"));
    let folder = tempfile::tempdir().unwrap();
    copied(&fixture("llama"), &folder.path().join("llama"));
    std::fs::write(folder.path().join("llama.toml"), "[columns.mesages]\nprivate = \"drop\"\n").unwrap();
    let options =
        Options::local(vec![folder.path().join("llama")], folder.path().join("s.db").display().to_string());
    let error = start(&options, &context()).map(drop).unwrap_err();
    assert!(error.to_string().contains("'mesages'"), "{error}");
}

/// Asks `n` questions whose first letter says the right answer, and corrects each as `right` says.
fn teach(served: &Served, n: usize, right: impl Fn(usize) -> &'static str) {
    for i in 0..n {
        let prompt = format!("{}{i}:", if i % 2 == 0 { "aa" } else { "zz" });
        let body = json!({ "model": "llama", "prompt": prompt, "max_tokens": 2, "temperature": 0 });
        let answer = served.post(TEXT, &body.to_string()).json();
        let said = json!({ "prediction_id": answer["id"], "kind": "correction", "value": right(i) });
        assert_eq!(served.post("/v1/feedback", &said.to_string()).status, 200);
    }
}

fn challenge(served: &Served) -> improve::language::Improved {
    challenge_by(served, Sft { epochs: 12, batch: 4, learning_rate: 2e-2, ..Sft::default() })
}

fn challenge_by(served: &Served, tuning: Sft) -> improve::language::Improved {
    let model = served.folder.path().join("llama");
    let job = improve::Job { model, tuning, ..improve::Job::default() };
    improve::language::improve(&job, &served.running.app.store, &context()).unwrap()
}

fn hash(served: &Served) -> Value {
    served.get("/v1/models/llama").json()["hash"].clone()
}

/// Waits until the server has seen another file.
fn until(served: &Served, hash_is: &str) {
    let begun = Instant::now();
    while hash(served) != hash_is {
        assert!(begun.elapsed() < Duration::from_secs(20), "the version never came into service");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn what_users_correct_is_learned_swapped_in_and_rolled_back() {
    let served = served();
    let before = hash(&served);
    assert!(challenge(&served).verdict.contains("not enough to tell"));
    teach(&served, 80, |i| if i % 2 == 0 { "ok" } else { "no" });
    let improved = challenge(&served);
    assert!(improved.promoted, "{}", improved.verdict);
    assert_eq!((improved.rows.tuned, improved.rows.held_out), (40, 40));
    assert_eq!(Some(improved.champion.as_str()), before.as_str());
    until(&served, improved.successor.as_deref().unwrap());
    let ask = json!({ "model": "llama", "prompt": "aa99:", "max_tokens": 2, "temperature": 0 }).to_string();
    assert!(served.post(TEXT, &ask).json()["choices"][0]["text"].as_str().unwrap().starts_with("ok"));
    // All of that feedback is used up, and the next run begins from the new version.
    assert!(challenge(&served).verdict.contains("0 labelled predictions are newer"));

    let back = rollback(&served.folder.path().join("llama"), &context()).unwrap();
    assert_eq!(Some(back.to.as_str()), before.as_str());
    until(&served, &back.to);
    assert!(challenge(&served).verdict.contains("rolled back"), "what was rolled back must not come again");
    assert!(rollback(&served.folder.path().join("llama"), &context()).is_err());
}

/// Asks `n` questions for two answers each, and prefers the one that `better` says, by index.
fn prefer(served: &Served, n: usize, better: impl Fn(&[String; 2], usize) -> usize) {
    for i in 0..n {
        let body = json!({ "model": "llama", "prompt": format!("aa{i}:"), "max_tokens": 2, "n": 2, "temperature": 1, "seed": 2 * i });
        let answer = served.post(TEXT, &body.to_string()).json();
        let texts = [0, 1].map(|k| answer["choices"][k]["text"].as_str().unwrap().to_string());
        if texts[0] == texts[1] {
            continue;
        }
        let chosen = better(&texts, i);
        let id = |k: usize| answer["choices"][k]["prediction_id"].clone();
        let said = json!({ "prediction_id": id(chosen), "kind": "preference", "value": id(1 - chosen) });
        assert_eq!(served.post("/v1/feedback", &said.to_string()).status, 200);
    }
}

#[test]
fn preferences_are_learned_from_where_they_say_something() {
    let told = served();
    // Whoever prefers by the first letter can be learned from; who throws a coin cannot.
    prefer(&told, 240, |texts, _| usize::from(texts[1] < texts[0]));
    let gentle = || Sft { epochs: 4, batch: 4, learning_rate: 8e-3, ..Sft::default() };
    let improved = challenge_by(&told, gentle());
    assert!(
        improved.promoted && improved.verdict.starts_with("by preferences: promoted"),
        "{}",
        improved.verdict
    );
    until(&told, improved.successor.as_deref().unwrap());
    assert!(!challenge_by(&told, gentle()).promoted, "all of it is used up");
    let untold = served();
    prefer(&untold, 240, |_, i| usize::from((i * i * 7 + i / 3) % 5 < 2));
    let improved = challenge_by(&untold, gentle());
    assert!(!improved.promoted, "{}", improved.verdict);
}

#[test]
fn feedback_that_has_nothing_to_do_with_its_questions_is_not_swapped_in() {
    let served = served();
    // The same two answers, in an order that no question tells.
    teach(&served, 80, |i| if (i * i * 7 + i / 3) % 5 < 2 { "ok" } else { "no" });
    let improved = challenge(&served);
    assert!(!improved.promoted, "{}", improved.verdict);
    assert!(!served.folder.path().join("llama.tidemill").exists());
}

#[test]
fn an_adapter_for_another_base_is_refused_by_the_name_of_the_file() {
    let served = served();
    teach(&served, 80, |i| if i % 2 == 0 { "ok" } else { "no" });
    assert!(challenge(&served).promoted);
    let Served { running, folder } = served;
    drop(running);
    let config = folder.path().join("llama/generation_config.json");
    std::fs::write(&config, "{}").unwrap();
    let options =
        Options::local(vec![folder.path().join("llama")], folder.path().join("s.db").display().to_string());
    let error = start(&options, &context()).map(drop).unwrap_err();
    assert!(error.to_string().contains("generation_config.json"), "{error}");
}
