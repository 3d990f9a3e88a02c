//! Language models: OpenAI's API, the log, feedback on answers, and adapters that come and go. The model is a tiny one with random
//! weights.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tidemill_engine::improve;
use tidemill_engine::language::Sft;
use tidemill_engine::model::versions::rollback;
use tidemill_server::{Options, start};
use tidemill_store::LoggedPrediction;

use crate::{Answer, Served, context};

pub(crate) const CHAT: &str = "/v1/chat/completions";
pub(crate) const TEXT: &str = "/v1/completions";

pub(crate) fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../language/tests/fixtures").join(name)
}

/// Copies the files of a folder.
pub(crate) fn copied(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copied(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

/// A folder with a tiny checkpoint `llama`, where `prepare` may put more.
pub(crate) fn served_with(prepare: impl FnOnce(&Path)) -> Served {
    let folder = tempfile::tempdir().unwrap();
    copied(&fixture("llama"), &folder.path().join("llama"));
    prepare(folder.path());
    served_again(folder)
}

fn served_again(folder: TempDir) -> Served {
    let store = folder.path().join("loop.db").display().to_string();
    let options = Options::local(vec![folder.path().join("llama")], store);
    Served { running: start(&options, &context()).unwrap(), folder }
}

pub(crate) fn served() -> Served {
    served_with(|_| {})
}

pub(crate) fn chat(extra: Value) -> String {
    let mut body = json!({ "model": "llama", "messages": [{ "role": "user", "content": "Hi" }], "max_tokens": 6,
                           "temperature": 0 });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    body.to_string()
}

pub(crate) fn logged(served: &Served) -> Vec<LoggedPrediction> {
    let mut found = Vec::new();
    let store = &served.running.app.store;
    store
        .each_logged("llama", i64::MIN, i64::MAX, false, &mut |p| {
            found.push(p);
            Ok(())
        })
        .unwrap();
    found
}

/// The events of a stream.
pub(crate) fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut lines: Vec<&str> = answer.body.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    assert_eq!(lines.pop(), Some("[DONE]"));
    lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_chat_is_answered_logged_and_the_same_again() {
    let served = served();
    let answer = served.post(CHAT, &chat(json!({ "user": "ada" }))).json();
    let choice = &answer["choices"][0];
    let text = choice["message"]["content"].as_str().unwrap();
    assert!(!text.is_empty());
    assert_eq!((&answer["object"], &choice["finish_reason"]), (&json!("chat.completion"), &json!("length")));
    assert_eq!(answer["usage"]["completion_tokens"], 6);
    let total = answer["usage"]["prompt_tokens"].as_u64().unwrap() + 6;
    assert_eq!(answer["usage"]["total_tokens"], total);
    let again = served.post(CHAT, &chat(json!({}))).json();
    assert_eq!(again["choices"][0]["message"]["content"], text);

    let log = logged(&served);
    assert_eq!(log.len(), 2);
    assert_eq!(format!("chatcmpl-{}", log[0].id), answer["id"].as_str().unwrap());
    assert_eq!(
        (log[0].prediction.clone(), log[0].row_key.as_deref()),
        (json!(text).to_string(), Some("ada"))
    );
    let kept: Value = serde_json::from_str(&log[0].features).unwrap();
    assert_eq!(kept[0], json!([{ "role": "user", "content": "Hi" }]));
    assert_eq!((&kept[1], &kept[2]["max_tokens"]), (&Value::Null, &json!(6)));
}

#[test]
fn a_stream_says_what_the_whole_answer_says() {
    let served = served();
    let warm = json!({ "temperature": 1.5, "seed": 7, "n": 2, "max_tokens": 9 });
    let whole = served.post(CHAT, &chat(warm.clone())).json();
    let texts: Vec<&str> =
        (0..2).map(|i| whole["choices"][i]["message"]["content"].as_str().unwrap()).collect();
    assert_ne!(texts[0], texts[1]);
    let mut streamed = warm;
    streamed["stream"] = true.into();
    streamed["stream_options"] = json!({ "include_usage": true });
    let answer = served.post(CHAT, &chat(streamed));
    assert!(answer.head.contains("text/event-stream"), "{}", answer.head);
    let events = events(&answer);
    for (i, text) in texts.iter().enumerate() {
        let of = events.iter().flat_map(|e| e["choices"].as_array().unwrap()).filter(|c| c["index"] == i);
        let said: String = of.filter_map(|c| c["delta"]["content"].as_str()).collect();
        assert_eq!(said, *text);
    }
    let last = events.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    for key in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        assert_eq!(last["usage"][key], whole["usage"][key]);
    }
    // The prompt was read for the first request, but for its last token.
    let prompt_tokens = whole["usage"]["prompt_tokens"].as_u64().unwrap();
    let cached = |usage: &Value| usage["prompt_tokens_details"]["cached_tokens"].as_u64().unwrap();
    assert_eq!((cached(&whole["usage"]), cached(&last["usage"])), (0, prompt_tokens - 1));
    assert!(events[..events.len() - 1].iter().all(|e| e["usage"].is_null()));
    assert_eq!(logged(&served).len(), 4);
}

#[test]
fn a_stop_ends_an_answer_and_a_completion_goes_on_from_its_prompt() {
    let served = served();
    let ask = |extra: Value| {
        let mut body = json!({ "model": "llama", "prompt": "ab", "temperature": 0 });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        served.post(TEXT, &body.to_string()).json()
    };
    let whole = ask(json!({ "max_tokens": 12 }));
    let text = whole["choices"][0]["text"].as_str().unwrap();
    assert!(whole["id"].as_str().unwrap().starts_with("cmpl-"));
    let stop: String = text.chars().skip(3).take(2).collect();
    let cut = ask(json!({ "max_tokens": 12, "stop": [stop.clone()] }));
    let wanted = &text[..text.find(&stop).unwrap()];
    assert_eq!(
        (&cut["choices"][0]["text"], &cut["choices"][0]["finish_reason"]),
        (&json!(wanted), &json!("stop"))
    );
}

#[test]
fn each_token_says_how_likely_it_was() {
    let served = served();
    let whole = served.post(CHAT, &chat(json!({ "logprobs": true, "top_logprobs": 3 }))).json();
    let content = whole["choices"][0]["logprobs"]["content"].as_array().unwrap();
    assert_eq!(content.len(), 6);
    for token in content {
        let top = token["top_logprobs"].as_array().unwrap();
        // Without a temperature the likeliest is said.
        assert_eq!((top.len(), &top[0]["logprob"]), (3, &token["logprob"]));
        assert!(
            top[0]["logprob"].as_f64() >= top[1]["logprob"].as_f64()
                && top[0]["logprob"].as_f64() < Some(0.0)
        );
    }
    let streamed = served.post(CHAT, &chat(json!({ "logprobs": true, "top_logprobs": 3, "stream": true })));
    let events = events(&streamed);
    assert_eq!(events.last().unwrap()["choices"][0]["logprobs"]["content"], json!(content));
    let body = json!({ "model": "llama", "prompt": "ab", "temperature": 0, "max_tokens": 4, "logprobs": 2 })
        .to_string();
    let text = served.post(TEXT, &body).json();
    let scored = &text["choices"][0]["logprobs"];
    assert_eq!((scored["tokens"].as_array().unwrap().len(), &scored["text_offset"][0]), (4, &json!(0)));
}

#[test]
fn faults_are_those_of_openai() {
    let served = served();
    let long = "word ".repeat(60);
    for (path, body, status, code, param) in [
        (CHAT, chat(json!({ "model": "gpt" })), 404, "model_not_found", json!("model")),
        (CHAT, chat(json!({ "temperature": -1 })), 400, "invalid_value", json!("temperature")),
        (CHAT, chat(json!({ "tools": [{}] })), 400, "invalid_value", json!("tools")),
        // Its template has no place for tools.
        (CHAT, chat(json!({ "tools": [tool()] })), 400, "unsupported_parameter", json!("tools")),
        (
            CHAT,
            chat(json!({ "response_format": { "type": "regex", "regex": "[a" } })),
            400,
            "invalid_value",
            json!("response_format"),
        ),
        (
            CHAT,
            chat(json!({ "messages": [{ "role": "user", "content": long }] })),
            400,
            "context_length_exceeded",
            json!("messages"),
        ),
        (
            CHAT,
            chat(json!({ "messages": [{ "role": "user", "content": long }], "stream": true })),
            400,
            "context_length_exceeded",
            json!("messages"),
        ),
        (CHAT, "{".into(), 400, "malformed_json", Value::Null),
        (
            "/v1/embeddings",
            json!({ "model": "llama", "input": "x" }).to_string(),
            400,
            "unsupported_model",
            json!("model"),
        ),
    ] {
        let answer = served.post(path, &body);
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, error["code"].as_str().unwrap(), &error["param"]),
            (status, code, &param),
            "{body}"
        );
        assert_eq!(error["type"], "invalid_request_error");
        assert!(error["message"].as_str().is_some_and(|m| !m.is_empty()));
    }
    assert!(logged(&served).is_empty());
    let models = served.get("/v1/models").json();
    assert_eq!((&models["object"], &models["data"][0]["id"]), (&json!("list"), &json!("llama")));
    assert_eq!(served.get("/v1/models/llama").json()["object"], "model");
}

fn tool() -> Value {
    json!({ "type": "function", "function": { "name": "weather", "parameters": { "type": "object" } } })
}

#[test]
fn an_answer_has_the_form_that_was_asked_for() {
    let served = served();
    let schema = json!({ "type": "object", "properties": { "ok": { "type": "boolean" } }, "required": ["ok"],
                         "additionalProperties": false });
    let format = json!({ "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": schema } });
    let ask = json!({ "response_format": format, "max_tokens": 30, "temperature": 1, "seed": 5 });
    let choice = served.post(CHAT, &chat(ask)).json()["choices"][0].clone();
    assert_eq!(choice["finish_reason"], "stop");
    let said: Value = serde_json::from_str(choice["message"]["content"].as_str().unwrap()).unwrap();
    assert!(said["ok"].is_boolean(), "{said}");
    let kept: Value = serde_json::from_str(&logged(&served)[0].features).unwrap();
    assert_eq!(kept[2]["form"]["schema"]["required"], json!(["ok"]));
}

#[test]
fn tools_are_called_where_the_template_has_them() {
    let served = served_with(|folder| {
        let change = |name: &str, change: &dyn Fn(String) -> String| {
            let file = folder.join("llama").join(name);
            std::fs::write(&file, change(std::fs::read_to_string(&file).unwrap())).unwrap();
        };
        let tools = "{% for tool in tools or [] %}{{ tool | tojson }}{% endfor %}";
        change("chat_template.jinja", &|template| format!("{tools}{template}"));
        // A call is longer than the context of the fixture.
        change("config.json", &|text| {
            text.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 512")
        });
    });
    // What its random weights would never say is asked for as a form.
    let call = r#"<tool_call>\{"name": "weather", "arguments": \{"city": "Ulm"\}\}</tool_call>"#;
    let before = json!([{ "role": "user", "content": "Hi" },
        { "role": "assistant", "content": null, "tool_calls": [{ "id": "a", "type": "function",
          "function": { "name": "weather", "arguments": "{}" } }] },
        { "role": "tool", "tool_call_id": "a", "content": "rain" }]);
    let mut ask = json!({ "tools": [tool()], "tool_choice": "auto", "max_tokens": 200, "messages": before,
                          "response_format": { "type": "regex", "regex": call } });
    let whole = served.post(CHAT, &chat(ask.clone())).json();
    let choice = &whole["choices"][0];
    assert_eq!(
        (&choice["finish_reason"], &choice["message"]["content"]),
        (&json!("tool_calls"), &Value::Null),
        "{whole}"
    );
    let function = &choice["message"]["tool_calls"][0]["function"];
    assert_eq!(function, &json!({ "name": "weather", "arguments": r#"{"city":"Ulm"}"# }));
    ask["stream"] = true.into();
    let events = events(&served.post(CHAT, &chat(ask)));
    let called = events.iter().map(|event| &event["choices"][0]["delta"]["tool_calls"]);
    let called: Vec<&Value> = called.filter(|calls| !calls.is_null()).collect();
    assert_eq!((called.len(), &called[0][0]["function"]), (1, function));
    assert_eq!(events.last().unwrap()["choices"][0]["finish_reason"], "tool_calls");
    let kept: Value = serde_json::from_str(&logged(&served)[0].features).unwrap();
    assert_eq!(kept[0]["tools"][0]["function"]["name"], "weather");
}

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

#[test]
fn a_gpt2_goes_on_from_texts_and_does_not_chat() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("gpt2");
    copied(&fixture("gpt2"), &to);
    for name in ["tokenizer.json", "tokenizer_config.json"] {
        std::fs::copy(fixture("llama").join(name), to.join(name)).unwrap();
    }
    let store = folder.path().join("s.db").display().to_string();
    let running = start(&Options::local(vec![to], store), &context()).unwrap();
    let served = Served { running, folder };
    let ask = json!({ "model": "gpt2", "prompt": "The capital of", "max_tokens": 5, "temperature": 0,
                      "logit_bias": { "19": -100 } });
    let answer = served.post(TEXT, &ask.to_string()).json();
    assert_eq!(answer["usage"]["completion_tokens"], 5, "{answer}");
    let answer = served.post(CHAT, &chat(json!({ "model": "gpt2" })));
    assert_eq!((answer.status, answer.code().as_str()), (400, "no_chat_template"));
    let beyond = json!({ "model": "gpt2", "prompt": "The", "logit_bias": { "280": 1 } }).to_string();
    let answer = served.post(TEXT, &beyond);
    assert_eq!((answer.status, answer.code().as_str()), (400, "invalid_value"), "{}", answer.body);
}

#[test]
fn texts_become_vectors() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").display().to_string();
    let running = start(&Options::local(vec![fixture("bert")], store), &context()).unwrap();
    let served = Served { running, folder };
    let ask = |input: Value, format: &str| {
        let body = json!({ "model": "bert", "input": input, "encoding_format": format }).to_string();
        served.post("/v1/embeddings", &body).json()
    };
    let numbers = ask(json!(["a good day", "rain"]), "float");
    let packed = ask(json!("a good day"), "base64");
    let packed = packed["data"][0]["embedding"].as_str().unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, packed).unwrap();
    let floats = bytes.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()));
    let wanted = numbers["data"][0]["embedding"].as_array().unwrap().iter();
    assert!(floats.eq(wanted.map(|x| x.as_f64().unwrap() as f32)));
    assert_eq!(numbers["data"][1]["index"], 1);
    let answer = served.post(CHAT, &chat(json!({ "model": "bert" })));
    assert_eq!((answer.status, answer.code().as_str()), (400, "unsupported_model"));
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
