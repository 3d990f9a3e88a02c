//! From texts to tokens and back, by the `tokenizers` library.

use tidemill_core::Result;
use tokenizers::{Tokenizer, TruncationParams};

use crate::error::LanguageError;

/// A part of a text: a special token, or what stands between two of them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Text(String),
    Special(u32),
}

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

    /// The bytes of each token of a vocabulary; those of special tokens are marked by the byte 255, which is in no text, and
    /// ids without a token count as special.
    ///
    /// # Errors
    /// When the decoder turns tokens into bytes in an unknown way.
    pub(crate) fn bytes(&self, vocabulary: usize) -> Result<Vec<Vec<u8>>> {
        let decoder = self.0.get_decoder().and_then(|decoder| serde_json::to_string(decoder).ok());
        let decoder = decoder.unwrap_or_default();
        let pairs = decoder.contains("\"ByteLevel\"");
        if !pairs && !decoder.contains("\"ByteFallback\"") {
            let problem = "its tokens are not made of bytes, which answers of a given form need";
            return Err(LanguageError::Tokens(problem.into()).into());
        }
        let added = self.0.get_added_tokens_decoder();
        let marked = |name: &str| [&[255], name.as_bytes()].concat();
        let one = |id: u32| match (self.0.id_to_token(id), added.get(&id)) {
            (Some(name), Some(token)) if token.special => marked(&name),
            (Some(name), Some(_)) => name.into_bytes(),
            (Some(name), None) if pairs => bytes_of_pairs(&name).unwrap_or_else(|| marked(&name)),
            (Some(name), None) => bytes_of_fallback(&name),
            (None, _) => marked(&format!("<{id}>")),
        };
        Ok((0..vocabulary as u32).map(one).collect())
    }

    /// A text as special tokens and what stands between them.
    pub(crate) fn parts(&self, text: &str) -> Vec<Part> {
        let added = self.0.get_added_tokens_decoder();
        let special: Vec<(u32, String)> = added
            .into_iter()
            .filter(|(_, token)| token.special && !token.content.is_empty())
            .map(|(id, token)| (id, token.content))
            .collect();
        let (mut parts, mut left) = (Vec::new(), text);
        // The first one, and of those that begin at the same place the longest.
        let next = |text: &str| {
            let found = special.iter().filter_map(|(id, name)| Some((text.find(name)?, name.len(), *id)));
            found.min_by_key(|(at, length, _)| (*at, usize::MAX - length))
        };
        while let Some((at, length, id)) = next(left) {
            if at > 0 {
                parts.push(Part::Text(left[..at].into()));
            }
            parts.push(Part::Special(id));
            left = &left[at + length..];
        }
        if !left.is_empty() {
            parts.push(Part::Text(left.into()));
        }
        parts
    }

    /// The id of a token.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.0.token_to_id(token)
    }
}

/// The bytes of a token of byte-level pairs: printable bytes stand for themselves, the others for characters from 256 on.
fn bytes_of_pairs(token: &str) -> Option<Vec<u8>> {
    let itself = |byte: &u8| matches!(byte, 33..=126 | 161..=172 | 174..=255);
    let others: Vec<u8> = (0..=255).filter(|byte| !itself(byte)).collect();
    let byte = |c: char| match u32::from(c) {
        code @ 0..=255 => Some(code as u8).filter(itself),
        code => others.get(code as usize - 256).copied(),
    };
    token.chars().map(byte).collect()
}

/// The bytes of a token with a fallback to bytes: `<0x0A>` is one, and a low bar is a space.
fn bytes_of_fallback(token: &str) -> Vec<u8> {
    let hex = token.strip_prefix("<0x").and_then(|rest| rest.strip_suffix('>'));
    match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
        Some(byte) => vec![byte],
        None => token.replace('\u{2581}', " ").into_bytes(),
    }
}

fn failed(e: tokenizers::Error) -> LanguageError {
    LanguageError::Tokens(e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By transformers 5: `bytes_to_unicode()` of its GPT-2 tokenizer.
    #[test]
    fn tokens_are_the_bytes_of_their_characters() {
        assert_eq!(bytes_of_pairs("\u{120}caf\u{c3}\u{a9}\u{10a}").unwrap(), " caf\u{e9}\n".as_bytes());
        assert_eq!(bytes_of_pairs("\u{143}").unwrap(), [173]);
        assert_eq!(bytes_of_pairs("\u{4e2d}"), None);
        assert_eq!(bytes_of_fallback("<0x0A>"), b"\n");
        assert_eq!(bytes_of_fallback("\u{2581}a"), b" a");
    }
}
