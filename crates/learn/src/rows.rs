//! The training rows as learners want them: target and weights checked.

use std::sync::Arc;

use tidemill_core::{Batch, Categories, Context, Error, Result, Role, Target, Training};

use crate::LearnError;

/// All training rows as one batch; errors when there is none, or when the user asked to stop.
pub(crate) fn collect(training: Training<'_>, context: &Context) -> Result<Batch> {
    context.check()?;
    let batch = training.train.collect()?;
    if batch.n_rows() == 0 {
        return Err(LearnError::NoRows.into());
    }
    Ok(batch)
}

/// The weight of each row, not all of them zero; `None` without a weight column.
pub(crate) fn weights(batch: &Batch) -> Result<Option<Vec<f64>>> {
    let weights = batch.weights()?;
    if weights.as_ref().is_some_and(|w| w.iter().all(|&w| w == 0.0)) {
        return Err(LearnError::NoWeight { column: name_of(batch, Role::Weight) }.into());
    }
    Ok(weights)
}

/// The number of each row. Errors on a target of classes and on values that are not finite.
pub(crate) fn numbers(batch: &Batch) -> Result<Vec<f64>> {
    match Target::of(batch)? {
        Target::Number(values) => match values.iter().position(|y| !y.is_finite()) {
            Some(row) => {
                Err(LearnError::TargetNotFinite { column: name_of(batch, Role::Target), row }.into())
            }
            None => Ok(values),
        },
        Target::Class { .. } => Err(wrong(batch, "a number to predict")),
    }
}

/// As [`numbers`]; errors too where squares of the values, in sum over the rows, could exceed the largest number.
pub(crate) fn moderate_numbers(batch: &Batch) -> Result<Vec<f64>> {
    const MOST: f64 = 1e140;
    let values = numbers(batch)?;
    if values.iter().any(|y| y.abs() > MOST) {
        let columns = format!("target '{}'", name_of(batch, Role::Target));
        return Err(LearnError::TooLarge { columns }.into());
    }
    Ok(values)
}

/// The class of each row, and the classes in their fixed order. Errors on a target of numbers.
pub(crate) fn classes(batch: &Batch) -> Result<(Vec<u32>, Arc<Categories>)> {
    match Target::of(batch)? {
        Target::Class { codes, .. } => {
            let at = batch.schema().role(Role::Target).unwrap_or_default();
            Ok((codes, batch.schema().columns()[at].categories()?.clone()))
        }
        Target::Number(_) => Err(wrong(batch, "a category to predict")),
    }
}

fn wrong(batch: &Batch, wanted: &str) -> Error {
    let at = batch.schema().role(Role::Target).unwrap_or_default();
    let column = &batch.schema().columns()[at];
    Error::WrongKind { column: column.name.clone(), found: column.kind, wanted: wanted.into() }
}

fn name_of(batch: &Batch, role: Role) -> String {
    batch.schema().role(role).map(|at| batch.schema().columns()[at].name.clone()).unwrap_or_default()
}
