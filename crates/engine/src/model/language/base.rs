//! The checkpoint that adapters are tuned on, named by the hashes of its files.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};
use tidemill_core::{Error, Result};

use super::Place;
use crate::error::EngineError;
use crate::files::sha256;

/// What a GGUF file is called among the hashes: it may be renamed.
pub(super) const ONE_FILE: &str = "gguf";
/// What says how a checkpoint answers, beside its weights.
const SMALL: [&str; 5] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
];
/// Bytes that are hashed at once.
const PIECE: usize = 1 << 20;

/// A checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Base {
    /// Where it lies.
    pub path: PathBuf,
    /// The architecture, as the checkpoint names it; `gguf` for such a file.
    pub family: String,
    /// SHA-256 of each file that says how it answers: settings, tokenizer, template, shards.
    pub files: BTreeMap<String, String>,
}

impl Base {
    /// Reads all files of a checkpoint once.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn of(path: &Path) -> Result<Self> {
        if !path.is_dir() {
            let files = BTreeMap::from([(ONE_FILE.into(), hash_of(path)?)]);
            return Ok(Base { path: path.into(), family: ONE_FILE.into(), files });
        }
        let mut files = BTreeMap::new();
        for entry in std::fs::read_dir(path).map_err(|e| Error::io(path, e))? {
            let entry = entry.map_err(|e| Error::io(path, e))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if SMALL.contains(&name.as_str()) || name.ends_with(".safetensors") {
                files.insert(name, hash_of(&entry.path())?);
            }
        }
        let config = path.join("config.json");
        let text = std::fs::read(&config).map_err(|e| Error::io(&config, e))?;
        let config: Value = serde_json::from_slice(&text).unwrap_or_default();
        let family = config["model_type"].as_str().unwrap_or("unknown").to_string();
        Ok(Base { path: path.into(), family, files })
    }

    /// One hash of all of it.
    pub fn hash(&self) -> String {
        let lines: String = self.files.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
        sha256(lines.as_bytes())
    }

    /// Refuses another base than the one that the model file of `place` names.
    ///
    /// # Errors
    /// Names the first file that is missing or differs.
    pub(super) fn check(&self, named: &Value, place: &Place) -> Result<()> {
        let wanted: BTreeMap<String, String> = serde_json::from_value(named["files"].clone())
            .map_err(|_| Error::state(super::KIND, "it does not name its base"))?;
        let names = wanted.keys().chain(self.files.keys());
        let Some(name) = names.into_iter().find(|name| wanted.get(*name) != self.files.get(*name)) else {
            return Ok(());
        };
        let file = if name == ONE_FILE { self.path.clone() } else { self.path.join(name) };
        let hash = |from: &BTreeMap<String, String>| from.get(name).cloned().unwrap_or_else(|| "none".into());
        Err(EngineError::usage(
            format!(
                "{} is not the base that {} was tuned on: its SHA-256 is {}, and the model file names {}",
                file.display(),
                place.file.display(),
                hash(&self.files),
                hash(&wanted)
            ),
            "put the right checkpoint there, or take the model file away to serve the checkpoint alone",
        )
        .into())
    }
}

fn hash_of(file: &Path) -> Result<String> {
    let fault = |e| Error::io(file, e);
    let mut opened = File::open(file).map_err(fault)?;
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    loop {
        let n = opened.read(&mut piece).map_err(fault)?;
        if n == 0 {
            return Ok(hash.finalize().iter().map(|b| format!("{b:02x}")).collect());
        }
        hash.update(&piece[..n]);
    }
}
