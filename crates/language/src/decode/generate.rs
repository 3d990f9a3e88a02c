//! What is asked and what comes of it.

use std::ops::ControlFlow;

use serde::Serialize;
use tidemill_core::{Error, Result};

use super::constrain::Form;
use super::generation::Generation;
use super::sample::Sampling;
use super::step::step;
use crate::error::LanguageError;
use crate::model::Model;
use crate::tune::lora::Adapter;

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
    /// Whether the log-probability of each token is wanted, and those of how many likeliest ones beside it.
    pub logprobs: Option<usize>,
    /// The form that the answer must have. One that ends by [`Finish::Stop`] without a stop string has it.
    pub form: Option<Form>,
}

/// How likely a token was, as the model says it, before temperature and penalties.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Logprob {
    /// The token.
    pub token: u32,
    /// The natural logarithm of its probability.
    pub logprob: f32,
    /// The likeliest tokens in its place, likeliest first.
    pub top: Vec<(u32, f32)>,
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
    /// Those of them that were not read again, because an earlier answer had left what attention keeps of them.
    pub cached_tokens: usize,
    /// Why it ended.
    pub finish: Finish,
    /// How likely each token was, where that was wanted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub logprobs: Vec<Logprob>,
}

/// Generates; `listen` gets each piece of text once it is certain, and may break off: it is asked after each token and each
/// piece of the prompt, with an empty text where none is certain.
pub(crate) fn generate(
    model: &Model,
    request: &Request,
    adapter: Option<&Adapter>,
    listen: &mut dyn FnMut(&str) -> ControlFlow<()>,
) -> Result<Generated> {
    let mut one = Generation::new(model, request.clone(), model.config().context)?;
    while !one.ended() {
        step(model, adapter, &mut [&mut one], &mut |_, text| listen(text));
    }
    one.generated(model, listen)
}

/// How many tokens may be generated where `context` tokens are looked at; the form is not looked at.
pub(crate) fn room(model: &Model, request: &Request, context: usize) -> Result<usize> {
    let n = request.prompt.len();
    if n == 0 {
        return Err(LanguageError::EmptyPrompt.into());
    }
    if n >= model.config().context {
        return Err(LanguageError::PromptTooLong { tokens: n, context: model.config().context }.into());
    }
    if n >= context {
        return Err(LanguageError::PromptBeyondMemory { tokens: n, holds: context }.into());
    }
    if let Some(token) = request.prompt.iter().find(|t| **t as usize >= model.config().vocabulary) {
        return Err(LanguageError::Tokens(format!("there is no token {token}")).into());
    }
    if request.max_tokens == Some(0) {
        return Err(Error::parameter("max_tokens", "is 0; at least 1 is needed"));
    }
    check(&request.sampling)?;
    let vocabulary = model.config().vocabulary;
    if let Some(token) = request.sampling.logit_bias.keys().find(|token| **token as usize >= vocabulary) {
        let problem = format!("names token {token}; there are {vocabulary}");
        return Err(Error::parameter("logit_bias", problem));
    }
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
    if !(0.0..=1.0).contains(&sampling.min_p) {
        let problem = format!("is {}; a number from 0 to 1 is needed", sampling.min_p);
        return Err(Error::parameter("min_p", problem));
    }
    let repetition = sampling.repetition_penalty;
    if !(repetition > 0.0 && repetition.is_finite()) {
        let problem = format!("is {repetition}; a number above 0 is needed, 1 changes nothing");
        return Err(Error::parameter("repetition_penalty", problem));
    }
    let others =
        [("presence_penalty", sampling.presence_penalty), ("frequency_penalty", sampling.frequency_penalty)];
    if sampling.logit_bias.values().any(|bias| !bias.is_finite()) {
        return Err(Error::parameter("logit_bias", "holds what is not a number"));
    }
    match others.iter().find(|(_, x)| !x.is_finite()) {
        Some((key, x)) => Err(Error::parameter(*key, format!("is {x}; a number is needed"))),
        None => Ok(()),
    }
}

/// How likely a token is by these logits, and the `top` likeliest.
pub(super) fn logprob(logits: &[f32], token: u32, top: usize) -> Logprob {
    let greatest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let total: f64 = logits.iter().filter(|x| !x.is_nan()).map(|x| f64::from(x - greatest).exp()).sum();
    let of = |logit: f32| (f64::from(logit - greatest) - total.ln()) as f32;
    let mut likeliest: Vec<(u32, f32)> = Vec::new();
    if top > 0 {
        likeliest.extend(logits.iter().enumerate().map(|(id, logit)| (id as u32, *logit)));
        // Likelier first, and of equals the lower id.
        likeliest.sort_unstable_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        likeliest.truncate(top);
        likeliest.iter_mut().for_each(|(_, logit)| *logit = of(*logit));
    }
    Logprob { token, logprob: of(logits[token as usize]), top: likeliest }
}

#[cfg(test)]
mod tests {
    use super::logprob;

    /// By Python 3.11: `m = math.log(sum(map(math.exp, z))); [x - m for x in z]` with z = [1, 3, 2, 3].
    #[test]
    fn logprobs_are_those_of_python() {
        let found = logprob(&[1.0, 3.0, 2.0, 3.0], 2, 3);
        let close = |x: f32, y: f32| (x - y).abs() < 1e-5;
        assert!(close(found.logprob, -1.917_576));
        let ids: Vec<u32> = found.top.iter().map(|t| t.0).collect();
        assert_eq!(ids, [1, 3, 2]);
        assert!(close(found.top[0].1, -0.917_576) && close(found.top[2].1, -1.917_576));
    }
}
