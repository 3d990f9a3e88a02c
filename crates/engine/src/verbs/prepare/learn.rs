//! Fits preparation on rows, and writes them prepared.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::{Value, json};
use tidemill_core::recipe::Recipe;
use tidemill_core::{Chain, Context, Event, Fitted, Needs, Result, Role, Source, Table};
use tidemill_data::{InferredSchema, Ingest};

use super::shape::Shapes;
use super::{changes, package, stories, written};
use crate::error::EngineError;
use crate::facts::{LeftOut, PreparedFacts, StepFacts};
use crate::files::{clean, seen_from};
use crate::fit::keep_together;
use crate::model::Model;
use crate::recipe::{resolve, warn_about_leaks};
use crate::rows::{check_out, open_to_learn};
use crate::search::{Balancer, preparation};

/// What to prepare, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The rows: a path, a glob or `-`.
    pub source: String,
    /// The recipe, what was said on the command line included.
    pub recipe: Recipe,
    /// Whether the user wrote a recipe: without one, missing values are filled.
    pub has_recipe: bool,
    /// The learner whose needs are met too.
    pub learner: Option<String>,
    /// Whether `[balance]` is applied to the rows that are written.
    pub balance: bool,
    /// The file for the prepared rows.
    pub out: Option<String>,
    /// The file for the fitted preparation.
    pub save: Option<PathBuf>,
}

/// Fits the recipe's preparation on all rows and writes them prepared, as a learner would see them. Rows are held in memory, as in
/// training.
///
/// # Errors
/// Nothing to write to; a recipe for a forecast, whose rows the program makes; what no file can hold; whatever a step refuses.
pub fn learn(job: &Job, context: &Context) -> Result<PreparedFacts> {
    check(job)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| tidemill_core::Error::internal(format!("starting threads: {e}")))?;
    pool.install(|| run(job, context))
}

fn check(job: &Job) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(EngineError::usage(problem, remedy).into());
    if let Some(out) = &job.out {
        check_out(out, &job.source)?;
    }
    if job.recipe.forecast.is_some() {
        let problem = "the recipe makes a forecast, whose rows are made anew while training";
        return refuse(problem, "leave [forecast] out, or use `tidemill train`");
    }
    if job.balance && job.recipe.balance.is_none() {
        return refuse("--balance: the recipe has no [balance]", "add one, such as `kind = \"smote\"`");
    }
    Ok(())
}

fn run(job: &Job, context: &Context) -> Result<PreparedFacts> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let source = open_to_learn(&job.source, &job.recipe)?;
    let plan = tidemill_data::infer(&*source, &job.recipe, context)?;
    let (intake, table) = Ingest::fit(&*source, plan, context)?;
    context.tell(&Event::End);
    let plan = intake.plan().clone();
    warn_about_leaks(&plan.leaks, job.recipe.data.drop_leaks, context);
    let named = match &job.save {
        Some(file) => seen_from(file.parent().unwrap_or(std::path::Path::new("")), &job.source),
        None => clean(&job.source),
    };
    let recipe = resolve::recipe(&job.recipe, &plan, &named);
    let mut before = Shapes::new(table.schema());
    add(&mut before, &table)?;
    let n_rows = table.batch().n_rows();

    context.tell(&Event::Begin { what: "preparing".into(), steps: None });
    let read = preparation::media(table, &recipe, context)?;
    let mut steps: Vec<StepFacts> = read.specs.iter().cloned().map(changes::of).collect();
    let table = keep_together(read.train, &recipe, context)?;
    let balancer = if job.balance { Balancer::of(&recipe, context)? } else { None };
    let needs = Balancer::needs(balancer.as_ref(), needs(job, context)?);
    let mut touched = vec![false; n_rows];
    let stream = context.with_stream("ship");
    let prepared = preparation::fit_watched(table, &recipe, needs, &stream, &mut |spec, was, is| {
        let mut step = changes::of(spec.clone());
        changes::note(&mut step, was.batch(), is.batch(), &mut touched)?;
        steps.push(step);
        Ok(())
    })?;
    let balanced = balancer.as_ref().map(|b| b.balance(&prepared.train, &stream)).transpose()?;
    let rows = balanced.as_ref().map_or(&prepared.train, |b| &b.rows);
    context.tell(&Event::End);
    let mut after = Shapes::new(rows.schema());
    add(&mut after, rows)?;
    let rows_after = rows.batch().n_rows() as u64;
    write(job, rows)?;

    let specs: Vec<_> = steps.iter().map(|step| step.spec.clone()).collect();
    let links = read.steps.into_iter().chain(prepared.steps);
    let chain = Chain(std::iter::once(intake as Arc<dyn Fitted>).chain(links).collect());
    if let Some(file) = &job.save {
        let about = json!({ "source": clean(&job.source), "rows": n_rows });
        let model = Model::new(chain, &plan)?;
        tidemill_package::write(file, &package(&model, &specs, about, resolve::to_toml(&recipe)?)?)?;
    }
    let skipped = job.recipe.balance.as_ref().filter(|_| !job.balance).map(|b| b.kind.clone());
    Ok(PreparedFacts {
        source: clean(&job.source),
        fitted: true,
        rows_before: n_rows as u64,
        rows_after,
        rows_touched: touched.iter().filter(|row| **row).count() as u64,
        columns: stories(before, after, &steps),
        steps,
        left_out: left_out(&plan),
        balance: balanced.map(|b| b.facts),
        balance_skipped: skipped,
        out: job.out.clone(),
        saved: job.save.clone(),
        warnings: context.warnings(),
    })
}

/// What has to be met: the learner's needs; without a learner the recipe decides alone, and without a recipe values are filled.
fn needs(job: &Job, context: &Context) -> Result<Needs> {
    match &job.learner {
        Some(kind) => Ok(context.build(kind, Value::Object(serde_json::Map::new()))?.needs()),
        None => Ok(Needs { complete: !job.has_recipe, ..Needs::default() }),
    }
}

fn add(shapes: &mut Shapes, table: &Table) -> Result<()> {
    table.scan()?.try_for_each(|batch| shapes.add(&batch?))
}

fn write(job: &Job, rows: &Table) -> Result<()> {
    let Some(out) = &job.out else { return Ok(()) };
    let places = written(rows.schema());
    let chosen = rows.batch().select(&places)?;
    let mut sink = tidemill_data::create(out, chosen.schema()).map_err(|e| super::unwritable(out, e))?;
    for batch in Table::new(chosen).scan()? {
        sink.write(&batch?)?;
    }
    sink.finish()
}

pub(in crate::verbs) fn left_out(plan: &InferredSchema) -> Vec<LeftOut> {
    let ignored = plan.columns.iter().filter(|c| c.role == Role::Ignore);
    ignored.map(|c| LeftOut { column: c.name.clone(), why: c.why.clone() }).collect()
}
