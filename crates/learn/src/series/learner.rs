//! `local_forecast`: each series forecast from its own past.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::Array;
use rayon::prelude::*;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tidemill_core::{
    Batch, Builtin, BuiltinLearner, Cell, Context, Error, Estimator, Family, Fitted, KeyPath, Kind, Registry,
    Result, Role, Row, Run, Schema, State, Training,
};
use tidemill_kernel::answer::{Answer, output};
use tidemill_kernel::calendar::Step;

use super::combination::{Combination, Trial};
use super::grid::Grid;
use super::method::{Method, recent};
use super::saved::SavedCombination;
use crate::rows;

/// Forecasts a series from its own past by the methods that every forecaster knows, each series by its own parameters.
///
/// Reads the series column (the past up to the origin) and the column in the role `time` (the moment to be forecast). At fit, each series is put
/// together from the pasts and targets of its rows. Of several methods, those that forecast best from earlier origins lead
/// ([`Combination`]); where there are too few for that, the median of all but the naive ones is the answer. A row of a series that
/// training did not know is forecast by methods fitted to its past alone. Without a series column, or without a past, the
/// answer is the mean of the target.
///
/// ```
/// use tidemill_core::Estimator;
/// use tidemill_learn::series::{LocalForecast, Method};
/// let learner = LocalForecast { season: 12, methods: vec![Method::Ets, Method::Arima], ..Default::default() };
/// assert_eq!(learner.params()["methods"][0], "ets");
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LocalForecast {
    /// The series column; by default the only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<String>,
    /// The category column that says which series a row belongs to; by default there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The methods; by default, all but the naive ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub methods: Vec<Method>,
    /// How many steps a season has; 1 for none.
    pub season: usize,
    /// The distance of neighbouring points, such as `1 day` or `1 month`; by default what the first series shows.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub step: Option<Step>,
    /// How many steps ahead the methods are compared.
    pub horizon: usize,
    /// From how many earlier origins they are compared, half a horizon apart.
    pub origins: usize,
}

impl Default for LocalForecast {
    fn default() -> Self {
        LocalForecast {
            history: None,
            group: None,
            methods: Vec::new(),
            season: 1,
            step: None,
            horizon: 8,
            origins: 8,
        }
    }
}

impl BuiltinLearner for LocalForecast {
    const FAMILY: Family = Family::Series;
    const LABEL: &'static [&'static str] = &["methods"];
}

impl Builtin for LocalForecast {
    const KIND: &'static str = "local_forecast";

    fn check(&self) -> Result<(), KeyPath> {
        let sound = |key: &str, value: usize, most: usize| match value {
            value if (1..=most).contains(&value) => Ok(()),
            value => Err(KeyPath::new(key, format!("must be 1 to {most}; it is {value}"))),
        };
        sound("season", self.season, 10_000)?;
        sound("horizon", self.horizon, 10_000)?;
        sound("origins", self.origins, 100)
    }

    fn load(_: &Registry, state: State) -> Result<Arc<dyn Fitted>> {
        let Saved { settings, series, starts } = state.params()?;
        settings.check().map_err(|e| Error::state(Self::KIND, e.problem))?;
        let [typical] = *state.floats_of("typical", 1)? else {
            return Err(Error::state(Self::KIND, "tensor 'typical' should be one number"));
        };
        let n = state.tensors.get("numbers").map_or(0, |t| t.data.len());
        let mut numbers = state.floats_of("numbers", n)?;
        let mut known = BTreeMap::new();
        for ((code, saved), start) in series.into_iter().zip(starts) {
            let read = saved.read(&mut numbers);
            let combination =
                read.ok_or_else(|| Error::state(Self::KIND, "its models and numbers differ"))?;
            known.insert(code, Local { start, combination });
        }
        Ok(Arc::new(FittedLocalForecast { settings, known, typical }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    settings: LocalForecast,
    /// By the code of the group.
    series: Vec<(u32, SavedCombination)>,
    /// When each begins.
    starts: Vec<i64>,
}

/// What is known of a series.
#[derive(Clone, Debug)]
struct Local {
    start: i64,
    combination: Combination,
}

/// What a [`LocalForecast`] learned.
pub struct FittedLocalForecast {
    settings: LocalForecast,
    known: BTreeMap<u32, Local>,
    typical: f64,
}

/// The columns that are read.
#[derive(Clone, Copy)]
struct Places {
    history: Option<usize>,
    time: Option<usize>,
    group: Option<usize>,
}

impl Places {
    fn of(schema: &Schema, settings: &LocalForecast) -> Result<Self> {
        let history = match &settings.history {
            Some(name) => {
                let at = schema.index(name)?;
                let found = schema.columns()[at].kind;
                if found != Kind::Series {
                    let wanted = "a series".into();
                    return Err(Error::WrongKind { column: name.clone(), found, wanted });
                }
                Some(at)
            }
            None => schema.columns().iter().position(|c| c.kind == Kind::Series && c.role == Role::Feature),
        };
        let time = schema.columns().iter().position(|c| c.role == Role::Time && c.kind == Kind::Time);
        let group = settings.group.as_deref().map(|name| schema.index(name)).transpose()?;
        Ok(Places { history, time, group })
    }
}

impl LocalForecast {
    fn trial(&self) -> Trial {
        Trial { horizon: self.horizon, origins: self.origins }
    }

    fn methods(&self) -> &[Method] {
        if self.methods.is_empty() { &Method::COMBINED } else { &self.methods }
    }
}

/// Each series of the rows, by group: their points in the order of time.
fn gathered(batch: &Batch, places: Places, target: &[f64]) -> Result<BTreeMap<u32, BTreeMap<i64, f64>>> {
    let Some(history) = places.history else { return Ok(BTreeMap::new()) };
    let series = batch.series(history)?;
    let groups = places.group.map(|at| batch.codes(at)).transpose()?;
    let times = places.time.map(|at| batch.times(at)).transpose()?;
    // The past that begins first and the one that ends last hold all that the targets do not.
    let mut ends: BTreeMap<u32, (usize, usize)> = BTreeMap::new();
    let mut points: BTreeMap<u32, BTreeMap<i64, f64>> = BTreeMap::new();
    let past = |row: usize| series.of(row).filter(|(times, _)| !times.is_empty());
    for (row, &value) in target.iter().enumerate().take(batch.n_rows()) {
        let group = groups.map_or(0, |g| g.value(row));
        if let Some(times) = times.filter(|t| t.is_valid(row)) {
            points.entry(group).or_default().insert(times.value(row), value);
        }
        let Some((own, _)) = past(row) else { continue };
        let (first, last) = ends.entry(group).or_insert((row, row));
        if past(*first).is_some_and(|(times, _)| own[0] < times[0]) {
            *first = row;
        }
        if past(*last).is_some_and(|(times, _)| own.last() > times.last()) {
            *last = row;
        }
    }
    for (group, (first, last)) in ends {
        let own = points.entry(group).or_default();
        for (times, values) in [first, last].into_iter().filter_map(past) {
            own.extend(times.iter().copied().zip(values.iter().copied()).filter(|(_, x)| x.is_finite()));
        }
    }
    Ok(points)
}

impl Estimator for LocalForecast {
    tidemill_core::kind_and_params!();

    fn fit(&self, training: Training<'_>, context: &Context) -> Result<Arc<dyn Fitted>> {
        let batch = rows::collect(training, context)?;
        let target = rows::moderate_numbers(&batch)?;
        let places = Places::of(batch.schema(), self)?;
        let points = gathered(&batch, places, &target)?;
        let mut settings = self.clone();
        let stamps = || points.values().map(|p| p.keys().copied().collect::<Vec<_>>()).collect::<Vec<_>>();
        if settings.step.is_none() {
            settings.step = Step::infer(&stamps()).map(|found| found.step);
        }
        let step = settings.step.unwrap_or(Step::Clock(1_000_000));
        let one = |(&code, points): (&u32, &BTreeMap<i64, f64>)| {
            context.check()?;
            let grid = Grid::of(points.iter().map(|(t, x)| (*t, *x)), step, recent(self.season));
            let combination = Combination::fit(&grid.values, self.season, self.methods(), self.trial());
            Ok((code, Local { start: grid.first, combination }))
        };
        let known = points.par_iter().map(one).collect::<Result<Vec<_>>>()?.into_iter().collect();
        let typical = target.iter().sum::<f64>() / target.len() as f64;
        Ok(Arc::new(FittedLocalForecast { settings, known, typical }))
    }
}

impl FittedLocalForecast {
    /// What is said of the `horizon` steps after a past.
    fn path(&self, group: u32, grid: &Grid, horizon: usize) -> Vec<f64> {
        let season = self.settings.season;
        if grid.values.is_empty() {
            return vec![self.typical; horizon];
        }
        match self.known.get(&group) {
            Some(Local { start, combination }) => {
                combination.forecast(&grid.values, season, horizon, *start == grid.first)
            }
            None => {
                let trial = Trial { origins: 0, ..self.settings.trial() };
                let methods = self.settings.methods();
                let fitted = Combination::fit(&grid.values, season, methods, trial);
                fitted.forecast(&grid.values, season, horizon, true)
            }
        }
    }

    fn grid(&self, times: &[i64], values: &[f64], moment: Option<i64>) -> Grid {
        let known = times.iter().copied().zip(values.iter().copied());
        let before = known.filter(|(t, x)| x.is_finite() && moment.is_none_or(|m| *t < m));
        Grid::of(before, self.step(), recent(self.settings.season))
    }

    fn step(&self) -> Step {
        self.settings.step.unwrap_or(Step::Clock(1_000_000))
    }
}

impl Fitted for FittedLocalForecast {
    fn output(&self, input: &Schema) -> Result<Schema> {
        Places::of(input, &self.settings)?;
        output(input, None)
    }

    fn state(&self) -> State {
        let mut numbers = Vec::new();
        let series = self.known.iter();
        let series = series
            .map(|(code, local)| (*code, SavedCombination::of(&local.combination, &mut numbers)))
            .collect();
        let starts = self.known.values().map(|local| local.start).collect();
        let saved = Saved { settings: self.settings.clone(), series, starts };
        State::new(LocalForecast::KIND, LocalForecast::VERSION, saved)
            .floats("numbers", &numbers)
            .floats("typical", &[self.typical])
    }

    fn bind(self: Arc<Self>, input: &Schema) -> Result<Box<dyn Run>> {
        let places = Places::of(input, &self.settings)?;
        Ok(Box::new(BoundLocalForecast { answer: Answer::bind(input, None)?, fitted: self, places }))
    }
}

struct BoundLocalForecast {
    fitted: Arc<FittedLocalForecast>,
    answer: Answer,
    places: Places,
}

impl Run for BoundLocalForecast {
    fn apply(&mut self, batch: &Batch) -> Result<Batch> {
        let n = batch.n_rows();
        let Some(history) = self.places.history else {
            return self.answer.numbers(batch, vec![self.fitted.typical; n]);
        };
        let series = batch.series(history)?;
        let groups = self.places.group.map(|at| batch.codes(at)).transpose()?;
        let times = self.places.time.map(|at| batch.times(at)).transpose()?;
        let group = |row: usize| groups.map_or(0, |g| if g.is_valid(row) { g.value(row) } else { u32::MAX });
        let moment = |row: usize| times.filter(|t| t.is_valid(row)).map(|t| t.value(row));
        let past = |row: usize| series.of(row).unwrap_or_default();
        // Neighbours with the same past, which ends before all of them, share one path.
        let later = |row: usize| past(row).0.last().is_none_or(|last| moment(row).is_none_or(|m| *last < m));
        let all: Vec<usize> = (0..n).collect();
        let same =
            |a: &usize, b: &usize| later(*a) && later(*b) && group(*a) == group(*b) && past(*a) == past(*b);
        let runs: Vec<&[usize]> = all.chunk_by(same).collect();
        let one = |rows: &&[usize]| {
            let (times, values) = past(rows[0]);
            let grid = self.fitted.grid(times, values, moment(rows[0]));
            let ahead: Vec<usize> =
                rows.iter().map(|&row| grid.ahead(moment(row), self.fitted.step())).collect();
            let path = self.fitted.path(group(rows[0]), &grid, ahead.iter().copied().max().unwrap_or(1));
            ahead.into_iter().map(|ahead| path[ahead - 1]).collect::<Vec<f64>>()
        };
        let answers: Vec<Vec<f64>> = runs.par_iter().map(one).collect();
        self.answer.numbers(batch, answers.concat())
    }

    fn row(&mut self, row: &mut Row) -> Result<()> {
        let cell = |at: Option<usize>| at.and_then(|at| row.cells.get(at));
        let moment = match cell(self.places.time) {
            Some(Cell::Time(at)) => Some(*at),
            _ => None,
        };
        let group = match (self.places.group, cell(self.places.group)) {
            (None, _) => 0,
            (_, Some(Cell::Code(code))) => *code,
            _ => u32::MAX,
        };
        let answer = match cell(self.places.history) {
            Some(Cell::Series(points)) => {
                let (times, values): (Vec<i64>, Vec<f64>) = points.iter().copied().unzip();
                let grid = self.fitted.grid(&times, &values, moment);
                let ahead = grid.ahead(moment, self.fitted.step());
                self.fitted.path(group, &grid, ahead)[ahead - 1]
            }
            _ => self.fitted.typical,
        };
        self.answer.number(row, answer);
        Ok(())
    }
}
