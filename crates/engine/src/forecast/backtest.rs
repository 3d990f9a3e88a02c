//! How forecasts did from many origins that came after everything that was learned from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Error, Result, Role, Source, Table, View};
use tidemill_data::split::Parts;
use tidemill_eval::forecast::{ForecastScore, Forecasts, seasonal_scale};

use tidemill_kernel::calendar::Step;

use super::{HISTORY, candidates};

/// What a forecast looks at and how good it is.
#[derive(Clone, Debug, Serialize)]
pub struct ForecastFacts {
    /// The rows of the table that it learns from, and the columns that it looks at.
    pub table: [usize; 2],
    /// As it was asked for.
    pub horizon: String,
    /// The season, in steps; none where none shows.
    pub season: Option<usize>,
    /// How many steps of the past it looks at.
    pub window: usize,
    /// How it did on the test part.
    pub backtest: Option<Backtest>,
}

/// A naive forecast.
#[derive(Clone, Debug, Serialize)]
pub struct Naive {
    /// The last value, the value one season before or the mean change.
    pub method: String,
    /// Whether the model lost to it and it was shipped instead.
    pub shipped: bool,
}

/// Forecasts from all origins of the test part, by a model that was fitted on what came before.
#[derive(Clone, Debug, Serialize)]
pub struct Backtest {
    /// How many origins.
    pub origins: usize,
    /// The best of the naive forecasts: the one that the figures hold against.
    pub naive: Naive,
    /// Over all steps ahead.
    pub all: ForecastScore,
    /// By the number of steps ahead, from 1.
    pub by_step: Vec<ForecastScore>,
}

/// Scores the answers to the rows of the test part.
pub(crate) fn backtest(
    table: &Arc<Table>,
    parts: &Parts,
    answered: &Batch,
    recipe: &Recipe,
    (naive, said): (Naive, &[f64]),
) -> Result<Backtest> {
    let asked = recipe.forecast.clone().unwrap_or_default();
    let rows = |rows: &[u32]| View::new(table.clone(), rows)?.collect();
    let (train, test) = (rows(&parts.train)?, rows(&parts.test)?);
    let ahead = numbers(&test, test.schema().index(&format!("{HISTORY}_ahead"))?)?;
    let ahead: Vec<usize> = ahead.iter().map(|&x| x as usize).collect();
    let truth = numbers(answered, role(answered, Role::Target)?)?;
    let predicted = numbers(answered, role(answered, Role::Prediction)?)?;
    let train = Series::of(&train, asked.group.as_deref(), candidates::step(recipe)?)?;
    let season = train.scale(asked.season.unwrap_or(1));
    // Of less than two seasons there is no change from season to season: then the one from step to step is the unit.
    let scale = if season.is_nan() { train.scale(1) } else { season };
    let scored = Forecasts { truth: &truth, predicted: &predicted, naive: said, ahead: &ahead, scale };
    let origins = origins(&test, asked.group.as_deref())?;
    Ok(Backtest { origins, naive, all: scored.score(), by_step: scored.by_step() })
}

/// How many different origins the rows were forecast from.
fn origins(rows: &Batch, group: Option<&str>) -> Result<usize> {
    let series = rows.series(rows.schema().index(&candidates::past())?)?;
    let groups = group.map(|name| rows.codes(rows.schema().index(name)?)).transpose()?;
    let origin = |row: usize| series.of(row).and_then(|(times, _)| times.last().copied());
    let of = |row: usize| (groups.map_or(0, |g| g.value(row)), origin(row));
    Ok((0..rows.n_rows()).map(of).collect::<BTreeSet<_>>().len())
}

/// The timestamps and values of the rows of a forecast, and which series each belongs to.
struct Series {
    groups: Vec<u32>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// The distance of neighbours.
    step: Step,
}

impl Series {
    fn of(rows: &Batch, group: Option<&str>, step: Step) -> Result<Self> {
        let groups = match group {
            Some(name) => rows.codes(rows.schema().index(name)?)?.values().to_vec(),
            None => vec![0; rows.n_rows()],
        };
        let times = rows.times(role(rows, Role::Time)?)?.values().to_vec();
        Ok(Series { groups, times, values: numbers(rows, role(rows, Role::Target)?)?, step })
    }

    /// The mean change over a season, over all series; each timestamp counts once, however many origins forecast it.
    fn scale(&self, season: usize) -> f64 {
        let mut lines: BTreeMap<u32, BTreeMap<i64, f64>> = BTreeMap::new();
        for ((&group, &time), &value) in self.groups.iter().zip(&self.times).zip(&self.values) {
            lines.entry(group).or_default().insert(time, value);
        }
        let (mut sum, mut n) = (0.0, 0.0);
        for line in lines.values() {
            let first = line.first_key_value().map_or(0, |(&time, _)| time);
            let place = |time: i64| self.step.between(first, time).max(0) as usize;
            let mut grid = vec![f64::NAN; line.last_key_value().map_or(0, |(&time, _)| place(time) + 1)];
            line.iter().for_each(|(&time, &value)| grid[place(time)] = value);
            let scale = seasonal_scale(&grid, season);
            if !scale.is_nan() {
                sum += scale * line.len() as f64;
                n += line.len() as f64;
            }
        }
        sum / n
    }
}

fn role(batch: &Batch, role: Role) -> Result<usize> {
    batch.schema().role(role).ok_or_else(|| Error::internal(format!("rows of a forecast without a {role:?}")))
}

/// The numbers of a column, `NaN` where missing.
pub(crate) fn numbers(batch: &Batch, at: usize) -> Result<Vec<f64>> {
    Ok(batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}
