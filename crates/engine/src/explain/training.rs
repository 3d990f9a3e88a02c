//! Explanations for the report of a training: of as many rows as are explained in little time.

use tidemill_core::{Batch, Context, Error, Result};

use super::{Explained, Explainer, features};
use crate::model::{Model, Reference};

/// About how many operations the explanations of a report may take.
const OPERATIONS: u64 = 2_000_000_000;
/// Fewer rows say too little of what is usual.
const FEWEST: u64 = 3;
/// More would not be told apart in a picture.
const MOST: u64 = 200;

/// Explains what a model says of some of these rows; `None` where there is nothing to compare (one column) or it would take long.
///
/// # Errors
/// A wish to stop.
pub(crate) fn of_training(
    model: &Model,
    reference: &Reference,
    typed: &Batch,
    rows: &[u32],
    context: &Context,
) -> Result<Option<Explained>> {
    if features(typed).len() < 2 || context.out_of_time() {
        return Ok(None);
    }
    let explained = || {
        let explainer = Explainer::new(model, Some(reference.rows(model)?))?;
        let n = (OPERATIONS / explainer.operations().max(1)).min(MOST);
        if n < FEWEST.min(rows.len() as u64) {
            return Ok(None);
        }
        let step = rows.len().div_ceil(n as usize).max(1);
        let chosen: Vec<u32> = rows.iter().copied().step_by(step).collect();
        let numbers = chosen.iter().map(|row| u64::from(*row) + 1).collect();
        explainer.explain(&typed.take(&chosen)?, numbers, None, context).map(Some)
    };
    match explained() {
        Err(Error::Cancelled) => Err(Error::Cancelled),
        // A report without this part is better than none.
        Err(_) => Ok(None),
        found => found,
    }
}
