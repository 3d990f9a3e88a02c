//! `init`: writes a commented recipe for a table.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Result};
use tidemill_data::Leak;

use crate::error::EngineError;
use crate::files::replace;
use crate::recipe::{self, resolve};
use crate::rows::open_to_learn;

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
    let rows = open_to_learn(source, asked)?;
    let plan = tidemill_data::infer(&*rows, asked, context)?;
    recipe::warn_about_leaks(&plan.leaks, asked.data.drop_leaks, context);
    let resolved = resolve::recipe(asked, &plan, source);
    let text = resolve::to_toml(&resolved)?;
    replace(out, text.as_bytes())?;
    Ok(Initialised {
        recipe: out.to_path_buf(),
        columns: plan.columns.len(),
        leaks: plan.leaks,
        warnings: context.warnings(),
    })
}
