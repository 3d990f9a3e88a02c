//! `check --labels`: rows whose label is probably wrong, with the probable label.

use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Cell, Context, Error, Event, Result, Role, Row};
use tidemill_data::{Ingest, split};
use tidemill_kernel::confident_learning::Suspect;
use tidemill_kernel::far_off::FarOff;

use crate::error::EngineError;
use crate::format::short;
use crate::recipe::resolve;
use crate::rows::open_to_learn;
use crate::search::labels::{self, Doubt, Doubted, DoubtfulLabels};
use crate::search::preparation;

/// The rows of `source` whose label is probably wrong, as the recipe's `[labels]` finds them, or with its defaults.
///
/// # Errors
/// No target; too few rows to divide; and those of reading.
pub fn doubtful(source: &str, recipe: &Recipe, context: &Context) -> Result<DoubtfulLabels> {
    if recipe.data.target.is_none() {
        return Err(EngineError::usage(
            "--labels judges a target, and none is named",
            "name it with --target",
        )
        .into());
    }
    if source == "-" {
        let problem = "standard input can be read once, and --labels reads the rows again";
        return Err(EngineError::usage(problem, "name a file").into());
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(context.threads).build();
    let pool = pool.map_err(|e| Error::internal(format!("starting {} threads: {e}", context.threads)))?;
    pool.install(|| {
        let rows = open_to_learn(source, recipe)?;
        let quiet = context.quiet();
        let plan = tidemill_data::infer(&*rows, recipe, &quiet)?;
        let (intake, table) = Ingest::fit(&*rows, plan, &quiet)?;
        let n_source = rows.n_rows();
        let recipe = resolve::recipe(recipe, intake.plan(), source);
        let table = preparation::media(table, &recipe, &quiet)?.train;
        // A copy in another fold would tell the label.
        let (table, _) = split::mark(table, &recipe.split, &quiet)?;
        let asked = recipe.labels.clone().unwrap_or_default();
        context.tell(&Event::Begin { what: "judging labels".into(), steps: Some(asked.folds as u64) });
        let found = labels::doubtful(&table, &recipe, &asked, context)?;
        context.tell(&Event::End);
        let batch = table.batch();
        let target =
            batch.schema().role(Role::Target).ok_or_else(|| Error::internal("a target without a column"))?;
        let doubts = doubts(&found, batch, target)?;
        Ok(DoubtfulLabels {
            target: batch.schema().columns()[target].name.clone(),
            learner: asked.learner,
            rows: batch.n_rows(),
            labelled_only: n_source.is_none_or(|n| n != batch.n_rows()),
            doubtful: doubts,
        })
    })
}

fn doubts(found: &Doubted, batch: &Batch, target: usize) -> Result<Vec<Doubt>> {
    match found {
        Doubted::Classes(found) => {
            let names = batch.schema().columns()[target].categories()?;
            let doubt = |one: &Suspect| {
                Ok(Doubt {
                    row: one.row + 1,
                    key: key(batch, one.row)?,
                    given: names.name(one.given).to_string(),
                    likely: names.name(one.likely).to_string(),
                    margin: Some(one.margin),
                    deviations: None,
                })
            };
            found.iter().map(doubt).collect()
        }
        Doubted::Numbers(found) => {
            let doubt = |one: &FarOff| {
                Ok(Doubt {
                    row: one.row + 1,
                    key: key(batch, one.row)?,
                    given: one.given.to_string(),
                    likely: short(one.likely),
                    margin: None,
                    deviations: Some(one.deviations),
                })
            };
            found.iter().map(doubt).collect()
        }
    }
}

/// What the key column says of a row.
fn key(batch: &Batch, row: usize) -> Result<Option<String>> {
    let Some(at) = batch.schema().role(Role::Key) else { return Ok(None) };
    let cell = Row::of(&batch.select(&[at])?.slice(row, 1), 0)?.cells.pop();
    let names = batch.schema().columns()[at].categories.clone();
    Ok(match cell {
        Some(Cell::Number(x)) => Some(x.to_string()),
        Some(Cell::Text(text)) => Some(text),
        Some(Cell::Code(code)) => names.map(|names| names.name(code).to_string()),
        _ => None,
    })
}
