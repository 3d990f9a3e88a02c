//! `tidemill generate`.

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Deserialize;
use tidemill_engine::core::{Error, Result};
use tidemill_language::{Adapter, Form, Message, Model, Request, Sampling};

use super::{context, json_of};
use crate::args::Cli;
use crate::args::language::Generate;
use crate::show::Shown;

/// Answers a prompt or a chat. Text appears as it comes; with `--json`, one document at the end.
pub(super) fn generate(args: &Generate, cli: &Cli) -> Result<Shown> {
    let context = context(cli, args.seed, None)?;
    let model = Model::open_as(&args.model, args.precision.into())?;
    let adapter = adapter(args.adapter.as_deref(), &model)?;
    let sampling = Sampling {
        temperature: args.temperature,
        top_k: args.top_k,
        top_p: args.top_p,
        min_p: args.min_p,
        repetition_penalty: args.repetition_penalty,
        presence_penalty: args.presence_penalty,
        frequency_penalty: args.frequency_penalty,
        logit_bias: BTreeMap::new(),
        seed: args.seed,
    };
    let request = Request {
        prompt: prompt(args, &model)?,
        max_tokens: Some(args.max_tokens),
        sampling,
        stop: args.stop.clone(),
        logprobs: None,
        form: form(args)?,
    };
    let mut out = std::io::stdout();
    let mut listen = |piece: &str| {
        let gone = !cli.json && out.write_all(piece.as_bytes()).and_then(|()| out.flush()).is_err();
        if gone || context.check().is_err() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let answer = model.generate(&request, adapter.as_ref(), &mut listen)?;
    context.check()?;
    Ok(Shown::new("\n", json_of(&answer)?))
}

pub(super) fn adapter(folder: Option<&Path>, model: &Model) -> Result<Option<Adapter>> {
    folder.map(|folder| Adapter::load(folder, model.config())).transpose()
}

/// The form that the answer must have.
fn form(args: &Generate) -> Result<Option<Form>> {
    let Some(file) = &args.schema else { return Ok(args.regex.clone().map(Form::Regex)) };
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    let schema = serde_json::from_str(&text).map_err(|e| {
        Error::data(format!("{} is not JSON: {e}", file.display()), "write it as a JSON Schema")
    })?;
    Ok(Some(Form::Schema(schema)))
}

/// The tokens of the prompt or the chat.
fn prompt(args: &Generate, model: &Model) -> Result<Vec<u32>> {
    match (&args.prompt, &args.chat) {
        (Some(prompt), _) if args.raw || !model.chats() => model.tokens().encode(prompt, true),
        (Some(prompt), _) => model.chat_tokens(&[Message::new("user", prompt)]),
        (None, Some(file)) => model.chat_tokens(&messages(file)?),
        (None, None) => Err(Error::parameter("prompt", "is missing, and so is a chat")),
    }
}

/// A list of messages, alone or as `messages` of an object.
#[derive(Deserialize)]
#[serde(untagged)]
enum Chat {
    List(Vec<Message>),
    Request { messages: Vec<Message> },
}

fn messages(file: &Path) -> Result<Vec<Message>> {
    let text = std::fs::read_to_string(file).map_err(|e| Error::io(file, e))?;
    match serde_json::from_str(&text) {
        Ok(Chat::List(messages) | Chat::Request { messages }) if !messages.is_empty() => Ok(messages),
        Ok(_) => {
            Err(Error::data(format!("{} holds no message", file.display()), "give at least one message"))
        }
        Err(e) => Err(Error::data(
            format!("{} is no chat: {e}", file.display()),
            r#"write it as [{"role": "user", "content": "Hello"}]"#,
        )),
    }
}
