//! The parts of a forecast's rows by their origins: what is judged was forecast from later than all that was learned from.

use std::collections::BTreeSet;

use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Error, Result, Role};
use tidemill_data::split::{Fold, Parts};

use super::candidates;
use super::scheme::horizon;

/// How many earlier stretches of one horizon learners are compared on, and of panels.
const FOLDS: usize = 3;
/// From this many series on, one stretch is enough.
const PANEL: usize = 10;
/// What is learned from has at least so many different times; in a series too short for that, so many.
const LEAST: usize = 4;
const FEWEST: usize = 2;

/// When each row was forecast from, and for when.
struct Rows {
    origins: Vec<i64>,
    times: Vec<i64>,
    n_series: usize,
}

impl Rows {
    fn of(batch: &Batch, recipe: &Recipe) -> Result<Self> {
        let schema = batch.schema();
        let at =
            schema.role(Role::Time).ok_or_else(|| Error::internal("rows of a forecast without a time"))?;
        let times = batch.times(at)?.values().to_vec();
        let series = batch.series(schema.index(&candidates::past())?)?;
        let origin = |row: usize| series.of(row).and_then(|(times, _)| times.last().copied());
        let origins = (0..times.len()).map(|row| origin(row).unwrap_or(i64::MIN)).collect();
        let group = recipe.forecast.as_ref().and_then(|f| f.group.as_deref());
        let n_series = match group {
            Some(name) => {
                let codes = batch.codes(schema.index(name)?)?;
                (0..codes.len()).map(|i| codes.value(i)).collect::<BTreeSet<_>>().len()
            }
            None => 1,
        };
        Ok(Rows { origins, times, n_series })
    }

    /// Of these rows, those that lie before a timestamp altogether, and those that were forecast from it or later, before `end`.
    fn cut(&self, rows: &[u32], at: i64, end: i64) -> Fold {
        let (mut train, mut valid) = (Vec::new(), Vec::new());
        for &row in rows {
            if self.times[row as usize] <= at {
                train.push(row);
            } else if (at..end).contains(&self.origins[row as usize]) {
                valid.push(row);
            }
        }
        Fold { train, valid }
    }

    /// The different times of these rows, ascending.
    fn distinct(&self, rows: &[u32]) -> Vec<i64> {
        rows.iter().map(|row| self.times[*row as usize]).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn steps(recipe: &Recipe) -> Result<usize> {
    let asked = recipe.forecast.clone().unwrap_or_default();
    horizon(&asked.horizon, candidates::step(recipe)?)
}

/// How many series the rows are of.
pub(crate) fn n_series(batch: &Batch, recipe: &Recipe) -> Result<usize> {
    Ok(Rows::of(batch, recipe)?.n_series)
}

/// The test part: forecasts from the last of the time (the share that the recipe says), at least one horizon and at most half. A short
/// series is judged on less than a horizon, so that enough is left to fit a method and to compare it.
///
/// # Errors
/// Rows of too few different times.
pub(crate) fn parts(batch: &Batch, recipe: &Recipe) -> Result<Parts> {
    let rows = Rows::of(batch, recipe)?;
    let all: Vec<u32> = (0..batch.n_rows() as u32).collect();
    let times = rows.distinct(&all);
    let n = times.len();
    let share = recipe.split.test;
    let most = (n / 2).min(n.saturating_sub(FEWEST + 1));
    let wanted = ((share * n as f64).round() as usize).max(steps(recipe)?).min(most);
    if wanted == 0 {
        return Err(Error::data(
            format!("forecasts are for {n} different times: too few to learn from and to judge by"),
            "give a longer series, or a shorter horizon",
        ));
    }
    let Fold { train, valid } = rows.cut(&all, times[n - 1 - wanted], i64::MAX);
    let why = format!("by time, forecasts from the last {wanted} steps to test on");
    Ok(Parts { train, test: valid, why, copied: Vec::new(), unseen: Vec::new() })
}

/// Stretches of one horizon within these rows, one after the other up to their end, each judged by what is fitted on what lies before
/// it. Of a panel one; of a short series half a horizon where a whole one leaves nothing, and one stretch after however little there is.
pub(crate) fn folds(batch: &Batch, among: &[u32], recipe: &Recipe) -> Result<Vec<Fold>> {
    let rows = Rows::of(batch, recipe)?;
    let times = rows.distinct(among);
    let n = times.len();
    let most = if rows.n_series > PANEL { 1 } else { FOLDS };
    let wide = steps(recipe)?.min(n / 2).max(1);
    let stretch = |k: usize, least: usize| {
        let at = n.checked_sub(1 + k * wide).filter(|at| *at + 1 >= least)?;
        let fold = rows.cut(among, times[at], times[at + wide]);
        (!fold.train.is_empty() && !fold.valid.is_empty()).then_some(fold)
    };
    let mut folds: Vec<Fold> = (1..=most).rev().filter_map(|k| stretch(k, LEAST)).collect();
    if folds.is_empty() {
        folds.extend(stretch(1, FEWEST));
    }
    if folds.is_empty() {
        return Err(Error::data(
            format!("the training part has {n} different times: too few to compare learners on"),
            "give a longer series, or a shorter horizon",
        ));
    }
    Ok(folds)
}
