//! Language models: answers that are generated together, their memory, and a GPT-2.

use serde_json::{Value, json};
use tidemill_server::{Options, start};

use crate::language::{CHAT, TEXT, chat, copied, events, fixture, logged, served};
use crate::{Answer, Served, context};

/// Many ask at once, and all hear what they would have heard alone.
#[test]
fn requests_that_wait_together_are_answered_as_alone() {
    let served = served();
    let ask = |i: usize| {
        let (content, stream) = (format!("Hi {}", i % 3), i % 4 == 3);
        let messages = json!([{ "role": "user", "content": content }]);
        chat(
            json!({ "messages": messages, "temperature": 1.3, "seed": i, "max_tokens": 4 + i, "n": 1 + i % 2,
                     "stream": stream }),
        )
    };
    let said = |answer: &Answer, i: usize| -> Vec<String> {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let choices: Vec<Value> = match i % 4 == 3 {
            true => events(answer).iter().flat_map(|e| e["choices"].as_array().unwrap().clone()).collect(),
            false => answer.json()["choices"].as_array().unwrap().clone(),
        };
        let text =
            |c: &Value| c["message"]["content"].as_str().or(c["delta"]["content"].as_str()).map(String::from);
        let of = |n: usize| choices.iter().filter(|c| c["index"] == n).filter_map(text).collect();
        (0..1 + i % 2).map(of).collect()
    };
    let alone: Vec<_> = (0..12).map(|i| said(&served.post(CHAT, &ask(i)), i)).collect();
    let together: Vec<_> = std::thread::scope(|scope| {
        let asked: Vec<_> = (0..12)
            .map(|i| {
                scope.spawn({
                    let served = &served;
                    move || said(&served.post(CHAT, &ask(i)), i)
                })
            })
            .collect();
        asked.into_iter().map(|one| one.join().unwrap()).collect()
    });
    assert_eq!(alone, together);
    assert_eq!(logged(&served).len(), 2 * (6 + 12));
}

#[test]
fn memory_that_holds_not_even_a_page_is_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("s.db").display().to_string();
    let served = |kv_cache: usize, store: &str| {
        start(&Options { kv_cache, ..Options::local(vec![fixture("llama.gguf")], store) }, &context())
    };
    let error = served(1000, &store).map(drop).unwrap_err();
    assert!(error.to_string().contains("kv_cache") && error.to_string().contains("1000"), "{error}");
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
