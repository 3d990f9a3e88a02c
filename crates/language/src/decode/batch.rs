//! Answers of one version of a model that are generated together, within a stated memory.
//!
//! Answers join and leave between tokens. Keys and values of all of them, and of the prompts that are kept for later ones, take at
//! most the stated memory: first prompts are forgotten, then the answer that came last is paused. A paused answer goes on
//! later from its tokens, which are read again; as a token has the same bits however it is read, nothing shows of it.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;

use tidemill_core::{Error, Result};

use super::cache::Cache;
use super::generate::{Generated, Request, room};
use super::generation::Generation;
use super::prompts::{Owner, Prompts, common};
use super::step::{pieces, step};
use crate::blocks::attention::PAGE;
use crate::checkpoint::Config;
use crate::model::Model;
use crate::tune::lora::Adapter;

/// Tokens that it is worth waiting for: an answer whose prompt begins as one that is being read begins after it.
const WORTH: usize = 16;

/// What answers that are generated together may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLimits {
    /// Answers at once; more wait.
    pub at_once: usize,
    /// Bytes of keys and values, of answers and of kept prompts together.
    pub memory: usize,
}

impl BatchLimits {
    /// How many tokens of prompt and answer a model can look at within the memory.
    ///
    /// # Errors
    /// When the memory does not hold a page of tokens.
    pub fn context(&self, config: &Config) -> Result<usize> {
        let page = Cache::bytes(config, 1);
        if self.memory < page {
            let problem = format!("is {} bytes; this model needs at least {page}", self.memory);
            return Err(Error::parameter("kv_cache", problem));
        }
        Ok((self.memory / page * PAGE).min(config.context))
    }

    /// Checks a request before it waits.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit the context or the memory, or a setting is out of range.
    pub fn check(&self, model: &Model, request: &Request) -> Result<()> {
        room(model, request, self.context(model.config())?)?;
        model.kept(request).map(drop)
    }

    /// Begins an answer, which is generated once a [`Batch`] with these limits has it.
    ///
    /// # Errors
    /// When the prompt is empty or does not fit the context or the memory, or a setting is out of range.
    pub fn begin(&self, model: &Model, request: Request) -> Result<Generation> {
        Generation::new(model, request, self.context(model.config())?)
    }
}

/// Answers of one version of a model that are generated together.
pub struct Batch {
    limits: BatchLimits,
    context: usize,
    waiting: VecDeque<One>,
    /// In the order in which they began.
    running: Vec<One>,
    prompts: Prompts,
}

/// An answer, by the number that its asker gave it.
struct One {
    number: u64,
    owner: Owner,
    generation: Generation,
}

/// Whoever listens to answers, by their numbers.
pub type Listener<'a> = dyn FnMut(u64, &str) -> ControlFlow<()> + 'a;

impl Batch {
    /// Without an answer.
    ///
    /// # Errors
    /// When the memory does not hold a page of tokens.
    pub fn new(model: &Model, limits: BatchLimits) -> Result<Self> {
        let limits = BatchLimits { at_once: limits.at_once.max(1), ..limits };
        let context = limits.context(model.config())?;
        Ok(Batch {
            limits,
            context,
            waiting: VecDeque::new(),
            running: Vec::new(),
            prompts: Prompts::default(),
        })
    }

    /// Takes an answer that its limits began. It is called by this number; prompts of one owner are kept for the same owner
    /// alone.
    pub fn add(&mut self, number: u64, generation: Generation, owner: Option<Arc<str>>) {
        self.waiting.push_back(One { number, owner, generation });
    }

    /// Whether no answer is waited for.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running.is_empty()
    }

    /// The bytes that keys and values take: of answers, and of kept prompts.
    pub fn bytes(&self, model: &Model) -> (usize, usize) {
        let of = |one: &One| Cache::bytes(model.config(), one.generation.cache().n);
        (self.running.iter().map(of).sum(), self.prompts.bytes(model.config()))
    }

    /// Keeps no prompt any longer.
    pub fn forget(&mut self) {
        self.prompts.clear();
    }

    /// One step: every answer reads a piece of its prompt or says a token. `listen` gets each piece of text once it is certain, and
    /// may break off: it is asked after each token and each piece of a prompt, and of answers that wait, with an empty text
    /// where none is certain. Gives the answers that ended.
    pub fn step(
        &mut self,
        model: &Model,
        adapter: Option<&Adapter>,
        listen: &mut Listener<'_>,
    ) -> Vec<(u64, Result<Generated>)> {
        for one in &mut self.waiting {
            if listen(one.number, "").is_break() {
                one.generation.cancel();
            }
        }
        let (gone, waiting): (Vec<One>, Vec<One>) =
            self.waiting.drain(..).partition(|one| one.generation.ended());
        self.waiting = waiting.into();
        self.admit(model);
        self.make_room(model.config());
        let numbers: Vec<u64> = self.running.iter().map(|one| one.number).collect();
        let mut growing: Vec<&mut Generation> =
            self.running.iter_mut().map(|one| &mut one.generation).collect();
        step(model, adapter, &mut growing, &mut |i, text| listen(numbers[i], text));
        let ended = self.running.extract_if(.., |one| one.generation.ended());
        let ended: Vec<One> = ended.chain(gone).collect();
        ended.into_iter().map(|one| self.end(model, one, listen)).collect()
    }

    fn end(&mut self, model: &Model, mut one: One, listen: &mut Listener<'_>) -> (u64, Result<Generated>) {
        let (tokens, cache) = one.generation.take_cache(model);
        let number = one.number;
        let generated = one.generation.generated(model, &mut |text| listen(number, text));
        if generated.is_ok() {
            self.prompts.add(one.owner, tokens, cache);
        }
        (number, generated)
    }

    /// Lets waiting answers begin, first come first, where there is room for them.
    fn admit(&mut self, model: &Model) {
        let config = model.config();
        while self.running.len() < self.limits.at_once
            && let Some(next) = self.waiting.front()
        {
            // A page more for each, so that none is paused at once.
            let grown = |one: &One| Cache::bytes(config, one.generation.sequence().len() + PAGE);
            let running: usize = self.running.iter().map(grown).sum();
            let most = Cache::bytes(config, self.context);
            let needed = running + grown(next).min(most);
            if (needed > self.limits.memory && !self.running.is_empty()) || self.had_better_wait(next) {
                return;
            }
            let Some(mut next) = self.waiting.pop_front() else { return };
            let left = self.limits.memory.saturating_sub(needed);
            if let Some(cache) = self.begun(&next, left, config) {
                next.generation.go_on_from(cache);
            }
            self.prompts.shrink(left, config);
            self.running.push(next);
        }
    }

    /// What earlier answers, ended or running, have left of the first tokens of one. The last token is read in any case: its logits
    /// say the next one.
    fn begun(&mut self, one: &One, left: usize, config: &Config) -> Option<Cache> {
        let tokens = one.generation.sequence();
        let tokens = &tokens[..tokens.len() - 1];
        let long = one.generation.cache().long;
        let kept = self.prompts.longest(&one.owner, tokens, long);
        let alike = |other: &&One| other.owner == one.owner && other.generation.cache().long == long;
        let beside = self.running.iter().filter(alike);
        let shared =
            |other: &One| common(tokens, other.generation.sequence()).min(other.generation.cache().n);
        let (n, running) = beside
            .map(|other| (shared(other), other))
            .max_by_key(|(n, _)| *n)
            .map_or((0, None), |(n, o)| (n, Some(o)));
        match running {
            Some(other) if n > kept => {
                self.prompts.shrink(left, config);
                Some(other.generation.cache().copy(n))
            }
            _ if kept > 0 => self.prompts.take(&one.owner, (tokens, long), kept, left, config),
            _ => None,
        }
    }

    /// Whether a prompt that is being read will soon have read what this one begins with.
    fn had_better_wait(&self, one: &One) -> bool {
        let tokens = one.generation.sequence();
        let long = one.generation.cache().long;
        let kept = self.prompts.longest(&one.owner, tokens, long);
        let alike = |other: &One| other.owner == one.owner && other.generation.cache().long == long;
        let reads = |other: &&One| alike(other) && other.generation.reads();
        self.running.iter().filter(reads).any(|other| {
            let common = common(tokens, other.generation.sequence());
            common > other.generation.cache().n.max(kept) + WORTH
        })
    }

    /// Sees to it that the next step fits the memory.
    fn make_room(&mut self, config: &Config) {
        loop {
            let pieces = pieces(self.running.iter().map(|one| &one.generation));
            let grown = self.running.iter().zip(pieces);
            let needed: usize =
                grown.map(|(one, n)| Cache::bytes(config, one.generation.cache().n + n)).sum();
            self.prompts.shrink(self.limits.memory.saturating_sub(needed), config);
            if needed <= self.limits.memory || self.running.len() == 1 {
                return;
            }
            let Some(mut last) = self.running.pop() else { return };
            last.generation.start_over(config);
            self.waiting.push_front(last);
        }
    }
}
