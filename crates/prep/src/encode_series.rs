//! `encode_series`: the recent past in a cell becomes what a learner can read of it.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, Float64Array};
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinStep, Cell, Column, Columns, Context, Error, Estimator, Fitted, KeyPath, Kind,
    Layout, Point, Registry, Result, Role, Row, Run, Schema, Slot, State, Training, dense_vector,
};
use tidemill_kernel::calendar::Step;

use crate::mapping::wrong_cell;
use crate::past::{self, Past, Spread};

/// How often the same place of a season is looked back at.
const BACK: usize = 2;
/// The longest window.
const LONGEST: usize = 4096;

/// Replaces each series column by what its points say at a timestamp, that of the column in the role `time`: points at or after this
/// timestamp are never looked at, so nothing that is known only later can help.
///
/// Of `history` these come, times being counted in steps, the usual distance of neighbouring points in training:
/// `history_ahead` (steps from the last point to the moment; 1 without a time), `history_last` (the last value),
/// `history_mean`, `_std`, `_min`, `_max` (of the last season, of the window without one), `history_change` (from one season
/// ago to the last value), `history_level` (the mean of everything it looks back at), for each season `s` `history_s_1` (the value one
/// season before the moment, or the latest of that place in the season that is known) and, where training looks further back than one
/// season, `history_s_2` (the one before that) and `history_s_mean` (the mean of all of that place); and `history` itself as a dense
/// vector of the last `window` values, the oldest first. What is not there is missing; in the vector the value before it stands for it,
/// before the first the first, and 0 where there is none at all. A cell that reaches further back than any of training is read so far
/// only: a caller who sends more gets the same answer.
///
/// ```
/// use std::sync::Arc;
/// use tidemill_core::{Batch, Column, Context, Estimator, Kind, Schema, Table, Training, series_column};
/// let day = 86_400_000_000;
/// let past = [(0, 1.0), (day, 2.0), (2 * day, 4.0)];
/// let schema = Arc::new(Schema::new(vec![Column::new("sales", Kind::Series)])?);
/// let table = Table::new(Batch::new(schema, vec![series_column([Some(&past[..])])?])?);
/// let step = tidemill_prep::EncodeSeries { window: 3, seasons: vec![2], ..Default::default() };
/// let (_, read) = step.fit_apply(Training::on(&table), &Context::default())?;
/// let at = |name: &str| read.batch().schema().index(name);
/// assert_eq!(read.batch().numbers(at("sales_last")?)?.value(0), 4.0);
/// assert_eq!(read.batch().numbers(at("sales_2_1")?)?.value(0), 2.0); // two steps before the next
/// assert_eq!(read.batch().vector(at("sales")?)?, [1.0, 2.0, 4.0]);
/// # Ok::<(), tidemill_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EncodeSeries {
    /// The columns to encode; by default, every series that is a feature.
    pub columns: Columns,
    /// How many of the last values make the vector, 1 to 4096.
    pub window: usize,
    /// The seasons, in steps, each at least 2; none by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub seasons: Vec<usize>,
    /// The distance of neighbouring points by the calendar, such as `1 month` or `weekdays mon tue wed thu fri`; by default the usual
    /// distance of neighbouring points in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub step: Option<Step>,
    /// How far back at most, in steps; by default as far as the longest series of training.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depth: Option<usize>,
    /// Whether the series stays beside what is read of it, for learners that read a series themselves.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
}

impl Default for EncodeSeries {
    fn default() -> Self {
        EncodeSeries {
            columns: Columns::default(),
            window: 16,
            seasons: Vec::new(),
            step: None,
            depth: None,
            keep: false,
        }
    }
}

impl Estimator for EncodeSeries {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        context.check()?;
        let schema = training.train.schema();
        let places = self.columns.places(schema, "a series", |c| c.kind == Kind::Series)?;
        let batch = training.train.collect()?;
        let time = moment_of(schema).map(|at| schema.columns()[at].name.clone());
        let mut columns = Vec::with_capacity(places.len());
        for at in places {
            let (name, step) = (schema.columns()[at].name.clone(), usual_step(&batch, at)?);
            let deepest = deepest(&batch, at, self.step.unwrap_or(Step::Clock(step)))?;
            let depth = self.depth.map_or(deepest, |most| most.clamp(1, deepest));
            let (window, seasons) = (self.window, self.seasons.clone());
            columns.push(Read { name, step, depth, window, seasons, calendar: self.step, keep: self.keep });
        }
        Ok(Arc::new(Reads { columns, time }))
    }
}

impl Builtin for EncodeSeries {
    const KIND: &'static str = "encode_series";

    fn check(&self) -> Result<(), KeyPath> {
        if !(1..=LONGEST).contains(&self.window) {
            return Err(KeyPath::new("window", format!("must be 1 to {LONGEST}; it is {}", self.window)));
        }
        match self.seasons.iter().find(|&&s| s < 2) {
            Some(season) => {
                Err(KeyPath::new("seasons", format!("must each be at least 2 steps; one is {season}")))
            }
            None => Ok(()),
        }
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let reads: Reads = state.params()?;
        let sound = |c: &Read| {
            (1..=LONGEST).contains(&c.window)
                && c.step > 0
                && c.seasons.iter().all(|&s| s > 1)
                && (1..=past::LONGEST).contains(&c.depth)
        };
        if reads.columns.iter().all(sound) {
            return Ok(Arc::new(reads));
        }
        Err(Error::state(Self::KIND, "a window, a season or a step that cannot be"))
    }
}

impl BuiltinStep for EncodeSeries {
    const SLOT: Slot = Slot::Media;
    const DONE: &'static str = "read as what the series says of late";
}

/// The column that says for which timestamp the past is looked at.
fn moment_of(schema: &Schema) -> Option<usize> {
    schema.columns().iter().position(|c| c.role == Role::Time && c.kind == Kind::Time)
}

/// The median distance of neighbouring points, in microseconds; a second where no cell has two.
fn usual_step(batch: &Batch, at: usize) -> Result<i64> {
    let series = batch.series(at)?;
    let cells = (0..batch.n_rows()).step_by(batch.n_rows().div_ceil(1000).max(1));
    let mut steps: Vec<i64> = cells
        .filter_map(|i| series.of(i))
        .flat_map(|(times, _)| times.windows(2).map(|w| w[1] - w[0]))
        .collect();
    let middle = steps.len() / 2;
    Ok(if steps.is_empty() { 1_000_000 } else { (*steps.select_nth_unstable(middle).1).max(1) })
}

/// How many steps the longest past of a batch has, at least 1.
fn deepest(batch: &Batch, at: usize, step: Step) -> Result<usize> {
    let series = batch.series(at)?;
    let moments = moment_of(batch.schema()).map(|at| batch.times(at)).transpose()?;
    let depth = |row: usize| {
        let (times, values) = series.of(row)?;
        let moment = moments.filter(|m| m.is_valid(row)).map(|m| m.value(row));
        let points = times.iter().copied().zip(values.iter().copied());
        Some(Past::of(points, moment, step, past::LONGEST).len())
    };
    Ok((0..batch.n_rows()).into_par_iter().filter_map(depth).max().unwrap_or(1).max(1))
}

/// How the series of one column are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    name: String,
    /// Microseconds.
    step: i64,
    /// How far back training looked, in steps.
    depth: usize,
    window: usize,
    seasons: Vec<usize>,
    /// Counts the steps instead of their length.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    calendar: Option<Step>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    keep: bool,
}

/// The fitted step.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reads {
    columns: Vec<Read>,
    time: Option<String>,
}

impl Read {
    /// What the numbers are called, behind the name of the column.
    fn suffixes(&self) -> Vec<String> {
        let mut names: Vec<String> =
            ["ahead", "last", "mean", "std", "min", "max", "change", "level"].map(String::from).into();
        for season in &self.seasons {
            names.push(format!("{season}_1"));
            if self.recurs(*season) {
                names.extend((2..=BACK).map(|back| format!("{season}_{back}")));
                names.push(format!("{season}_mean"));
            }
        }
        names
    }

    /// Whether a place of this season comes more than once.
    fn recurs(&self, season: usize) -> bool {
        self.depth > season
    }

    /// The numbers (`NaN` where missing), and the vector into `vector`.
    fn read(&self, points: impl Iterator<Item = Point>, moment: Option<i64>, vector: &mut [f32]) -> Vec<f64> {
        let past = Past::of(points, moment, self.calendar.unwrap_or(Step::Clock(self.step)), self.depth);
        past.window(vector);
        let length = self.seasons.first().copied().unwrap_or(self.window);
        let spread = past.spread(length);
        let change = self.seasons.first().map_or(f64::NAN, |&s| past.last() - past.back(s));
        let level = past.spread(past.len()).mean;
        let Spread { mean, std, min, max } = spread;
        let mut numbers = vec![past.ahead() as f64, past.last(), mean, std, min, max, change, level];
        for &season in &self.seasons {
            let same = past.same_place(season);
            let back = |i: usize| same.get(i).copied().unwrap_or(f64::NAN);
            numbers.push(back(0));
            if !self.recurs(season) {
                continue;
            }
            numbers.extend((1..BACK).map(back));
            let known: Vec<f64> = same.iter().copied().filter(|x| !x.is_nan()).collect();
            numbers.push(known.iter().sum::<f64>() / known.len() as f64);
        }
        numbers
    }

    fn outputs(&self, input: &Column) -> Vec<Column> {
        let made = |suffix: String| Column::number(format!("{}_{suffix}", input.name)).derived_from(input);
        let mut columns: Vec<Column> = self.suffixes().into_iter().map(made).collect();
        let vector = Column::new(&input.name, Kind::Vector { len: self.window, sparse: false });
        columns
            .push(vector.derived_from(input).with_layout(Layout::Steps { steps: self.window, channels: 1 }));
        if self.keep {
            columns.push(Column::new(format!("{}_past", input.name), Kind::Series).derived_from(input));
        }
        columns.into_iter().map(|c| c.with_role(input.role)).collect()
    }
}

impl Reads {
    /// By place in the input: how the column there is read.
    fn resolve(&self, input: &Schema) -> Result<Vec<Option<Read>>> {
        let mut resolved = vec![None; input.len()];
        for read in &self.columns {
            let at = input.index(&read.name)?;
            let found = input.columns()[at].kind;
            if found != Kind::Series {
                let wanted = "the series it was in training".into();
                return Err(Error::WrongKind { column: read.name.clone(), found, wanted });
            }
            resolved[at] = Some(read.clone());
        }
        Ok(resolved)
    }
}

impl Fitted for Reads {
    fn output(&self, input: &Schema) -> Result<Schema> {
        let columns = input.columns().iter().zip(self.resolve(input)?);
        Schema::new(
            columns
                .flat_map(|(column, read)| match read {
                    Some(read) => read.outputs(column),
                    None => vec![column.clone()],
                })
                .collect(),
        )
    }

    fn state(&self) -> State {
        State::new(EncodeSeries::KIND, EncodeSeries::VERSION, self)
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let time = self.time.as_deref().map(|name| input.index(name)).transpose()?;
        Ok(Box::new(BoundReads { reads: self.resolve(input)?, time, output: Arc::new(self.output(input)?) }))
    }
}

struct BoundReads {
    reads: Vec<Option<Read>>,
    time: Option<usize>,
    output: Arc<Schema>,
}

impl Run for BoundReads {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let moments = self.time.map(|at| batch.times(at)).transpose()?;
        let moment = |row: usize| moments.filter(|m| m.is_valid(row)).map(|m| m.value(row));
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.output.len());
        for (at, read) in self.reads.iter().enumerate() {
            let Some(read) = read else {
                columns.push(batch.column(at).clone());
                continue;
            };
            let series = batch.series(at)?;
            let mut vectors = vec![0f32; batch.n_rows() * read.window];
            let rows = vectors.par_chunks_mut(read.window).enumerate();
            let one = |(row, vector): (usize, &mut [f32])| {
                let (times, values) = series.of(row).unwrap_or_default();
                read.read(times.iter().copied().zip(values.iter().copied()), moment(row), vector)
            };
            let numbers: Vec<Vec<f64>> = rows.map(one).collect();
            for i in 0..read.suffixes().len() {
                let values = numbers.iter().map(|row| Some(row[i]).filter(|x| !x.is_nan()));
                columns.push(Arc::new(values.collect::<Float64Array>()));
            }
            columns.push(dense_vector(vectors, read.window)?);
            if read.keep {
                columns.push(batch.column(at).clone());
            }
        }
        Batch::with_rows(self.output.clone(), columns, batch.n_rows())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let moment = match self.time.and_then(|at| row.cells.get(at)) {
            Some(Cell::Time(at)) => Some(*at),
            _ => None,
        };
        let mut cells = Vec::with_capacity(self.output.len());
        for (cell, read) in row.cells.drain(..).zip(&self.reads) {
            let Some(read) = read else {
                cells.push(cell);
                continue;
            };
            let points: Arc<[Point]> = match cell {
                Cell::Series(points) => points,
                Cell::Missing => Arc::new([]),
                other => return Err(wrong_cell("a series", &other)),
            };
            let mut vector = vec![0f32; read.window];
            let numbers = read.read(points.iter().copied(), moment, &mut vector);
            cells.extend(
                numbers.into_iter().map(|x| if x.is_nan() { Cell::Missing } else { Cell::Number(x) }),
            );
            cells.push(Cell::Vector(vector));
            if read.keep {
                cells.push(Cell::Series(points));
            }
        }
        row.cells = cells;
        Ok(())
    }
}
