//! Training in memory, without paths or a terminal: from rows to an evaluated model.

mod checks;
mod masks;
mod outcome;
mod policy;
mod reading;
mod searched;
mod start;
mod targets;
mod tensorboard;

use std::sync::Arc;

use serde_json::Value;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Chain, Context, Error, Event, Fitted, Result, Source, Table};
use tidemill_data::split::{self, Blocks};
use tidemill_package::Package;
use tidemill_report::words::Words;

use crate::audit;
use crate::error::EngineError;
use crate::explain::{self, Reasons};
use crate::facts::{NESTED, Outcome, SHIPPED, Shipped};
use crate::forecast;
use crate::judge::{Evidence, metric_of};
use crate::model::{Model, Reference};
use crate::recipe::{self, resolve};
use crate::report::page::{self, Origin};
use crate::search::{Times, preparation};
pub use masks::{FitOfMasks, are_masks, fit_masks};
use outcome::{Facts, pretty};
pub use policy::{FitOfPolicy, fit_policy};
use reading::Reading;
use searched::Searched;
use start::{Earlier, Started};
pub use targets::{FitOfTargets, fit_targets};

/// A finished training, in memory.
pub struct Fit {
    /// The model, fitted on all rows.
    pub model: Model,
    /// The results.
    pub facts: Outcome,
    /// The time that each line of the leaderboard took, which differs from run to run.
    pub times: Vec<Times>,
    /// The resolved recipe, which leads to the same model again, as TOML.
    pub recipe: String,
    /// The content of the model file.
    pub package: Package,
    /// The content of `metrics.json`.
    pub metrics: String,
    seed: u64,
    evidence: Evidence,
    reasons: Reasons,
}

/// The names of the rows to learn from, and their hash.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The name that the user gave.
    pub name: String,
    /// The path in the resolved recipe, relative to the folder of the recipe.
    pub source: String,
    /// The SHA-256 of their bytes; `None` for rows in memory.
    pub sha256: Option<String>,
    /// Their snapshot, if one was taken.
    pub snapshot: Option<String>,
    /// The path in the resolved recipe of the model that the training starts from, relative to the folder of the recipe.
    pub start: Option<String>,
}

/// Fits the best model for these rows: splits them, compares learners, evaluates the chosen one on held-out rows, and refits it on all rows.
///
/// # Errors
/// There is no target, there are too few rows, there is nothing to learn from, or the recipe asks for something that the rows do not provide.
pub fn fit(source: &dyn Source, named: &Named, recipe: &Recipe, context: &Context) -> Result<Fit> {
    if recipe.data.target.is_none() && recipe.data.targets.is_empty() {
        return Err(EngineError::usage("no target column given", "name the column with --target").into());
    }
    if recipe.policy.is_some() {
        let problem = "this trains for a target, and the recipe makes a policy";
        return Err(
            EngineError::usage(problem, "train it by `tidemill train RECIPE`, or by fit_policy").into()
        );
    }
    on_threads(context, || run(source, named, recipe, context))
}

impl Fit {
    /// The report as a page of HTML, in the language of these words; `recipe_name` is the file that the recipe is written to, `hash` names the model.
    pub fn report(&self, words: &'static Words, recipe_name: &str, hash: &str) -> Result<String> {
        let origin = Origin { recipe: (&self.recipe, recipe_name), seed: self.seed, model: hash };
        Ok(page::train(words, &self.facts, &self.evidence, &self.reasons, &origin)?.html())
    }
}

/// Runs a training on the threads and the device of its context.
fn on_threads<T: Send>(context: &Context, training: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    #[cfg(feature = "neural")]
    tidemill_neural::check_device(context.runtime())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    pool.install(training)
}

/// Reads the rows, searches and judges on parts of them, then fits what was chosen on all of them.
fn run(source: &dyn Source, named: &Named, told: &Recipe, context: &Context) -> Result<Fit> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    checks::any_row(source, &named.name)?;
    let made = told.forecast.as_ref().map(|_| forecast::learning(source, told, context)).transpose()?;
    let (source, told) = match &made {
        Some(made) => (&*made.rows, &made.recipe),
        None => (source, told),
    };
    // Without rows there is nothing to choose from: a time limit that ends here ends the training.
    let strict = context.strict();
    let earlier = Earlier::open(told, context)?;
    let reading = reading::read(source, named, told, earlier.as_ref(), &strict)?;
    let Reading { intake, table, mut findings, suggested, mut recipe } = reading;
    let (plan, typed) = (intake.plan().clone(), table.batch().clone());
    let started = earlier.map(|earlier| earlier.started(&mut recipe, &plan, named, &strict)).transpose()?;
    let context = &context.with_earlier(started.as_ref().map(Started::model));
    let table = started.as_ref().map_or(Ok(table.clone()), |started| started.asked(&table))?;
    let media = preparation::media(table, &recipe, &strict)?;
    strict.check()?;
    let task = resolve::task(&plan)?;
    recipe::check_task(told, &plan)?;
    let metric = metric_of(&recipe, task)?;
    let (table, blocks) = marked(media.train, &recipe, context)?;
    let table = Arc::new(table);
    let n_rows = table.batch().n_rows();

    let mut searched = searched::run(&table, recipe, &suggested, (task, metric), context)?;

    context.tell(&Event::Begin { what: "fitting on all rows".into(), steps: None });
    let all = context.with_stream("ship");
    let fitted = searched.study.design.fit((*table).clone(), &searched.recipe, &all)?;
    context.tell(&Event::End);
    context.check()?;

    findings.extend(audit::of_copies(&blocks, &searched.parts, n_rows, &plan));
    findings.sort_by_key(|finding| finding.severity);
    let forecast = searched.forecast(&table, made.as_ref().map_or([0; 2], |made| made.table))?;
    let answering = searched.answering(fitted.steps, &table)?;
    let Searched { recipe, parts, study, judged, evidence, .. } = searched;
    let members = study.design.members.iter().map(|(spec, _)| spec);
    let (start, from) = started.map_or((None, None), |started| started.kept(members));
    let links = start.into_iter().chain(media.steps).chain(answering.0);
    let chain = Chain(std::iter::once(intake as Arc<dyn Fitted>).chain(links).collect());
    let reference = Reference::of(&typed, &recipe, context)?;

    let shipped =
        Shipped { balance: fitted.balance, labels: fitted.labels, ..shipped(&chain, n_rows, &recipe)? };
    let (times, repairs, nested) = (study.times.clone(), recipe.repairs.clone(), recipe.split.nested);
    let preparation = media.specs.into_iter().chain(fitted.specs).collect();
    let facts =
        Facts { named, plan: &plan, findings, repairs, parts: &parts, nested, n_rows, metric, forecast };
    let facts = facts.outcome(study, preparation, judged, shipped, context)?;
    let model = Model::new(chain, &plan)?;
    let reasons = match recipe.forecast {
        // The rows of a forecast are made by the program: no column of theirs is the user's.
        Some(_) => Reasons::default(),
        None => explain::of_training(&model, &reference, &typed, &parts.test, &context.with_stream("why"))?,
    };
    tensorboard::Trained { facts: &facts, evidence: &evidence, model: &model, typed: &typed }
        .write(context)?;
    let (resolved, metrics) = (resolve::to_toml(&recipe)?, pretty(&facts)?);
    let package = outcome::packed(&model, &reference, (&facts, &plan), &recipe, from)?;
    let seed = recipe.train.seed;
    Ok(Fit { model, facts, times, recipe: resolved, package, metrics, seed, evidence, reasons })
}

/// What the chain was fitted on; an error where it keeps rows that the recipe keeps out of the model.
fn shipped(chain: &Chain, n_rows: usize, recipe: &Recipe) -> Result<Shipped> {
    let note = if recipe.split.nested.is_some() { NESTED } else { SHIPPED };
    let shipped = Shipped::new(chain, n_rows, note);
    if recipe.privacy.rows_in_model == Some(false) && !shipped.keeps_rows.is_empty() {
        return Err(EngineError::rows_in_model(&shipped.keeps_rows).into());
    }
    Ok(shipped)
}

/// The table, its copies marked so that nothing divides them; the rows of a forecast overlap by nature.
pub(crate) fn keep_together(table: Table, recipe: &Recipe, context: &Context) -> Result<Table> {
    Ok(marked(table, recipe, context)?.0)
}

fn marked(table: Table, recipe: &Recipe, context: &Context) -> Result<(Table, Blocks)> {
    if recipe.forecast.is_some() {
        return Ok((table, Blocks::default()));
    }
    let (table, blocks) = split::mark(table, &recipe.split, context)?;
    if let Some(why) = &blocks.why {
        let message = format!(
            "{why}: no split, fold or early stopping divides them (split.copies = \"ignore\" treats them as any rows)"
        );
        context.warn("copies_kept_together", message);
    }
    Ok((table, blocks))
}

/// A learner with all its parameters.
fn in_full(spec: &Spec, context: &Context) -> Result<Spec> {
    let learner = context.build(&spec.kind, Value::Object(spec.params.clone()))?;
    let params = learner.params().as_object().cloned().unwrap_or_default();
    Ok(Spec { kind: spec.kind.clone(), params })
}

/// The learner that stands first; an error where even that one could not be fitted.
fn fittest(first: Option<(&Spec, Option<&str>)>) -> Result<Spec> {
    match first {
        Some((learner, None)) => Ok(learner.clone()),
        Some((learner, Some(problem))) => Err(Error::data(
            format!("no learner could be fitted; {}: {problem}", learner.kind),
            "correct the data or the recipe",
        )),
        None => Err(Error::internal("no learner was compared")),
    }
}
