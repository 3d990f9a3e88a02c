//! The range about a forecast, from the errors of its backtest.

use arrow_array::Array;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Chain, Error, Result, Role, Source, Table};

use super::backtest::numbers;
use super::candidates;
use crate::links::interval::{Errors, Interval, Reading, size};

/// The links with a range about what they answer; as they are where the backtest has nothing to say.
///
/// `test` are the rows of the backtest, `answered` the same rows with what a model said of them that knew nothing of them.
pub(crate) fn with_interval(
    links: Chain,
    table: &Table,
    test: &Batch,
    answered: &Batch,
    recipe: &Recipe,
) -> Result<Chain> {
    let schema = test.schema();
    let role = |batch: &Batch, role: Role| {
        let at = batch.schema().role(role);
        at.ok_or_else(|| Error::internal(format!("rows of a forecast without a {role:?}")))
    };
    let step = candidates::step(recipe)?;
    let season = recipe.forecast.as_ref().and_then(|f| f.season).unwrap_or(1);
    let time = role(test, Role::Time)?;
    let (series, times) = (test.series(schema.index(&candidates::past())?)?, test.times(time)?);
    let rows = 0..test.n_rows();
    let ahead = |row: usize| {
        let last = series.of(row).and_then(|(times, _)| times.last().copied());
        last.map_or(1, |last| step.between(last, times.value(row)).max(1) as usize)
    };
    let ahead: Vec<usize> = rows.clone().map(ahead).collect();
    let sizes: Vec<f64> = rows.map(|row| size(series.of(row).unwrap_or_default().1, season)).collect();
    let truth = numbers(answered, role(answered, Role::Target)?)?;
    let predicted = numbers(answered, role(answered, Role::Prediction)?)?;
    let all = table.collect()?;
    let target = all.numbers(role(&all, Role::Target)?)?;
    let not_negative = target.iter().flatten().all(|x| x >= 0.0) && target.len() > target.null_count();
    let reading = Reading {
        history: candidates::past(),
        time: schema.columns()[time].name.clone(),
        step,
        season,
        not_negative,
    };
    let errors = Errors { truth: &truth, predicted: &predicted, ahead: &ahead, sizes: &sizes };
    let inner = Chain(links.0.clone());
    Ok(match Interval::of(inner, reading, &errors) {
        Some(interval) => Chain(vec![std::sync::Arc::new(interval)]),
        None => links,
    })
}
