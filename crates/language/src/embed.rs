//! `Embedder`: from texts to vectors, near each other where the texts mean alike.

use std::path::Path;

use tidemill_core::Result;

use crate::blocks::bert::Bert;
use crate::checkpoint::{EncoderConfig, Pooling, Shards, read_bounded};
use crate::tokens::Tokens;

/// Tokens that go through the model at once: bounds the memory for their states.
const BATCH: usize = 4096;

/// A sentence encoder (BERT, such as MiniLM), as sentence-transformers runs it.
pub struct Embedder {
    config: EncoderConfig,
    bert: Bert,
    tokens: Tokens,
}

impl Embedder {
    /// Opens a folder as sentence-transformers or transformers writes it: `config.json`, `tokenizer.json`,
    /// safetensors, and where they are there `modules.json` (pooling, normalisation) and `sentence_bert_config.json` (the
    /// longest text).
    ///
    /// # Errors
    /// When files are missing, damaged or disagree, or the architecture or the pooling is unknown.
    pub fn open(folder: &Path) -> Result<Self> {
        let config = EncoderConfig::open(folder)?;
        let tokenizer = read_bounded(&folder.join("tokenizer.json"), 256 << 20)?;
        let tokens = Tokens::new(&tokenizer, config.vocabulary)?.cut(config.longest)?;
        let bert = Bert::load(&config, &mut Shards::open(folder)?, folder)?;
        Ok(Embedder { config, bert, tokens })
    }

    /// The numbers of a vector.
    pub fn width(&self) -> usize {
        self.config.hidden
    }

    /// The most tokens of a text that are looked at, those that the tokenizer adds among them.
    pub fn longest(&self) -> usize {
        self.config.longest
    }

    /// How many tokens of a text are looked at.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of it.
    pub fn n_tokens(&self, text: &str) -> Result<usize> {
        Ok(self.tokens.encode(text, true)?.len())
    }

    /// The vectors of texts, `[texts, width]`, row-major. A text's vector does not depend on the others.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of a text.
    pub fn embed<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<f32>> {
        let mut vectors = Vec::with_capacity(texts.len() * self.width());
        let (mut batch, mut n) = (Vec::new(), 0);
        for text in texts {
            let tokens = self.tokens.encode(text.as_ref(), true)?;
            if n + tokens.len() > BATCH {
                self.pool(&std::mem::take(&mut batch), &mut vectors);
                n = 0;
            }
            n += tokens.len();
            batch.push(tokens);
        }
        self.pool(&batch, &mut vectors);
        Ok(vectors)
    }

    /// Adds the vectors of a batch.
    fn pool(&self, batch: &[Vec<u32>], vectors: &mut Vec<f32>) {
        let d = self.width();
        let states = self.bert.states(&self.config, batch);
        let mut rows = states.chunks_exact(d);
        for text in batch {
            let kept = match self.config.pooling {
                Pooling::Mean => text.len(),
                Pooling::Cls => text.len().min(1),
            };
            let mut sum = vec![0.0f64; d];
            for (i, row) in rows.by_ref().take(text.len()).enumerate() {
                if i < kept {
                    sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
                }
            }
            let square: f64 = sum.iter().map(|x| x * x).sum();
            let by = if self.config.normalized { square.sqrt() } else { kept as f64 };
            vectors.extend(sum.iter().map(|x| (x / by.max(1e-12)) as f32));
        }
    }
}
