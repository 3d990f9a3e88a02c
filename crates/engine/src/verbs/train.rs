//! `train`: opens the rows, fits, and writes the folder of the model.

use std::path::{Path, PathBuf};

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result, Source};
use tidemill_data::snapshots::{About, FOLDER};
use tidemill_package::Package;
use tidemill_report::words::Words;

use crate::error::EngineError;
use crate::facts::{Trained, TrainedMasks, TrainedPolicy, TrainedTargets};
use crate::files::{check_folder, clean, replace, seen_from};
use crate::fit::{
    Fit, FitOfMasks, FitOfPolicy, FitOfTargets, Named, are_masks, fit, fit_masks, fit_policy, fit_targets,
};
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

/// What a training led to, by how many targets it had.
pub enum Done {
    /// One.
    One(Box<Trained>),
    /// Two or more.
    Several(TrainedTargets),
    /// A policy.
    Policy(Box<TrainedPolicy>),
    /// Masks.
    Masks(Box<TrainedMasks>),
}

/// Trains for one target. Nothing is written before all of it is done.
///
/// # Errors
/// Those of [`fit`] and of writing; a recipe of several targets.
pub fn train(job: &Job, context: &Context) -> Result<Trained> {
    let (job, source) = opened(job, context)?;
    if !job.recipe.data.targets.is_empty() {
        let problem = "this trains for one target, and several are named";
        return Err(EngineError::usage(problem, "name one with --target").into());
    }
    // [`fit`] refuses a policy.
    train_one(&job, &*source, context)
}

/// Trains for the targets of the recipe. Nothing is written before all of it is done.
///
/// # Errors
/// Those of [`fit`], [`fit_targets`], [`fit_policy`], [`fit_masks`] and of writing.
pub fn train_any(job: &Job, context: &Context) -> Result<Done> {
    let (job, source) = opened(job, context)?;
    if job.recipe.policy.is_some() {
        let named = named(&job, &*source, context)?;
        let fit = fit_policy(&*source, &named, &job.recipe, context)?;
        let trained = write_policy(job.words, fit, &job.out, job.recipe_file.as_deref())?;
        return Ok(Done::Policy(Box::new(trained)));
    }
    if job.recipe.data.targets.is_empty() && are_masks(&*source, &job.recipe, context)? {
        let named = named(&job, &*source, context)?;
        let fit = fit_masks(&*source, &named, &job.recipe, context)?;
        let trained = write_masks(job.words, fit, &job.out, job.recipe_file.as_deref())?;
        return Ok(Done::Masks(Box::new(trained)));
    }
    if job.recipe.data.targets.is_empty() {
        return Ok(Done::One(Box::new(train_one(&job, &*source, context)?)));
    }
    let named = named(&job, &*source, context)?;
    let fit = fit_targets(&*source, &named, &job.recipe, context)?;
    Ok(Done::Several(write_targets(job.words, fit, &job.out, job.recipe_file.as_deref())?))
}

/// The rows, and the job with its targets settled.
fn opened(job: &Job, context: &Context) -> Result<(Job, Box<dyn Source>)> {
    let settled = Job { recipe: recipe::policy::settled(&job.recipe)?, ..job.clone() };
    let mut job = with_target(&settled)?;
    check_folder(&job.out)?;
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let source = open_to_learn(&job.source, &job.recipe)?;
    job.recipe = recipe::targets::settled(&job.recipe, source.schema())?;
    // The resolved recipe names it as it does the source.
    if let Some(edges) = job.recipe.graph.as_mut().and_then(|graph| graph.edges.as_mut()) {
        *edges = seen_from(&job.out, edges);
    }
    Ok((job, source))
}

fn train_one(job: &Job, source: &dyn Source, context: &Context) -> Result<Trained> {
    let named = named(job, source, context)?;
    let fit = fit(source, &named, &job.recipe, context)?;
    write(job.words, fit, &job.out, job.recipe_file.as_deref())
}

/// What the rows are called; they are copied first where the recipe asks for a snapshot.
fn named(job: &Job, source: &dyn Source, context: &Context) -> Result<Named> {
    let sha256 = (job.source != "-").then(|| tidemill_data::fingerprint(&job.source)).transpose()?;
    let snapshot = keep(source, sha256.as_deref(), job, context)?;
    let start = job.recipe.train.start.as_ref().map(|start| seen_from(&job.out, start));
    Ok(Named { name: clean(&job.source), source: seen_from(&job.out, &job.source), sha256, snapshot, start })
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
    let page = |name: &str, hash: &str| fit.report(words, name, hash);
    let Written { model, recipe, metrics, report, hash } =
        folder(&fit.package, &fit.recipe, &fit.metrics, &page, (out, recipe_file))?;
    Ok(Trained { outcome: fit.facts, times: fit.times, model, recipe, metrics, report, hash })
}

/// As [`write()`], of several targets.
pub fn write_targets(
    words: &'static Words,
    fit: FitOfTargets,
    out: &Path,
    recipe_file: Option<&Path>,
) -> Result<TrainedTargets> {
    let page = |name: &str, hash: &str| fit.report(words, name, hash);
    let Written { model, recipe, metrics, report, hash } =
        folder(&fit.package, &fit.recipe, &fit.metrics, &page, (out, recipe_file))?;
    let outcomes = fit.fits.into_iter().map(|fit| fit.facts).collect();
    Ok(TrainedTargets { outcomes, model, recipe, metrics, report, hash })
}

/// As [`write()`], of a policy.
pub fn write_policy(
    words: &'static Words,
    fit: FitOfPolicy,
    out: &Path,
    recipe_file: Option<&Path>,
) -> Result<TrainedPolicy> {
    let page = |name: &str, hash: &str| fit.report(words, name, hash);
    let Written { model, recipe, metrics, report, hash } =
        folder(&fit.package, &fit.recipe, &fit.metrics, &page, (out, recipe_file))?;
    Ok(TrainedPolicy { outcome: fit.facts, model, recipe, metrics, report, hash })
}

/// As [`write()`], of masks.
pub fn write_masks(
    words: &'static Words,
    fit: FitOfMasks,
    out: &Path,
    recipe_file: Option<&Path>,
) -> Result<TrainedMasks> {
    let page = |name: &str, hash: &str| fit.report(words, name, hash);
    let Written { model, recipe, metrics, report, hash } =
        folder(&fit.package, &fit.recipe, &fit.metrics, &page, (out, recipe_file))?;
    Ok(TrainedMasks { outcome: fit.facts, model, recipe, metrics, report, hash })
}

/// What was written.
struct Written {
    model: PathBuf,
    recipe: PathBuf,
    metrics: PathBuf,
    report: PathBuf,
    hash: String,
}

/// `page` makes the report, given the name of the recipe's file and the hash of the model.
fn folder(
    package: &Package,
    recipe_text: &str,
    metrics_text: &str,
    page: &dyn Fn(&str, &str) -> Result<String>,
    (out, recipe_file): (&Path, Option<&Path>),
) -> Result<Written> {
    std::fs::create_dir_all(out).map_err(|e| Error::io(out, e))?;
    let model = out.join("model.tidemill");
    let hash = tidemill_package::write(&model, package)?.sha256;
    let own = out.join(recipe::RESOLVED[0]);
    let theirs = recipe_file.is_some_and(|file| same_file(file, &own));
    let name = recipe::RESOLVED[usize::from(theirs)];
    let recipe = out.join(name);
    replace(&recipe, recipe_text.as_bytes())?;
    let metrics = out.join("metrics.json");
    replace(&metrics, metrics_text.as_bytes())?;
    let report = out.join("report.html");
    replace(&report, page(name, &hash)?.as_bytes())?;
    Ok(Written { model, recipe, metrics, report, hash })
}

fn same_file(a: &Path, b: &Path) -> bool {
    matches!((a.canonicalize(), b.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// The job with a target: that of the recipe, or the class of a folder of images.
fn with_target(job: &Job) -> Result<Job> {
    let mut job = job.clone();
    if !job.recipe.data.targets.is_empty() {
        return Ok(job);
    }
    if job.recipe.data.target.is_none() {
        job.recipe.data.target = tidemill_data::source::default_target(&job.source)?.map(String::from);
    }
    if job.recipe.data.target.is_some() {
        return Ok(job);
    }
    Err(EngineError::usage("no target column given", "name the column with --target").into())
}
