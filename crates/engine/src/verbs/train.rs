//! The main job: from a table to a tested, packaged model.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tidemill_core::recipe::{Recipe, Spec};
use tidemill_core::{Chain, Context, Error, Event, Fitted, Result, Role, Source, Table};
use tidemill_data::split::{self, Parts};
use tidemill_data::{InferredSchema, Ingest, ReadOptions};
use tidemill_eval::Metric;

use crate::error::EngineError;
use crate::facts::{
    ColumnFacts, DataFacts, NESTED, Outcome, SHIPPED, Shipped, SplitFacts, TargetFacts, Trained,
};
use crate::files::{check_folder, replace};
use crate::forecast::{self, ForecastFacts};
use crate::judge::{Evidence, Judged, metric_of};
use crate::model::{self, Model};
use crate::recipe::{resolve, warn_about_leaks};
use crate::report::page::{self, Origin};
use crate::report::text::card;
use crate::search::{self, SearchResult, Times, preparation};

/// What to train on, by what recipe, and where the result goes.
#[derive(Clone, Debug)]
pub struct Job {
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
    #[cfg(feature = "neural")]
    tidemill_neural::check_device(context.runtime())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    pool.install(|| run(job, context))
}

fn run(job: &Job, context: &Context) -> Result<Trained> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let source = tidemill_data::open(&job.source, &ReadOptions::default())?;
    check_any_row(&*source, &job.source)?;
    let (source, job) = match job.recipe.forecast {
        Some(_) => {
            let made = forecast::learning(&*source, &job.recipe, context)?;
            (made.rows, Job { recipe: made.recipe, ..job.clone() })
        }
        None => (source, job.clone()),
    };
    let job = &job;
    let plan = tidemill_data::infer(&*source, &job.recipe, context)?;
    let (intake, table) = Ingest::fit(&*source, plan, context)?;
    context.tell(&Event::End);
    let plan = intake.plan().clone();
    check_rows(&job.source, &plan, &table)?;
    warn_about_leaks(&plan.leaks, job.recipe.data.drop_leaks, context);
    let recipe = resolve::recipe(&job.recipe, &plan, &job.source);
    let read = preparation::media(table, &recipe, context)?;

    let task = resolve::task(&plan)?;
    let metric = metric_of(&recipe, task)?;
    let table = Arc::new(read.train);
    let (parts, study, judged) = match recipe.split.nested {
        None => {
            let parts = split::test_split(&table, &recipe.split, context)?;
            let study = search::study(&table, &parts.train, &recipe, task, metric, context)?;
            let judged = Judged::on_test(&table, &parts, &study, metric, &recipe, context)?;
            (parts, study, judged)
        }
        Some(n) => {
            let (parts, outer) = split::outer(&table, &recipe.split, n, context)?;
            let judged = Judged::nested(&table, &outer, task, metric, &recipe, context)?;
            let study = search::study(&table, &parts.train, &recipe, task, metric, context)?;
            (parts, study, judged)
        }
    };
    context.tell(&Event::Begin { what: "fitting on all rows".into(), steps: None });
    let shipped = study.design.fit((*table).clone(), &recipe, &context.with_stream("ship"))?;
    context.tell(&Event::End);
    context.check()?;

    let n_rows = table.batch().n_rows();
    let forecast = recipe.forecast.as_ref().map(|asked| {
        let backtest = match recipe.split.nested {
            None => Some(forecast::backtest(&table, &parts, judged.1.answered(), &recipe)?),
            Some(_) => None,
        };
        let (season, window) = (asked.season, asked.window.unwrap_or_default());
        Ok::<_, Error>(ForecastFacts { horizon: asked.horizon.clone(), season, window, backtest })
    });
    let forecast = forecast.transpose()?;
    let facts =
        Facts { job, plan: &plan, parts: &parts, nested: recipe.split.nested, n_rows, metric, forecast };
    let links = read.steps.into_iter().chain(shipped.steps).chain(study.links.iter().cloned());
    let chain = Chain(std::iter::once(intake as Arc<dyn Fitted>).chain(links).collect());
    let times = study.times.clone();
    let (judged, evidence) = judged;
    let preparation = read.specs.into_iter().chain(shipped.specs).collect();
    let note = if recipe.split.nested.is_some() { NESTED } else { SHIPPED };
    let shipped = Shipped { balance: shipped.balance, ..Shipped::new(&chain, n_rows, note) };
    let outcome = facts.outcome(study, preparation, judged, shipped, context)?;
    write(job, &recipe, &plan, chain, (outcome, times), &evidence)
}

/// Everything known once the search is over.
struct Facts<'a> {
    job: &'a Job,
    plan: &'a InferredSchema,
    parts: &'a Parts,
    nested: Option<usize>,
    n_rows: usize,
    metric: &'a Metric,
    forecast: Option<ForecastFacts>,
}

impl Facts<'_> {
    fn outcome(
        &self,
        study: SearchResult,
        preparation: Vec<Spec>,
        judged: Judged,
        shipped: Shipped,
        context: &Context,
    ) -> Result<Outcome> {
        let chosen = study.spec(context)?;
        let columns = self.plan.columns.iter().map(|c| ColumnFacts {
            name: c.name.clone(),
            kind: c.kind.word(),
            role: c.role,
            why: c.why.clone(),
        });
        Ok(Outcome {
            tidemill: env!("CARGO_PKG_VERSION"),
            data: DataFacts {
                source: self.job.source.clone(),
                rows: self.n_rows,
                sha256: (self.job.source != "-")
                    .then(|| tidemill_data::fingerprint(&self.job.source))
                    .transpose()?,
            },
            target: TargetFacts {
                column: resolve::target(self.plan)?.name.clone(),
                task: resolve::task(self.plan)?,
                why: self.plan.why_task.clone(),
                classes: self.plan.classes.clone(),
            },
            columns: columns.collect(),
            leaks: self.plan.leaks.clone(),
            split: SplitFacts {
                why: self.parts.why.clone(),
                train_rows: self.parts.train.len(),
                test_rows: self.parts.test.len(),
                folds: study.n_folds,
                compared_rows: study.n_rows,
                nested: self.nested.unwrap_or(0),
            },
            forecast: self.forecast.clone(),
            metric: self.metric.name.to_string(),
            leaderboard: study.standings,
            chosen,
            reasons: study.reasons,
            gap: study.gap,
            learning_curve: study.curve,
            calibration: study.calibration,
            decision: study.decision,
            preparation,
            test: judged.test,
            test_interval: judged.interval,
            baseline: judged.baseline,
            shipped,
            warnings: context.warnings(),
        })
    }
}

/// The model first, since it is what matters; each file appears whole or not at all.
fn write(
    job: &Job,
    recipe: &Recipe,
    plan: &InferredSchema,
    chain: Chain,
    (outcome, times): (Outcome, Vec<Times>),
    evidence: &Evidence,
) -> Result<Trained> {
    std::fs::create_dir_all(&job.out).map_err(|e| Error::io(&job.out, e))?;
    let resolved = resolve::to_toml(recipe, plan)?;
    let metrics = pretty(&outcome)?;
    let model = job.out.join("model.tidemill");
    let about = json!({
        "task": outcome.target.task,
        "target": outcome.target.column,
        "classes": outcome.target.classes,
        "learner": outcome.chosen,
        "data": outcome.data,
        "test": outcome.test,
        "test_interval": outcome.test_interval,
        "shipped": outcome.shipped,
    });
    let model_built = Model::new(chain, plan)?;
    let package = model::package(&model_built, about, resolved.clone(), card(&outcome), &metrics)?;
    let written = tidemill_package::write(&model, &package)?;
    let own = job.out.join("tidemill.toml");
    // A recipe the user wrote is theirs: the resolved one then goes beside it.
    let theirs = job.recipe_file.as_deref().is_some_and(|file| same_file(file, &own));
    let name = if theirs { "tidemill.resolved.toml" } else { "tidemill.toml" };
    let recipe_file = job.out.join(name);
    replace(&recipe_file, resolved.as_bytes())?;
    let metrics_file = job.out.join("metrics.json");
    replace(&metrics_file, metrics.as_bytes())?;
    let origin = Origin { recipe: (&resolved, name), seed: recipe.train.seed, model: &written.sha256 };
    let report = job.out.join("report.html");
    replace(&report, page::train(&outcome, evidence, &origin)?.as_bytes())?;
    Ok(Trained {
        outcome,
        times,
        model,
        recipe: recipe_file,
        metrics: metrics_file,
        report,
        hash: written.sha256,
    })
}

fn pretty(outcome: &Outcome) -> Result<String> {
    let text = serde_json::to_string_pretty(outcome).map_err(|e| Error::internal(format!("metrics: {e}")))?;
    Ok(text + "\n")
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

fn check_any_row(source: &dyn Source, name: &str) -> Result<()> {
    for batch in source.scan()? {
        if batch?.n_rows() > 0 {
            return Ok(());
        }
    }
    Err(Error::data(format!("{name} has columns but no rows"), "give rows to learn from"))
}

fn check_rows(source: &str, plan: &InferredSchema, table: &Table) -> Result<()> {
    let n = table.batch().n_rows();
    if n < 10 {
        return Err(Error::data(
            format!("{source} has {n} rows with a target: too few to learn from and to judge by"),
            "gather at least 10, better some hundreds",
        ));
    }
    if !table.schema().columns().iter().any(|c| matches!(c.role, Role::Feature | Role::Time)) {
        let left_out = plan.columns.iter().filter(|c| c.role == Role::Ignore);
        let reasons: Vec<String> = left_out.map(|c| format!("'{}': {}", c.name, c.why)).collect();
        return Err(Error::data(
            format!("no column is left to learn from ({})", reasons.join("; ")),
            "give a column the role 'feature' in the recipe's [columns]",
        ));
    }
    Ok(())
}
