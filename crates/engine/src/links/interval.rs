//! `interval`: adds to a forecast the range that contained 80% of the true values in the backtest.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Cell, Chain, Column, Error, Fitted, Registry, Result, Role, Row, Run, Schema, State,
};
use tidemill_kernel::calendar::Step;

use super::answer::Place;

/// The columns that it adds behind the prediction.
pub const BOUNDS: [&str; 2] = ["lower_80", "upper_80"];
/// The share of truths within.
const COVERAGE: f64 = 0.8;

/// What a backtest says of a forecast: truth, prediction, steps ahead and the size of the series at the origin, row by row.
pub(crate) struct Errors<'a> {
    pub truth: &'a [f64],
    pub predicted: &'a [f64],
    pub ahead: &'a [usize],
    pub sizes: &'a [f64],
}

/// How a row is read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reading {
    /// The series column that holds the past.
    pub history: String,
    /// The column that says for when.
    pub time: String,
    /// The distance of neighbouring points.
    pub step: Step,
    /// The season, in steps; 1 for none.
    pub season: usize,
    /// Whether no value is ever below 0, as no value of training is.
    pub not_negative: bool,
}

/// A forecast and a range about it, by split conformal prediction (Lei et al. 2018): by steps ahead, the 80% quantile of the absolute
/// errors of the backtest, in units of how much the series changes from season to season.
pub struct Interval {
    inner: Chain,
    reading: Reading,
    /// By steps ahead, from 1; the last for all further ones.
    widths: Vec<f64>,
    /// The unit of a series that does not change.
    usual: f64,
}

impl Interval {
    /// The kind under which it is saved.
    pub const KIND: &'static str = "interval";

    /// A range about what these links answer; `None` where the backtest has no errors.
    pub(crate) fn of(inner: Chain, reading: Reading, errors: &Errors<'_>) -> Option<Self> {
        let mut known: Vec<f64> =
            errors.sizes.iter().copied().filter(|s| s.is_finite() && *s > 0.0).collect();
        known.sort_by(f64::total_cmp);
        let usual = known.get(known.len() / 2).copied().unwrap_or(1.0);
        let unit = |size: f64| if size.is_finite() && size > 0.0 { size } else { usual };
        let apart = |i: usize| (errors.truth[i] - errors.predicted[i]).abs() / unit(errors.sizes[i]);
        let most = errors.ahead.iter().copied().max()?;
        // Neighbouring steps err alike, and few origins alone would say little.
        let reach = most.div_ceil(6);
        let mut widths = Vec::with_capacity(most);
        for step in 1..=most {
            let near = |i: &usize| errors.ahead[*i].abs_diff(step) <= reach;
            let mut some: Vec<f64> =
                (0..errors.truth.len()).filter(near).map(apart).filter(|e| e.is_finite()).collect();
            some.sort_by(f64::total_cmp);
            let rank = ((some.len() + 1) as f64 * COVERAGE).ceil() as usize;
            let width = some.get(rank.min(some.len()).checked_sub(1)?)?;
            widths.push(width.max(widths.last().copied().unwrap_or(0.0)));
        }
        Some(Interval { inner, reading, widths, usual })
    }

    /// Builds what [`Fitted::state`] saved.
    pub fn load(registry: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        state.check_version(1)?;
        let reading: Reading = state.params()?;
        let n = state.tensors.get("widths").map_or(0, |t| t.data.len());
        let widths = state.floats_of("widths", n)?.to_vec();
        let [usual] = *state.floats_of("usual", 1)? else {
            return Err(Error::state(Self::KIND, "tensor 'usual' should be one number"));
        };
        let sound = |x: &f64| x.is_finite() && *x >= 0.0;
        if widths.is_empty() || !widths.iter().all(sound) || !sound(&usual) || reading.season == 0 {
            return Err(Error::state(Self::KIND, "a width, a unit or a season that cannot be"));
        }
        let inner = state.children.into_iter().map(|part| registry.load(part)).collect::<Result<_>>()?;
        Ok(Arc::new(Interval { inner: Chain(inner), reading, widths, usual }))
    }

    fn bounds(&self, prediction: f64, times: &[i64], values: &[f64], moment: Option<i64>) -> [f64; 3] {
        let size = size(values, self.reading.season);
        let unit = if size.is_finite() && size > 0.0 { size } else { self.usual };
        let ahead = match (times.last(), moment) {
            (Some(&last), Some(moment)) => self.reading.step.between(last, moment).max(1) as usize,
            _ => 1,
        };
        let width = self.widths[ahead.min(self.widths.len()) - 1] * unit;
        let bound = |x: f64| if self.reading.not_negative { x.max(0.0) } else { x };
        [prediction, prediction - width, prediction + width].map(bound)
    }
}

/// How much a past changes from season to season, on average; `NaN` for less than a season.
pub(crate) fn size(values: &[f64], season: usize) -> f64 {
    let known: Vec<f64> = values.iter().copied().filter(|x| x.is_finite()).collect();
    tidemill_eval::forecast::seasonal_scale(&known, season.max(1))
}

impl Fitted for Interval {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let inner = self.inner.output(input)?;
        let bounds = BOUNDS.map(|name| Column::number(name).with_role(Role::Ignore));
        Schema::new(inner.columns().iter().cloned().chain(bounds).collect())
    }

    fn state(&self) -> State {
        let state = State::new(Self::KIND, 1, &self.reading)
            .floats("widths", &self.widths)
            .floats("usual", &[self.usual]);
        self.inner.0.iter().fold(state, |state, part| state.child(part.state()))
    }

    fn size(&self) -> u64 {
        8 * (self.widths.len() as u64 + 1) + self.inner.size()
    }

    fn operations(&self) -> u64 {
        self.inner.operations() + 1
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (history, time) = (input.index(&self.reading.history)?, input.index(&self.reading.time)?);
        let place = Place::of(&self.inner.output(input)?)?;
        let run = Arc::new(Chain(self.inner.0.clone())).bind(input)?;
        let output = Arc::new(self.output(input)?);
        Ok(Box::new(BoundInterval { fitted: self, run, history, time, place, output }))
    }
}

struct BoundInterval {
    fitted: Arc<Interval>,
    run: Box<dyn Run>,
    history: usize,
    time: usize,
    place: Place,
    output: Arc<Schema>,
}

impl Run for BoundInterval {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let answered = self.run.apply(batch)?;
        let said = self.place.values(&answered)?;
        let (series, times) = (batch.series(self.history)?, batch.times(self.time)?);
        let bounds = said.iter().enumerate().map(|(row, &prediction)| {
            let (past, values) = series.of(row).unwrap_or_default();
            let moment = times.is_valid(row).then(|| times.value(row));
            self.fitted.bounds(prediction, past, values, moment)
        });
        let bounds: Vec<[f64; 3]> = bounds.collect();
        let numbers =
            |k: usize| Arc::new(bounds.iter().map(|b| Some(b[k])).collect::<Float64Array>()) as ArrayRef;
        let answered = self.place.put(&answered, bounds.iter().map(|b| b[0]).collect())?;
        let columns = answered.columns().iter().cloned().chain([numbers(1), numbers(2)]).collect();
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let (past, values): (Vec<i64>, Vec<f64>) = match row.cells.get(self.history) {
            Some(Cell::Series(points)) => points.iter().copied().unzip(),
            _ => (Vec::new(), Vec::new()),
        };
        let moment = match row.cells.get(self.time) {
            Some(Cell::Time(at)) => Some(*at),
            _ => None,
        };
        self.run.row(row)?;
        let said = self.place.of_row(row)?.first().copied().unwrap_or(f64::NAN);
        let [prediction, lower, upper] = self.fitted.bounds(said, &past, &values, moment);
        self.place.change(row, |values| values.iter_mut().for_each(|x| *x = prediction))?;
        row.cells.extend([Cell::Number(lower), Cell::Number(upper)]);
        Ok(())
    }
}
