//! `Embedder`: from texts to vectors, near each other where the texts mean alike.

use std::path::Path;

use tidemill_core::Result;

use crate::blocks::attention::PAGE;
use crate::blocks::bert::Bert;
use crate::blocks::decoder::{Decoder, Part};
use crate::blocks::precision::Precision;
use crate::checkpoint::{
    Config, EncoderConfig, Headless, Pooling, Sentences, Shards, Tensors, read_bounded, read_json,
};
use crate::decode::cache::Cache;
use crate::error::LanguageError;
use crate::tokens::Tokens;

/// Tokens that go through the model at once: bounds the memory for their states.
const BATCH: usize = 4096;

/// A sentence encoder (BERT, such as MiniLM, or a decoder, such as Qwen3-Embedding), as sentence-transformers runs it.
pub struct Embedder {
    net: Net,
    sentences: Sentences,
    longest: usize,
    tokens: Tokens,
}

/// What gives tokens their states.
enum Net {
    Bert(EncoderConfig, Bert),
    Decoder(Config, Box<Decoder>),
}

impl Embedder {
    /// Opens a folder as sentence-transformers or transformers writes it: `config.json`, `tokenizer.json`,
    /// safetensors, and where they are there `modules.json` (pooling, normalisation) and `sentence_bert_config.json` (the
    /// longest text). A decoder is an encoder where `modules.json` says so.
    ///
    /// # Errors
    /// When files are missing, damaged or disagree, or the architecture or the pooling is unknown.
    pub fn open(folder: &Path) -> Result<Self> {
        Self::open_as(folder, None, None)
    }

    /// The same with another pooling, or with vectors scaled to length 1 or not, than the folder says.
    ///
    /// # Errors
    /// As [`Embedder::open`].
    pub fn open_as(folder: &Path, pooling: Option<Pooling>, normalized: Option<bool>) -> Result<Self> {
        let mut sentences = Sentences::of(folder)?;
        sentences.pooling = pooling.unwrap_or(sentences.pooling);
        sentences.normalized = normalized.unwrap_or(sentences.normalized);
        let net = if Self::is_decoder(folder)? { decoder(folder)? } else { bert(folder)? };
        let (vocabulary, room) = net.vocabulary_and_room();
        let longest = sentences.longest.unwrap_or(room).clamp(2, room.max(2));
        let tokenizer = read_bounded(&folder.join("tokenizer.json"), 256 << 20)?;
        let tokens = Tokens::new(&tokenizer, vocabulary)?.cut(longest)?;
        Ok(Embedder { net, sentences, longest, tokens })
    }

    fn is_decoder(folder: &Path) -> Result<bool> {
        let file = folder.join("config.json");
        Ok(folder.join("modules.json").exists() && Config::of_json(&read_json(&file)?, &file).is_ok())
    }

    /// The numbers of a vector.
    pub fn width(&self) -> usize {
        match &self.net {
            Net::Bert(config, _) => config.hidden,
            Net::Decoder(config, _) => config.hidden,
        }
    }

    /// The most tokens of a text that are looked at, those that the tokenizer adds among them.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The tokens of a text that are looked at, those that the tokenizer adds among them.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of it.
    pub fn tokens(&self, text: &str) -> Result<Vec<u32>> {
        self.tokens.encode(text, true)
    }

    /// The vectors of texts, `[texts, width]`, row-major. A text's vector does not depend on the others.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of a text.
    pub fn embed<T: AsRef<str>>(&self, texts: &[T]) -> Result<Vec<f32>> {
        let texts = texts.iter().map(|text| self.tokens(text.as_ref())).collect::<Result<Vec<_>>>()?;
        Ok(self.vectors(&texts))
    }

    /// The same of tokens as they stand: the tokenizer adds none.
    ///
    /// # Errors
    /// When there are more than [`Embedder::longest`] of a text, or one is beyond the vocabulary.
    pub fn embed_tokens(&self, texts: &[Vec<u32>]) -> Result<Vec<f32>> {
        let (vocabulary, _) = self.net.vocabulary_and_room();
        if let Some(token) = texts.iter().flatten().find(|token| **token as usize >= vocabulary) {
            return Err(LanguageError::Tokens(format!("there is no token {token}")).into());
        }
        if let Some(long) = texts.iter().find(|text| text.len() > self.longest) {
            return Err(LanguageError::PromptTooLong { tokens: long.len(), context: self.longest }.into());
        }
        Ok(self.vectors(texts))
    }

    fn vectors(&self, texts: &[Vec<u32>]) -> Vec<f32> {
        let mut vectors = Vec::with_capacity(texts.len() * self.width());
        let (mut from, mut n) = (0, 0);
        for (i, text) in texts.iter().enumerate() {
            let size = self.net.size(text.len());
            if n + size > BATCH {
                self.pool(&texts[from..i], &mut vectors);
                (from, n) = (i, 0);
            }
            n += size;
        }
        self.pool(&texts[from..], &mut vectors);
        vectors
    }

    /// Adds the vectors of a batch.
    fn pool(&self, batch: &[Vec<u32>], vectors: &mut Vec<f32>) {
        let Sentences { pooling, normalized, .. } = self.sentences;
        vectors.extend(pooled(batch, &self.net.states(batch), self.width(), pooling, normalized));
    }
}

/// The vectors of texts from the states of their tokens, `d` numbers each.
pub(crate) fn pooled(
    texts: &[Vec<u32>],
    states: &[f32],
    d: usize,
    pooling: Pooling,
    normalized: bool,
) -> Vec<f32> {
    let mut vectors = Vec::with_capacity(texts.len() * d);
    let mut rows = states.chunks_exact(d);
    for text in texts {
        let n = text.len();
        let kept = match pooling {
            Pooling::Mean => 0..n,
            Pooling::Cls => 0..n.min(1),
            Pooling::Last => n.saturating_sub(1)..n,
        };
        let mut sum = vec![0.0f64; d];
        for (i, row) in rows.by_ref().take(n).enumerate() {
            if kept.contains(&i) {
                sum.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
            }
        }
        let square: f64 = sum.iter().map(|x| x * x).sum();
        let by = if normalized { square.sqrt() } else { kept.len() as f64 };
        vectors.extend(sum.iter().map(|x| (x / by.max(1e-12)) as f32));
    }
    vectors
}

fn bert(folder: &Path) -> Result<Net> {
    let config = EncoderConfig::open(folder)?;
    let bert = Bert::load(&config, &mut Shards::open(folder)?, folder)?;
    Ok(Net::Bert(config, bert))
}

fn decoder(folder: &Path) -> Result<Net> {
    let file = folder.join("config.json");
    // Vectors need no head: where there is one, it is passed over.
    let config = Config { tied: true, ..Config::of_json(&read_json(&file)?, &file)? };
    let mut shards = Shards::open(folder)?;
    let load = |tensors: &mut dyn Tensors| Decoder::load(&config, tensors, folder, Precision::Float32);
    let whole =
        shards.left().iter().any(|name| name.starts_with("model.") || name.starts_with("transformer."));
    let decoder = if whole { load(&mut shards)? } else { load(&mut Headless(shards))? };
    Ok(Net::Decoder(config, Box::new(decoder)))
}

impl Net {
    fn vocabulary_and_room(&self) -> (usize, usize) {
        match self {
            Net::Bert(config, _) => (config.vocabulary, config.room),
            Net::Decoder(config, _) => (config.vocabulary, config.context),
        }
    }

    /// How many tokens a text counts for: a decoder keeps keys and values in whole pages.
    fn size(&self, tokens: usize) -> usize {
        match self {
            Net::Bert(..) => tokens,
            Net::Decoder(..) => tokens.next_multiple_of(PAGE),
        }
    }

    /// The states of the tokens of each text, one text after the other.
    fn states(&self, texts: &[Vec<u32>]) -> Vec<f32> {
        match self {
            Net::Bert(config, bert) => bert.states(config, texts),
            Net::Decoder(config, decoder) => {
                let mut caches: Vec<Cache> =
                    texts.iter().map(|text| Cache::of_length(config, text.len())).collect();
                let parts = texts.iter().zip(&mut caches).map(|(tokens, cache)| Part { tokens, cache });
                decoder.states(config, &mut parts.collect::<Vec<_>>(), None)
            }
        }
    }
}
