//! Description of a language model: its sizes, memory, files and adapter.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;
use tidemill_core::Result;
use tidemill_language::Adapter;

use super::{GENERATION, Opened, Place};
use crate::error::EngineError;

/// What a language model is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Described {
    /// What people call it.
    pub name: String,
    /// What it does.
    pub task: &'static str,
    /// The architecture, as the checkpoint names it.
    pub family: String,
    /// The numbers that it learned, without its adapter.
    pub parameters: usize,
    /// The bytes of its weights in memory.
    pub bytes: usize,
    /// The bytes of keys and values for each token of prompt and answer.
    pub bytes_per_token: usize,
    /// Blocks.
    pub layers: usize,
    /// Numbers of a token's state.
    pub hidden: usize,
    /// Heads of queries.
    pub heads: usize,
    /// Heads of keys and values.
    pub kv_heads: usize,
    /// Tokens that it knows.
    pub vocabulary: usize,
    /// The most tokens that it can look at.
    pub context: usize,
    /// Whether it has a chat template.
    pub chats: bool,
    /// What was learned beside it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub adapter: Option<DescribedAdapter>,
    /// What names this version.
    pub hash: String,
    /// The version that it was improved from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Why it took that one's place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<String>,
    /// SHA-256 of each file of the checkpoint.
    pub files: BTreeMap<String, String>,
}

/// What an adapter is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DescribedAdapter {
    /// The width of its matrices.
    pub rank: usize,
    /// Its part is multiplied by `alpha / rank`.
    pub alpha: f64,
    /// Its numbers.
    pub parameters: usize,
    /// The layers that have one.
    pub sites: Vec<&'static str>,
}

impl DescribedAdapter {
    fn of(adapter: &Adapter) -> Self {
        DescribedAdapter {
            rank: adapter.rank(),
            alpha: adapter.alpha(),
            parameters: adapter.n_parameters(),
            sites: adapter.site_names(),
        }
    }
}

/// Opens a language model and says what it is; all of its files are read.
///
/// # Errors
/// A model that cannot be opened, or that turns texts into vectors.
pub fn describe(path: &Path) -> Result<Described> {
    if Place::is_encoder(path) {
        let found = format!("{} turns texts into vectors and generates none", path.display());
        return Err(EngineError::usage(found, "use it with `tidemill embed`").into());
    }
    let Opened { place, base, model, adapter, hash, parent, about } = Opened::open(path)?;
    let config = model.config();
    let float = size_of::<f32>();
    Ok(Described {
        name: place.name,
        task: GENERATION,
        family: base.family.clone(),
        parameters: config.n_parameters(),
        bytes: model.bytes(),
        bytes_per_token: 2 * float * config.layers * config.kv_heads * config.head_size,
        layers: config.layers,
        hidden: config.hidden,
        heads: config.heads,
        kv_heads: config.kv_heads,
        vocabulary: config.vocabulary,
        context: config.context,
        chats: model.chats(),
        adapter: adapter.as_ref().map(DescribedAdapter::of),
        hash,
        parent,
        verdict: about["improved"]["verdict"].as_str().map(String::from),
        files: base.files.clone(),
    })
}
