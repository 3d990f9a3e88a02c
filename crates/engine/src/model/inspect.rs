//! The contents of a model file, for `inspect`.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;
use serde::Serialize;
use tidemill_core::{Context, Result, State};
use tidemill_package::Manifest;

use super::{AnyModel, Provenance, open_any, several};
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
    /// The links of its chain, in order; of several targets none.
    pub chain: Vec<String>,
    /// Of several targets: the links of the chain of each.
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    pub chains: IndexMap<String, Vec<String>>,
    /// What in it holds rows of the training data.
    pub keeps_rows: Vec<String>,
    /// The card, for people.
    pub card: String,
    /// The recipe it came from.
    pub recipe: String,
}

/// Opens a model file, checks every hash, and tells what is in it.
pub fn inspect(path: &Path, context: &Context) -> Result<Inspected> {
    let (package, info, card) = match open_any(path, context)? {
        AnyModel::One(opened) => {
            let card = opened.package.card.clone();
            (opened.package, opened.info, card)
        }
        AnyModel::Several(several) => {
            let card = several.card();
            (several.package, several.info, card)
        }
    };
    let kinds = |state: &State| state.children.iter().map(|part| part.kind.clone()).collect();
    let mut chains = IndexMap::new();
    if package.state.kind == several::KIND {
        let origins = Provenance::read(&package.manifest.about)?.targets;
        let named = origins.into_iter().map(|origin| origin.target);
        chains.extend(named.zip(package.state.children.iter().map(kinds)));
    }
    Ok(Inspected {
        file: path.to_path_buf(),
        bytes: info.bytes,
        hash: info.sha256,
        chain: if chains.is_empty() { kinds(&package.state) } else { Vec::new() },
        chains,
        keeps_rows: builtin::keeping_rows(&package.state),
        manifest: package.manifest,
        card,
        recipe: package.recipe,
    })
}
