//! Language models: OpenAI's API and the log. The model is a tiny one with random weights.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;
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

pub(crate) fn tool() -> Value {
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
