//! `train`: opens the rows, fits, and writes the folder of the model.

use std::path::{Path, PathBuf};

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result, Source};
use tidemill_data::snapshots::{About, FOLDER};
use tidemill_report::words::Words;

use crate::error::EngineError;
use crate::facts::Trained;
use crate::files::{check_folder, clean, replace, seen_from};
use crate::fit::{Fit, Named, fit};
use crate::recipe;
use crate::rows::open_to_learn;
use crate::verbs::data;

/// What to train on, by what recipe, and where the result goes.
#[derive(Clone, Debug)]
pub struct Job {
    /// The language of the report; the model does not depend on it.
    pub words: &'static Words,
    /// The rows: a path, a glob or `-`.
    pub source: String,
    /// The recipe, what was said on the command line included.
    pub recipe: Recipe,
    /// The file the recipe was read from; never overwritten.
    pub recipe_file: Option<PathBuf>,
    /// The folder for the model, the resolved recipe and the metrics.
    pub out: PathBuf,
}

/// Trains. Nothing is written before all of it is done.
pub fn train(job: &Job, context: &Context) -> Result<Trained> {
    let job = &with_target(job)?;
    check_folder(&job.out)?;
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let source = open_to_learn(&job.source, &job.recipe)?;
    let sha256 = (job.source != "-").then(|| tidemill_data::fingerprint(&job.source)).transpose()?;
    let snapshot = keep(&*source, sha256.as_deref(), job, context)?;
    let named =
        Named { name: clean(&job.source), source: seen_from(&job.out, &job.source), sha256, snapshot };
    let fit = fit(&*source, &named, &job.recipe, context)?;
    write(job.words, fit, &job.out, job.recipe_file.as_deref())
}

/// Copies the rows into a snapshot where the recipe asks for it; its id.
fn keep(source: &dyn Source, sha256: Option<&str>, job: &Job, context: &Context) -> Result<Option<String>> {
    let asked = &job.recipe.data;
    if !asked.snapshot {
        return Ok(None);
    }
    let folder = asked.snapshots.as_deref().unwrap_or(FOLDER);
    let folder = match &job.recipe_file {
        Some(file) => recipe::locate(folder, file),
        None => folder.to_string(),
    };
    let about = About {
        source: clean(&job.source),
        source_sha256: sha256.map(String::from),
        key: asked.key.clone(),
        seal: job.recipe.privacy.recipient.clone(),
        // A snapshot says when it was taken; no model does.
        at: tidemill_store::now(),
        ..About::default()
    };
    Ok(Some(data::take(source, Path::new(&folder), &about, context)?.snapshot.id))
}

/// Writes the folder of a model: the model first, since it is what matters; each file appears whole or not at all.
///
/// A recipe file of the user's own (`recipe_file`) is left alone: the resolved one then goes beside it.
pub fn write(words: &'static Words, fit: Fit, out: &Path, recipe_file: Option<&Path>) -> Result<Trained> {
    std::fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
    let model = out.join("model.tidemill");
    let written = tidemill_package::write(&model, &fit.package)?;
    let own = out.join("tidemill.toml");
    let theirs = recipe_file.is_some_and(|file| same_file(file, &own));
    let name = if theirs { "tidemill.resolved.toml" } else { "tidemill.toml" };
    let recipe = out.join(name);
    replace(&recipe, fit.recipe.as_bytes())?;
    let metrics = out.join("metrics.json");
    replace(&metrics, fit.metrics.as_bytes())?;
    let report = out.join("report.html");
    replace(&report, fit.report(words, name, &written.sha256)?.as_bytes())?;
    Ok(Trained { outcome: fit.facts, times: fit.times, model, recipe, metrics, report, hash: written.sha256 })
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The job with a target: that of the recipe, or the class of a folder of images.
fn with_target(job: &Job) -> Result<Job> {
    let mut job = job.clone();
    if job.recipe.data.target.is_none() {
        job.recipe.data.target = tidemill_data::source::default_target(&job.source)?.map(String::from);
    }
    if job.recipe.data.target.is_some() {
        return Ok(job);
    }
    Err(EngineError::usage("no target column given", "name the column with --target").into())
}
