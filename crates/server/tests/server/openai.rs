//! Language models with OpenAI's API: calls that must come, several prompts, and tokens for texts.

use serde_json::{Value, json};
use tidemill_server::{Options, start};

use crate::language::{CHAT, TEXT, chat, events, fixture, logged, served, served_with, tool};
use crate::{Served, context};

/// A model whose template has tools and shows how calls are written.
fn with_tools() -> Served {
    served_with(|folder| {
        let template = "{{ tools | tojson }}{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}\
            {% for c in m.tool_calls or [] %}{{ '<tool_call>\\n{\"name\": \"' + c.function.name + '\", \"arguments\": ' }}\
            {{ c.function.arguments | tojson }}{{ '}\\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}{% endfor %}\
            {% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
        std::fs::write(folder.join("llama/chat_template.jinja"), template).unwrap();
        // A call is longer than the context of the fixture.
        let file = folder.join("llama/config.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 2048");
        std::fs::write(&file, text).unwrap();
    })
}

fn tools() -> Value {
    let parameters = json!({ "type": "object", "properties": { "zone": { "enum": ["CET", "UTC"] } }, "required": ["zone"],
        "additionalProperties": false });
    let time = json!({ "type": "function", "function": { "name": "time", "strict": true, "parameters": parameters } });
    json!([tool(), time])
}

#[test]
fn a_call_comes_where_the_choice_asks_for_one() {
    let served = with_tools();
    let named = json!({ "type": "function", "function": { "name": "time" } });
    let mut ask = json!({ "tools": tools(), "tool_choice": named, "max_tokens": 300, "temperature": 1.5, "seed": 3, "n": 2 });
    let whole = served.post(CHAT, &chat(ask.clone())).json();
    for choice in whole["choices"].as_array().unwrap() {
        assert_eq!(
            (&choice["finish_reason"], &choice["message"]["content"]),
            (&json!("tool_calls"), &Value::Null),
            "{whole}"
        );
        let calls = choice["message"]["tool_calls"].as_array().unwrap();
        assert_eq!((calls.len(), &calls[0]["function"]["name"]), (1, &json!("time")));
        let arguments: Value =
            serde_json::from_str(calls[0]["function"]["arguments"].as_str().unwrap()).unwrap();
        assert!(["CET", "UTC"].iter().any(|zone| arguments == json!({ "zone": zone })), "{arguments}");
    }
    ask["stream"] = true.into();
    let events = events(&served.post(CHAT, &chat(ask.clone())));
    let called = events.iter().flat_map(|event| event["choices"].as_array().unwrap());
    let called: Vec<&Value> = called.filter(|choice| !choice["delta"]["tool_calls"].is_null()).collect();
    assert_eq!(called.len(), 2);
    ask["stream"] = false.into();
    ask["tool_choice"] = "required".into();
    ask["tools"] = json!([tools()[1]]);
    let whole = served.post(CHAT, &chat(ask.clone())).json();
    assert_eq!(whole["choices"][0]["message"]["tool_calls"][0]["function"]["name"], "time", "{whole}");
    // One that the limit cuts is no call.
    ask["max_tokens"] = 5.into();
    let cut = served.post(CHAT, &chat(ask)).json();
    assert_eq!(
        (&cut["choices"][0]["finish_reason"], &cut["choices"][0]["message"]["tool_calls"]),
        (&json!("length"), &Value::Null)
    );
    let kept: Value = serde_json::from_str(&logged(&served)[0].features).unwrap();
    assert_eq!(kept[2]["form"]["calls"]["functions"][0]["name"], "time");
}

#[test]
fn a_call_that_cannot_be_asked_for_is_refused_by_its_parameter() {
    let served = with_tools();
    let bad =
        json!([{ "type": "function", "function": { "name": "f", "parameters": { "type": "potato" } } }]);
    let format = json!({ "type": "json_object" });
    for (ask, code, param) in [
        (
            json!({ "tools": tools(), "tool_choice": { "type": "function", "function": { "name": "rm" } } }),
            "invalid_value",
            "tool_choice",
        ),
        (json!({ "tool_choice": "required" }), "invalid_value", "tool_choice"),
        (json!({ "tools": bad, "tool_choice": "required" }), "invalid_value", "tools"),
        (
            json!({ "tools": tools(), "tool_choice": "required", "response_format": format }),
            "invalid_value",
            "response_format",
        ),
    ] {
        let answer = served.post(CHAT, &chat(ask.clone()));
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["param"]),
            (400, &json!(code), &json!(param)),
            "{ask}: {error}"
        );
    }
    // A template with a place for tools that shows no calls.
    let silent = served_with(|folder| {
        let file = folder.join("llama/chat_template.jinja");
        let template = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, format!("{{{{ tools | tojson }}}}{template}")).unwrap();
        let file = folder.join("llama/config.json");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(
            &file,
            text.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 2048"),
        )
        .unwrap();
    });
    let answer = silent.post(CHAT, &chat(json!({ "tools": tools(), "tool_choice": "required" })));
    let error = &answer.json()["error"];
    assert_eq!(
        (answer.status, &error["code"], &error["param"]),
        (400, &json!("unsupported_parameter"), &json!("tool_choice")),
        "{error}"
    );
    assert_eq!(silent.post(CHAT, &chat(json!({ "tools": tools() }))).status, 200);
}

fn completion(served: &Served, extra: Value) -> Value {
    let mut body = json!({ "model": "llama", "max_tokens": 7, "temperature": 1.3, "seed": 5 });
    body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    let answer = served.post(TEXT, &body.to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn texts(answer: &Value) -> Vec<String> {
    let choices = answer["choices"].as_array().unwrap();
    assert!(choices.iter().enumerate().all(|(i, choice)| choice["index"] == i));
    choices.iter().map(|choice| choice["text"].as_str().unwrap().into()).collect()
}

#[test]
fn several_prompts_are_answered_as_each_alone() {
    let served = served();
    let prompts = ["ab", "The capital of", "12"];
    let mut alone = Vec::new();
    let (mut prompt_tokens, mut completion_tokens) = (0, 0);
    for prompt in prompts {
        let answer = completion(&served, json!({ "prompt": prompt, "n": 2 }));
        alone.extend(texts(&answer));
        prompt_tokens += answer["usage"]["prompt_tokens"].as_u64().unwrap();
        completion_tokens += answer["usage"]["completion_tokens"].as_u64().unwrap();
    }
    let whole = completion(&served, json!({ "prompt": prompts, "n": 2 }));
    assert_eq!(texts(&whole), alone);
    let usage = &whole["usage"];
    assert_eq!(
        (&usage["prompt_tokens"], &usage["completion_tokens"]),
        (&json!(prompt_tokens), &json!(completion_tokens))
    );
    assert_eq!(
        usage["prompt_tokens_details"]["cached_tokens"],
        prompt_tokens - 3,
        "all but the last token of each"
    );
    let body = json!({ "model": "llama", "max_tokens": 7, "temperature": 1.3, "seed": 5, "prompt": prompts, "n": 2,
                       "stream": true, "stream_options": { "include_usage": true } });
    let events = events(&served.post(TEXT, &body.to_string()));
    for (i, text) in alone.iter().enumerate() {
        let of =
            events.iter().flat_map(|event| event["choices"].as_array().unwrap()).filter(|c| c["index"] == i);
        assert_eq!(of.filter_map(|choice| choice["text"].as_str()).collect::<String>(), *text);
    }
    assert_eq!(events.last().unwrap()["usage"]["completion_tokens"], completion_tokens);
    // Each answer is in the log under its own prompt, and feedback finds it there.
    let log = logged(&served);
    let of = &log[6..12];
    for (i, row) in of.iter().enumerate() {
        let kept: Value = serde_json::from_str(&row.features).unwrap();
        assert_eq!((&kept[1], &row.prediction), (&json!(prompts[i / 2]), &json!(alone[i]).to_string()));
    }
    let id = |i: usize| whole["choices"][i]["prediction_id"].clone();
    let prefer = |a: usize, b: usize| {
        served
            .post(
                "/v1/feedback",
                &json!({ "prediction_id": id(a), "kind": "preference", "value": id(b) }).to_string(),
            )
            .status
    };
    assert_eq!(
        (prefer(2, 3), prefer(0, 2)),
        (200, 400),
        "answers to one prompt compare, to different ones they do not"
    );
}

#[test]
fn tokens_stand_for_their_text() {
    let served = served();
    let by_text = completion(&served, json!({ "prompt": "ab" }));
    let n = by_text["usage"]["prompt_tokens"].as_u64().unwrap();
    let model = tidemill_engine::language::Model::open(&served.folder.path().join("llama")).unwrap();
    let tokens = model.tokens().encode("ab", true).unwrap();
    let by_tokens = completion(&served, json!({ "prompt": tokens }));
    assert_eq!((texts(&by_tokens), &by_tokens["usage"]["prompt_tokens"]), (texts(&by_text), &json!(n)));
    let both = completion(&served, json!({ "prompt": [tokens, tokens] }));
    assert_eq!(texts(&both), [texts(&by_text), texts(&by_text)].concat());
    let kept: Value = serde_json::from_str(&logged(&served)[1].features).unwrap();
    assert_eq!(kept[1], json!(tokens));
    for (prompt, code) in [
        (json!([5, 70_000]), "tokenizer"),
        (json!([[5], []]), "invalid_value"),
        (json!(""), "empty_prompt"),
        (json!(["ab", "word ".repeat(60)]), "context_length_exceeded"),
    ] {
        let answer = served.post(TEXT, &json!({ "model": "llama", "prompt": prompt }).to_string());
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["param"]),
            (400, &json!(code), &json!("prompt")),
            "{error}"
        );
    }
}

#[test]
fn tokens_become_vectors_and_faults_name_their_parameter() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").display().to_string();
    let running = start(&Options::local(vec![fixture("bert")], store), &context()).unwrap();
    let served = Served { running, folder };
    let ask = |extra: Value| {
        let mut body = json!({ "model": "bert" });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        served.post("/v1/embeddings", &body.to_string())
    };
    let embedder = tidemill_engine::language::Embedder::open(&fixture("bert")).unwrap();
    let tokens = embedder.tokens("a good day").unwrap();
    let by_text = ask(json!({ "input": "a good day", "dimensions": 24 })).json();
    for input in [json!(tokens), json!([tokens])] {
        let by_tokens = ask(json!({ "input": input })).json();
        assert_eq!((&by_tokens["data"], &by_tokens["usage"]), (&by_text["data"], &by_text["usage"]));
    }
    assert_eq!(by_text["usage"]["prompt_tokens"], tokens.len());
    for (extra, code, param) in [
        (json!({ "input": "a", "dimensions": 12 }), "invalid_value", "dimensions"),
        (json!({ "input": [] }), "invalid_value", "input"),
        (json!({ "input": ["a", ""] }), "invalid_value", "input"),
        (json!({ "input": [5, 70_000] }), "tokenizer", "input"),
        (json!({ "input": vec![5; 25] }), "context_length_exceeded", "input"),
        (json!({ "input": "a", "encoding_format": "hex" }), "invalid_value", "encoding_format"),
        (json!({ "input": "a", "truncate": true }), "unknown_parameter", "truncate"),
        (json!({}), "missing_required_parameter", "input"),
    ] {
        let answer = ask(extra.clone());
        let error = &answer.json()["error"];
        assert_eq!(
            (answer.status, &error["code"], &error["param"]),
            (400, &json!(code), &json!(param)),
            "{extra}: {error}"
        );
        assert_eq!(error["type"], "invalid_request_error");
    }
}
