//! The paths of the parts of a language model.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tidemill_core::{Error, Result};

use super::KIND;
use crate::error::EngineError;

/// Where the parts of a language model lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What people call it.
    pub name: String,
    /// The checkpoint: a folder or a GGUF file, or the model file where that holds its base.
    pub base: PathBuf,
    /// An adapter in peft's layout to begin with.
    pub adapter: Option<PathBuf>,
    /// The model file in which an improved adapter is put into service: there or not.
    pub file: PathBuf,
}

impl Place {
    /// Whether this path is a language model: a GGUF file, a folder with `config.json` or `adapter_config.json`, or a model
    /// file that holds an adapter.
    pub fn is_language(path: &Path) -> bool {
        let ends = |ending: &str| path.extension().is_some_and(|e| e.eq_ignore_ascii_case(ending));
        if path.is_dir() {
            return has(path, "config.json") || has(path, "adapter_config.json");
        }
        let holds_adapter = || tidemill_package::open(path).is_ok_and(|(found, _)| found.state.kind == KIND);
        ends("gguf") || (ends("tidemill") && holds_adapter())
    }

    /// Whether this folder holds a sentence encoder, as sentence-transformers writes it or of a kind that only encodes: it turns texts into
    /// vectors and generates none.
    pub fn is_encoder(path: &Path) -> bool {
        let text = std::fs::read(path.join("config.json")).unwrap_or_default();
        let config: Value = serde_json::from_slice(&text).unwrap_or_default();
        !has(path, "adapter_config.json")
            && (has(path, "modules.json")
                || ["bert", "roberta", "xlm-roberta"].iter().any(|kind| config["model_type"] == *kind))
    }

    /// The place that a path names: a checkpoint, an adapter's folder, or a model file with an adapter.
    ///
    /// # Errors
    /// When there is nothing, or the base of an adapter is not found.
    pub fn of(path: &Path) -> Result<Self> {
        let path = path.canonicalize().map_err(|e| Error::io(path, e))?;
        let path = path.as_path();
        if path.is_dir() {
            let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            let file = path.with_file_name(format!("{name}.tidemill"));
            let adapter = has(path, "adapter_config.json").then(|| path.to_path_buf());
            let base = if adapter.is_some() { base_of_adapter(path)? } else { path.to_path_buf() };
            return Ok(Place { name, base, adapter, file });
        }
        let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.extension().is_some_and(|e| e == "tidemill") {
            return Ok(Place { name, base: base_of_file(path)?, adapter: None, file: path.into() });
        }
        Ok(Place { name, base: path.into(), adapter: None, file: path.with_extension("tidemill") })
    }

    /// The recipe that says what of prompts and answers the log may keep: `NAME.toml` beside the checkpoint, where it is there.
    pub fn recipe(&self) -> Option<PathBuf> {
        let file = self.file.with_extension("toml");
        file.is_file().then_some(file)
    }
}

fn has(folder: &Path, name: &str) -> bool {
    folder.join(name).is_file()
}

/// The checkpoint that an adapter's settings name: beside the adapter, or as it is written there.
fn base_of_adapter(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("adapter_config.json");
    let text = std::fs::read(&file).map_err(|e| Error::io(&file, e))?;
    let settings: Value = serde_json::from_slice(&text).unwrap_or_default();
    let named = settings["base_model_name_or_path"].as_str().unwrap_or_default();
    found(named, folder, &file)
}

/// The checkpoint that a model file names, as seen from its folder.
fn base_of_file(file: &Path) -> Result<PathBuf> {
    let (package, _) = tidemill_package::open(file)?;
    if super::held::names(&package.manifest.about).is_some() {
        return Ok(file.into());
    }
    let named = package.manifest.about["base"]["path"].as_str().unwrap_or_default().to_string();
    found(&named, file, file)
}

fn found(named: &str, beside: &Path, names_it: &Path) -> Result<PathBuf> {
    let sibling = beside.with_file_name(named);
    let wanted = Path::new(named);
    let exists = |path: &&Path| !named.is_empty() && path.exists();
    let found = [sibling.as_path(), wanted].into_iter().find(exists);
    let Some(found) = found else {
        return Err(EngineError::usage(
            format!("{} belongs to the checkpoint '{named}', which is not there", names_it.display()),
            format!("put the checkpoint at {}", sibling.display()),
        )
        .into());
    };
    found.canonicalize().map_err(|e| Error::io(found, e))
}
