//! `backup`: the plan of a backup, from a recipe and the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tidemill_core::{Result, recipe};

use crate::backup::{Plan, Regular};
use crate::builtin;
use crate::error::EngineError;
use crate::recipe::{duration, locate, read};

/// How many sets are kept where nothing is said.
const KEPT: usize = 14;
/// How often one is made where nothing is said.
const EVERY: Duration = Duration::from_secs(86_400);

/// What a recipe file says: itself, its data and the edges of its graph, into the place of its `[backup]` unless `to` names another. Databases and patterns are
/// no files; they are left to their own tools.
///
/// # Errors
/// A recipe that cannot be read; no place named by anyone.
pub fn plan(file: Option<&Path>, to: Option<PathBuf>, keep: Option<usize>) -> Result<Plan> {
    let mut files: Vec<PathBuf> = file.map(Path::to_path_buf).into_iter().collect();
    let mut asked = recipe::Backup::default();
    if let Some(file) = file {
        let read = read(file, &builtin::registry())?;
        let beside = |path: &str| PathBuf::from(locate(path, file));
        let Some(source) = read.data.source.as_deref() else {
            let problem = format!("{} names no source", file.display());
            return Err(EngineError::usage(problem, "add `source = \"FILE\"` to its [data]").into());
        };
        let edges = read.graph.as_ref().and_then(|graph| graph.edges.as_deref());
        let named = [Some(source), edges].into_iter().flatten();
        files.extend(named.map(|path| beside(file_of(path))).filter(|path| path.exists()));
        asked = read.backup.unwrap_or_default();
        asked.to = asked.to.map(|to| beside(&to).to_string_lossy().into_owned());
    }
    let Some(to) = to.or(asked.to.map(PathBuf::from)) else {
        return Err(EngineError::usage(
            "no second place is named",
            "name a folder with --to, or `to = \"DIR\"` in the recipe's [backup]",
        )
        .into());
    };
    Ok(Plan { to, keep: keep.or(asked.keep).unwrap_or(KEPT), files, stores: Vec::new() })
}

/// The file of a sheet or table in it.
fn file_of(source: &str) -> &str {
    source.split_once("?sheet=").or_else(|| source.split_once("?table=")).map_or(source, |(file, _)| file)
}

/// What a recipe's `[backup]` says of the recipe, its data, the models in service and the store of their answers. A store in PostgreSQL
/// is left to its own tools.
///
/// # Errors
/// A recipe that cannot be read, that names no place, or a time that is none or below a second.
pub fn regular(file: &Path, models: &[PathBuf], store: &str) -> Result<Regular> {
    let mut plan = plan(Some(file), None, None)?;
    plan.files.extend(models.iter().cloned());
    if !store.starts_with("postgres") {
        plan.stores.push(PathBuf::from(store.strip_prefix("sqlite:").unwrap_or(store)));
    }
    let asked = read(file, &builtin::registry())?.backup.unwrap_or_default();
    let wrong = |problem: String| EngineError::usage(problem, "correct `every` in the recipe's [backup]");
    let every = match asked.every.as_deref() {
        Some(text) => duration(text).map_err(wrong)?,
        None => EVERY,
    };
    if every < Duration::from_secs(1) {
        return Err(wrong("a backup cannot be made more often than every second".into()).into());
    }
    Ok(Regular { plan, every })
}
