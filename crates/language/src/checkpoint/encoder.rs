//! The sizes of a BERT encoder, and how the states of an encoder become one vector for a text.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidemill_core::Result;

use super::config::{Fields, LARGEST};
use super::read_json;
use crate::error::LanguageError;

/// How the states of a text's tokens become its vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// Their mean.
    Mean,
    /// That of the first.
    Cls,
    /// That of the last.
    Last,
}

/// What sentence-transformers says of a folder beside the sizes of its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sentences {
    pub(crate) pooling: Pooling,
    /// Whether vectors are scaled to length 1.
    pub(crate) normalized: bool,
    /// The most tokens of a text that are looked at, where that is said.
    pub(crate) longest: Option<usize>,
}

impl Sentences {
    /// # Errors
    /// When the pooling or another module is unknown.
    pub(crate) fn of(folder: &Path) -> Result<Self> {
        let (pooling, normalized) = modules(folder)?;
        Ok(Sentences { pooling, normalized, longest: longest(folder)? })
    }
}

/// Architectures of encoders, and their types in older files.
const BERT: [&str; 3] = ["BertModel", "BertForMaskedLM", "bert"];
const ROBERTA: [&str; 6] = [
    "RobertaModel",
    "RobertaForMaskedLM",
    "roberta",
    "XLMRobertaModel",
    "XLMRobertaForMaskedLM",
    "xlm-roberta",
];
const ENCODERS: &str = "BertModel, BertForMaskedLM, RobertaModel, RobertaForMaskedLM, XLMRobertaModel, XLMRobertaForMaskedLM, and with a \
                        modules.json the decoders that generate";

/// The sizes of a BERT encoder.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct EncoderConfig {
    pub(crate) vocabulary: usize,
    pub(crate) hidden: usize,
    pub(crate) inner: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    /// Positions that have an embedding.
    pub(crate) positions: usize,
    /// The position of the first token of a text.
    pub(crate) first_position: usize,
    /// Sorts of segments that have an embedding; all texts are of the first.
    pub(crate) segments: usize,
    pub(crate) norm_epsilon: f32,
    /// The most tokens of a text that have a position.
    pub(crate) room: usize,
}

impl EncoderConfig {
    /// From a folder as sentence-transformers or transformers writes it.
    ///
    /// # Errors
    /// When the architecture, the activation or the positions are unknown, or sizes are missing.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let file = folder.join("config.json");
        Self::of_json(&read_json(&file)?, &file)
    }

    /// From the value of a `config.json`.
    ///
    /// # Errors
    /// As [`EncoderConfig::open`].
    pub(crate) fn of_json(raw: &Value, file: &Path) -> Result<Self> {
        let read = Fields { raw, file };
        let named = raw["architectures"][0].as_str().or(raw["model_type"].as_str()).unwrap_or("none");
        if !raw["auto_map"].is_null() {
            let problem = "asks for code of its own ('auto_map'), which is never run";
            return Err(LanguageError::checkpoint(file, problem).into());
        }
        if !BERT.contains(&named) && !ROBERTA.contains(&named) {
            return Err(read.unsupported("architecture", named, ENCODERS));
        }
        for (key, only) in [("hidden_act", "gelu"), ("position_embedding_type", "absolute")] {
            let found = raw[key].as_str().unwrap_or(only);
            if found != only {
                return Err(read.unsupported(key, found, only));
            }
        }
        let (hidden, heads) = (read.size("hidden_size")?, read.size("num_attention_heads")?);
        if !hidden.is_multiple_of(heads) {
            let problem = format!("hidden_size {hidden} is no multiple of {heads} heads");
            return Err(LanguageError::checkpoint(file, problem).into());
        }
        let positions = read.size("max_position_embeddings")?;
        // RoBERTa counts from the place after that of its padding.
        let padding = raw["pad_token_id"].as_u64().unwrap_or(1).min(LARGEST) as usize;
        let first_position = if ROBERTA.contains(&named) { padding + 1 } else { 0 };
        let Some(room) = positions.checked_sub(first_position).filter(|room| *room >= 2) else {
            let problem =
                format!("max_position_embeddings {positions} leaves no place beyond padding {padding}");
            return Err(LanguageError::checkpoint(file, problem).into());
        };
        Ok(EncoderConfig {
            vocabulary: read.size("vocab_size")?,
            hidden,
            inner: read.size("intermediate_size")?,
            layers: read.size("num_hidden_layers")?,
            heads,
            positions,
            segments: read.size("type_vocab_size")?,
            norm_epsilon: raw["layer_norm_eps"].as_f64().unwrap_or(1e-12) as f32,
            first_position,
            room,
        })
    }
}

/// The limit of `sentence_bert_config.json`, or of `tokenizer_config.json` where newer versions keep it. That within
/// tokenizer.json may be a shorter one, for training.
fn longest(folder: &Path) -> Result<Option<usize>> {
    for (name, key) in
        [("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")]
    {
        let file = folder.join(name);
        if file.exists()
            && let Some(n) = read_json(&file)?[key].as_u64()
        {
            return Ok(Some(usize::try_from(n).unwrap_or(usize::MAX)));
        }
    }
    Ok(None)
}

/// Pooling and normalisation, from `modules.json`; without it, the mean and no normalisation.
fn modules(folder: &Path) -> Result<(Pooling, bool)> {
    let file = folder.join("modules.json");
    if !file.exists() {
        return Ok((Pooling::Mean, false));
    }
    let raw = read_json(&file)?;
    let mut found = (Pooling::Mean, false);
    for module in raw.as_array().into_iter().flatten() {
        let sort = module["type"].as_str().unwrap_or_default();
        match sort.rsplit('.').next().unwrap_or_default() {
            "Transformer" => {}
            "Normalize" => found.1 = true,
            "Pooling" => {
                let path = module["path"].as_str().unwrap_or_default();
                if path.contains(['/', '\\', '.']) {
                    let problem = format!("names the folder '{path}' for its pooling");
                    return Err(LanguageError::checkpoint(&file, problem).into());
                }
                found.0 = pooling(&folder.join(path).join("config.json"))?;
            }
            other => return Err(Fields { raw: &raw, file: &file }.unsupported("module", other, MODULES)),
        }
    }
    Ok(found)
}

const MODULES: &str = "Transformer, Pooling, Normalize";

fn pooling(file: &Path) -> Result<Pooling> {
    let raw = read_json(file)?;
    let read = Fields { raw: &raw, file };
    if let Some(mode) = raw["pooling_mode"].as_str() {
        return match mode {
            "mean" => Ok(Pooling::Mean),
            "cls" => Ok(Pooling::Cls),
            "lasttoken" => Ok(Pooling::Last),
            other => Err(read.unsupported("pooling", other, "mean, cls, lasttoken")),
        };
    }
    let modes: Vec<&str> = raw
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, on)| key.starts_with("pooling_mode_") && **on == Value::Bool(true))
        .map(|(key, _)| key.trim_start_matches("pooling_mode_"))
        .collect();
    match modes.as_slice() {
        ["mean_tokens"] => Ok(Pooling::Mean),
        ["cls_token"] => Ok(Pooling::Cls),
        ["lasttoken"] => Ok(Pooling::Last),
        other => {
            let known = "mean_tokens, cls_token, lasttoken";
            Err(read.unsupported("pooling", &other.join(" with "), known))
        }
    }
}
