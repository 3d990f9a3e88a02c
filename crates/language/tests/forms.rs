//! Answers of a given form. The model's weights are random, so that nothing but the form keeps its answers to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Value, json};
use tidemill_language::{Finish, Form, Generated, Message, Model, Request, Sampling};

fn model() -> Model {
    Model::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).unwrap()
}

fn answer(model: &Model, form: &Form, seed: u64) -> tidemill_core::Result<Generated> {
    let request = Request {
        prompt: model.tokens().encode("The", false)?,
        max_tokens: Some(40),
        sampling: Sampling { temperature: 1.5, seed, ..Sampling::default() },
        stop: Vec::new(),
        logprobs: None,
        form: Some(form.clone()),
    };
    model.generate(&request, None, &mut |_| ControlFlow::Continue(()))
}

/// How many of 200 answers ended by themselves; each of these must hold, and the others were cut.
fn ended(form: &Form, holds: impl Fn(&str) -> bool) -> usize {
    let model = model();
    let answers = (0..200).map(|seed| answer(&model, form, seed).unwrap());
    let ended = answers.filter(|answer| {
        assert!(answer.finish == Finish::Length || holds(&answer.text), "{:?}", answer.text);
        answer.finish == Finish::Stop
    });
    ended.count()
}

#[test]
fn what_ends_by_itself_is_allowed_by_the_schema() {
    let schema = json!({
        "type": "object",
        "properties": { "n": { "$ref": "#/$defs/small" }, "to": { "enum": ["Ulm", "Köln"] } },
        "required": ["n", "to"],
        "additionalProperties": false,
        "$defs": { "small": { "type": "integer", "minimum": -3, "maximum": 40 } },
    });
    let holds = |text: &str| {
        let found: Value = serde_json::from_str(text).unwrap_or_default();
        let keys: Vec<&String> = found.as_object().into_iter().flat_map(|keys| keys.keys()).collect();
        keys == ["n", "to"]
            // -0 is a whole number, too.
            && found["n"].as_f64().is_some_and(|n| n.fract() == 0.0 && (-3.0..=40.0).contains(&n))
            && ["Ulm", "Köln"].iter().any(|town| found["to"] == *town)
    };
    assert_eq!(ended(&Form::Schema(schema), holds), 200);
    // Numbers beyond all floats are JSON, too.
    let json = |text: &str| serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
    let object = |text: &str| json(text) && text.starts_with('{');
    assert!(ended(&Form::Schema(json!({ "type": "object" })), object) > 0);
}

#[test]
fn what_ends_by_itself_matches_the_expression_as_a_whole() {
    let holds = |text: &str| (3..=5).contains(&text.len()) && text.chars().all(|c| c == 'a' || c == '/');
    assert_eq!(ended(&Form::Regex("[a/]{3,5}".into()), holds), 200);
}

#[test]
fn a_form_that_cannot_be_is_refused_before_any_work() {
    let model = model();
    let never = json!({ "type": "object", "properties": { "a": false }, "required": ["a"] });
    for form in [
        Form::Schema(json!({ "type": "potato" })),
        Form::Schema(json!({ "$ref": "#/$defs/none" })),
        Form::Schema(never),
        Form::Regex("[a".into()),
    ] {
        let error = answer(&model, &form, 0).unwrap_err();
        assert_eq!(error.code(), "answer_form", "{form:?}: {error}");
    }
}

/// The tiny Llama with another chat template, in a longer context: rotary positions have no end.
fn with_template(call: &str) -> Model {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/llama")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
    }
    let file = folder.path().join("config.json");
    let text = fs::read_to_string(&file).unwrap();
    let text = text.replace("\"max_position_embeddings\": 64", "\"max_position_embeddings\": 600");
    fs::write(&file, text).unwrap();
    let template = "{{ tools | tojson }}{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' + m.content }}CALL{{ '<|im_end|>\\n' }}\
                    {% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
    fs::write(folder.path().join("chat_template.jinja"), template.replace("CALL", call)).unwrap();
    Model::open(folder.path()).unwrap()
}

/// How a template writes the calls of a message, each between two texts.
fn calls_as(before: &str, after: &str, key: &str) -> String {
    format!(
        "{{% for c in m.tool_calls or [] %}}{{{{ '{before}' }}}}{{{{ '{{\"name\": \"' + c.function.name + '\", \"{key}\": ' }}}}\
         {{{{ c.function.arguments | tojson }}}}{{{{ '}}' + '{after}' }}}}{{% endfor %}}"
    )
}

fn functions() -> Vec<Value> {
    let city = json!({ "$ref": "#/$defs/city" });
    let parameters = json!({ "type": "object", "properties": { "city": city }, "required": ["city"], "additionalProperties": false,
        "$defs": { "city": { "enum": ["Ulm", "Köln"] } } });
    vec![json!({ "name": "weather", "parameters": parameters }), json!({ "name": "time" })]
}

fn called(
    model: &Model,
    functions: Vec<Value>,
    several: bool,
    seed: u64,
) -> tidemill_core::Result<Generated> {
    let request = Request {
        prompt: model.chat_tokens(&[Message::new("user", "Hi")])?,
        max_tokens: Some(400),
        sampling: Sampling { temperature: 1.5, seed, ..Sampling::default() },
        stop: Vec::new(),
        logprobs: None,
        form: Some(Form::Calls { functions, several }),
    };
    model.generate(&request, None, &mut |_| ControlFlow::Continue(()))
}

/// The name of a call that has its form, whose arguments are under `key`.
fn name_of(call: &Value, key: &str) -> String {
    let name = call["name"].as_str().unwrap();
    let arguments = &call[key];
    let holds = match name {
        "weather" => arguments == &json!({ "city": "Ulm" }) || arguments == &json!({ "city": "Köln" }),
        "time" => arguments == &json!({}),
        _ => false,
    };
    assert!(holds && call.as_object().unwrap().len() == 2, "{call}");
    name.into()
}

#[test]
fn a_call_is_written_as_the_template_writes_calls() {
    let tagged = ("<tool_call>\n", "\n</tool_call>");
    let in_template = calls_as("<tool_call>\\n", "\\n</tool_call>", "arguments");
    // A template may say in words what it never writes.
    let in_words = "{{ 'Write <tool_call> and </tool_call> around a call.' }}".to_string();
    let bare = calls_as("", "", "parameters");
    let listed = calls_as("<|endoftext|>[", "]", "arguments");
    for (template, (before, after), key) in [
        (in_template, tagged, "arguments"),
        (in_words, tagged, "arguments"),
        (bare, ("", ""), "parameters"),
        (listed, ("[", "]"), "arguments"),
    ] {
        let model = with_template(&template);
        let mut names = Vec::new();
        for seed in 0..12 {
            let answer = called(&model, functions(), false, seed).unwrap();
            assert_eq!(answer.finish, Finish::Stop, "{}", answer.text);
            let inside = answer.text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
            let call: Value = serde_json::from_str(inside.unwrap()).unwrap();
            names.push(name_of(&call, key));
            // The bracket that is a special token comes, and is no part of the text.
            assert_eq!(answer.tokens[0] == 0, before == "[");
        }
        assert!(names.contains(&"weather".into()) && names.contains(&"time".into()), "{names:?}");
        let one = called(&model, functions()[1..].to_vec(), false, 1).unwrap();
        assert!(one.text.contains("\"time\""), "{}", one.text);
    }
}

#[test]
fn several_calls_are_one_after_the_other() {
    let model = with_template(&calls_as("<tool_call>\\n", "\\n</tool_call>", "arguments"));
    let listed = with_template(&calls_as("[", "]", "arguments"));
    let mut most = 0;
    for seed in 0..12 {
        let answer = called(&model, functions(), true, seed).unwrap();
        if answer.finish == Finish::Stop {
            let calls: Vec<&str> = answer.text.split("<tool_call>\n").skip(1).collect();
            for call in &calls {
                let call = call.trim_end_matches('\n').strip_suffix("\n</tool_call>").unwrap();
                name_of(&serde_json::from_str(call).unwrap(), "arguments");
            }
            most = most.max(calls.len());
        }
        let answer = called(&listed, functions(), true, seed).unwrap();
        if answer.finish == Finish::Stop {
            let calls: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
            assert!(!calls.is_empty());
            calls.iter().for_each(|call| drop(name_of(call, "arguments")));
            most = most.max(calls.len());
        }
    }
    assert!(most > 1, "never more than one call");
}

#[test]
fn where_no_form_of_calls_is_known_a_call_is_refused() {
    for template in
        ["", "{{ m.tool_calls }}", "{% for c in m.tool_calls or [] %}{{ c.function.name }}(){% endfor %}"]
    {
        let error = called(&with_template(template), functions(), false, 0).unwrap_err();
        assert_eq!(error.code(), "no_tool_calls", "{template}: {error}");
    }
    let model = with_template(&calls_as("<tool_call>", "</tool_call>", "arguments"));
    let never = vec![json!({ "name": "f", "parameters": { "type": "potato" } })];
    assert_eq!(called(&model, never, false, 0).unwrap_err().code(), "answer_form");
}
