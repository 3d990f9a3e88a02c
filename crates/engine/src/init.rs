//! Writing a commented recipe for a table, and looking into a model file.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result};
use tidemill_data::{Leak, ReadOptions};
use tidemill_package::Manifest;

use crate::error::EngineError;
use crate::{model, resolve, words};

/// What `init` found.
#[derive(Clone, Debug, Serialize)]
pub struct Initialised {
    /// The recipe that was written.
    pub recipe: PathBuf,
    /// How many columns it describes.
    pub columns: usize,
    /// Columns that seem to give the target away.
    pub leaks: Vec<Leak>,
    /// What the user should know.
    pub warnings: Vec<tidemill_core::Warning>,
}

/// Infers a recipe for `source` and writes it to `out`, which must not exist yet.
pub fn init(source: &str, asked: &Recipe, out: &Path, context: &Context) -> Result<Initialised> {
    if out.exists() {
        return Err(EngineError::usage(
            format!("{} is there already", out.display()),
            "name another file with --out, or remove this one",
        )
        .into());
    }
    let rows = tidemill_data::open(source, &ReadOptions::default())?;
    let plan = tidemill_data::infer(&*rows, asked, context)?;
    words::warn_about_leaks(&plan.leaks, asked.data.drop_leaks, context);
    let recipe = resolve::recipe(asked, &plan, source);
    let text = resolve::to_toml(&recipe, &plan)?;
    crate::train::replace(out, text.as_bytes())?;
    Ok(Initialised {
        recipe: out.to_path_buf(),
        columns: plan.columns.len(),
        leaks: plan.leaks,
        warnings: context.warnings(),
    })
}

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
    /// The card, for people.
    pub card: String,
    /// The recipe it came from.
    pub recipe: String,
}

/// Opens a model file, checks every hash, and tells what is in it.
pub fn inspect(path: &Path, context: &Context) -> Result<Inspected> {
    let opened = model::open(path, context)?;
    let chain = opened.package.state.children.iter().map(|part| part.kind.clone());
    Ok(Inspected {
        file: path.to_path_buf(),
        bytes: opened.info.bytes,
        hash: opened.info.sha256,
        chain: chain.collect(),
        manifest: opened.package.manifest,
        card: opened.package.card,
        recipe: opened.package.recipe,
    })
}
