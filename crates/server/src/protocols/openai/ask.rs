//! Requests of `/v1/chat/completions` and `/v1/completions`.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidemill_engine::language::{Form as AnswerForm, Message, Prompt};
use tidemill_engine::serve::language::{Question, Settings};
use uuid::Uuid;

use super::fields::{Fields, unsupported, wrong};
use super::input::{self, Input};
use super::tools::{self, Tools};
use crate::fault::ApiError;

/// Which of the two addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/completions`
    Text,
}

/// The most answers to one prompt.
const ANSWERS: usize = 16;
/// The most answers to all prompts of a request.
const ALL_ANSWERS: usize = 64;
/// The tokens of a completion that names no number, as OpenAI has it.
const SHORT: usize = 16;

/// Keys of both addresses.
const KNOWN: [&str; 19] = [
    "model",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "seed",
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "response_format",
    "stop",
    "stream",
    "stream_options",
    "user",
];
/// Keys of chats alone, and of texts alone.
const OF_CHATS: [&str; 5] = ["messages", "tools", "tool_choice", "parallel_tool_calls", "top_logprobs"];
const OF_TEXTS: [&str; 2] = ["prompt", "echo"];

/// Keys of OpenAI's that would change the answer and are not supported, each with what holds anyway.
fn unsupported_keys(form: Form) -> Vec<(&'static str, Vec<Value>)> {
    let none = || vec![json!(0), json!(0.0), json!(false), json!({}), json!([])];
    match form {
        Form::Chat => vec![
            ("audio", none()),
            ("functions", none()),
            ("function_call", none()),
            ("modalities", vec![json!(["text"])]),
            ("moderation", none()),
            ("prediction", none()),
            ("reasoning_effort", vec![json!("none")]),
            ("verbosity", vec![json!("medium")]),
            ("web_search_options", none()),
        ],
        Form::Text => vec![("best_of", vec![json!(1)]), ("suffix", vec![json!("")])],
    }
}

/// What a request wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Wanted {
    /// The name of the model.
    pub(crate) model: String,
    /// The question.
    pub(crate) question: Question,
    /// Whether pieces are sent as they come.
    pub(crate) stream: bool,
    /// Whether the last event of a stream counts the tokens.
    pub(crate) usage: bool,
    /// Whether an answer may call one tool only.
    pub(crate) single_call: bool,
    /// Whether answers begin with their prompt.
    pub(crate) echo: bool,
}

impl Wanted {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// 400 for what is missing, of a wrong type, out of range, not known or not supported; `param` names it.
    pub(crate) fn of(form: Form, body: &[u8]) -> Result<Self, ApiError> {
        let mut fields = Fields::of(body)?;
        let model = fields.text("model")?.ok_or_else(|| missing("model"))?;
        let (prompts, call, single_call) = match form {
            Form::Chat => chat(&mut fields)?,
            Form::Text => (prompts(&mut fields)?, None, false),
        };
        let mut settings = settings(form, &mut fields)?;
        if prompts.len() * settings.n > ALL_ANSWERS {
            return Err(wrong("n", &format!("asks for more than {ALL_ANSWERS} answers to all prompts")));
        }
        if call.is_some() && settings.form.is_some() {
            return Err(wrong("response_format", "cannot go with a 'tool_choice' that asks for a call"));
        }
        settings.form = call.or(settings.form);
        let echo = form == Form::Text && fields.flag("echo")?;
        let of_tokens = prompts.iter().any(|prompt| matches!(prompt, Prompt::Tokens(_)));
        if echo && (of_tokens || settings.logprobs.is_some()) {
            let problem = "is supported for prompts that are texts, without 'logprobs'";
            return Err(unsupported("echo", problem));
        }
        let user = fields.text("user")?;
        let stream = fields.flag("stream")?;
        let usage = stream_options(fields.take("stream_options"), stream)?;
        for (key, neutral) in unsupported_keys(form) {
            fields.only(key, &neutral)?;
        }
        let own = if form == Form::Chat { &OF_CHATS[..] } else { &OF_TEXTS };
        fields.end(&[&KNOWN[..], own].concat())?;
        Ok(Wanted { model, question: Question { prompts, settings, user }, stream, usage, single_call, echo })
    }
}

/// The messages with the tools that may be called, what the answer must be where it must call one, and whether it may call one only.
fn chat(fields: &mut Fields) -> Result<(Vec<Prompt>, Option<AnswerForm>, bool), ApiError> {
    let messages = messages(fields)?;
    let Tools { tools, call, single } = tools::read(fields)?;
    let prompt = if tools.is_empty() { Prompt::Chat(messages) } else { Prompt::Tools(messages, tools) };
    Ok((vec![prompt], call, single))
}

fn missing(key: &str) -> ApiError {
    ApiError::bad("missing_required_parameter", format!("'{key}' is missing")).in_column(key)
}

fn settings(form: Form, fields: &mut Fields) -> Result<Settings, ApiError> {
    let newer = fields.count("max_completion_tokens", 1)?;
    let older = fields.count("max_tokens", 1)?;
    if newer.is_some() && older.is_some() && newer != older {
        return Err(wrong("max_tokens", "is not what 'max_completion_tokens' says"));
    }
    let max_tokens = newer.or(older);
    let n = fields.count("n", 1)?.unwrap_or(1);
    if n > ANSWERS {
        return Err(wrong("n", &format!("is more than {ANSWERS}")));
    }
    Ok(Settings {
        max_tokens: if form == Form::Text { max_tokens.or(Some(SHORT)) } else { max_tokens },
        n,
        // Whoever names none wants another answer each time; the log keeps which it was.
        seed: fields.seed()?.unwrap_or_else(|| Uuid::now_v7().as_u128() as u64),
        temperature: fields.number("temperature", [0.0, 2.0])?.unwrap_or(1.0),
        top_p: fields.number("top_p", [f64::from(f32::MIN_POSITIVE), 1.0])?.unwrap_or(1.0),
        top_k: fields.count("top_k", 0)?.unwrap_or(0),
        min_p: fields.number("min_p", [0.0, 1.0])?.unwrap_or(0.0),
        repetition_penalty: fields.number("repetition_penalty", [0.01, 100.0])?.unwrap_or(1.0),
        presence_penalty: fields.number("presence_penalty", [-2.0, 2.0])?.unwrap_or(0.0),
        frequency_penalty: fields.number("frequency_penalty", [-2.0, 2.0])?.unwrap_or(0.0),
        logit_bias: logit_bias(fields)?,
        stop: fields.stop()?,
        logprobs: logprobs(form, fields)?,
        form: response_format(fields)?,
    })
}

/// What is added to the logits of tokens, which are named by their ids as texts: JSON has no other keys.
fn logit_bias(fields: &mut Fields) -> Result<BTreeMap<u32, f32>, ApiError> {
    const KEY: &str = "logit_bias";
    let Some(value) = fields.take(KEY) else { return Ok(BTreeMap::new()) };
    let Value::Object(biases) = value else {
        return Err(wrong(KEY, "is not an object of tokens and numbers"));
    };
    let one = |(token, bias): (String, Value)| {
        let token: u32 =
            token.parse().map_err(|_| wrong(KEY, &format!("names '{token}', which is no token's id")))?;
        match bias.as_f64().filter(|bias| (-100.0..=100.0).contains(bias)) {
            Some(bias) => Ok((token, bias as f32)),
            None => {
                Err(wrong(KEY, &format!("adds {bias} to token {token}; a number from -100 to 100 is needed")))
            }
        }
    };
    biases.into_iter().map(one).collect()
}

/// Of a chat `logprobs` says whether and `top_logprobs` how many others; of a completion `logprobs` is that number.
fn logprobs(form: Form, fields: &mut Fields) -> Result<Option<usize>, ApiError> {
    let within = |n: usize, key: &str, most: usize| {
        if n > most { Err(wrong(key, &format!("is more than {most}"))) } else { Ok(n) }
    };
    if form == Form::Text {
        return fields.count("logprobs", 0)?.map(|n| within(n, "logprobs", 5)).transpose();
    }
    let wanted = fields.flag("logprobs")?;
    match fields.count("top_logprobs", 0)? {
        Some(_) if !wanted => Err(wrong("top_logprobs", "is for requests with 'logprobs'")),
        n => wanted.then(|| within(n.unwrap_or(0), "top_logprobs", 20)).transpose(),
    }
}

/// What form the answer must have: JSON, JSON of a schema, or (our own addition) a text that a regular expression matches.
fn response_format(fields: &mut Fields) -> Result<Option<AnswerForm>, ApiError> {
    const KEY: &str = "response_format";
    let Some(format) = fields.take(KEY) else { return Ok(None) };
    match format["type"].as_str() {
        Some("text") => Ok(None),
        Some("json_object") => Ok(Some(AnswerForm::Schema(json!({ "type": "object" })))),
        Some("json_schema") => match &format["json_schema"]["schema"] {
            schema @ (Value::Object(_) | Value::Bool(_)) => Ok(Some(AnswerForm::Schema(schema.clone()))),
            _ => Err(wrong(KEY, "lacks 'json_schema' with a 'schema'")),
        },
        Some("regex") => match format["regex"].as_str() {
            Some(pattern) => Ok(Some(AnswerForm::Regex(pattern.into()))),
            None => Err(wrong(KEY, "lacks 'regex', a text")),
        },
        _ => Err(wrong(KEY, "is not of type 'text', 'json_object', 'json_schema' or 'regex'")),
    }
}

fn stream_options(options: Option<Value>, stream: bool) -> Result<bool, ApiError> {
    let Some(options) = options else { return Ok(false) };
    if !stream {
        return Err(wrong("stream_options", "is for streams alone"));
    }
    let Value::Object(options) = options else { return Err(wrong("stream_options", "is not an object")) };
    let mut usage = false;
    for (key, value) in &options {
        match (key.as_str(), value) {
            ("include_usage", Value::Bool(yes)) => usage = *yes,
            // It only pads events, to hide how long their texts are.
            ("include_usage", Value::Null) | ("include_obfuscation", Value::Bool(false) | Value::Null) => {}
            ("include_usage", _) => {
                return Err(wrong("stream_options.include_usage", "is not true or false"));
            }
            _ => return Err(unsupported(&format!("stream_options.{key}"), "is not supported")),
        }
    }
    Ok(usage)
}

/// Texts to go on from, or their tokens.
fn prompts(fields: &mut Fields) -> Result<Vec<Prompt>, ApiError> {
    let read = input::read("prompt", fields.take("prompt").ok_or_else(|| missing("prompt"))?, ALL_ANSWERS)?;
    let one = |input: Input| match input {
        Input::Text(text) => Prompt::Raw(text),
        Input::Tokens(tokens) => Prompt::Tokens(tokens),
    };
    Ok(read.into_iter().map(one).collect())
}

fn messages(fields: &mut Fields) -> Result<Vec<Message>, ApiError> {
    let Some(list) = fields.take("messages") else { return Err(missing("messages")) };
    let list = match list {
        Value::Array(list) if !list.is_empty() => list,
        _ => return Err(wrong("messages", "is not a list of messages")),
    };
    list.into_iter().enumerate().map(|(i, message)| one(message, &format!("messages[{i}]"))).collect()
}

fn one(message: Value, place: &str) -> Result<Message, ApiError> {
    let Value::Object(mut message) = message else { return Err(wrong(place, "is not an object")) };
    let Some(Value::String(role)) = message.remove("role") else {
        return Err(wrong(&format!("{place}.role"), "is missing or not a text"));
    };
    let calls = tools::said_before(&mut message);
    let content = match message.remove("content") {
        None | Some(Value::Null) if calls => String::new(),
        other => content(other, &format!("{place}.content"))?,
    };
    for key in ["function_call", "audio"] {
        if message.remove(key).is_some_and(|value| !value.is_null()) {
            return Err(wrong(&format!("{place}.{key}"), "is not supported"));
        }
    }
    message.retain(|_, value| !value.is_null());
    Ok(Message { role, content, rest: message })
}

/// A text, or its parts.
fn content(value: Option<Value>, place: &str) -> Result<String, ApiError> {
    match value {
        None | Some(Value::Null) => Err(wrong(place, "is missing")),
        Some(Value::String(text)) => Ok(text),
        Some(Value::Array(parts)) => parts
            .iter()
            .map(|part| match (part["type"].as_str(), part["text"].as_str()) {
                (Some("text"), Some(text)) => Ok(text),
                _ => Err(wrong(place, "holds a part that is not text")),
            })
            .collect(),
        Some(_) => Err(wrong(place, "is not a text")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form, body: Value) -> Result<Wanted, ApiError> {
        Wanted::of(form, body.to_string().as_bytes())
    }

    #[test]
    fn a_chat_as_the_client_writes_it() {
        let parts = json!([{ "type": "text", "text": "Hello" }, { "type": "text", "text": ", you" }]);
        let body = json!({ "model": "m", "messages": [{ "role": "system", "content": "Be brief." },
            { "role": "user", "content": parts }], "max_completion_tokens": 7, "stop": "\n", "seed": -1, "temperature": 0,
            "stream": true, "stream_options": { "include_usage": true }, "metadata": { "a": "b" }, "tools": null });
        let wanted = read(Form::Chat, body).unwrap();
        let [Prompt::Chat(messages)] = wanted.question.prompts.as_slice() else { panic!("no chat") };
        assert_eq!(messages[1], Message::new("user", "Hello, you"));
        let settings = &wanted.question.settings;
        assert_eq!((settings.max_tokens, settings.seed, settings.temperature), (Some(7), u64::MAX, 0.0));
        assert_eq!(
            (settings.top_p, settings.n, settings.stop.as_slice()),
            (1.0, 1, ["\n".to_string()].as_slice())
        );
        assert!(wanted.stream && wanted.usage);
    }

    #[test]
    fn faults_name_their_parameter() {
        let chat = |extra: Value| {
            let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }] });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            let e = read(Form::Chat, body).unwrap_err();
            (e.code, e.column.unwrap())
        };
        for (extra, code, param) in [
            (json!({ "temperature": 3 }), "invalid_value", "temperature"),
            (json!({ "temperature": "hot" }), "invalid_value", "temperature"),
            (json!({ "top_p": 0 }), "invalid_value", "top_p"),
            (json!({ "max_tokens": 0 }), "invalid_value", "max_tokens"),
            (json!({ "n": 17 }), "invalid_value", "n"),
            (json!({ "stop": ["a", "b", "c", "d", "e"] }), "invalid_value", "stop"),
            (json!({ "stop": "" }), "invalid_value", "stop"),
            (json!({ "stream_options": { "include_usage": true } }), "invalid_value", "stream_options"),
            (json!({ "top_logprobs": 2 }), "invalid_value", "top_logprobs"),
            (json!({ "logprobs": true, "top_logprobs": 21 }), "invalid_value", "top_logprobs"),
            (json!({ "tools": [{}] }), "invalid_value", "tools"),
            (json!({ "logit_bias": { "x": 1 } }), "invalid_value", "logit_bias"),
            (json!({ "logit_bias": { "5": 101 } }), "invalid_value", "logit_bias"),
            (json!({ "logit_bias": [1] }), "invalid_value", "logit_bias"),
            (json!({ "tool_choice": "required" }), "invalid_value", "tool_choice"),
            (json!({ "reasoning_effort": "high" }), "unsupported_parameter", "reasoning_effort"),
            (json!({ "verbosity": "low" }), "unsupported_parameter", "verbosity"),
            (json!({ "max_tokens": 3, "max_completion_tokens": 4 }), "invalid_value", "max_tokens"),
            (json!({ "prompt": "x" }), "unknown_parameter", "prompt"),
            (
                json!({ "stream": true, "stream_options": { "include_usage": 1 } }),
                "invalid_value",
                "stream_options.include_usage",
            ),
            (
                json!({ "stream": true, "stream_options": { "include_obfuscation": true } }),
                "unsupported_parameter",
                "stream_options.include_obfuscation",
            ),
            (json!({ "response_format": { "type": "xml" } }), "invalid_value", "response_format"),
            (json!({ "response_format": { "type": "json_schema" } }), "invalid_value", "response_format"),
            (json!({ "temprature": 1 }), "unknown_parameter", "temprature"),
            (json!({ "messages": [] }), "invalid_value", "messages"),
            (json!({ "messages": [{ "role": "user" }] }), "invalid_value", "messages[0].content"),
            (json!({ "model": null }), "missing_required_parameter", "model"),
        ] {
            assert_eq!(chat(extra.clone()), (code, param.to_string()), "{extra}");
        }
    }

    #[test]
    fn the_form_of_an_answer_is_read() {
        let read = |format: Value| {
            let body = json!({ "model": "m", "messages": [{ "role": "user", "content": "x" }], "response_format": format });
            read(Form::Chat, body).unwrap().question.settings.form
        };
        assert_eq!(read(json!({ "type": "text" })), None);
        let object = AnswerForm::Schema(json!({ "type": "object" }));
        assert_eq!(read(json!({ "type": "json_object" })), Some(object.clone()));
        let schema = json!({ "name": "s", "strict": true, "schema": { "type": "object" } });
        assert_eq!(read(json!({ "type": "json_schema", "json_schema": schema })), Some(object));
        let digits = AnswerForm::Regex("[0-9]+".into());
        assert_eq!(read(json!({ "type": "regex", "regex": "[0-9]+" })), Some(digits));
    }

    #[test]
    fn a_completion_is_short_unless_it_says_otherwise() {
        let wanted = read(Form::Text, json!({ "model": "m", "prompt": ["Once"] })).unwrap();
        assert_eq!(wanted.question.prompts, [Prompt::Raw("Once".into())]);
        assert_eq!(wanted.question.settings.max_tokens, Some(16));
    }

    #[test]
    fn a_completion_takes_several_prompts_and_refuses_what_it_cannot_do() {
        let of = |extra: Value| {
            let mut body = json!({ "model": "m" });
            body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            read(Form::Text, body)
        };
        let two = of(json!({ "prompt": ["a", "b"], "n": 2 })).unwrap().question;
        assert_eq!((two.prompts.len(), two.settings.n), (2, 2));
        let tokens = of(json!({ "prompt": [1, 2] })).unwrap().question;
        assert_eq!(tokens.prompts, [Prompt::Tokens(vec![1, 2])]);
        for (extra, code, param) in [
            (json!({}), "missing_required_parameter", "prompt"),
            (json!({ "prompt": vec!["a"; 65] }), "invalid_value", "prompt"),
            (json!({ "prompt": vec!["a"; 5], "n": 16 }), "invalid_value", "n"),
            (json!({ "prompt": "a", "echo": true, "logprobs": 1 }), "unsupported_parameter", "echo"),
            (json!({ "prompt": [1, 2], "echo": true }), "unsupported_parameter", "echo"),
            (json!({ "prompt": "a", "suffix": "b" }), "unsupported_parameter", "suffix"),
            (json!({ "prompt": "a", "best_of": 3 }), "unsupported_parameter", "best_of"),
            (json!({ "prompt": "a", "tools": [] }), "unknown_parameter", "tools"),
            (json!({ "prompt": "a", "logprobs": true }), "invalid_value", "logprobs"),
            (json!({ "prompt": "a", "logprobs": 6 }), "invalid_value", "logprobs"),
        ] {
            let fault = of(extra.clone()).unwrap_err();
            assert_eq!((fault.code, fault.column.as_deref()), (code, Some(param)), "{extra}");
        }
    }
}
