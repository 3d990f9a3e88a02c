//! From texts to tokens and back, by the `tokenizers` library.

use tidemill_core::Result;
use tokenizers::{Tokenizer, TruncationParams};

use crate::error::LanguageError;

/// A model's tokenizer.
pub struct Tokens(Tokenizer);

impl Tokens {
    /// From the text of a `tokenizer.json`. Limits on the length and padding, which some files hold, are left out.
    ///
    /// # Errors
    /// When it is damaged, or has a token beyond the `vocabulary` of the model's embedding.
    pub(crate) fn new(json: &[u8], vocabulary: usize) -> Result<Self> {
        let mut inner = Tokenizer::from_bytes(json).map_err(failed)?;
        inner.with_truncation(None).map_err(failed)?;
        inner.with_padding(None);
        let beyond = inner.get_vocab(true).into_iter().filter(|(_, id)| *id as usize >= vocabulary).min();
        if let Some((token, id)) = beyond {
            let problem =
                format!("token '{token}' has id {id}, but the model's embedding has {vocabulary} rows");
            return Err(LanguageError::Tokens(problem).into());
        }
        Ok(Tokens(inner))
    }

    /// The same, where texts are cut to at most `longest` tokens, those that the tokenizer adds among them.
    pub(crate) fn cut(mut self, longest: usize) -> Result<Self> {
        let limit = TruncationParams { max_length: longest, ..TruncationParams::default() };
        self.0.with_truncation(Some(limit)).map_err(failed)?;
        Ok(self)
    }

    /// The tokens of a text. With `special`, also those that the tokenizer puts before or after every text.
    ///
    /// # Errors
    /// When the tokenizer has no token for a part of the text.
    pub fn encode(&self, text: &str, special: bool) -> Result<Vec<u32>> {
        Ok(self.0.encode_fast(text, special).map_err(failed)?.get_ids().to_vec())
    }

    /// The text of tokens, without special ones. Bytes that are not whole characters become U+FFFD.
    ///
    /// # Errors
    /// When the tokenizer's decoder cannot be applied.
    pub fn decode(&self, tokens: &[u32]) -> Result<String> {
        Ok(self.0.decode(tokens, true).map_err(failed)?)
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }
}

fn failed(e: tokenizers::Error) -> LanguageError {
    LanguageError::Tokens(e.to_string())
}
