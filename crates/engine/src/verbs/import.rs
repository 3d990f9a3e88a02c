//! `import`: reads a model of another program, and writes it as a model file.

use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tidemill_core::{Context, Error, Result};

use crate::error::EngineError;
use crate::import::{Asked, Imported, MOST_BYTES, import};
use crate::report::text;

/// What was imported, and where it is.
#[derive(Clone, Debug, Serialize)]
pub struct Written {
    /// What it is.
    #[serde(flatten)]
    pub facts: Imported,
    /// The model file.
    pub model: PathBuf,
    /// What names it.
    pub hash: String,
}

/// Takes over the model of a file and writes it to `out`, whole or not at all.
///
/// # Errors
/// Those of [`import()`], a file that cannot be read or is too large, and those of writing.
pub fn file(from: &Path, out: &Path, asked: &Asked, context: &Context) -> Result<Written> {
    if let (Ok(a), Ok(b)) = (from.canonicalize(), out.canonicalize())
        && a == b
    {
        let problem = format!("the import would take the place of {}", from.display());
        return Err(EngineError::usage(problem, "name another file with -o").into());
    }
    let file = std::fs::File::open(from).map_err(|e| Error::io(from, e))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(|e| Error::io(from, e))?;
    if bytes.len() as u64 > MOST_BYTES {
        let problem = format!("{} is larger than 1 GiB", from.display());
        return Err(EngineError::usage(problem, "train a smaller model: fewer trees or leaves").into());
    }
    let name = from.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let found = import(&bytes, &name, asked, context)?;
    let facts = found.facts.clone();
    for note in &facts.notes {
        context.warn("import", note.clone());
    }
    let card = text::imported_card(&facts);
    let written = tidemill_package::write(out, &found.package(card)?)?;
    Ok(Written { facts, model: out.to_path_buf(), hash: written.sha256 })
}
