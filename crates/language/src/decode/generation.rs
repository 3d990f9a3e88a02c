//! An answer while it grows.

use std::ops::ControlFlow;

use tidemill_core::{Error, Result};

use super::cache::Cache;
use super::constrain::Kept;
use super::generate::{Finish, Generated, Logprob, Request, logprob, room};
use super::sample::Sampler;
use super::stream::Stream;
use crate::checkpoint::Config;
use crate::model::Model;

/// An answer while it grows. The cache may be taken from it at any time: what it held is read again, to the same bits.
pub struct Generation {
    /// The tokens of the prompt and of the answer so far.
    sequence: Vec<u32>,
    n_prompt: usize,
    /// How many tokens may be generated.
    room: usize,
    /// Whether log-probabilities are wanted, and those of how many others.
    top: Option<usize>,
    cache: Cache,
    cached: usize,
    form: Option<Kept>,
    sampler: Sampler,
    stream: Stream,
    logprobs: Vec<Logprob>,
    /// Whether the form is whole.
    whole: bool,
    finish: Option<Finish>,
    fault: Option<Error>,
}

impl Generation {
    /// Begins an answer, where `context` tokens can be looked at.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit, or a setting is out of range.
    pub(crate) fn new(model: &Model, request: Request, context: usize) -> Result<Self> {
        let room = room(model, &request, context)?;
        let form = model.kept(&request)?;
        Ok(Generation {
            n_prompt: request.prompt.len(),
            room,
            top: request.logprobs,
            cache: Cache::of_length(model.config(), request.prompt.len()),
            cached: 0,
            form,
            sampler: Sampler::new(&request.sampling, &request.prompt),
            stream: Stream::new(request.stop),
            logprobs: Vec::new(),
            whole: false,
            finish: None,
            fault: None,
            sequence: request.prompt,
        })
    }

    /// Whether nothing more comes.
    pub(crate) fn ended(&self) -> bool {
        self.finish.is_some() || self.fault.is_some()
    }

    /// The tokens of the prompt and of the answer so far.
    pub(crate) fn sequence(&self) -> &[u32] {
        &self.sequence
    }

    /// What attention keeps of them.
    pub(crate) fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How many tokens the model has not read yet.
    pub(crate) fn pending(&self) -> usize {
        self.sequence.len() - self.cache.n
    }

    /// Whether it still reads its prompt, or what it said before its cache was taken.
    pub(crate) fn reads(&self) -> bool {
        self.pending() > 1 || self.stream.ids().is_empty()
    }

    /// Goes on from what an earlier answer left of the first tokens, at most all but the last.
    pub(crate) fn go_on_from(&mut self, cache: Cache) {
        if self.stream.ids().is_empty() {
            self.cached = cache.n;
        }
        self.cache = cache;
    }

    /// Reads all tokens again.
    pub(crate) fn start_over(&mut self, config: &Config) {
        self.go_on_from(Cache::of_length(config, self.sequence.len()));
    }

    /// Takes what attention keeps, with its tokens.
    pub(crate) fn take_cache(&mut self, model: &Model) -> (Vec<u32>, Cache) {
        let cache = std::mem::replace(&mut self.cache, Cache::new(model.config()));
        (self.sequence[..cache.n].to_vec(), cache)
    }

    /// The next `n` tokens for the model, and where their keys and values go.
    pub(crate) fn feed(&mut self, n: usize) -> (&[u32], &mut Cache) {
        (&self.sequence[self.cache.n..self.cache.n + n], &mut self.cache)
    }

    /// Nobody waits for it.
    pub(crate) fn cancel(&mut self) {
        self.finish = Some(Finish::Cancelled);
    }

    /// Chooses the next token by the logits after the last one; gives its text, as far as it is certain.
    pub(crate) fn say(&mut self, model: &Model, logits: &mut [f32]) -> String {
        match self.next(model, logits) {
            Ok(Some(piece)) => piece,
            Ok(None) => {
                self.finish = Some(Finish::Stop);
                String::new()
            }
            Err(fault) => {
                self.fault = Some(fault);
                String::new()
            }
        }
    }

    /// The same; none where the model ends the answer.
    fn next(&mut self, model: &Model, logits: &mut [f32]) -> Result<Option<String>> {
        let raw = self.top.map(|top| (top, logits.to_vec()));
        if let Some(form) = &mut self.form {
            form.rule_out(logits)?;
        }
        let next = self.sampler.next(logits).ok_or_else(not_a_number)?;
        if model.config().eos.contains(&next) {
            return Ok(None);
        }
        self.logprobs.extend(raw.map(|(top, raw)| logprob(&raw, next, top)));
        self.sequence.push(next);
        let piece = self.stream.push(model.tokens(), next)?.to_owned();
        if model.config().turned_long(self.sequence.len()) != self.cache.long {
            self.start_over(model.config());
        }
        self.whole = self.form.as_mut().map(|form| form.take(next)).transpose()?.unwrap_or(false);
        Ok(Some(piece))
    }

    /// Whoever listens has heard the last token, and goes on doing so or not.
    pub(crate) fn heard(&mut self, goes_on: ControlFlow<()>) {
        self.finish = match goes_on {
            ControlFlow::Break(()) => Some(Finish::Cancelled),
            ControlFlow::Continue(()) if self.stream.stopped() || self.whole => Some(Finish::Stop),
            ControlFlow::Continue(()) if self.stream.ids().len() >= self.room => Some(Finish::Length),
            ControlFlow::Continue(()) => None,
        };
    }

    /// What came of it; `listen` gets the text that was held back.
    ///
    /// # Errors
    /// When the logits were no numbers, or the form could not be kept to.
    pub(crate) fn generated(
        mut self,
        model: &Model,
        listen: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Generated> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let mut finish = self.finish.unwrap_or(Finish::Cancelled);
        let rest = self.stream.finish(model.tokens())?;
        if finish != Finish::Cancelled && !rest.is_empty() {
            // Whoever breaks off here has all of it.
            let _ = listen(rest);
        }
        if self.stream.stopped() && finish == Finish::Length {
            finish = Finish::Stop;
        }
        let (text, tokens) = self.stream.into_parts();
        let (prompt_tokens, cached_tokens) = (self.n_prompt, self.cached);
        Ok(Generated { text, tokens, prompt_tokens, cached_tokens, finish, logprobs: self.logprobs })
    }
}

fn not_a_number() -> Error {
    Error::data(
        "the model's logits are not numbers",
        "check the checkpoint and the adapter: one of them holds values that are not numbers",
    )
}
