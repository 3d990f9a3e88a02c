//! How forecasts did from many origins that came after everything that was learned from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::Serialize;
use tidemill_core::recipe::Recipe;
use tidemill_core::{Batch, Error, Result, Role, Source, Table, View};
use tidemill_data::split::Parts;
use tidemill_eval::forecast::{ForecastScore, Forecasts, seasonal_scale};

use super::HISTORY;

/// What a forecast looks at and how good it is.
#[derive(Clone, Debug, Serialize)]
pub struct ForecastFacts {
    /// As it was asked for.
    pub horizon: String,
    /// The season, in steps; none where none shows.
    pub season: Option<usize>,
    /// How many steps of the past it looks at.
    pub window: usize,
    /// How it did on the test part.
    pub backtest: Option<Backtest>,
}

/// Forecasts from all origins of the test part, by a model that was fitted on what came before, less the horizon.
#[derive(Clone, Debug, Serialize)]
pub struct Backtest {
    /// How many origins.
    pub origins: usize,
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
) -> Result<Backtest> {
    let asked = recipe.forecast.clone().unwrap_or_default();
    let rows = |rows: &[u32]| View::new(table.clone(), rows)?.collect();
    let (train, test) = (rows(&parts.train)?, rows(&parts.test)?);
    let naive = asked.season.map_or(format!("{HISTORY}_last"), |s| format!("{HISTORY}_{s}_1"));
    let naive = numbers(&test, test.schema().index(&naive)?)?;
    let ahead = numbers(&test, test.schema().index(&format!("{HISTORY}_ahead"))?)?;
    let ahead: Vec<usize> = ahead.iter().map(|&x| x as usize).collect();
    let truth = numbers(answered, role(answered, Role::Target)?)?;
    let predicted = numbers(answered, role(answered, Role::Prediction)?)?;
    let train = Series::of(&train, asked.group.as_deref())?;
    let scale = train.scale(asked.season.unwrap_or(1));
    let scored = Forecasts { truth: &truth, predicted: &predicted, naive: &naive, ahead: &ahead, scale };
    let origins = Series::of(&test, asked.group.as_deref())?.origins(&ahead, train.step);
    Ok(Backtest { origins, all: scored.score(), by_step: scored.by_step() })
}

/// The timestamps and values of the rows of a forecast, and which series each belongs to.
struct Series {
    groups: Vec<u32>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// The usual distance of timestamps.
    step: i64,
}

impl Series {
    fn of(rows: &Batch, group: Option<&str>) -> Result<Self> {
        let groups = match group {
            Some(name) => rows.codes(rows.schema().index(name)?)?.values().to_vec(),
            None => vec![0; rows.n_rows()],
        };
        let times = rows.times(role(rows, Role::Time)?)?.values().to_vec();
        let mut sorted = times.clone();
        sorted.sort_unstable();
        let mut gaps: Vec<i64> = sorted.windows(2).map(|w| w[1] - w[0]).filter(|&gap| gap > 0).collect();
        let middle = gaps.len() / 2;
        let step = if gaps.is_empty() { 1 } else { *gaps.select_nth_unstable(middle).1 };
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
            let place = |time: i64| ((time - first) as f64 / self.step as f64).round() as usize;
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

    /// How many different origins the rows were forecast from.
    fn origins(&self, ahead: &[usize], step: i64) -> usize {
        let origin = |i: usize| (self.times[i] as f64 / step as f64).round() as i64 - ahead[i] as i64;
        (0..self.times.len()).map(|i| (self.groups[i], origin(i))).collect::<BTreeSet<_>>().len()
    }
}

fn role(batch: &Batch, role: Role) -> Result<usize> {
    batch.schema().role(role).ok_or_else(|| Error::internal(format!("rows of a forecast without a {role:?}")))
}

/// The numbers of a column, `NaN` where missing.
fn numbers(batch: &Batch, at: usize) -> Result<Vec<f64>> {
    Ok(batch.numbers(at)?.iter().map(|x| x.unwrap_or(f64::NAN)).collect())
}
