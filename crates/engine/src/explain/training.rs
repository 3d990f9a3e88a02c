//! Explanations for the report of a training: of as many rows as are explained in little time.

use tidemill_core::{Batch, Context, Error, Result};

use super::coefficients::{self, Coefficients};
use super::effects::{self, Effects};
use super::{Explained, Explainer, features};
use crate::model::{Model, Reference};

/// About how many operations the explanations of a report may take.
const OPERATIONS: u64 = 2_000_000_000;
/// Operations that are counted on for each second that is left where there is a time limit: the counts leave preparation out.
const PER_SECOND: f64 = 1e8;
/// Fewer rows say too little of what is usual.
const FEWEST: u64 = 3;
/// More would not be told apart in a picture.
const MOST: u64 = 200;

/// About how many operations the effects of columns may take beside that, on how many rows at most and at least, and of how many
/// columns.
const EFFECT_OPERATIONS: u64 = 200_000_000;
const EFFECT_ROWS: [u64; 2] = [20, 100];
const EFFECT_COLUMNS: usize = 6;

/// The most coefficients that a report shows, and about how many operations their standard errors may take.
const MOST_COEFFICIENTS: usize = 200;
const COEFFICIENT_OPERATIONS: u64 = 2_000_000_000;

/// What a training report explains about the model; each part only if it exists and is quick to compute.
#[derive(Default)]
pub(crate) struct Reasons {
    /// Of a linear model, its coefficients.
    pub(crate) coefficients: Option<Coefficients>,
    /// What each column adds to the answers to some rows.
    pub(crate) explained: Option<Explained>,
    /// How the answer goes along with the columns that matter most.
    pub(crate) effects: Option<Effects>,
}

/// Explains a model by its rows, of which `test` were held out.
///
/// # Errors
/// A wish to stop.
pub(crate) fn of_training(
    model: &Model,
    reference: &Reference,
    typed: &Batch,
    test: &[u32],
    context: &Context,
) -> Result<Reasons> {
    let coefficients = optional(coefficients_of_training(model, typed, context))?;
    let explained = optional(explained_of_training(model, reference, typed, test, context))?;
    let effects = match &explained {
        Some(explained) => optional(effects_of_training(model, explained, typed, test, context))?,
        None => None,
    };
    Ok(Reasons { coefficients, explained, effects })
}

/// A report without a part is better than none: only a wish to stop is an error.
fn optional<T>(found: Result<Option<T>>) -> Result<Option<T>> {
    match found {
        Err(Error::Cancelled) => Err(Error::Cancelled),
        found => Ok(found.unwrap_or_default()),
    }
}

/// The coefficients of a linear model, with standard errors from all rows: it was fitted on them.
fn coefficients_of_training(model: &Model, typed: &Batch, context: &Context) -> Result<Option<Coefficients>> {
    let Some((at, predictor)) = coefficients::linear_step(model) else { return Ok(None) };
    let n = predictor.weights().len() as u64;
    let operations = n.saturating_mul(n).saturating_mul(typed.n_rows() as u64);
    if n > MOST_COEFFICIENTS as u64
        || operations > in_time(COEFFICIENT_OPERATIONS, context)
        || context.out_of_time()
    {
        return Ok(None);
    }
    coefficients::of_rows(model, (at, predictor), typed.clone(), context).map(Some)
}

/// What each column adds to the answers to some of these rows; `None` where there is nothing to compare (one column) or it would
/// take long.
fn explained_of_training(
    model: &Model,
    reference: &Reference,
    typed: &Batch,
    rows: &[u32],
    context: &Context,
) -> Result<Option<Explained>> {
    if features(typed).len() < 2 || context.out_of_time() {
        return Ok(None);
    }
    let explainer = Explainer::new(model, Some(reference.rows(model)?))?;
    let n = (in_time(OPERATIONS, context) / explainer.operations().max(1)).min(MOST);
    if n < FEWEST.min(rows.len() as u64) {
        return Ok(None);
    }
    let step = rows.len().div_ceil(n as usize).max(1);
    let chosen: Vec<u32> = rows.iter().copied().step_by(step).collect();
    let numbers = chosen.iter().map(|row| u64::from(*row) + 1).collect();
    explainer.explain(&typed.take(&chosen)?, numbers, None, context).map(Some)
}

/// So many operations, or as many as the time left suffices for.
fn in_time(operations: u64, context: &Context) -> u64 {
    let Some(left) = context.time_left() else { return operations };
    operations.min((0.3 * left.as_secs_f64() * context.threads as f64 * PER_SECOND) as u64)
}

/// The effects of the columns that matter most, on some of these rows; `None` where that would take long.
fn effects_of_training(
    model: &Model,
    explained: &Explained,
    typed: &Batch,
    rows: &[u32],
    context: &Context,
) -> Result<Option<Effects>> {
    let asks = 22 * EFFECT_COLUMNS;
    let most = effects::most_rows(model, asks, in_time(EFFECT_OPERATIONS, context)).min(EFFECT_ROWS[1]);
    if most < EFFECT_ROWS[0].min(rows.len() as u64) || context.out_of_time() {
        return Ok(None);
    }
    let chosen: Vec<u32> = rows.iter().copied().step_by(rows.len().div_ceil(most as usize).max(1)).collect();
    let numbers: Vec<u64> = chosen.iter().map(|row| u64::from(*row) + 1).collect();
    let asked = typed.take(&chosen)?;
    // More columns than can be looked at, or none: nothing to show.
    let Ok((able, _)) = effects::columns(&asked, &[]) else { return Ok(None) };
    let columns: Vec<String> =
        explained.columns.iter().filter(|name| able.contains(name)).take(EFFECT_COLUMNS).cloned().collect();
    if columns.is_empty() {
        return Ok(None);
    }
    let found = effects::of_columns(model, &asked, &numbers, &columns, context)?;
    Ok(Some(Effects { n_rows: rows.len(), ..found }))
}
