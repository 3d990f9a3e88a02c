//! From rows in memory or in a file to a tested model in memory: no path, no terminal.

mod masks;
mod policy;
mod start;
mod targets;
mod tensorboard;

use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::{Recipe, Repair, Spec, Task};
use tidemill_core::{
    Chain, Context, Error, Event, Fitted, PREDICTION, PROBABILITY, Result, Role, Source, Table, View,
};
use tidemill_data::split::{self, Blocks, Parts};
use tidemill_data::{InferredColumn, InferredSchema, Ingest, Note};
use tidemill_eval::Metric;
use tidemill_package::Package;
use tidemill_report::words::Words;

use crate::audit::{self, Finding, Severity, Suggested};
use crate::builtin;
use crate::error::EngineError;
use crate::explain::{self, Reasons};
use crate::facts::{ColumnFacts, DataFacts, NESTED, Outcome, SHIPPED, Shipped, SplitFacts, TargetFacts};
use crate::files::source_name;
use crate::forecast::{self, ForecastFacts};
use crate::judge::{BestNaive, Evidence, Judged, held_against, metric_of};
use crate::model::{self, Model, Provenance, Reference, StartedFrom};
use crate::recipe::{self, resolve, warn_about_leaks};
use crate::report::page::{self, Origin};
use crate::report::text::card;
use crate::search::{self, SearchResult, Times, preparation};
use crate::serve::privacy::check_hashed;
pub use masks::{FitOfMasks, are_masks, fit_masks};
pub use policy::{FitOfPolicy, fit_policy};
use start::{Earlier, Started};
pub use targets::{FitOfTargets, fit_targets};

/// What a training leads to, in memory.
pub struct Fit {
    /// The model, fitted on all rows.
    pub model: Model,
    /// What happened.
    pub facts: Outcome,
    /// How long each line of the leaderboard took; it differs from run to run.
    pub times: Vec<Times>,
    /// The recipe that leads here again, as TOML.
    pub recipe: String,
    /// What becomes the model file.
    pub package: Package,
    /// `metrics.json`.
    pub metrics: String,
    seed: u64,
    evidence: Evidence,
    reasons: Reasons,
}

/// What the rows to learn from are called, and what their bytes are.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// As the user knows them.
    pub name: String,
    /// As the resolved recipe names them: a path seen from the folder that the recipe is written to.
    pub source: String,
    /// SHA-256 over their bytes, where there are any.
    pub sha256: Option<String>,
    /// The snapshot that holds them, where one was taken.
    pub snapshot: Option<String>,
    /// As the resolved recipe names the model that the training starts from: a path seen from the folder that the recipe is written to.
    pub start: Option<String>,
}

/// Fits the best model for these rows: splits, searches, judges on held-out rows, and fits what was chosen on all rows.
///
/// # Errors
/// No target in the recipe, too few rows, nothing to learn from, and whatever the recipe asks that the rows cannot give.
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
    #[cfg(feature = "neural")]
    tidemill_neural::check_device(context.runtime())?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    pool.install(|| run(source, named, recipe, context))
}

impl Fit {
    /// The report as a page of HTML, in the language of these words; `recipe_name` is the file that the recipe is written to, `hash` names the model.
    pub fn report(&self, words: &'static Words, recipe_name: &str, hash: &str) -> Result<String> {
        let origin = Origin { recipe: (&self.recipe, recipe_name), seed: self.seed, model: hash };
        Ok(page::train(words, &self.facts, &self.evidence, &self.reasons, &origin)?.html())
    }
}

fn run(source: &dyn Source, named: &Named, asked: &Recipe, context: &Context) -> Result<Fit> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    check_any_row(source, &named.name)?;
    let made = asked.forecast.as_ref().map(|_| forecast::learning(source, asked, context)).transpose()?;
    let (source, asked) = match &made {
        Some(made) => (&*made.rows, &made.recipe),
        None => (source, asked),
    };
    let earlier = Earlier::open(asked, context)?;
    let known = earlier.as_ref().map(|earlier| earlier.kinds_in(asked, source.schema())).transpose()?;
    let (told, asked) = (asked, known.as_ref().unwrap_or(asked));
    // Without rows there is nothing to choose from: a time limit that ends here ends the training.
    let reading = context.strict();
    reading.check()?;
    let Reading { mut plan, mut findings, suggested } = read(source, asked, &reading)?;
    earlier.as_ref().map_or(Ok(()), |earlier| earlier.names_in(&mut plan))?;
    earlier.as_ref().map_or(Ok(()), |earlier| earlier.check_cells(told, &findings))?;
    if plan.task == Some(Task::Masks) {
        let problem = "this trains for a number or a class, and the target are masks";
        let remedy = "train it by `tidemill train`, or by fit_masks; to predict the names themselves say task = \"multiclass\"";
        return Err(EngineError::usage(problem, remedy).into());
    }
    let (intake, table) = Ingest::fit(source, plan, &reading)?;
    reading.check()?;
    context.tell(&Event::End);
    let plan = intake.plan().clone();
    check_own_names(&plan)?;
    check_hashed(asked, &plan)?;
    check_rows(&named.name, &plan, &table)?;
    // Before rows are divided: the error then names the row of the user's table.
    table.batch().weights()?;
    warn_about_leaks(&plan.leaks, asked.data.drop_leaks, context);
    let mut recipe = resolve::recipe(asked, &plan, &named.source);
    let typed = table.batch().clone();
    check_privacy(&recipe)?;
    search::synthetic::check(&recipe, &table)?;
    let started = earlier.map(|earlier| earlier.started(&mut recipe, &plan, named, &reading)).transpose()?;
    let context = &context.with_earlier(started.as_ref().map(Started::model));
    let table = started.as_ref().map_or(Ok(table.clone()), |started| started.asked(&table))?;
    let read = preparation::media(table, &recipe, &reading)?;
    reading.check()?;

    let task = resolve::task(&plan)?;
    recipe::check_task(told, &plan)?;
    let metric = metric_of(&recipe, task)?;
    let (table, blocks) = marked(read.train, &recipe, context)?;
    let table = Arc::new(table);
    let mut naive = None;
    let (parts, study, judged) = match recipe.split.nested {
        None => {
            let parts = match recipe.forecast {
                Some(_) => forecast::origins::parts(table.batch(), &recipe)?,
                None => split::test_split(&table, &recipe.split, context)?,
            };
            let about = (task, metric);
            recipe = search::repaired(&table, &parts.train, recipe, &suggested, about, context)?;
            let mut study = search::study(&table, &parts.train, &recipe, task, metric, context)?;
            let mut judged = Judged::on_test(&table, &parts, &study, metric, &recipe, context)?;
            if recipe.forecast.is_some() {
                let held = held_against(&table, &parts, &mut study, judged, metric, &recipe, context)?;
                judged = held.0;
                naive = Some(held.1);
            }
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
    findings.extend(audit::of_copies(&blocks, &parts, n_rows, &plan));
    findings.sort_by_key(|finding| finding.severity);
    let forecast = recipe.forecast.as_ref().map(|asked| {
        let backtest = naive.map(|BestNaive { about, said }| {
            forecast::backtest(&table, &parts, judged.1.answered(), &recipe, (about, &said))
        });
        let backtest = backtest.transpose()?;
        let (season, window) = (asked.season, asked.window.unwrap_or_default());
        let table = made.as_ref().map_or([0; 2], |made| made.table);
        Ok::<_, Error>(ForecastFacts { table, horizon: asked.horizon.clone(), season, window, backtest })
    });
    let forecast = forecast.transpose()?;
    let nested = recipe.split.nested;
    let repairs = recipe.repairs.clone();
    let facts =
        Facts { named, plan: &plan, findings, repairs, parts: &parts, nested, n_rows, metric, forecast };
    let mut answering = Chain(shipped.steps.into_iter().chain(study.links.iter().cloned()).collect());
    if recipe.forecast.is_some() && recipe.split.nested.is_none() {
        let test = View::new(table.clone(), &parts.test[..])?.collect()?;
        answering = forecast::with_interval(answering, &table, &test, judged.1.answered(), &recipe)?;
    }
    let members = study.design.members.iter().map(|(spec, _)| spec);
    let (start, from) = started.map_or((None, None), |started| started.kept(members));
    let links = start.into_iter().chain(read.steps).chain(answering.0);
    let reference = Reference::of(&typed, &recipe, context)?;
    let chain = Chain(std::iter::once(intake as Arc<dyn Fitted>).chain(links).collect());
    let times = study.times.clone();
    let (judged, evidence) = judged;
    let preparation = read.specs.into_iter().chain(shipped.specs).collect();
    let note = if recipe.split.nested.is_some() { NESTED } else { SHIPPED };
    let shipped =
        Shipped { balance: shipped.balance, labels: shipped.labels, ..Shipped::new(&chain, n_rows, note) };
    if recipe.privacy.rows_in_model == Some(false) && !shipped.keeps_rows.is_empty() {
        return Err(EngineError::rows_in_model(&shipped.keeps_rows).into());
    }
    let facts = facts.outcome(study, preparation, judged, shipped, context)?;
    let model = Model::new(chain, &plan)?;
    // The rows of a forecast are made by the program: no column of theirs is the user's.
    let reasons = match recipe.forecast {
        Some(_) => Reasons::default(),
        None => explain::of_training(&model, &reference, &typed, &parts.test, &context.with_stream("why"))?,
    };
    let trained = tensorboard::Trained { facts: &facts, evidence: &evidence, model: &model, typed: &typed };
    trained.write(context)?;
    let (resolved, metrics) = (resolve::to_toml(&recipe)?, pretty(&facts)?);
    let lasting = lasting(&facts, &plan);
    let package =
        packed(&model, &reference, (&lasting, from), recipe::in_model(&recipe)?, &pretty(&lasting)?)?;
    let seed = recipe.train.seed;
    Ok(Fit { model, facts, times, recipe: resolved, package, metrics, seed, evidence, reasons })
}

/// What is known of the rows before any of them is learned from.
struct Reading {
    plan: InferredSchema,
    findings: Vec<Finding>,
    suggested: Vec<Suggested>,
}

/// What the columns mean, and what is wrong with them and with the rows: the rules of `check`. The rows of a forecast are
/// made by the program, so they are only read.
fn read(source: &dyn Source, asked: &Recipe, context: &Context) -> Result<Reading> {
    if asked.forecast.is_some() {
        let plan = tidemill_data::infer(source, asked, context)?;
        return Ok(Reading { plan, findings: Vec::new(), suggested: Vec::new() });
    }
    let (plan, profile) = tidemill_data::profile(source, asked, context)?;
    let findings = audit::findings(&plan, &profile);
    // Leaks are told by a warning of their own.
    let told = |f: &Finding| f.severity != Severity::Note && f.code != "leak";
    let severe = audit::notes(&plan).into_iter().filter(|note| note.severity == Severity::Severe);
    let findings = severe.chain(findings.into_iter().filter(told)).collect();
    let suggested = audit::repairs(&plan, &profile);
    Ok(Reading { plan, findings, suggested })
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

/// Everything known once the search is over.
struct Facts<'a> {
    named: &'a Named,
    plan: &'a InferredSchema,
    findings: Vec<Finding>,
    repairs: Vec<Repair>,
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
                source: source_name(&self.named.name),
                rows: self.n_rows,
                sha256: self.named.sha256.clone(),
                snapshot: self.named.snapshot.clone(),
            },
            target: TargetFacts {
                column: resolve::target(self.plan)?.name.clone(),
                task: resolve::task(self.plan)?,
                why: self.plan.why_task.clone(),
                classes: self.plan.classes.clone(),
            },
            columns: columns.collect(),
            leaks: self.plan.leaks.clone(),
            findings: self.findings.clone(),
            repairs: self.repairs.clone(),
            split: SplitFacts {
                why: self.parts.why.clone(),
                train_rows: self.parts.train.len(),
                test_rows: self.parts.test.len(),
                folds: study.n_folds,
                compared_rows: study.n_rows,
                nested: self.nested.unwrap_or(0),
                copied_rows: self.parts.copied.len(),
            },
            unseen: judged.unseen,
            forecast: self.forecast.clone(),
            metric: self.metric.name.to_string(),
            leaderboard: study.standings,
            untried: study.untried,
            chosen,
            reasons: study.reasons,
            gap: study.gap,
            learning_curve: study.curve,
            calibration: study.calibration,
            decision: study.decision,
            operating_points: study.points,
            preparation,
            test: judged.test,
            test_interval: judged.interval,
            baseline: judged.baseline,
            shipped,
            warnings: context.warnings(),
        })
    }
}

/// What the model file says of the training: all but how the cells could also have been read. The resolved recipe settles that, and must
/// lead to the same bytes.
fn lasting(facts: &Outcome, plan: &InferredSchema) -> Outcome {
    let settled: Vec<String> = plan.notes.iter().map(Note::text).collect();
    let mut facts = facts.clone();
    facts.warnings.retain(|warning| !settled.contains(&warning.message));
    facts
}

/// The model as its file will hold it.
fn packed(
    model: &Model,
    reference: &Reference,
    (facts, started): (&Outcome, Option<StartedFrom>),
    recipe: String,
    metrics: &str,
) -> Result<Package> {
    let provenance = Provenance {
        task: Some(facts.target.task),
        target: facts.target.column.clone(),
        classes: facts.target.classes.clone(),
        learner: Some(facts.chosen.clone()),
        data: Some(model::part(&facts.data)?),
        test: Some(model::part(&facts.test)?),
        test_interval: facts.test_interval.as_ref().map(model::part).transpose()?,
        shipped: model::part(&facts.shipped)?,
        started,
        ..Provenance::default()
    };
    reference.put_into(model::package(model, provenance.write()?, recipe, card(facts), metrics)?)
}

fn pretty(outcome: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(outcome).map_err(|e| Error::internal(format!("metrics: {e}")))?;
    Ok(text + "\n")
}

/// Learners that would be refused in the end are refused before any work.
fn check_privacy(recipe: &Recipe) -> Result<()> {
    if recipe.privacy.rows_in_model != Some(false) {
        return Ok(());
    }
    let keeps = |kind: &str| builtin::entry(kind).is_some_and(|entry| entry.keeps_rows);
    let keeping: Vec<String> =
        recipe.learners.iter().map(|spec| spec.kind.clone()).filter(|kind| keeps(kind)).collect();
    if keeping.is_empty() { Ok(()) } else { Err(EngineError::rows_in_model(&keeping).into()) }
}

fn check_any_row(source: &dyn Source, name: &str) -> Result<()> {
    for batch in source.scan()? {
        if batch?.n_rows() > 0 {
            return Ok(());
        }
    }
    Err(Error::data(format!("{name} has columns but no rows"), "give rows to learn from"))
}

/// A column that stays beside the answers of the model cannot bear the name of one of them.
fn check_own_names(plan: &InferredSchema) -> Result<()> {
    let of_class = |name: &str| {
        let class = name.strip_prefix(PROBABILITY).and_then(|rest| rest.strip_prefix('_'));
        class.is_some_and(|class| plan.classes.iter().any(|c| c == class))
    };
    let clashes = |c: &&InferredColumn| match c.role {
        Role::Feature | Role::Ignore => false,
        Role::Target => c.name == PREDICTION || c.name == PROBABILITY,
        _ => c.name == PREDICTION || c.name == PROBABILITY || of_class(&c.name),
    };
    match plan.columns.iter().find(clashes) {
        None => Ok(()),
        Some(column) => Err(Error::data(
            format!("column '{}' has the name of a column that a model answers with", column.name),
            "rename it in the table",
        )),
    }
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

fn check_rows(source: &str, plan: &InferredSchema, table: &Table) -> Result<()> {
    let n = table.batch().n_rows();
    if (n as u64) < audit::LEAST_ROWS {
        return Err(Error::data(
            format!("{source} has {n} rows with a target: too few to learn from and to judge by"),
            "gather at least 10, better some hundreds",
        ));
    }
    if !table.schema().columns().iter().any(|c| matches!(c.role, Role::Feature | Role::Time)) {
        return Err(Error::data(audit::without_features(plan), audit::WITHOUT_FEATURES));
    }
    Ok(())
}
