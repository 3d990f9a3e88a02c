//! Permutation importance: how much worse a model is when it is told a column of another row (Breiman 2001; Fisher,
//! Rudin and Dominici 2019).

use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use tidemill_core::{Batch, Context, Role};
use tidemill_kernel::Random;

use crate::{Answers, Error, Metric, Result};

/// How much a model goes by a column.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Importance {
    /// The column.
    pub column: String,
    /// By how much the metric is worse with the column's values dealt anew, on average over the repeats; below 0 where it is
    /// better by chance. In the metric's unit.
    pub mean: f64,
    /// The standard deviation over the repeats; 0 for one.
    pub spread: f64,
}

/// The importance of every feature of `rows` for what `predict` says of them, the greatest first.
///
/// `rows` are as `predict` takes them, so source columns: numbers, flags, categories, texts, times and vectors alike are
/// dealt anew as whole cells. Each of the `n_repeats` (5 is usual) has a random stream of its own, made of the context's
/// seed and the column's name, so other columns or threads change nothing. Use rows that the model was not fitted on.
/// Columns that carry the same news share it: each alone may look dispensable.
///
/// Errors when the metric is undefined for the rows as they are, when `predict` errors, and once cancelled.
pub fn permutation<E>(
    rows: &Batch,
    metric: &Metric,
    n_repeats: usize,
    context: &Context,
    predict: impl Fn(&Batch) -> Result<Answers<'static>, E> + Sync,
) -> Result<Vec<Importance>, E>
where
    E: From<Error> + Send,
{
    let score = |rows: &Batch| -> Result<f64, E> { Ok(metric.score(&predict(rows)?)?.value) };
    let whole = score(rows)?;
    if whole.is_nan() {
        let what = format!("{} is undefined for these rows, so no column can be worth anything", metric.name);
        return Err(Error::Compare { what }.into());
    }
    let sign = if metric.greater_is_better { 1.0 } else { -1.0 };
    let lost = |&(place, repeat): &(usize, usize)| -> Result<f64, E> {
        context.check().map_err(Error::from)?;
        Ok(sign * (whole - score(&dealt(rows, place, repeat, context)?)?))
    };
    let n_repeats = n_repeats.max(1);
    let features = rows.schema().with_role(Role::Feature);
    let work: Vec<(usize, usize)> =
        features.iter().flat_map(|&place| (0..n_repeats).map(move |repeat| (place, repeat))).collect();
    let losses = work.par_iter().map(lost).collect::<Result<Vec<f64>, E>>()?;
    let summary = |(&place, losses): (&usize, &[f64])| {
        let column = rows.schema().columns()[place].name.to_string();
        let n = losses.len() as f64;
        let mean = losses.iter().sum::<f64>() / n;
        let square: f64 = losses.iter().map(|l| (l - mean) * (l - mean)).sum();
        Importance { column, mean, spread: (square / (n - 1.0).max(1.0)).sqrt() }
    };
    let mut found: Vec<Importance> = features.iter().zip(losses.chunks(n_repeats)).map(summary).collect();
    // Stable: equal ones stay in the order of the columns; undefined ones come last.
    let rank = |i: &Importance| if i.mean.is_nan() { f64::NEG_INFINITY } else { i.mean };
    found.sort_by(|a, b| rank(b).total_cmp(&rank(a)));
    Ok(found)
}

/// The rows with one column's cells in another order.
fn dealt(rows: &Batch, place: usize, repeat: usize, context: &Context) -> Result<Batch> {
    let name = &rows.schema().columns()[place].name;
    let mut random = Random::new(context.seed_for(&format!("permutation {name}")), repeat as u64);
    let mut order: Vec<u32> = (0..rows.n_rows() as u32).collect();
    random.shuffle(&mut order);
    let moved = rows.select(&[place])?.take(&order)?;
    let mut columns = rows.columns().to_vec();
    columns[place] = moved.column(0).clone();
    Ok(Batch::with_rows(Arc::clone(rows.schema()), columns, rows.n_rows())?)
}
