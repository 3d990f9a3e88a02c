//! What attention has seen so far.

use crate::blocks::attention::{Memory, PAGE};
use crate::checkpoint::Config;

/// The keys and values of every block for the tokens so far; [`Cache::bytes`] says how much memory they take.
pub struct Cache {
    pub(crate) memories: Vec<Memory>,
    pub(crate) n: usize,
    /// Whether its keys are turned as those of long sequences: only a sequence that is as long can go on from it.
    pub(crate) long: bool,
    /// Numbers of a token's keys in one block.
    width: usize,
}

impl Cache {
    /// Without a token.
    pub fn new(config: &Config) -> Self {
        Self::of_length(config, 0)
    }

    /// The same for a sequence of so many tokens.
    pub(crate) fn of_length(config: &Config, tokens: usize) -> Self {
        let memories = (0..config.layers).map(|_| Memory::default()).collect();
        let long = config.turned_long(tokens);
        Cache { memories, n: 0, long, width: config.kv_heads * config.head_size }
    }

    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The bytes that `n` tokens take: `8 * layers * kv_heads * head_size` for each, in whole pages of 128 tokens.
    pub fn bytes(config: &Config, n: usize) -> usize {
        let token = 2 * size_of::<f32>() * config.layers * config.kv_heads * config.head_size;
        token * n.next_multiple_of(PAGE)
    }

    /// The first `n` of its tokens, copied.
    pub(crate) fn copy(&self, n: usize) -> Self {
        let memories = self.memories.iter().map(|memory| memory.copy(n, self.width)).collect();
        Cache { memories, n, long: self.long, width: self.width }
    }

    /// Forgets all but the first `n` tokens.
    pub(crate) fn cut(mut self, n: usize) -> Self {
        if n < self.n {
            self.memories.iter_mut().for_each(|memory| memory.cut(n, self.width));
            self.n = n;
        }
        self
    }
}
