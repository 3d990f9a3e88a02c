//! Answers of `/v1/chat/completions` and `/v1/completions`: one document, or events.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use hyper::body::{Body, Frame};
use serde_json::{Value, json};
use tidemill_engine::language::{Finish, Prompt};
use uuid::Uuid;

use super::Form;
use super::{Wanted, document, tools};
use crate::fault::ApiError;
use crate::generating::{Answering, Event, Scored};

/// What all documents of an answer have in common.
pub(crate) struct Head {
    form: Form,
    model: String,
    created: i64,
    version: String,
    ids: Vec<Uuid>,
    prompt_tokens: usize,
    /// The names of the tools that may be called.
    tools: Vec<String>,
    /// How many of them an answer may call.
    most_calls: usize,
    /// What each answer begins with: its prompt, where that was asked for.
    echoes: Vec<String>,
}

impl Head {
    pub(crate) fn of(form: Form, wanted: &Wanted, created: i64, answering: &Answering) -> Self {
        Head {
            form,
            model: wanted.model.clone(),
            tools: wanted.question.prompts.first().map(tools::names).unwrap_or_default(),
            most_calls: if wanted.single_call { 1 } else { usize::MAX },
            created,
            echoes: if wanted.echo {
                echoes(&wanted.question.prompts, wanted.question.settings.n)
            } else {
                Vec::new()
            },
            version: answering.version.chars().take(12).collect(),
            ids: answering.ids.clone(),
            prompt_tokens: answering.prompt_tokens,
        }
    }

    fn echo(&self, i: usize) -> &str {
        self.echoes.get(i).map_or("", String::as_str)
    }

    /// The id of an answer, which feedback on it names.
    fn id(&self, i: usize) -> String {
        let begin = if self.form == Form::Chat { "chatcmpl" } else { "cmpl" };
        format!("{begin}-{}", self.ids.get(i).copied().unwrap_or_default())
    }

    /// What the answer at this place says, null where that is nothing, and the tools it calls.
    fn calls(&self, i: usize, text: &str) -> (Value, Vec<Value>) {
        if self.tools.is_empty() {
            return (text.into(), Vec::new());
        }
        let id = self.ids.get(i).copied().unwrap_or_default();
        let (text, calls) = tools::calls(text, &self.tools, self.most_calls, id);
        let said = if text.is_empty() && !calls.is_empty() { Value::Null } else { text.into() };
        (said, calls)
    }

    fn document(&self, object: &str, choices: Value) -> Value {
        json!({ "id": self.id(0), "object": object, "created": self.created, "model": self.model,
                "system_fingerprint": self.version, "choices": choices })
    }

    fn usage(&self, answer_tokens: usize, cached_tokens: usize) -> Value {
        let prompt_tokens = self.prompt_tokens;
        json!({ "prompt_tokens": prompt_tokens, "completion_tokens": answer_tokens,
                "total_tokens": prompt_tokens + answer_tokens,
                "prompt_tokens_details": { "cached_tokens": cached_tokens } })
    }
}

/// The prompt of each answer: all answers to the first come first.
fn echoes(prompts: &[Prompt], n: usize) -> Vec<String> {
    let text = |prompt: &Prompt| match prompt {
        Prompt::Text(text) | Prompt::Raw(text) => text.clone(),
        _ => String::new(),
    };
    prompts.iter().flat_map(|prompt| std::iter::repeat_n(text(prompt), n)).collect()
}

/// Why an answer ended that calls tools.
const CALLED: &str = "tool_calls";

/// Why an answer ended, in OpenAI's words.
fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Length => "length",
        Finish::Stop | Finish::Cancelled => "stop",
    }
}

/// An answer as one document, once all of it is there.
///
/// # Errors
/// What kept it from being made or kept.
pub(crate) async fn whole(head: Head, mut answering: Answering) -> Result<Value, ApiError> {
    let form = head.form;
    let mut texts = vec![String::new(); head.ids.len()];
    let mut ends = vec![("stop", Value::Null); head.ids.len()];
    while let Some(event) = answering.events.recv().await {
        match event {
            Event::Piece(i, text) => texts[i] += &text,
            Event::End(i, finish, scored) => ends[i] = (reason(finish), logprobs(form, &scored)),
            Event::Fault(fault) => return Err(fault),
            Event::Done { answer_tokens, cached_tokens } => {
                let choices = texts.iter().zip(ends).enumerate();
                let choices: Value = choices.map(|(i, (text, end))| choice(&head, i, text, end)).collect();
                let object = if form == Form::Chat { "chat.completion" } else { "text_completion" };
                let mut whole = head.document(object, choices);
                whole["usage"] = head.usage(answer_tokens, cached_tokens);
                return Ok(whole);
            }
        }
    }
    let status = axum::http::StatusCode::INTERNAL_SERVER_ERROR;
    Err(ApiError::new(status, "failed", "the answer broke off"))
}

fn choice(head: &Head, i: usize, text: &str, (reason, logprobs): (&str, Value)) -> Value {
    let mut choice =
        json!({ "index": i, "logprobs": logprobs, "finish_reason": reason, "prediction_id": head.id(i) });
    match head.form {
        Form::Chat => {
            let (text, calls) = head.calls(i, text);
            choice["message"] = json!({ "role": "assistant", "content": text, "refusal": null });
            if !calls.is_empty() {
                choice["message"]["tool_calls"] = calls.into();
                choice["finish_reason"] = CALLED.into();
            }
        }
        Form::Text => choice["text"] = format!("{}{text}", head.echo(i)).into(),
    }
    choice
}

/// How likely tokens were, as each of the two addresses says it; null where nobody asked.
fn logprobs(form: Form, scored: &[Scored]) -> Value {
    if scored.is_empty() {
        return Value::Null;
    }
    let one = |(token, logprob): &(String, f32)| json!({ "token": token, "logprob": logprob, "bytes": token.as_bytes() });
    if form == Form::Chat {
        let content = scored.iter().map(|s| {
            let mut token = one(&s.own);
            token["top_logprobs"] = s.top.iter().map(one).collect();
            token
        });
        return json!({ "content": content.collect::<Value>(), "refusal": null });
    }
    let tokens: Vec<&str> = scored.iter().map(|s| s.own.0.as_str()).collect();
    let offsets = tokens.iter().scan(0, |next, token| {
        let at = *next;
        *next += token.chars().count();
        Some(at)
    });
    let top =
        |s: &Scored| s.top.iter().map(|(token, logprob)| (token.clone(), json!(logprob))).collect::<Value>();
    json!({ "tokens": tokens, "token_logprobs": scored.iter().map(|s| s.own.1).collect::<Vec<f32>>(),
            "top_logprobs": scored.iter().map(top).collect::<Value>(), "text_offset": offsets.collect::<Vec<usize>>() })
}

/// An answer as events, each a document, the last of them `[DONE]`.
pub(crate) struct Chunks {
    head: Head,
    answering: Answering,
    usage: bool,
    /// Which answers have begun.
    begun: Vec<bool>,
    /// What was said where tools may be called: whether they are shows itself at the end.
    held: Vec<String>,
    ended: bool,
}

impl Chunks {
    pub(crate) fn of(head: Head, usage: bool, answering: Answering) -> Self {
        let begun = vec![false; head.ids.len()];
        let held = vec![String::new(); head.ids.len()];
        Chunks { head, answering, usage, begun, held, ended: false }
    }

    fn events(&mut self, event: Event) -> String {
        match event {
            Event::Piece(i, text) if !self.head.tools.is_empty() => {
                self.held[i] += &text;
                self.begin(i)
            }
            Event::Piece(i, text) => self.begin(i) + &self.chunk(i, Some(&text), None, Value::Null),
            Event::End(i, finish, scored) => {
                let scored = logprobs(self.head.form, &scored);
                let (held, called) = self.release(i);
                let why = if called { CALLED } else { reason(finish) };
                self.begin(i) + &held + &self.chunk(i, None, Some(why), scored)
            }
            Event::Done { answer_tokens, cached_tokens } => {
                self.ended = true;
                let usage = self.usage.then(|| {
                    let mut last = self.head.document(self.object(), json!([]));
                    last["usage"] = self.head.usage(answer_tokens, cached_tokens);
                    line(&last)
                });
                usage.unwrap_or_default() + "data: [DONE]\n\n"
            }
            Event::Fault(fault) => {
                self.ended = true;
                line(&document(&fault))
            }
        }
    }

    /// What was held back of an answer, and whether it calls tools.
    fn release(&mut self, i: usize) -> (String, bool) {
        let text = std::mem::take(&mut self.held[i]);
        let (said, mut calls) = self.head.calls(i, &text);
        let said = said
            .as_str()
            .filter(|said| !said.is_empty())
            .map(|said| self.chunk(i, Some(said), None, Value::Null));
        let called = !calls.is_empty();
        for (index, call) in calls.iter_mut().enumerate() {
            call["index"] = index.into();
        }
        let delta = || {
            json!({ "index": i, "delta": { "tool_calls": calls }, "logprobs": null, "finish_reason": null,
                               "prediction_id": self.head.id(i) })
        };
        let calls = if called { self.line(delta()) } else { String::new() };
        (said.unwrap_or_default() + &calls, called)
    }

    /// What says who speaks, or repeats the prompt, before the first piece of an answer.
    fn begin(&mut self, i: usize) -> String {
        if std::mem::replace(&mut self.begun[i], true) {
            return String::new();
        }
        if self.head.form == Form::Text {
            let echo = self.head.echo(i);
            return if echo.is_empty() {
                String::new()
            } else {
                self.chunk(i, Some(echo), None, Value::Null)
            };
        }
        let delta = json!({ "role": "assistant", "content": "" });
        self.line(json!({ "index": i, "delta": delta, "logprobs": null, "finish_reason": null,
                          "prediction_id": self.head.id(i) }))
    }

    fn chunk(&self, i: usize, text: Option<&str>, reason: Option<&str>, logprobs: Value) -> String {
        let mut choice = json!({ "index": i, "logprobs": logprobs, "finish_reason": reason, "prediction_id": self.head.id(i) });
        match (self.head.form, text) {
            (Form::Chat, Some(text)) => choice["delta"] = json!({ "content": text }),
            (Form::Chat, None) => choice["delta"] = json!({}),
            (Form::Text, text) => choice["text"] = text.unwrap_or_default().into(),
        }
        self.line(choice)
    }

    fn line(&self, choice: Value) -> String {
        let mut chunk = self.head.document(self.object(), json!([choice]));
        if self.usage {
            chunk["usage"] = Value::Null;
        }
        line(&chunk)
    }

    fn object(&self) -> &'static str {
        if self.head.form == Form::Chat { "chat.completion.chunk" } else { "text_completion" }
    }
}

fn line(document: &Value) -> String {
    format!("data: {document}\n\n")
}

/// As a body: whoever drops it, because its reader has left, stops the work.
impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        match std::task::ready!(self.answering.events.poll_recv(context)) {
            None => Poll::Ready(None),
            Some(event) => Poll::Ready(Some(Ok(Frame::data(self.events(event).into())))),
        }
    }
}
