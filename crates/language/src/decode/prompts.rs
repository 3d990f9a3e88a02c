//! What earlier answers left of their tokens, so that a prompt that begins as one of them is not read again.

use std::sync::Arc;

use super::cache::Cache;
use crate::checkpoint::Config;

/// Whose prompts these are: what one caller asked says nothing to another, not even by how quickly the answer comes.
pub(super) type Owner = Option<Arc<str>>;

/// The caches of answers that have ended, the latest used last.
#[derive(Default)]
pub(super) struct Prompts(Vec<Left>);

struct Left {
    owner: Owner,
    tokens: Vec<u32>,
    cache: Cache,
}

/// How many tokens two sequences have in common from the first on.
pub(super) fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

impl Prompts {
    /// The bytes that they take.
    pub(super) fn bytes(&self, config: &Config) -> usize {
        self.0.iter().map(|left| Cache::bytes(config, left.cache.n)).sum()
    }

    /// How many of the first of these tokens some answer of this owner has left, turned as those of long sequences or not.
    pub(super) fn longest(&self, owner: &Owner, tokens: &[u32], long: bool) -> usize {
        self.of(owner, long).map(|(_, left)| common(&left.tokens, tokens)).max().unwrap_or(0)
    }

    fn of(&self, owner: &Owner, long: bool) -> impl Iterator<Item = (usize, &Left)> {
        let owner = owner.clone();
        self.0.iter().enumerate().filter(move |(_, left)| left.owner == owner && left.cache.long == long)
    }

    /// The cache of the first `n` of these tokens, which some answer of this owner has left, where all else that stays takes at
    /// most `memory` bytes: a copy, or itself where all of it is wanted or no more fits.
    pub(super) fn take(
        &mut self,
        owner: &Owner,
        (tokens, long): (&[u32], bool),
        n: usize,
        memory: usize,
        config: &Config,
    ) -> Option<Cache> {
        let begins = |(_, left): &(usize, &Left)| common(&left.tokens, tokens) >= n;
        let at = self.of(owner, long).find(begins)?.0;
        let found = self.0.remove(at);
        let bytes = Cache::bytes(config, found.cache.n);
        if found.tokens.len() <= n || bytes > memory {
            return Some(found.cache.cut(n));
        }
        self.shrink(memory - bytes, config);
        let copy = found.cache.copy(n);
        self.0.push(found);
        Some(copy)
    }

    /// Keeps what an answer left. What holds nothing beyond it goes.
    pub(super) fn add(&mut self, owner: Owner, tokens: Vec<u32>, cache: Cache) {
        let within = |a: &[u32], b: &[u32]| b.starts_with(a);
        let long = cache.long;
        if tokens.is_empty() || self.of(&owner, long).any(|(_, left)| within(&tokens, &left.tokens)) {
            return;
        }
        let goes =
            |left: &Left| left.owner == owner && left.cache.long == long && within(&left.tokens, &tokens);
        self.0.retain(|left| !goes(left));
        self.0.push(Left { owner, tokens, cache });
    }

    /// Forgets those used longest ago until the others take at most `memory` bytes.
    pub(super) fn shrink(&mut self, memory: usize, config: &Config) {
        let mut bytes = self.bytes(config);
        let gone = self.0.iter().take_while(|left| {
            let too_much = bytes > memory;
            bytes -= if too_much { Cache::bytes(config, left.cache.n) } else { 0 };
            too_much
        });
        let n = gone.count();
        self.0.drain(..n);
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}
