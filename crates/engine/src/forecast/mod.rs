//! Forecasts: a dated table becomes rows of what was known at a timestamp and what came some steps later, and from there on
//! everything is as for any other table: any learner learns from them, folds and the test part are forecast from later than all that
//! is learned from, and a model answers row by row. The methods that every forecaster knows (`local_forecast`) read the past of a row
//! as a series.
//!
//! | column of such a row | what it holds |
//! |---|---|
//! | `history` | the target up to the moment (the *origin*), as a series |
//! | `neighbors_history` | where series are tied to each other, the mean of the neighbours up to that moment |
//! | the time | the moment to be forecast |
//! | the group | which series it is, where there are several |
//! | what is known beforehand | its values at the moment to be forecast |
//! | the target | what came |
//!
//! Nothing else of the table is there, so nothing that is known only later can be learned from. A caller sends the same.

mod backtest;
pub(crate) mod candidates;
mod lines;
mod neighbors;
pub(crate) mod origins;
mod range;
mod rows;
mod scheme;
mod season;
mod stamps;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Context, Error, Event, Result, Source, escaped};
use tidemill_kernel::calendar::Step;

pub use backtest::{Backtest, ForecastFacts, Naive};
pub(crate) use backtest::{backtest, numbers};
use lines::Dated;
pub use neighbors::NEIGHBORS;
pub(crate) use range::with_interval;
use scheme::Scheme;

/// The column of the past.
pub const HISTORY: &str = "history";

/// What a training works on: the rows, and the recipe that says of them what the asked one says of the table.
pub struct Prepared {
    /// The rows.
    pub rows: Box<dyn Source>,
    /// The recipe for these rows; its `[forecast]` says everything that was found out.
    pub recipe: Recipe,
    /// The rows of the table, and the columns of it that a forecast looks at.
    pub table: [usize; 2],
}

/// The rows of a forecast to learn from and to judge by, at most some ten thousands, from origins spread evenly.
///
/// # Errors
/// A target that is not a number, no time or several, a horizon that cannot be read, series too short for it.
pub fn learning(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Prepared> {
    if source.schema().position(HISTORY).is_some() {
        return Err(Error::data(
            format!("column '{HISTORY}' has the name under which forecasts keep the past of the target"),
            "rename it in the table",
        ));
    }
    let dated = Dated::read(source, recipe, context)?;
    let scheme = Scheme::of(&dated, recipe)?;
    let rows = rows::learning(&dated, &scheme, context)?;
    // What is odd about the ties was found where the table was opened.
    let told = source.reading().filter(|_| recipe.graph.is_some()).into_iter().flat_map(|r| &r.warnings);
    told.for_each(|warning| context.warn("graph", warning.clone()));
    let table = [dated.batch.n_rows(), dated.batch.schema().len()];
    if let Some(note) = left_out(source, &dated, recipe) {
        context.tell(&Event::Note(note));
    }
    Ok(Prepared { rows: Box::new(rows), recipe: scheme.recipe(&dated, recipe)?, table })
}

/// The columns that a forecast does not look at, where nobody said so.
fn left_out(source: &dyn Source, dated: &Dated, recipe: &Recipe) -> Option<String> {
    let used = |name: &&str| dated.batch.schema().position(name).is_some();
    let told = |name: &&str| recipe.data.ignore.iter().any(|ignored| ignored == name);
    let names: Vec<&str> = source.schema().names().filter(|name| !used(name) && !told(name)).collect();
    let [first, ..] = names.as_slice() else { return None };
    let shown: Vec<String> = names.iter().take(4).map(|name| format!("'{}'", escaped(name))).collect();
    let more = if names.len() > 4 { format!(" and {} more", names.len() - 4) } else { String::new() };
    Some(format!(
        "Not used: {}{more}. A forecast looks at the past of '{}'; a column whose values are known beforehand can be named: [forecast] known = \
         [\"{}\"].",
        shown.join(", "),
        escaped(&dated.target),
        escaped(first)
    ))
}

/// The rows to be forecast: for each series the steps after its last known value, as far as the horizon reaches. `recipe` is
/// that of a model.
///
/// # Errors
/// As [`learning`], but for the length of the series.
pub fn future(source: &dyn Source, recipe: &Recipe, context: &Context) -> Result<Box<dyn Source>> {
    let dated = Dated::read(source, recipe, context)?;
    let scheme = Scheme::of_model(&dated, recipe)?;
    Ok(Box::new(rows::future(&dated, &scheme, context)?))
}

/// The step of a model that forecasts, and how many of them it looks ahead; `None` for any other model.
pub(crate) fn reach(recipe: &Recipe) -> Option<(Step, usize)> {
    let asked = recipe.forecast.as_ref()?;
    let step = asked.step.as_ref()?.parse().ok()?;
    Some((step, scheme::horizon(&asked.horizon, step).ok()?))
}

/// A source as a model with this recipe was trained on it: a dated table as the rows of its forecast.
pub fn open(source: Box<dyn Source>, recipe: &Recipe, context: &Context) -> Result<Box<dyn Source>> {
    if recipe.forecast.is_none() || source.schema().position(HISTORY).is_some() {
        return Ok(source);
    }
    let dated = Dated::read(&*source, recipe, context)?;
    let scheme = Scheme::of_model(&dated, recipe)?;
    Ok(Box::new(rows::learning(&dated, &scheme, context)?))
}
