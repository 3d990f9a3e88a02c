//! `synthesize`: new rows that are distributed like those of a table, with a report on how like them they are, what they are good for
//! and what they give away.
//!
//! Rows are made from the training part of the table alone, so that the held-out part can judge: what is written is what was judged.

mod likeness;
mod models;
mod privacy;

use tidemill_core::recipe::{Recipe, Task};
use tidemill_core::{Batch, Context, Error, Event, Result, Role, Source, Table};
use tidemill_data::{InferredSchema, Ingest, split};
use tidemill_kernel::Random;

use super::prepare::left_out;
use crate::error::EngineError;
use crate::facts::{ColumnLikeness, LeftOut, SynthesizedFacts};
use crate::files::clean;
use crate::fit::keep_together;
use crate::rows::{check_out, open_to_learn};
pub use crate::search::Method;
use crate::search::synthetic::{STEPS, is_made};

/// Rows that are made at most.
const MOST: usize = 10_000_000;
/// Columns of less variety than this, against real ones, have collapsed; rows of which this share of columns has are of no use.
const COLLAPSED: f64 = 0.4;
/// Rows to learn from, at least: of the copula, and of a GAN.
const FEWEST: usize = 10;
const FEWEST_GAN: usize = 100;
/// Rows of a sort that models and distances look at.
const JUDGED: usize = 5_000;

/// What to make, and what becomes of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// The real rows: a path, a glob or `-`.
    pub source: String,
    /// What was said of them.
    pub recipe: Recipe,
    /// How many rows to make.
    pub n: usize,
    /// By what.
    pub method: Method,
    /// The file for the new rows.
    pub out: Option<String>,
}

/// Learns how the rows of a table are distributed, makes new ones, judges and writes them.
///
/// # Errors
/// No row to make or too many; too few rows to learn from; no column that can be made; rows that are nearly all alike where real ones are
/// not; a file that cannot be written.
pub fn synthesize(job: &Job, context: &Context) -> Result<SynthesizedFacts> {
    if !(1..=MOST).contains(&job.n) {
        let problem = format!("-n {}: the number of rows to make must be 1 to {MOST}", job.n);
        return Err(EngineError::usage(problem, "give another number with -n").into());
    }
    if let Method::Gan { steps: Some(steps) } = job.method
        && !(1..=STEPS).contains(&steps)
    {
        let problem = format!("--steps {steps}: the number of steps must be 1 to {STEPS}");
        return Err(EngineError::usage(problem, "give another number with --steps").into());
    }
    if let Some(out) = &job.out {
        check_out(out, &job.source)?;
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting threads: {e}")))?;
    pool.install(|| run(job, context))
}

fn run(job: &Job, context: &Context) -> Result<SynthesizedFacts> {
    context.tell(&Event::Begin { what: "reading".into(), steps: None });
    let source = open_to_learn(&job.source, &job.recipe)?;
    let plan = tidemill_data::infer(&*source, &job.recipe, context)?;
    if plan.task == Some(Task::Masks) {
        let problem = "the target are masks, and `synthesize` makes rows of numbers and names, not pictures";
        return Err(EngineError::usage(problem, "leave the target out, or name another column").into());
    }
    let (intake, table) = Ingest::fit(&*source, plan, context)?;
    context.tell(&Event::End);
    let left_out = not_made(intake.plan(), &table);
    let parts = Parts::of(table, job, context)?;

    context.tell(&Event::Begin { what: "learning the distribution".into(), steps: None });
    let made = job.method.sample(&parts.learned, job.n, context)?;
    context.tell(&Event::End);
    let columns = likeness::columns(&parts.learned, &made, context)?;
    check_variety(&columns, context)?;

    context.tell(&Event::Begin { what: "judging".into(), steps: None });
    let facts = SynthesizedFacts {
        source: clean(&job.source),
        method: job.method.word(),
        learned: parts.learned.n_rows(),
        held_out: parts.held_out.n_rows(),
        made: made.n_rows(),
        columns,
        left_out,
        pairs: likeness::pairs(&parts.learned, &made)?,
        told: models::told(&parts.learned, &made, context)?,
        use_of: models::use_of(&parts, &made, &job.recipe, context)?,
        privacy: privacy::measured(&parts, &made, context)?,
        out: job.out.clone(),
        warnings: context.warnings(),
    };
    context.tell(&Event::End);
    if let Some(out) = &job.out {
        write(out, &made)?;
    }
    Ok(facts)
}

/// Warns of columns whose new values are nearly all alike where real ones are not, which is how a GAN fails.
///
/// # Errors
/// Most columns are like that.
fn check_variety(columns: &[ColumnLikeness], context: &Context) -> Result<()> {
    let judged = columns.iter().filter(|column| column.variety.is_some()).count();
    let collapsed: Vec<String> = columns
        .iter()
        .filter_map(|column| Some((column, column.variety.filter(|variety| *variety < COLLAPSED)?)))
        .map(|(column, variety)| format!("'{}' ({:.0}%)", column.name, 100.0 * variety))
        .collect();
    if collapsed.is_empty() {
        return Ok(());
    }
    let n = collapsed.len();
    let named = collapsed.join(", ");
    let problem =
        format!("new rows have little of the variety of real ones in {n} of {judged} columns: {named}");
    if 2 * n > judged {
        let remedy = "give more --steps, another --seed or more rows, or use the method copula";
        return Err(Error::data(problem, remedy));
    }
    context.warn("synthesis_collapsed", problem);
    Ok(())
}

/// The columns that new rows do not have, and why.
fn not_made(plan: &InferredSchema, table: &Table) -> Vec<LeftOut> {
    let mut left = left_out(plan);
    for column in table.schema().columns().iter().filter(|c| !is_made(c) && c.role != Role::Block) {
        let why = match column.role {
            Role::Key => "a key names real rows".to_string(),
            _ => format!("a {} is not made anew", column.kind.word()),
        };
        left.push(LeftOut { column: column.name.clone(), why });
    }
    left
}

/// The real rows: those to learn from, and those held out.
struct Parts {
    learned: Batch,
    held_out: Batch,
}

impl Parts {
    fn of(table: Table, job: &Job, context: &Context) -> Result<Self> {
        let places = table.schema().places(is_made);
        if places.is_empty() {
            return Err(Error::data(
                "no column can be synthesized: none is a number, a flag, a category or a time, keys aside",
                "say the kind of a column in a recipe, as in `columns.NAME.kind = \"category\"`",
            ));
        }
        let table = keep_together(table, &job.recipe, context)?;
        let parts = split::test_split(&table, &job.recipe.split, context)?;
        check_rows(&job.method, parts.train.len(), parts.test.len())?;
        let of = |rows: &[u32]| table.take(rows)?.select(&places);
        Ok(Parts { learned: of(&parts.train)?, held_out: of(&parts.test)? })
    }
}

/// Refuses a table of which too little is left to learn from, with how many rows it would take.
fn check_rows(method: &Method, learned: usize, held_out: usize) -> Result<()> {
    let (least, what, more) = match method {
        Method::Gan { .. } => (FEWEST_GAN, "for a GAN to learn from", ", or use the method copula"),
        _ => (FEWEST, "to learn a distribution from", ", better hundreds"),
    };
    if learned >= least {
        return Ok(());
    }
    let problem = format!("{learned} rows are too few {what}; {held_out} more are held out to judge by");
    Err(Error::data(problem, format!("give {} rows at least{more}", (5 * least).div_ceil(4))))
}

/// At most [`JUDGED`] rows, by chance.
fn some(batch: &Batch, label: &str, context: &Context) -> Result<Batch> {
    sample(batch, JUDGED, label, context)
}

/// At most `n` rows, by chance, in their order.
fn sample(batch: &Batch, n: usize, label: &str, context: &Context) -> Result<Batch> {
    if batch.n_rows() <= n {
        return Ok(batch.clone());
    }
    let mut rows: Vec<u32> = (0..batch.n_rows() as u32).collect();
    Random::new(context.seed_for(label), 0).shuffle(&mut rows);
    rows.truncate(n);
    rows.sort_unstable();
    batch.take(&rows)
}

fn write(out: &str, made: &Batch) -> Result<()> {
    let mut sink = tidemill_data::create(out, made.schema())?;
    for batch in Table::new(made.clone()).scan()? {
        sink.write(&batch?)?;
    }
    sink.finish()
}
