//! The loop: a token's logits, the next token, its text.

use std::ops::ControlFlow;

use serde::Serialize;
use tidemill_core::{Error, Result};

use super::cache::Cache;
use super::sample::{Sampler, Sampling};
use super::stream::Stream;
use crate::error::LanguageError;
use crate::model::Model;
use crate::tune::lora::Adapter;

/// Tokens of a prompt that go through the model at once: bounds the memory for their states.
const CHUNK: usize = 512;

/// What is to be generated.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The tokens to go on from.
    pub prompt: Vec<u32>,
    /// The most tokens to generate. Without, as many as the context holds.
    pub max_tokens: Option<usize>,
    /// How tokens are chosen.
    pub sampling: Sampling,
    /// Texts that end the answer and are not part of it.
    pub stop: Vec<String>,
}

/// Why an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model ended it, or a stop string came.
    Stop,
    /// There was no room for more tokens.
    Length,
    /// Whoever listened wanted no more.
    Cancelled,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Generated {
    /// Its text.
    pub text: String,
    /// Its tokens, without the one that ended it.
    pub tokens: Vec<u32>,
    /// Tokens of the prompt.
    pub prompt_tokens: usize,
    /// Why it ended.
    pub finish: Finish,
}

/// Generates; `listen` gets each piece of text once it is certain, and may break off.
pub(crate) fn generate(
    model: &Model,
    request: &Request,
    adapter: Option<&Adapter>,
    listen: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated> {
    let room = room(model, request)?;
    let mut cache = Cache::new(model.config());
    let mut sampler = Sampler::new(&request.sampling);
    let mut stream = Stream::new(model.tokens(), &request.stop);
    let mut logits = read_prompt(model, &request.prompt, &mut cache, adapter);
    let mut finish = Finish::Length;
    for n in 1..=room {
        let next = sampler.next(&logits).ok_or_else(not_a_number)?;
        if model.config().eos.contains(&next) {
            finish = Finish::Stop;
            break;
        }
        let piece = stream.push(next)?;
        if !piece.is_empty() && listen(piece).is_break() {
            finish = Finish::Cancelled;
            break;
        }
        if stream.stopped() {
            finish = Finish::Stop;
            break;
        }
        if n < room {
            logits = model.next_logits(&[next], &mut cache, adapter);
        }
    }
    let rest = stream.finish()?;
    if finish != Finish::Cancelled && !rest.is_empty() {
        // Whoever breaks off here has all of it.
        let _ = listen(rest);
    }
    if stream.stopped() && finish == Finish::Length {
        finish = Finish::Stop;
    }
    let (text, tokens) = stream.into_parts();
    Ok(Generated { text, tokens, prompt_tokens: request.prompt.len(), finish })
}

/// How many tokens may be generated.
fn room(model: &Model, request: &Request) -> Result<usize> {
    let (n, context) = (request.prompt.len(), model.config().context);
    if n == 0 {
        return Err(LanguageError::EmptyPrompt.into());
    }
    if n >= context {
        return Err(LanguageError::PromptTooLong { tokens: n, context }.into());
    }
    if let Some(token) = request.prompt.iter().find(|t| **t as usize >= model.config().vocabulary) {
        return Err(LanguageError::Tokens(format!("there is no token {token}")).into());
    }
    if request.max_tokens == Some(0) {
        return Err(Error::parameter("max_tokens", "is 0; at least 1 is needed"));
    }
    check(&request.sampling)?;
    Ok(request.max_tokens.unwrap_or(usize::MAX).min(context - n))
}

fn check(sampling: &Sampling) -> Result<()> {
    if !(sampling.temperature >= 0.0 && sampling.temperature.is_finite()) {
        let problem = format!("is {}; a number of at least 0 is needed", sampling.temperature);
        return Err(Error::parameter("temperature", problem));
    }
    if !(sampling.top_p > 0.0 && sampling.top_p <= 1.0) {
        let problem = format!("is {}; a number above 0 and up to 1 is needed", sampling.top_p);
        return Err(Error::parameter("top_p", problem));
    }
    Ok(())
}

/// The logits after the prompt.
fn read_prompt(model: &Model, prompt: &[u32], cache: &mut Cache, adapter: Option<&Adapter>) -> Vec<f32> {
    let mut logits = Vec::new();
    let last = prompt.len().div_ceil(CHUNK) - 1;
    for (i, chunk) in prompt.chunks(CHUNK).enumerate() {
        if i == last {
            logits = model.next_logits(chunk, cache, adapter);
        } else {
            model.states(chunk, cache, adapter);
        }
    }
    logits
}

fn not_a_number() -> Error {
    Error::data(
        "the model's logits are not numbers",
        "check the checkpoint and the adapter: one of them holds values that are not numbers",
    )
}
