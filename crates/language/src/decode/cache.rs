//! What attention has seen so far.

use crate::blocks::attention::Memory;
use crate::checkpoint::Config;

/// The keys and values of every block for the tokens so far: `8 * layers * kv_heads * head_size` bytes a token.
pub struct Cache {
    pub(crate) memories: Vec<Memory>,
    pub(crate) n: usize,
}

impl Cache {
    /// Without a token.
    pub fn new(config: &Config) -> Self {
        Cache { memories: (0..config.layers).map(|_| Memory::default()).collect(), n: 0 }
    }

    /// How many tokens it holds.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// The bytes that `n` tokens take.
    pub fn bytes(config: &Config, n: usize) -> usize {
        2 * size_of::<f32>() * config.layers * config.kv_heads * config.head_size * n
    }
}
