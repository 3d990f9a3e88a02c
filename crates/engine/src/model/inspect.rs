//! Looking into a model file.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::{Context, Result};
use tidemill_package::Manifest;

use super::open;
use crate::builtin;

/// What is in a model file.
#[derive(Clone, Debug, Serialize)]
pub struct Inspected {
    /// The file.
    pub file: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// The SHA-256 of the manifest: names the model.
    pub hash: String,
    /// Format, schemas, hashes, origin, scores.
    pub manifest: Manifest,
    /// The links of its chain, in order.
    pub chain: Vec<String>,
    /// What in it holds rows of the training data.
    pub keeps_rows: Vec<String>,
    /// The card, for people.
    pub card: String,
    /// The recipe it came from.
    pub recipe: String,
}

/// Opens a model file, checks every hash, and tells what is in it.
pub fn inspect(path: &Path, context: &Context) -> Result<Inspected> {
    let opened = open(path, context)?;
    let chain = opened.package.state.children.iter().map(|part| part.kind.clone());
    Ok(Inspected {
        file: path.to_path_buf(),
        bytes: opened.info.bytes,
        hash: opened.info.sha256,
        chain: chain.collect(),
        keeps_rows: builtin::keeping_rows(&opened.package.state),
        manifest: opened.package.manifest,
        card: opened.package.card,
        recipe: opened.package.recipe,
    })
}
