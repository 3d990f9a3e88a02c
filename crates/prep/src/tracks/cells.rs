//! Tracks that rows hold themselves: series of x, of y, and of what else a fix says.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, Float64Array};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use tidemill_core::{Batch, Cell, Column, Error, Fitted, Kind, Point, Result, Role, Row, Run, Schema, State};

use super::known::Parts;
use super::motion::{Fix, MOTION, POSE, STOPPED, Trail, say_first};
use super::{TrackFeatures, names};
use crate::mapping::{unique, wrong_cell};

/// The fitted step: it learns nothing but which columns to read, and keeps no number of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notes {
    columns: Vec<String>,
    time: Option<String>,
    parts: Parts,
    stop_speed: f64,
    name: String,
}

pub(super) struct Cells {
    notes: Notes,
}

impl Cells {
    pub(super) fn new(schema: &Schema, places: &[usize], parts: Parts, step: &TrackFeatures) -> Result<Self> {
        let columns = places.iter().map(|&at| schema.columns()[at].name.clone()).collect();
        let time = match &step.time {
            Some(name) => Some(name.clone()),
            None => schema.columns().iter().find(|c| c.role == Role::Time).map(|c| c.name.clone()),
        };
        let notes = Notes { columns, time, parts, stop_speed: step.stop_speed, name: step.name.clone() };
        let cells = Cells { notes };
        cells.moment(schema)?;
        Ok(cells)
    }

    pub(super) fn load(state: &State) -> Result<Arc<dyn Fitted>> {
        state.check_version(TrackFeatures::VERSION_OF_CELLS)?;
        let notes: Notes = state.params()?;
        if notes.columns.len() != notes.parts.len() {
            return Err(Error::state(&state.kind, "its columns are not those of its parts"));
        }
        Ok(Arc::new(Cells { notes }))
    }

    /// The column that says up to which time a row knows its track.
    fn moment(&self, schema: &Schema) -> Result<Option<usize>> {
        let Some(name) = &self.notes.time else { return Ok(None) };
        let at = schema.index(name)?;
        match schema.columns()[at].kind {
            Kind::Time => Ok(Some(at)),
            found => {
                let wanted = "the time up to which a row knows its track".into();
                Err(Error::WrongKind { column: name.clone(), found, wanted })
            }
        }
    }

    fn places(&self, input: &Schema) -> Result<Vec<usize>> {
        let place = |name: &String| {
            let at = input.index(name)?;
            match input.columns()[at].kind {
                Kind::Series => Ok(at),
                found => {
                    let wanted = "the series it was in training".into();
                    Err(Error::WrongKind { column: name.clone(), found, wanted })
                }
            }
        };
        self.notes.columns.iter().map(place).collect()
    }

    /// What the last fix of a row says beside those before it.
    fn say(&self, series: &[Vec<Point>], moment: Option<i64>) -> Vec<f64> {
        let parts = self.notes.parts;
        let mut out = vec![f64::NAN; MOTION.len() + if parts.pose { POSE.len() } else { 0 }];
        let measure = parts.measure(1e-6, self.notes.stop_speed);
        let mut trail: Option<Trail> = None;
        let fixes = self.fixes(series, moment);
        for (i, fix) in fixes.iter().enumerate() {
            let last = i + 1 == fixes.len();
            match &trail {
                None if last => say_first(&mut out),
                Some(trail) if last => trail.say(fix, &measure, &mut out),
                None => trail = Some(Trail::begin(*fix)),
                Some(before) => trail = Some(before.then(*fix, &measure)),
            }
        }
        out
    }

    /// The fixes up to a moment, in the order of time, each time once; a time at which a place is not whole is passed over.
    fn fixes(&self, series: &[Vec<Point>], moment: Option<i64>) -> Vec<Fix> {
        let Some((x, others)) = series.split_first() else { return Vec::new() };
        let known = x.iter().filter(|(at, _)| moment.is_none_or(|moment| *at <= moment));
        let mut row = vec![f64::NAN; series.len()];
        known
            .filter_map(|&(at, x)| {
                row[0] = x;
                for (to, other) in row[1..].iter_mut().zip(others) {
                    let found = other.binary_search_by_key(&at, |point| point.0);
                    *to = found.ok().map_or(f64::NAN, |i| other[i].1);
                }
                self.notes.parts.fix(at as f64, &row)
            })
            .collect()
    }

    fn added(&self, input: &Schema) -> Result<Vec<Column>> {
        let from = input.column(&self.notes.columns[0])?;
        let mut taken: BTreeSet<String> = input.names().map(String::from).collect();
        let column = |(ending, name): (&str, String)| {
            let kind = if ending == STOPPED { Kind::Flag } else { Kind::Number };
            Column::new(unique(name, &mut taken), kind).derived_from(from)
        };
        Ok(names(&self.notes.name, self.notes.parts.pose).map(column).collect())
    }
}

/// In the order of time, of several values at one time the last.
fn in_order(mut points: Vec<Point>) -> Vec<Point> {
    points.sort_by_key(|point| point.0);
    points.reverse();
    points.dedup_by_key(|point| point.0);
    points.reverse();
    points
}

impl Fitted for Cells {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let read = self.places(input)?;
        let rest =
            input.columns().iter().enumerate().filter(|(at, _)| !read.contains(at)).map(|(_, c)| c.clone());
        Schema::new(rest.chain(self.added(input)?).collect())
    }

    fn state(&self) -> State {
        State::new(TrackFeatures::NAME, TrackFeatures::VERSION_OF_CELLS, &self.notes)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let (places, moment) = (self.places(input)?, self.moment(input)?);
        let output = Arc::new(self.output(input)?);
        Ok(Box::new(Bound { fitted: self, places, moment, output }))
    }
}

struct Bound {
    fitted: Arc<Cells>,
    places: Vec<usize>,
    moment: Option<usize>,
    output: Arc<Schema>,
}

impl Run for Bound {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let series = self.places.iter().map(|&at| batch.series(at)).collect::<Result<Vec<_>>>()?;
        let moments = self.moment.map(|at| batch.times(at)).transpose()?;
        let row = |i: usize| {
            let points = series.iter().map(|series| {
                let (times, values) = series.of(i).unwrap_or_default();
                in_order(times.iter().copied().zip(values.iter().copied()).collect())
            });
            let moment = moments.filter(|m| m.is_valid(i)).map(|m| m.value(i));
            self.fitted.say(&points.collect::<Vec<_>>(), moment)
        };
        let said: Vec<Vec<f64>> = (0..batch.n_rows()).into_par_iter().map(row).collect();
        let rest = batch.columns().iter().enumerate().filter(|(at, _)| !self.places.contains(at));
        let mut columns: Vec<ArrayRef> = rest.map(|(_, array)| array.clone()).collect();
        for (j, to) in self.output.columns()[columns.len()..].iter().enumerate() {
            let values = said.iter().map(|said| Some(said[j]).filter(|x| !x.is_nan()));
            let array: ArrayRef = match to.kind {
                Kind::Flag => Arc::new(values.map(|x| x.map(|x| x != 0.0)).collect::<BooleanArray>()),
                _ => Arc::new(values.collect::<Float64Array>()),
            };
            columns.push(array);
        }
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let mut series = Vec::with_capacity(self.places.len());
        for &at in &self.places {
            series.push(match &row.cells[at] {
                Cell::Series(points) => in_order(points.to_vec()),
                Cell::Missing => Vec::new(),
                other => return Err(wrong_cell("a series", other)),
            });
        }
        let moment = match self.moment.map(|at| &row.cells[at]) {
            Some(Cell::Time(at)) => Some(*at),
            _ => None,
        };
        let said = self.fitted.say(&series, moment);
        let mut at = 0..;
        row.cells.retain(|_| at.next().is_some_and(|at| !self.places.contains(&at)));
        let added = &self.output.columns()[row.cells.len()..];
        row.cells.extend(said.into_iter().zip(added).map(|(x, to)| match to.kind {
            _ if x.is_nan() => Cell::Missing,
            Kind::Flag => Cell::Flag(x != 0.0),
            _ => Cell::Number(x),
        }));
        Ok(())
    }
}
