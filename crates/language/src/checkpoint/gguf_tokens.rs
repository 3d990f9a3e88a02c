//! The tokenizer of a GGUF file, written as the `tokenizer.json` that it came from.

use serde_json::{Value, json};
use tidemill_core::Result;

use super::config::Config;
use super::gguf::{Gguf, Meta};
use crate::error::LanguageError;

/// A tokenizer and its special tokens.
pub(crate) struct GgufTokens {
    /// As the text of a `tokenizer.json`.
    pub(crate) json: Vec<u8>,
    pub(crate) bos: Option<String>,
    pub(crate) eos: Option<String>,
}

/// Words, numbers, runs of signs and of spaces, as GPT-2 cuts them.
const GPT2: &str = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const QWEN2: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// # Errors
/// When the tokenizer is of another sort than byte-level pairs, or its way to cut texts is unknown.
pub(crate) fn tokenizer(gguf: &Gguf, config: &Config) -> Result<GgufTokens> {
    let wrong = |problem: &str| LanguageError::checkpoint(&gguf.path, problem);
    let sort = gguf.text("tokenizer.ggml.model").unwrap_or("none");
    if sort != "gpt2" {
        return Err(LanguageError::Unsupported {
            file: gguf.path.clone(),
            what: "tokenizer",
            found: sort.into(),
            known: "gpt2 (byte-level pairs)",
        }
        .into());
    }
    let (Some(Meta::Texts(tokens)), Some(Meta::Texts(merges))) =
        (gguf.meta.get("tokenizer.ggml.tokens"), gguf.meta.get("tokenizer.ggml.merges"))
    else {
        return Err(wrong("lacks 'tokenizer.ggml.tokens' or 'tokenizer.ggml.merges'").into());
    };
    if tokens.len() != config.vocabulary {
        let problem =
            format!("has {} tokens, but its embedding has {} rows", tokens.len(), config.vocabulary);
        return Err(wrong(&problem).into());
    }
    let vocabulary: serde_json::Map<String, Value> =
        tokens.iter().enumerate().map(|(id, token)| (token.clone(), json!(id))).collect();
    if vocabulary.len() != tokens.len() {
        return Err(wrong("holds a token twice").into());
    }
    let text = |key: &str| {
        gguf.whole(key).and_then(|id| tokens.get(usize::try_from(id).unwrap_or(usize::MAX))).cloned()
    };
    let bos = text("tokenizer.ggml.bos_token_id");
    let pre = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let json = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added(gguf, tokens),
        "normalizer": if pre == "qwen2" { json!({ "type": "NFC" }) } else { Value::Null },
        "pre_tokenizer": cut(gguf, pre)?,
        "post_processor": first(gguf, bos.as_deref()),
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                   "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
                   "ignore_merges": pre == "llama-bpe", "vocab": vocabulary, "merges": merges },
    });
    Ok(GgufTokens { json: json.to_string().into_bytes(), bos, eos: text("tokenizer.ggml.eos_token_id") })
}

/// Control tokens (type 3) and those that users defined (4) are never cut.
fn added(gguf: &Gguf, tokens: &[String]) -> Vec<Value> {
    let Some(Meta::Numbers(types)) = gguf.meta.get("tokenizer.ggml.token_type") else { return Vec::new() };
    let whole = tokens.iter().zip(types).enumerate().filter(|(_, (_, sort))| **sort == 3.0 || **sort == 4.0);
    whole
        .map(|(id, (token, sort))| {
            json!({ "id": id, "content": token, "special": *sort == 3.0, "single_word": false,
                    "lstrip": false, "rstrip": false, "normalized": false })
        })
        .collect()
}

fn cut(gguf: &Gguf, pre: &str) -> Result<Value> {
    let bytes = |regex: bool| json!({ "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": regex });
    let split = |regex: &str| {
        let cut = json!({ "type": "Split", "pattern": { "Regex": regex }, "behavior": "Isolated", "invert": false });
        json!({ "type": "Sequence", "pretokenizers": [cut, bytes(false)] })
    };
    Ok(match pre {
        "smollm" => json!({ "type": "Sequence", "pretokenizers": [
            { "type": "Digits", "individual_digits": true }, bytes(true)] }),
        "gpt-2" | "gpt2" => split(GPT2),
        "llama-bpe" | "llama3" | "llama-v3" => split(LLAMA3),
        "qwen2" => split(QWEN2),
        other => {
            return Err(LanguageError::Unsupported {
                file: gguf.path.clone(),
                what: "tokenizer.ggml.pre",
                found: other.into(),
                known: "smollm, gpt-2, llama-bpe, qwen2",
            }
            .into());
        }
    })
}

/// Puts the first token before a text where the file asks for it.
fn first(gguf: &Gguf, bos: Option<&str>) -> Value {
    let (Some(bos), Some(id), Some(true)) =
        (bos, gguf.whole("tokenizer.ggml.bos_token_id"), gguf.flag("tokenizer.ggml.add_bos_token"))
    else {
        return Value::Null;
    };
    let token = json!({ "SpecialToken": { "id": bos, "type_id": 0 } });
    json!({
        "type": "TemplateProcessing",
        "single": [token, { "Sequence": { "id": "A", "type_id": 0 } }],
        "pair": [token, { "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 0 } }],
        "special_tokens": { bos: { "id": bos, "ids": [id], "tokens": [bos] } },
    })
}
