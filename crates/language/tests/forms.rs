//! Answers of a given form. The model's weights are random, so that nothing but the form keeps its answers to it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::ops::ControlFlow;
use std::path::Path;

use serde_json::{Value, json};
use tidemill_language::{Finish, Form, Generated, Model, Request, Sampling};

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
