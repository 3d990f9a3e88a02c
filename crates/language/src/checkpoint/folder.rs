//! A folder as Hugging Face's libraries write it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;
use tidemill_core::{Error, Result};

use super::shard::Shard;
use super::{Checkpoint, Config, Tensors, read_bounded, read_json};
use crate::error::LanguageError;

/// Reads config, tokenizer and template, and the headers of the shards.
pub(crate) fn open(folder: &Path) -> Result<Checkpoint> {
    let file = folder.join("config.json");
    let raw = read_json(&file)?;
    let mut config = Config::of_json(&raw, &file)?;
    let generation = folder.join("generation_config.json");
    if generation.exists() {
        config.add_eos(&read_json(&generation)?["eos_token_id"]);
    }
    let words = folder.join("tokenizer_config.json");
    let words = if words.exists() { read_json(&words)? } else { Value::Null };
    let tokenizer = folder.join("tokenizer.json");
    if !tokenizer.exists() {
        let problem = "lacks tokenizer.json (other forms of tokenizers are not read)";
        return Err(LanguageError::checkpoint(folder, problem).into());
    }
    Ok(Checkpoint {
        config,
        tokenizer: read_bounded(&tokenizer, 256 << 20)?,
        template: template(folder, &words)?,
        bos: special(&words["bos_token"]),
        eos: special(&words["eos_token"]),
        tensors: Box::new(Shards::open(folder)?),
    })
}

/// From `chat_template.jinja` (transformers 5) or `tokenizer_config.json` (4), where it may be a list of named ones.
fn template(folder: &Path, words: &Value) -> Result<Option<String>> {
    let file = folder.join("chat_template.jinja");
    if file.exists() {
        let bytes = read_bounded(&file, 4 << 20)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| Error::from(LanguageError::checkpoint(&file, "is not UTF-8")))?;
        return Ok(Some(text));
    }
    let found = match &words["chat_template"] {
        Value::Array(named) => named.iter().find(|t| t["name"] == "default").map(|t| &t["template"]),
        other => Some(other),
    };
    Ok(found.and_then(Value::as_str).map(String::from))
}

/// A special token is written as its text, or as an object that holds it.
fn special(token: &Value) -> Option<String> {
    token.as_str().or_else(|| token["content"].as_str()).map(String::from)
}

/// The shards of a folder.
pub(crate) struct Shards {
    folder: PathBuf,
    shards: Vec<Shard>,
    /// The shard of each tensor.
    places: BTreeMap<String, usize>,
    left: BTreeSet<String>,
}

impl Shards {
    /// Opens all shards of a folder and reads their headers.
    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let index = folder.join("model.safetensors.index.json");
        let single = folder.join("model.safetensors");
        let files = if index.exists() {
            listed(folder, &index)?
        } else if single.exists() {
            BTreeMap::from([(single, None)])
        } else {
            return Err(LanguageError::checkpoint(folder, missing(folder)).into());
        };
        let mut places = BTreeMap::new();
        let mut shards = Vec::with_capacity(files.len());
        for (file, wanted) in files {
            let shard = Shard::open(&file)?;
            for name in shard.names() {
                if let Some(before) = places.insert(name.clone(), shards.len()) {
                    let problem =
                        format!("tensor '{name}' is in two shards (the other is number {})", before + 1);
                    return Err(LanguageError::checkpoint(&file, problem).into());
                }
            }
            if let Some(name) = wanted.iter().flatten().find(|name| shard.shape(name).is_none()) {
                let problem = format!("lacks tensor '{name}', which the index places here");
                return Err(LanguageError::checkpoint(&file, problem).into());
            }
            shards.push(shard);
        }
        let left = places.keys().cloned().collect();
        Ok(Shards { folder: folder.into(), shards, places, left })
    }
}

/// The files that the index names, each with the tensors it should hold.
fn listed(folder: &Path, index: &Path) -> Result<BTreeMap<PathBuf, Option<Vec<String>>>> {
    let raw = read_json(index)?;
    let Some(map) = raw["weight_map"].as_object() else {
        return Err(LanguageError::checkpoint(index, "has no 'weight_map'").into());
    };
    let mut files: BTreeMap<PathBuf, Option<Vec<String>>> = BTreeMap::new();
    for (name, file) in map {
        let file = file.as_str().unwrap_or_default();
        if file.is_empty() || file.contains(['/', '\\']) || !file.ends_with(".safetensors") {
            let problem =
                format!("places tensor '{name}' in '{file}', which is no safetensors file of this folder");
            return Err(LanguageError::checkpoint(index, problem).into());
        }
        let path = folder.join(file);
        if !path.exists() {
            return Err(LanguageError::checkpoint(&path, "is missing, and the index names it").into());
        }
        files.entry(path).or_default().get_or_insert_default().push(name.clone());
    }
    Ok(files)
}

fn missing(folder: &Path) -> String {
    let pickled =
        folder.join("pytorch_model.bin").exists() || folder.join("pytorch_model.bin.index.json").exists();
    if pickled {
        "holds its weights as a pickle, which can run code and is not read: convert them to safetensors"
            .into()
    } else {
        "has no model.safetensors and no index of shards".into()
    }
}

impl Tensors for Shards {
    fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let Some(&place) = self.places.get(name) else {
            return Err(LanguageError::checkpoint(&self.folder, format!("lacks tensor '{name}'")).into());
        };
        self.left.remove(name);
        self.shards[place].take(name, shape)
    }

    fn left(&self) -> Vec<String> {
        self.left.iter().cloned().collect()
    }
}
